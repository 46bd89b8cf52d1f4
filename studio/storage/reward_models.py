"""Reward-model folders: what one must hold before a worker loads it, told without torch.

A reward run's adapter, or a whole model with a head of one number. Whether its tokens are the policy's is told when it
is loaded (`engine.reward_sources`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from studio.core.errors import StudioError
from studio.core.forecast_rewards import Roles
from studio.core.rewards import Rewards
from studio.storage.files import object_in, reading_trouble, whole_path
from studio.storage.models import check_model, print_of_weights, tensors_of, tensors_of_file

WEIGHTS = "adapter_model.safetensors"


@dataclass(frozen=True, slots=True)
class RewardModelInfo:
    """What is known of a reward model before it is loaded.

    base: the base that an adapter was trained on, None when it isn't recorded or no longer there; for a whole model the
    model itself.
    """

    folder: Path
    is_adapter: bool
    base: Path | None

    def is_on(self, base: Path) -> bool:
        """Whether it is an adapter that says it was trained on the model in that folder, so that it can share it."""
        return self.is_adapter and self.base is not None and os.path.realpath(self.base) == os.path.realpath(base)


def check_reward_model(folder: Path) -> RewardModelInfo:
    """Look at a reward model's folder. Raises StudioError saying what is missing or can't be used."""
    folder = whole_path(folder)
    try:
        if not folder.is_dir():
            raise StudioError(
                f"There is no reward model in “{folder}”.", "Choose the adapter folder of a finished reward run."
            )
        if (folder / "adapter_config.json").is_file():
            return _adapter(folder)
        return _whole(folder)
    except OSError as error:
        raise reading_trouble(error, folder) from error


def print_of_rewards(rewards: Rewards) -> str:
    """A fingerprint of the reward model's and the judge's weights, by which a run that goes on knows them again; empty
    when there are none, or they aren't there."""
    folders = [Path(folder) for folder in (rewards.model, rewards.judge) if folder]
    try:
        return "/".join(print_of_weights(folder) for folder in folders if folder.is_dir())
    except OSError:
        return ""  # what can't be read is told when it is loaded


def roles_of(rewards: Rewards, base: Path, *, from_adapter: bool) -> Roles:
    """What a run holds in memory beside its policy: adapters on its base, and models beside. What can't be read counts
    for nothing; whoever starts the run is told."""
    on_base, beside = int(from_adapter), 0  # the adapter that it started from is the reference
    for folder in (rewards.model, rewards.judge):
        if not folder:
            continue
        try:
            info = check_reward_model(Path(folder))
            if info.is_on(base):
                on_base += 1
            elif info.base is not None:
                beside += check_model(info.base).parameters
        except StudioError:
            continue
    return Roles(on_base, beside)


def _adapter(folder: Path) -> RewardModelInfo:
    config, about = object_in(folder / "adapter_config.json"), object_in(folder / "plumbline.json")
    name = str(about.get("name") or folder.name)
    if config.get("task_type") != "SEQ_CLS":
        raise StudioError(
            f"“{name}” isn't a reward model: it writes answers, and can't score any.",
            "Choose the adapter of a reward run.",
        )
    if config.get("peft_type") != "LORA":
        raise StudioError(
            f"The reward model “{name}” is of the kind {config.get('peft_type')}, and Plumbline reads LoRA adapters.",
            "Choose a reward model that Plumbline made.",
        )
    if not (folder / WEIGHTS).is_file():
        raise StudioError(
            f"The reward model “{name}” has no weights in safetensors form.",
            "Choose another reward model, or train it again.",
        )
    if not any(key.endswith("score.weight") for key in tensors_of_file(folder / WEIGHTS)):
        raise StudioError(
            f"The reward model “{name}” has no head that makes a score of what it reads.",
            "Train it again, or choose another reward model.",
        )
    recorded = about.get("base")
    base = Path(recorded) if isinstance(recorded, str) and os.path.isdir(recorded) else None
    return RewardModelInfo(folder, True, base)


def _whole(folder: Path) -> RewardModelInfo:
    check_model(folder)
    head = next((tensor for name, tensor in tensors_of(folder).items() if name.endswith("score.weight")), None)
    if head is None:
        raise StudioError(
            f"“{folder.name}” isn't a reward model: it has no head that makes a score of what it reads.",
            "Choose a reward model, or the adapter folder of a finished reward run.",
        )
    if head.shape[0] != 1:
        raise StudioError(
            f"“{folder.name}” gives {head.shape[0]} numbers, and a reward model gives one.",
            "Choose another reward model.",
        )
    return RewardModelInfo(folder, False, folder)

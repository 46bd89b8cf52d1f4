"""Merging: an adapter added into its base before a fresh one learns on top, and both written as one adapter.

LoRA matrices add up: `B1 A1 + B2 A2` is one LoRA of both ranks, so what comes out is an ordinary adapter on the base
alone, exact, and nobody who loads it need know how it was made. Left out: kinds of adapters that don't add up.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import torch
from peft import set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PreTrainedModel

from studio.core.errors import StudioError
from studio.core.methods import TrainSettings
from studio.engine.adapters import check_kind, config_of_adapter
from studio.engine.checkpoints import FRESH
from studio.engine.loading import load_adapter, load_model
from studio.engine.trainers import Place
from studio.storage.files import write_whole
from studio.storage.models import model_name

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_SCRATCH = ".merged"


def check_mergeable(adapter: Path, settings: TrainSettings) -> None:
    """Refuse what can't be merged, or can't be written as one adapter afterwards. Raises StudioError."""
    check_kind(adapter)
    if settings.full:
        return
    values = config_of_adapter(adapter)
    odd = [name for name in ("use_dora", "modules_to_save", "rank_pattern", "alpha_pattern") if values.get(name)]
    if odd or values.get("bias", "none") != "none":
        raise StudioError(
            f"The adapter “{model_name(adapter)}” is of a kind that can't be merged first ({(odd or ['bias'])[0]}).",
            "Train it further as a copy instead.",
        )
    if settings.dora:
        raise StudioError(
            "A fresh adapter on top of a merged one can't learn magnitudes apart (DoRA): the two would not add up.",
            "Turn DoRA off, or train the earlier adapter further as a copy.",
        )


def load_merged(base: Path, adapter: Path, place: Place, settings: TrainSettings) -> PreTrainedModel:
    """The base with the adapter added into its weights. Raises StudioError."""
    check_mergeable(adapter, settings)
    if settings.bits is None:
        return _merged(load_model(base, place.precision, place.device), adapter)
    # Merged before it is quantised: added to 4 bits, most of an adapter would be rounded away.
    scratch = place.folder / _SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)
    _merged(load_model(base, place.precision, "cpu"), adapter).save_pretrained(scratch)
    for file in base.glob("tokenizer*"):
        shutil.copy2(file, scratch)
    model = load_model(scratch, place.precision, place.device, bits=settings.bits)
    shutil.rmtree(scratch, ignore_errors=True)
    return model


def _merged(model: PreTrainedModel, adapter: Path) -> PreTrainedModel:
    merged: Any = load_adapter(model, adapter).merge_and_unload(safe_merge=True)
    return merged.requires_grad_(True)


def compose(folder: Path, first: Path) -> None:
    """Turn the adapter in `folder`, which was trained on the base with `first` merged into it, into one on the base
    alone. What was trained is kept beside it, to resume from. Raises OSError."""
    config, earlier = config_of_adapter(folder), config_of_adapter(first)
    fresh = load_file(folder / WEIGHTS)
    before = load_file(first / WEIGHTS)
    rank, rank_before = int(config["r"]), int(earlier["r"])
    scale, scale_before = _scale(config), _scale(earlier)
    made = {name: value for name, value in fresh.items() if ".lora_" not in name}
    modules = dict.fromkeys(name.rpartition(".lora_")[0] for name in (*before, *fresh) if ".lora_" in name)
    for module in modules:
        inward, outward = f"{module}.lora_A.weight", f"{module}.lora_B.weight"
        known = fresh if inward in fresh else before
        wide = (known[inward].shape[1], known[outward].shape[0])
        ours = _factors(fresh, inward, outward, rank, wide, scale)
        theirs = _factors(before, inward, outward, rank_before, wide, scale_before)
        made[inward] = torch.cat([theirs[0], ours[0]], 0).contiguous()
        made[outward] = torch.cat([theirs[1], ours[1]], 1).contiguous()
    names = sorted(module.removeprefix("base_model.model.") for module in modules)
    both = {"r": rank + rank_before, "lora_alpha": rank + rank_before, "use_rslora": False, "target_modules": names}
    (folder / WEIGHTS).replace(folder / FRESH)
    save_file(made, folder / WEIGHTS, metadata={"format": "pt"})
    write_whole(folder / CONFIG, json.dumps({**config, **both}, indent=2) + "\n")


def load_fresh(model: Any, checkpoint: Path) -> bool:
    """Give a model's fresh adapter the weights of a checkpoint that `compose` made. Returns whether it is one."""
    if not (checkpoint / FRESH).is_file():
        return False
    set_peft_model_state_dict(model, load_file(checkpoint / FRESH))
    return True


def _factors(
    weights: dict[str, Tensor], inward: str, outward: str, rank: int, wide: tuple[int, int], scale: float
) -> tuple[Tensor, Tensor]:
    """One adapter's two matrices in 32 bits, with its scale in the second; zeros where it has none for the layer."""
    if inward not in weights:
        return torch.zeros(rank, wide[0]), torch.zeros(wide[1], rank)
    return weights[inward].float(), weights[outward].float() * scale


def _scale(config: dict[str, Any]) -> float:
    rank = int(config["r"])
    return float(config["lora_alpha"]) / (math.sqrt(rank) if config.get("use_rslora") else rank)

"""Roles: which adapter on the one frozen base stands for which model, and the small heads that make numbers of it.

The policy is the adapter that is trained and saved. The reference is the base with no adapter on, or the adapter that
the policy started from, frozen. Reward model and judge are adapters that were trained on the same base; the value model
is one of its own, started from the reward model's, or a head on the policy. No weight of the base is held twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from studio.core.errors import StudioError
from studio.engine.doubt import with_doubt
from studio.engine.failures import explain
from studio.engine.loading import adapter_name
from studio.engine.passes import Passes, Read, Sequences, in_passes, judged
from studio.engine.reward_sources import Written

POLICY = "default"  # peft's name for an adapter that is saved into its folder itself
REFERENCE, REWARD, JUDGE, VALUE = "reference", "reward", "judge", "value"
_TRAINED = (POLICY, VALUE)
_WEIGHTS = "adapter_model.safetensors"


class Roles:
    """A base model in several roles. `heads` has those of reward, judge and value, as far as there are any.

    frozen: the number format of adapters that are never trained. Where passes compute in 16 bits they may be kept so:
    the policy's 32-bit weights are turned into the same numbers then.
    """

    def __init__(self, base: Any, policy: LoraConfig, *, frozen: torch.dtype = torch.float32) -> None:
        self.model: Any = get_peft_model(base, policy)
        self._frozen = frozen
        self.model.eval()  # an answer must be as likely when it is learned from as when it was written: no dropout
        self.heads: dict[str, nn.Linear] = {}
        self._adapters = {POLICY}
        self._on = ""
        self.use(POLICY)

    @property
    def width(self) -> int:
        """Of hidden states."""
        return self.model.get_input_embeddings().weight.shape[1]

    def use(self, role: str) -> None:
        """Let the model be what that role is. A role without an adapter of its own is the bare base."""
        if role == self._on:
            return
        for layer in self._layers():
            if role in self._adapters:
                if layer.disable_adapters:
                    layer.enable_adapters(True)
                layer.set_adapter(role, inference_mode=role not in _TRAINED)
            else:
                layer.enable_adapters(False)
        self._on = role

    def weights_of(self, role: str) -> list[nn.Parameter]:
        """The weights of a role's adapter."""
        return [weight for name, weight in self.model.named_parameters() if f".{role}." in name]

    def add_frozen(self, role: str, adapter: Path, *, head: bool) -> None:
        """One more adapter, from a folder, never trained; with its head for a reward model. Raises StudioError."""
        config, weights = _read(adapter)
        name = next((key for key in weights if key.endswith("score.weight")), "")
        if head:
            if not name:
                raise StudioError(f"“{adapter_name(adapter)}” has no head that makes a score.", "Train it again.")
            self.add_head(role, weights.pop(name))
        config.modules_to_save, config.task_type, config.inference_mode = None, "CAUSAL_LM", True
        self._add(role, config)
        self._fill(role, weights, adapter)
        for weight in self.weights_of(role):
            weight.data = weight.data.to(self._frozen)

    def add_value(self, settings: LoraConfig) -> None:
        """The value model's own adapter and head: those of the reward model on this base, or else new ones."""
        like = REWARD if REWARD in self._adapters else None
        config: Any = self.model.peft_config[REWARD] if like else settings
        self._add(VALUE, LoraConfig(**{**_shape_of(config), "task_type": "CAUSAL_LM"}))
        if like:
            given = dict(self.model.named_parameters())
            with torch.no_grad():
                for name, weight in given.items():
                    if f".{VALUE}." in name:
                        weight.copy_(given[name.replace(f".{VALUE}.", f".{REWARD}.")])
        # A reward model may read one number more than a hidden state has; a value model doesn't.
        self.add_head(VALUE, self.heads[REWARD].weight[:, : self.width].detach().clone() if like else None)

    def add_head(self, role: str, weight: Tensor | None = None) -> None:
        """A head of one number in 32 bits; without weights it makes 0 of everything."""
        width = self.width if weight is None else weight.shape[1]
        head = nn.Linear(width, 1, bias=False, device=self.model.device, dtype=torch.float32)
        with torch.no_grad():
            head.weight.copy_(weight if weight is not None else torch.zeros_like(head.weight))
        head.weight.requires_grad_(role == VALUE)
        self.heads[role] = head

    def fill_policy(self, folder: Path) -> None:
        """Give the policy the weights of an adapter of its own shape. Raises StudioError."""
        self._fill(POLICY, _read(folder)[1], folder)

    def save_policy(self, folder: Path) -> None:
        """Write the policy as an adapter like any other."""
        self.model.save_pretrained(str(folder), selected_adapters=[POLICY])

    def _layers(self) -> Iterable[Any]:
        return (module for module in self.model.modules() if isinstance(module, BaseTunerLayer))

    def _add(self, role: str, config: Any) -> None:
        self.model.add_adapter(role, config)
        self._adapters.add(role)
        self._on = ""  # peft may have switched it on
        self.model.eval()
        self.use(POLICY)

    def _fill(self, role: str, weights: dict[str, Tensor], adapter: Path) -> None:
        try:
            with torch.no_grad():
                result: Any = set_peft_model_state_dict(self.model, weights, adapter_name=role)
        except (RuntimeError, ValueError, KeyError) as error:
            raise _does_not_fit(adapter, str(error).strip().splitlines()[-1].strip()[:300], explain(error)) from error
        missing = [name for name in result.missing_keys if f".{role}." in name]
        if result.unexpected_keys or missing:
            raise _does_not_fit(adapter, f"it has no place for {[*result.unexpected_keys, *missing][0]}")


class ModelOnBase:
    """A reward model or judge that is an adapter on the policy's base: a source of scores (`engine.reward_sources`)."""

    def __init__(self, roles: Roles, passes: Passes, role: str, folder: Path, *, weight: float, at_a_time: int) -> None:
        self.name = f"The reward model “{adapter_name(folder)}”"
        self._roles, self._passes, self._role = roles, passes, role
        self._weight, self._at_a_time = weight, at_a_time

    @torch.no_grad()
    def scores(self, answers: Sequence[Written]) -> list[float]:
        self._roles.use(self._role)
        found = [0.0] * len(answers)
        for places in in_passes([len(written.ids) for written in answers], self._at_a_time):
            some = [answers[place] for place in places]
            prompts, own = [one.ids[: -one.length] for one in some], [one.ids[-one.length :] for one in some]
            with self._passes.computing():
                scores = self._judged(self._passes.read(Sequences(prompts, own)), [one.length for one in some])
            for place, score in zip(places, scores.tolist(), strict=True):
                found[place] = self._weight * score
        return found

    def _judged(self, read: Read, lengths: Sequence[int]) -> Tensor:
        head, ends = self._roles.heads[self._role], read.at_ends
        if head.in_features > self._roles.width:  # it reads the doubt as well
            foretold = read.before_answers
            owners = torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths)).to(ends.device)
            ends = with_doubt(ends, foretold, self._passes.head(foretold, 1.0), read.targets, owners)
        return judged(head, ends)


def bytes_in_memory(*models: nn.Module) -> int:
    """Bytes of all weights and buffers of models, what they share counted once."""
    storages: dict[int, int] = {}
    for model in models:
        for tensor in (*model.parameters(), *model.buffers()):
            storage = tensor.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


def _shape_of(config: Any) -> dict[str, Any]:
    names = ("r", "lora_alpha", "target_modules", "use_rslora", "use_dora", "rank_pattern", "alpha_pattern")
    return {name: getattr(config, name) for name in names}


def _read(adapter: Path) -> tuple[Any, dict[str, Tensor]]:
    try:
        return LoraConfig.from_pretrained(str(adapter)), load_file(adapter / _WEIGHTS)
    except (OSError, ValueError, TypeError, SafetensorError) as error:
        raise StudioError(
            f"The adapter in “{adapter}” can't be read ({error}).", "Choose another, or train it again.", explain(error)
        ) from error


def _does_not_fit(adapter: Path, why: str, details: str = "") -> StudioError:
    return StudioError(
        f"The adapter “{adapter_name(adapter)}” doesn't fit this base model ({why.rstrip('.')}).",
        "Choose the base model that it was trained on, or another adapter.",
        details,
    )

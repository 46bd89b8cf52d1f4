"""Targets: which of a model's layers get an adapter, found by looking at the model and not by the architecture's name.

A reward model's head and the output layer never do: the one is trained whole, the other is computed in parts.
"""

from __future__ import annotations

from typing import Any

from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from studio.core.errors import StudioError, did_you_mean
from studio.core.methods import TrainSettings
from studio.core.training_settings import ALL_LINEAR, ATTENTION

_SHOWN = 12


def target_modules(settings: TrainSettings, model: PreTrainedModel) -> str | list[str]:
    """What peft is told. Raises StudioError for names that the model doesn't have."""
    found = _inner_linears(model)
    if settings.lora_targets == ALL_LINEAR:
        # Of a head and an output layer side by side peft would leave out the one and not the other.
        both = hasattr(model, "score") and model.get_output_embeddings() is not None
        return found if both else "all-linear"
    if settings.lora_targets == ATTENTION:
        inside = [name for name in found if _in_attention(model, name)]
        if not inside:
            raise StudioError(
                f"No attention was found in a model of the kind {type(model).__name__}.",
                "Choose all linear layers, or name the layers yourself.",
            )
        return inside
    wanted = [name.strip() for name in settings.lora_names.split(",") if name.strip()]
    ends = sorted({name.rpartition(".")[2] for name in found})
    chosen: list[str] = []
    for name in wanted:
        here = [whole for whole in found if whole == name or whole.endswith(f".{name}")]
        if not here:
            known = ", ".join(ends[:_SHOWN]) + (", …" if len(ends) > _SHOWN else "")
            raise StudioError(
                f"This model has no linear layer “{name}”.", f"{did_you_mean(name, ends)} It has {known}.".strip()
            )
        chosen += here
    if not chosen:
        raise StudioError("No layers are named that would get an adapter.", f"This model has {', '.join(ends)}.")
    return list(dict.fromkeys(chosen))


def _inner_linears(model: PreTrainedModel) -> list[str]:
    """The names of all linear layers but the output layer; a quantised one is a kind of `nn.Linear` too."""
    outer: tuple[Any, ...] = (model.get_output_embeddings(), getattr(model, "score", None))
    return [
        name
        for name, layer in model.named_modules()
        if isinstance(layer, (nn.Linear, Conv1D)) and not any(layer is one for one in outer)
    ]


def _in_attention(model: PreTrainedModel, name: str) -> bool:
    """Whether a module around it calls itself one: the classes do so in all families, their names in a model differ."""
    parts = name.split(".")
    around = (model.get_submodule(".".join(parts[:depth])) for depth in range(1, len(parts)))
    return any("attention" in type(module).__name__.lower() for module in around)

"""Adapters: a fresh LoRA, or one that goes on from the weights of an earlier run's adapter.

An adapter is taken only onto the base model that it was trained on. Loading one to talk to it is `engine.loading`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import PreTrainedModel

from studio.core.errors import StudioError
from studio.core.methods import TrainSettings
from studio.engine.failures import explain
from studio.engine.targets import target_modules
from studio.engine.trainers import Place
from studio.storage.models import model_name, print_of_weights


def lora_for(settings: TrainSettings, place: Place, model: PreTrainedModel) -> LoraConfig | None:
    """The adapter to train on a model: as the settings say, or in the shape of the one to go on from; None when all
    weights are trained. Raises StudioError."""
    if settings.full:
        return None
    if place.adapter is None or settings.merges:
        return fresh_lora(settings, model)
    return earlier_lora(settings, place.adapter)


def earlier_lora(settings: TrainSettings, adapter: Path) -> LoraConfig:
    """An adapter in the shape of the one to go on from. Raises StudioError."""
    check_kind(adapter)
    config: Any = LoraConfig.from_pretrained(str(adapter))
    config.inference_mode = False
    config.lora_dropout = settings.lora_dropout
    return config


def fresh_lora(settings: TrainSettings, model: PreTrainedModel, **more: Any) -> LoraConfig:
    """A new adapter as the settings say. Raises StudioError when they name a layer that the model doesn't have."""
    return LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=target_modules(settings, model),
        use_rslora=settings.rslora,
        use_dora=settings.dora,
        **{"task_type": "CAUSAL_LM", **more},
    )


def check_kind(adapter: Path) -> None:
    """Refuse an adapter that isn't a LoRA, or doesn't write text. Raises StudioError."""
    values = config_of_adapter(adapter)
    if values.get("peft_type") != "LORA":
        raise StudioError(
            f"The adapter “{model_name(adapter)}” is of the kind {values.get('peft_type')}, "
            "and Plumbline trains LoRA adapters.",
            "Choose an adapter that Plumbline made.",
        )
    if values.get("task_type") not in (None, "CAUSAL_LM"):
        raise StudioError(
            f"“{model_name(adapter)}” is a reward model: it scores answers and can't learn to write them.",
            "Choose an adapter that can be talked to.",
        )


def begin(model: Any, place: Place, settings: TrainSettings) -> None:
    """Make what is trained ready: in 32 bits, and with the weights of the adapter to go on from, if any. Raises
    StudioError."""
    for weight in model.parameters():
        if weight.requires_grad and weight.dtype in (torch.bfloat16, torch.float16):
            weight.data = weight.data.float()  # TRL makes adapters over few bits 16-bit
    if place.adapter is None or settings.merges:
        return
    adapter = place.adapter
    try:
        own: Any = get_peft_model_state_dict(model)  # what the adapter doesn't hold stays: a reward model's new head
        weights = {**own, **load_file(adapter / "adapter_model.safetensors")}
        with torch.no_grad():
            result = set_peft_model_state_dict(model, weights)
    except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
        raise _does_not_fit(adapter, str(error).strip().splitlines()[-1].strip()[:300], explain(error)) from error
    if result.unexpected_keys:
        raise _does_not_fit(adapter, f"this model has no {result.unexpected_keys[0]}")


def check_base(adapter: Path, base: Path) -> None:
    """Refuse an adapter whose own record names another base model. Raises StudioError.

    A base that was moved or copied is still the same one, so weights are compared where both are at hand; where not,
    the shapes decide when the adapter is loaded.
    """
    try:
        recorded = Path(json.loads((adapter / "plumbline.json").read_text(encoding="utf-8"))["base"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    if recorded.absolute() == base.absolute() or not recorded.is_dir():
        return
    if print_of_weights(recorded) != print_of_weights(base):
        raise StudioError(
            f"The adapter “{model_name(adapter)}” was trained on “{recorded.name}” ({recorded}), "
            f"which is another model than “{base.name}”.",
            "Choose the base model that it was trained on, or start without an adapter.",
        )


def config_of_adapter(adapter: Path) -> dict[str, Any]:
    """The settings that PEFT wrote beside an adapter. Raises StudioError."""
    try:
        parsed = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudioError(
            f"There is no adapter in “{adapter}” ({error}).", "Choose the adapter folder of a finished run."
        ) from error
    return parsed if isinstance(parsed, dict) else {}


def _does_not_fit(adapter: Path, why: str, details: str = "") -> StudioError:
    return StudioError(
        f"The adapter “{model_name(adapter)}” doesn't fit this base model ({why.rstrip('.')}).",
        "Choose the base model that it was trained on, or start without an adapter.",
        details,
    )

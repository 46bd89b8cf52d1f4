"""Which ways to train a kind of device has: what bitsandbytes and the number formats ask of it.

Told per choice of a setting, so that a form can grey it with the reason, and a worker refuse it with the same words.
"""

from __future__ import annotations

from collections.abc import Mapping

from studio.core.errors import StudioError
from studio.core.fields import settings_of
from studio.core.training_settings import ADAMW_8BIT, LORA_8BIT, PAGED_8BIT, QLORA, TrainSettings

_APPLE = "Not on Apple's GPU: bitsandbytes, which it needs, has no kernels for it."
_PAGED = "Only on NVIDIA cards: paging moves the optimiser between a card's memory and the computer's."
_FP16 = "Only on NVIDIA cards: elsewhere fp16 is slower than 32 bits and less exact."

Unavailable = Mapping[str, Mapping[str, str]]


def unavailable(kind: str) -> Unavailable:
    """For a device of that kind (cpu, cuda, mps): setting -> choice -> why it can't be had."""
    if kind == "cuda":
        return {}
    found: dict[str, dict[str, str]] = {"optimiser": {PAGED_8BIT: _PAGED}, "precision": {"fp16": _FP16}, "way": {}}
    if kind == "mps":
        found["optimiser"][ADAMW_8BIT] = _APPLE
        found["way"] |= {LORA_8BIT: _APPLE, QLORA: _APPLE}
    return found


def refuse_what_is_unavailable(settings: TrainSettings, kind: str) -> None:
    """Raise StudioError for the first choice that a device of that kind doesn't have."""
    labels = {known.name: known.choices or {} for known in settings_of(settings)}
    for name, choices in unavailable(kind).items():
        chosen = getattr(settings, name)
        if chosen in choices:
            value = labels.get(name, {}).get(chosen, chosen)
            raise StudioError(f"“{value}” can't be used here. {choices[chosen]}", "Make another choice.")

"""Make it fit: the smallest change of a recipe's settings that brings its forecast under a given memory.

Changes are tried from the one that costs least to the one that costs most, each on top of those before it. What can't
be made to fit this way needs a smaller model, and that is not decided here.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, fields, replace
from enum import Enum

from studio.core.fields import problems_of, settings_of
from studio.core.forecast import Device, Forecast, ModelShape, forecast_memory, longest_example, usable
from studio.core.forecast_rewards import Roles
from studio.core.methods import TrainSettings
from studio.core.training_settings import ADAMW, ADAMW_8BIT, AUTO, FULL, LORA, LORA_8BIT, OFF, ON, QLORA
from studio.core.ways import Unavailable, unavailable

_SHORTEST, _LENGTHS = 64, 64  # tokens: shorter examples teach little; lengths are tried in steps of this
_SMALLEST_RANK = 4


class Verdict(Enum):
    """How a forecast stands to the memory that is free: well within it, just within it, or beyond it."""

    FITS = "fits"
    TIGHT = "tight"
    TOO_MUCH = "too much"


@dataclass(frozen=True, slots=True)
class Fit:
    """Settings that fit, what they need, and what they cost, in words."""

    settings: TrainSettings
    forecast: Forecast
    sentence: str


def cannot_work(shape: ModelShape, settings: TrainSettings, device: Device) -> bool:
    """Whether even one example of a few tokens needs more than the machine has, with all other programs closed."""
    missing = unavailable(device.kind)
    few_bits = any(known.name == "way" for known in settings_of(settings))
    smallest = replace(
        settings,
        batch_size=1,
        max_length=8,
        lora_rank=1,
        way=settings.way if not few_bits or QLORA in missing.get("way", {}) else QLORA,
        checkpointing=ON,
        **({"batch_tokens": 0} if settings.budget else {}),
    )
    return forecast_memory(shape, smallest, device).total > device.total + device.swap


def judge(forecast: Forecast, device: Device) -> Verdict:
    """How a forecast stands to what is free now."""
    if forecast.total <= usable(device):
        return Verdict.FITS
    return Verdict.TIGHT if forecast.total <= device.free else Verdict.TOO_MUCH


def make_it_fit(
    shape: ModelShape,
    settings: TrainSettings,
    device: Device,
    *,
    method: str = "sft",
    longest: int = 0,
    roles: Roles | None = None,
) -> Fit | None:
    """The smallest change that fits; the settings as they are when they fit already; None when none does."""
    room = usable(device)

    def forecast(changed: TrainSettings) -> Forecast:
        return forecast_memory(shape, changed, device, method=method, longest=longest, roles=roles)

    def fits(changed: TrainSettings) -> bool:
        return forecast(changed).total <= room

    current, said = settings, list[str]()
    if fits(current):
        return Fit(current, forecast(current), "It fits as it is.")
    length = longest_example(shape, settings, longest)
    missing = unavailable(device.kind)
    for tried in _CHANGES:
        before = current
        changes = [
            change
            for change in tried(current, length)
            if _can_be_set(current, change) and not _is_missing(change, missing)
        ]
        if changes and forecast(changes[-1]).total < forecast(before).total:
            # The further the change goes, the less is needed, to a point: the first that fits is found by halving.
            place = bisect_left(changes, True, key=fits)
            current = changes[place] if place < len(changes) else min(changes, key=lambda one: forecast(one).total)
            said.append(_cost(before, current))
        if fits(current):
            return Fit(current, forecast(current), " ".join(said))
    return None


def _can_be_set(before: TrainSettings, after: TrainSettings) -> bool:
    """Whether all that a change changes is a setting of its method; some have fewer than others."""
    known = {setting.name for setting in settings_of(before)}
    return all(
        getattr(before, part.name) == getattr(after, part.name) for part in fields(before) if part.name not in known
    )


def _is_missing(settings: TrainSettings, missing: Unavailable) -> bool:
    return any(getattr(settings, name) in choices for name, choices in missing.items())


# Each returns ever larger changes of one setting, the smallest first.


def _computed_again(settings: TrainSettings, _length: int) -> list[TrainSettings]:
    return [replace(settings, checkpointing=AUTO)] if settings.checkpointing == OFF else []


def _smaller_passes(settings: TrainSettings, length: int) -> list[TrainSettings]:
    """Fewer examples at a time and more passes a step: the effective batch, and so what is learned, stays the same."""
    if budget := settings.budget:
        parts = range(2, max(2, budget // length) + 1)
        changes = [
            replace(settings, batch_tokens=budget // part, accumulate=settings.accumulate * part) for part in parts
        ]
    else:
        batch = settings.effective_batch
        sizes = (size for size in range(settings.batch_size - 1, 0, -1) if batch % size == 0)
        changes = [replace(settings, batch_size=size, accumulate=batch // size) for size in sizes]
    return [change for change in changes if not problems_of(change)]


def _half_numbers(settings: TrainSettings, _length: int) -> list[TrainSettings]:
    return [replace(settings, precision=AUTO)] if settings.precision == "fp32" else []


def _smaller_optimiser(settings: TrainSettings, _length: int) -> list[TrainSettings]:
    return [replace(settings, optimiser=ADAMW_8BIT)] if settings.optimiser == ADAMW else []


def _fewer_bits(settings: TrainSettings, _length: int) -> list[TrainSettings]:
    """A base in 4 bits under an adapter; where all weights were to be trained, an adapter first."""
    ways = {FULL: (LORA, QLORA), LORA: (QLORA,), LORA_8BIT: (QLORA,)}.get(settings.way, ())
    return [replace(settings, way=way) for way in ways]


def _shorter_examples(settings: TrainSettings, length: int) -> list[TrainSettings]:
    lengths = range((length - 1) // _LENGTHS * _LENGTHS, _SHORTEST - 1, -_LENGTHS)
    return [replace(settings, max_length=shorter) for shorter in lengths]


def _smaller_adapter(settings: TrainSettings, _length: int) -> list[TrainSettings]:
    changes, rank = list[TrainSettings](), settings.lora_rank // 2
    while rank >= _SMALLEST_RANK and not settings.full:
        # Alpha over rank scales the adapter, so they shrink together.
        alpha = max(1, settings.lora_alpha * rank // settings.lora_rank)
        changes.append(replace(settings, lora_rank=rank, lora_alpha=alpha))
        rank //= 2
    return changes


# From the change that costs least to the one that costs most.
_CHANGES = (
    _computed_again, _half_numbers, _smaller_passes, _smaller_optimiser, _fewer_bits, _shorter_examples,
    _smaller_adapter,
)  # fmt: skip


def _cost(before: TrainSettings, after: TrainSettings) -> str:
    if after.checkpointing != before.checkpointing:
        return "Activations are computed again instead of kept: it learns the same; a step takes about a third longer."
    if after.budget != before.budget:
        return (
            f"{after.budget:,} tokens at a time instead of {before.budget:,}, in {after.accumulate:,} passes per "
            f"step instead of {before.accumulate:,}: it learns nearly the same, a little more slowly."
        )
    if after.batch_size != before.batch_size:
        return (
            f"{after.batch_size:,} instead of {before.batch_size:,} at a time, in {after.accumulate:,} passes per step "
            f"instead of {before.accumulate:,}: it learns the same, but a step may take half as long again."
        )
    if after.precision != before.precision:
        return "16-bit numbers where they are enough: it learns nearly the same."
    if after.optimiser != before.optimiser:
        return "An optimiser in 8 bits: it learns nearly the same."
    if after.way != before.way:
        if after.way == LORA:
            return "An adapter instead of all weights: it learns a little less, and can do so at ten times the rate."
        return "The base model in 4 bits under the adapter (QLoRA): it learns a little less, and a step takes longer."
    if after.max_length != before.max_length:
        return f"Examples are cut at {after.max_length:,} tokens: what comes later in long ones is not learned."
    return f"An adapter of rank {after.lora_rank:,} instead of {before.lora_rank:,}: it can learn a little less."

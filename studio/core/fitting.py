"""Make it fit: the smallest change of a recipe's settings that brings its forecast under a given memory.

Changes are tried from the one that costs least to the one that costs most, each on top of those before it. What can't
be made to fit this way needs a smaller model, and that is not decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from studio.core.forecast import Device, Forecast, ModelShape, forecast_memory
from studio.core.methods import TrainSettings

# Of what is free, so much may be planned with: the forecast is not exact, and other programs want something too.
_USABLE = 0.9
_SHORTEST, _LENGTHS = 64, 64  # tokens: shorter examples teach little; lengths are tried in steps of this
_SMALLEST_RANK = 4


@dataclass(frozen=True, slots=True)
class Fit:
    """Settings that fit, what they need, and what they cost, in words."""

    settings: TrainSettings
    forecast: Forecast
    sentence: str


def usable(device: Device) -> int:
    """Bytes that a run may plan with."""
    return int(device.free * _USABLE)


def cannot_work(shape: ModelShape, settings: TrainSettings, device: Device) -> bool:
    """Whether even one example of a few tokens needs more than the machine has, with all other programs closed."""
    smallest = replace(settings, batch_size=1, max_length=8, lora_rank=1)
    return forecast_memory(shape, smallest, device).total > device.total + device.swap


def make_it_fit(
    shape: ModelShape, settings: TrainSettings, device: Device, *, method: str = "sft", longest: int = 0
) -> Fit | None:
    """The smallest change that fits; the settings as they are when they fit already; None when none does."""
    room = usable(device)

    def forecast(changed: TrainSettings) -> Forecast:
        return forecast_memory(shape, changed, device, method=method, longest=longest)

    def fits(changed: TrainSettings) -> bool:
        return forecast(changed).total <= room

    current, said = settings, list[str]()
    if fits(current):
        return Fit(current, forecast(current), "It fits as it is.")
    for change in (_smaller_passes, _half_numbers, _shorter_examples, _smaller_adapter):
        before = current
        current = _first_that_fits(change(before, shape, longest), fits, before)
        if current != before and forecast(current).total < forecast(before).total:
            said.append(_cost(before, current))
        else:
            current = before
        if fits(current):
            return Fit(current, forecast(current), " ".join(said))
    return None


def _first_that_fits(
    tried: Iterator[TrainSettings], fits: Callable[[TrainSettings], bool], otherwise: TrainSettings
) -> TrainSettings:
    """The first that fits, or the last that there is."""
    for changed in tried:
        otherwise = changed
        if fits(changed):
            break
    return otherwise


def _smaller_passes(settings: TrainSettings, _shape: ModelShape, _longest: int) -> Iterator[TrainSettings]:
    """Fewer examples at a time and more passes a step: the effective batch, and so what is learned, stays the same."""
    for size in range(settings.batch_size - 1, 0, -1):
        if settings.effective_batch % size == 0:
            yield replace(settings, batch_size=size, accumulate=settings.effective_batch // size)


def _half_numbers(settings: TrainSettings, _shape: ModelShape, _longest: int) -> Iterator[TrainSettings]:
    if settings.precision == "fp32":
        yield replace(settings, precision="auto")


def _shorter_examples(settings: TrainSettings, shape: ModelShape, longest: int) -> Iterator[TrainSettings]:
    length = min(limit for limit in (settings.max_length, shape.context, longest) if limit)
    for shorter in range((length - 1) // _LENGTHS * _LENGTHS, _SHORTEST - 1, -_LENGTHS):
        yield replace(settings, max_length=shorter)


def _smaller_adapter(settings: TrainSettings, _shape: ModelShape, _longest: int) -> Iterator[TrainSettings]:
    rank = settings.lora_rank
    while rank // 2 >= _SMALLEST_RANK:
        rank //= 2
        # Alpha over rank scales the adapter, so they shrink together.
        yield replace(settings, lora_rank=rank, lora_alpha=max(1, settings.lora_alpha * rank // settings.lora_rank))


def _cost(before: TrainSettings, after: TrainSettings) -> str:
    if after.batch_size != before.batch_size:
        return (
            f"{after.batch_size:,} instead of {before.batch_size:,} at a time, in {after.accumulate:,} passes per step "
            f"instead of {before.accumulate:,}: it learns the same, up to half as long again."
        )
    if after.precision != before.precision:
        return "16-bit numbers where they are enough: it learns nearly the same."
    if after.max_length != before.max_length:
        return f"Examples are cut at {after.max_length:,} tokens: what comes later in long ones is not learned."
    return f"An adapter of rank {after.lora_rank:,} instead of {before.lora_rank:,}: it can learn a little less."

"""Recovery: how a run goes on after memory ran out, and when its loss has left all bounds. Arithmetic and words alone.

Doing it is `engine.training` (a worker that restarts itself) and `engine.supervision` (which watches the loss).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from statistics import median

from studio.core.errors import StudioError
from studio.core.methods import Method, RewardedSettings
from studio.core.training_settings import OFF, TrainSettings

# A loss is out of bounds when it stays above twice its running level and one nat more for ten steps. Spikes of one or
# a few steps are normal and mend themselves; what stays up seldom does: Chowdhery et al. 2022 (PaLM, section 5.1) went
# back to a checkpoint from before the spike. The level is a median, so that the spike doesn't raise it, and the nat
# keeps a run that has learned its examples by heart (losses near zero) from being stopped for nothing.
_PATIENCE = 10
_LEVEL_OF = 50  # losses
_FIRST = 20  # losses without which there is no level
_TIMES, _MORE = 2.0, 1.0
_SMALLEST_PART = 32  # tokens of a budget; fewer at a time would hardly be an example


@dataclass(frozen=True, slots=True)
class Passes:
    """How the examples of a step are divided: so many at a time, in so many passes. parts: in how many each pass is
    read where tokens are counted; its examples stay together, so that a step is the same. most: examples in the largest
    such pass, once a run in parts has counted them."""

    batch_size: int
    accumulate: int
    parts: int = 1
    most: int = 0

    def smaller(self, least: int = 1, budget: int = 0) -> Passes | None:
        """At most half as many at a time, and the same effective batch; None when no division is left."""
        if budget:
            parts = 2 * self.parts
            divides = budget // parts >= _SMALLEST_PART and (not self.most or self.parts < self.most)
            return replace(self, parts=parts) if divides or self.parts < self.batch_size else None
        batch = self.batch_size * self.accumulate
        for size in range(self.batch_size // 2, least - 1, -1):
            if batch % size == 0:
                return Passes(size, batch // size)
        return None

    def counted(self, most: int) -> Passes:
        """Now that the largest pass of a token budget is known to have so many examples: no more parts than do
        anything, to its examples or to the `batch_size` that are measured at a time."""
        return replace(self, parts=min(self.parts, max(most, self.batch_size)), most=most)

    def __str__(self) -> str:
        times = "1 pass" if self.accumulate == 1 else f"{self.accumulate:,} passes"
        return f"{self.batch_size:,} at a time in {times} per step"


def retry_sentence(before: Passes, after: Passes, step: int, back_to: int, method: Method) -> tuple[str, str]:
    """What is said when a run goes on with smaller passes: what happened, and what it means."""
    ran_out = f"Memory ran out at step {step:,}" if step else "Memory ran out"
    again = f"from the checkpoint of step {back_to:,}" if back_to else "from the beginning"
    means = "It learns the same, a little slower; nothing needs to be done."
    if method.least_batch > 1:
        means = "It compares the answers of a pass with each other, so it learns slightly differently."
    if after.parts > 1:
        return f"{ran_out}, so the run goes on {again} with each pass read in {after.parts:,} parts.", means
    return f"{ran_out}, so the run goes on {again} with examples {after} (before: {before}).", means


def out_of_memory(settings: TrainSettings, details: str) -> StudioError:
    """The last word of a run whose passes can't be made smaller with the same effective batch."""
    tokens = settings.budget
    least = "one example" if settings.batch_size == 1 else f"{settings.batch_size:,} examples"
    what = f"with {tokens:,} tokens a pass" if tokens else f"even with {least} at a time"
    ways = [f"a “Longest example” below {settings.max_length:,} tokens"]
    if tokens:
        ways.insert(0, f"a token budget below {tokens:,}")
    if settings.checkpointing == OFF:
        ways.append("activation checkpointing")
    if settings.bits != 4 and not isinstance(settings, RewardedSettings):
        ways.append("the base model in 4 bits (QLoRA)")
    return StudioError(
        f"Memory ran out {what}.",
        f"Close other programs, or start again with {', '.join(ways)} or a smaller model.",
        details,
    )


class Bounds:
    """Watches a run's losses, one a step. `suspicious` while the last one is out of bounds."""

    def __init__(self) -> None:
        self._losses: deque[float] = deque(maxlen=_LEVEL_OF)
        self._above = 0
        self.level = 0.0

    @property
    def suspicious(self) -> bool:
        """Whether a checkpoint saved now might be of a model that is breaking."""
        return self._above > 0

    def left(self, loss: float) -> bool:
        """Take the next loss; whether the run has left its bounds for good."""
        if len(self._losses) >= _FIRST:
            self.level = median(self._losses)
            if loss > _TIMES * self.level + _MORE:
                self._above += 1
                return self._above >= _PATIENCE
        self._above = 0
        self._losses.append(loss)
        return False


def exploded(bounds: Bounds, loss: float, step: int, settings: TrainSettings, kept: int | None) -> StudioError:
    """The sentence for a run that has left its bounds. kept: the step of its last good checkpoint."""
    saved = f" The checkpoint of step {kept:,}, from before, is kept." if kept else ""
    return StudioError(
        f"The loss has been far above its usual level for {_PATIENCE} steps ({loss:.3g} at step {step:,}, after about "
        f"{bounds.level:.3g}), so the model would only get worse.{saved}",
        change_of(settings),
    )


def no_number(what: str, step: int, settings: TrainSettings, kept: int | None) -> StudioError:
    """The sentence for a loss or gradient that is nan or infinite."""
    saved = f" The checkpoint of step {kept:,}, from before, is kept." if kept else ""
    return StudioError(
        f"The {what} is no longer a number (at step {step:,}), so the model would only get worse.{saved}",
        change_of(settings),
    )


def change_of(settings: TrainSettings) -> str:
    """What to change when training came apart: the learning rate first, then what else makes steps too large."""
    ways = [f"a learning rate of about {settings.learning_rate / 3:.1g}, a third of this one"]
    if settings.warmup < 0.03:
        ways.append("a warm-up of 0.03 or more")
    if settings.clip > 1:
        ways.append("gradients clipped at 1")
    if settings.precision in ("bf16", "fp16"):
        ways.append("32-bit numbers")
    return f"Start again with {ways[0]}{'; what also helps: ' + ', '.join(ways[1:]) if ways[1:] else ''}."

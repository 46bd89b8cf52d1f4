"""Supervision: turns what the trainer does into events, and the wish to stop into the end of training.

It decides when to evaluate, to save and to stop; writing checkpoints is `engine.checkpoints`, the words are
`core.events`.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from studio.core.errors import StudioError
from studio.core.methods import RewardedSettings, TrainSettings
from studio.core.recovery import Bounds, exploded, no_number
from studio.engine.hooks import maybe_run_out_of_memory
from studio.engine.journal import Journal, StopBell
from studio.engine.keeping import Keeping
from studio.engine.room import no_room
from studio.engine.samples import Sampler
from studio.storage.runs import StopRequest

_REPORT_EVERY = 0.2  # seconds between two words on what comes before training
_OF_REWARDED = (
    "score score_sd reward reward_sd kl_budget kl_coef entropy response_length ended clip_fraction policy_loss "
    "value_loss value_clip_fraction explained_variance approx_kl ratio passes"
).split()
# What TRL's trainers call the figures that events name in core.events.
_FIGURES = {
    "accuracy": "accuracy",
    "margin": "margin",
    "chosen": "chosen",
    "rejected": "rejected",
    "kl": "kl",
    "rewards/accuracies": "accuracy",
    "rewards/margins": "margin",
    "rewards/chosen": "chosen",
    "rewards/rejected": "rejected",
    # Our own PPO has our names already.
    **{name: name for name in _OF_REWARDED},
}


def evaluation_steps(total: int, count: int) -> frozenset[int]:
    """The steps after which eval loss is measured: spread evenly, the last one included."""
    return frozenset(max(1, round(total * k / count)) for k in range(1, count + 1))


class Supervision(TrainerCallback):
    """The trainer's callback. Each None unless it ended training: `stopped`, what the user asked; `no_room`, why a
    checkpoint could not be begun; `failure`, why the model would only get worse.

    complete: makes a checkpoint folder count, given its step, the seconds of training and the tokens read so far.
    keeping: which evaluation counts as the best. elapsed, tokens: what earlier attempts have done. sampler: writes
    samples before the first step and after those in `sample_at`. parts: in how many each pass is read.
    """

    def __init__(
        self,
        journal: Journal,
        bell: StopBell,
        complete: Callable[[Path, int, float, int], None],
        *,
        settings: TrainSettings,
        evaluate_at: frozenset[int],
        checkpoint_seconds: float,
        keeping: Keeping | None = None,
        elapsed: float = 0.0,
        tokens: int = 0,
        sampler: Sampler | None = None,
        sample_at: frozenset[int] = frozenset(),
        parts: int = 1,
    ) -> None:
        self._journal, self._bell, self._complete, self._keeping = journal, bell, complete, keeping
        self._run, self._settings, self._bounds = bell.run, settings, Bounds()
        self._loss_says_little = isinstance(settings, RewardedSettings)  # it jumps around zero; core.alarms watch
        self._evaluate_at, self._checkpoint_seconds = evaluate_at, checkpoint_seconds
        self._elapsed_before, self._tokens_before = elapsed, tokens
        self._sampler, self._sample_at, self._parts = sampler, sample_at, parts
        self._tokens = 0  # read in this attempt
        self._began = self._step_began = self._saved = 0.0
        self._first_step = self._last_step = 0
        self._prepared = 0.0  # when progress was last told
        self._process = psutil.Process()
        self.stopped: StopRequest | None = None
        self.no_room: StudioError | None = None
        self.failure: StudioError | None = None

    # ------------------------------------------------------------------------------------- called by the trainer

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._first_step, self._last_step = state.global_step, state.max_steps
        if state.global_step == 0:
            self._sample(kwargs.get("model"), 0)
        self._began = self._step_began = self._saved = time.monotonic()

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        maybe_run_out_of_memory(state.global_step + 1, args.per_device_train_batch_size // self._parts)

    def on_substep_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        wanted = self._bell.asked()
        if wanted is not None and not wanted.save:  # nothing is kept, so the step need not be finished
            self.stopped = wanted
            control.should_training_stop = True

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        last = state.global_step >= state.max_steps
        control.should_log = True
        wanted = None if last else self._bell.asked()
        if wanted is not None:
            self.stopped = wanted
            control.should_training_stop = True
            control.should_save = wanted.save
        else:
            control.should_evaluate = state.global_step in self._evaluate_at
            control.should_save = last or time.monotonic() - self._saved >= self._checkpoint_seconds
        self.look_for_room(state, control, kwargs.get("model"), kwargs.get("optimizer"))

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if logs is None or "loss" not in logs:  # the summary at the end
            return
        now = time.monotonic()
        tokens = int(logs.get("num_tokens", 0))
        done = state.global_step - self._first_step
        pace = (now - self._began) / max(done, 1)
        used, peak = self._memory()
        self._journal.say(
            "step",
            step=state.global_step,
            total=state.max_steps,
            epoch=round(float(state.epoch or 0.0), 6),
            elapsed=round(self._elapsed_before + now - self._began, 3),
            eta=round(pace * (state.max_steps - state.global_step), 1),
            tokens=self._tokens_before + tokens,
            tokens_per_second=round((tokens - self._tokens) / max(now - self._step_began, 1e-9), 1),
            loss=logs["loss"],
            lr=logs.get("learning_rate"),
            grad_norm=logs.get("grad_norm"),
            **{ours: logs[theirs] for theirs, ours in _FIGURES.items() if theirs in logs},
            memory_used=used,
            memory_peak=peak,
        )
        self._tokens = tokens
        self._check_numbers(state.global_step, logs, control, scaled=args.fp16)
        if self.failure is None and self.stopped is None and self.no_room is None:
            self._sample(kwargs.get("model"), state.global_step)
        self._step_began = time.monotonic()

    def preparing(self, phase: str, done: int, total: int) -> None:
        """So much of what comes before training is done. Raises Stopped when the run should end."""
        self._bell.check()
        if done == 0:
            self._journal.say("phase", phase=phase)
        if time.monotonic() - self._prepared >= _REPORT_EVERY or done == total:
            self._journal.say("progress", phase=phase, done=done, total=total)
            self._prepared = time.monotonic()

    def warn(self, what: str, hint: str, alarm: str = "") -> None:
        """Tell a person of something that doesn't end the run. alarm: the name of one of `core.alarms`."""
        self._journal.say("warning", what=what, hint=hint, **({"alarm": alarm} if alarm else {}))

    def rolled_out(self, state: TrainerState, rows: list[dict[str, Any]]) -> None:
        """Some of the answers that a step learned from, to look at."""
        self._journal.say("rollout", step=state.global_step, rows=rows)

    def evaluated(
        self, state: TrainerState, figures: Mapping[str, float], control: TrainerControl | None = None
    ) -> None:
        """Held-out rows were measured. control: asked to save the best, and to end early."""
        best = self._keeping is not None and control is not None and self._keeping.take(state.global_step, figures)
        told = {"best": best} if self._loss_says_little else {}
        self._journal.say("evaluation", step=state.global_step, **figures, **told)
        if self._keeping is not None and control is not None:
            control.should_save = control.should_save or (best and self._keeping.keeps)
            if self._keeping.exhausted and state.global_step < state.max_steps:
                control.should_save = control.should_training_stop = True
        self._journal.say("phase", phase="training")
        self._step_began = time.monotonic()

    def look_for_room(self, state: TrainerState, control: TrainerControl, model: Any, optimizer: Any) -> None:
        """End training before a checkpoint is begun for which the disk has no room."""
        if not control.should_save:
            return
        early = self._keeping is not None and self._keeping.exhausted
        last = early or state.global_step >= state.max_steps
        self.no_room = no_room(self._run, model, optimizer, step=state.global_step, last=last)
        if self.no_room is not None:
            control.should_training_stop = True
            control.should_save = control.should_evaluate = False

    def evaluating(self) -> None:
        """Held-out rows are about to be measured."""
        self._journal.say("phase", phase="evaluating")

    def saving(self) -> None:
        """A checkpoint is about to be written."""
        self._journal.say("phase", phase="saving")

    def saved(self, state: TrainerState, folder: Path) -> None:
        """A checkpoint's files were written; make it count."""
        elapsed = self._elapsed_before + time.monotonic() - self._began
        self._complete(folder, state.global_step, elapsed, self._tokens_before + self._tokens)
        self._journal.say("phase", phase="training")
        self._saved = self._step_began = time.monotonic()

    def asked_to_stop(self) -> bool:
        """Whether to cut short what the trainer does between steps."""
        return self._bell.asked() is not None

    def last_evaluation_cut_short(self, control: TrainerControl) -> None:
        """The run ends without its last figures, as was asked; with what was learned saved, Resume measures them."""
        self.stopped = self._bell.asked()
        control.should_save = control.should_save and self.stopped is not None and self.stopped.save

    # -------------------------------------------------------------------------------------------------

    def _check_numbers(self, step: int, logs: dict[str, Any], control: TrainerControl, *, scaled: bool) -> None:
        loss, norm = float(logs["loss"]), float(logs.get("grad_norm") or 0.0)
        # With fp16 a gradient that overflows is normal: the step is skipped and the scale lowered.
        if math.isfinite(loss) and (scaled or math.isfinite(norm)):
            if self._loss_says_little or not self._bounds.left(loss):
                if self._bounds.suspicious and not control.should_training_stop and step < self._last_step:
                    control.should_save = False  # if it mends, the next step saves
                return
            self.failure = exploded(self._bounds, loss, step, self._settings, self._kept())
        else:
            what = "loss" if not math.isfinite(loss) else "gradient"
            self.failure = no_number(what, step, self._settings, self._kept())
        control.should_training_stop = True
        control.should_save = control.should_evaluate = False

    def _sample(self, model: Any, step: int) -> None:
        if self._sampler is None or (step and step not in self._sample_at):
            return
        self._journal.say("phase", phase="sampling")
        self._sampler.write(model, step, self.asked_to_stop)
        self._journal.say("phase", phase="training")

    def _kept(self) -> int | None:
        last = self._run.last_checkpoint()
        return last.step if last else None

    def _memory(self) -> tuple[int, int]:
        """Bytes in use and at most: of the card when there is one, else of this process."""
        if torch.cuda.is_available():
            return torch.cuda.memory_reserved(), torch.cuda.max_memory_reserved()
        info = self._process.memory_info()
        if sys.platform == "win32":
            return info.rss, info.peak_wset
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return info.rss, peak if sys.platform == "darwin" else peak * 1024

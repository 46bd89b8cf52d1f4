"""The trainer: a step of PPO, again and again, with what the worker asks of every trainer.

A step: answers are written, scored, and read by reference and value model; advantages say which tokens were better
than foreseen; then the policy and the value model learn from the same answers a few times (Schulman et al. 2017,
algorithm 1). Events, checkpoints and stopping are told to `Supervision` as transformers' trainers do.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase, TrainerControl, TrainerState
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from studio.core.errors import StudioError
from studio.core.events import ROLLOUT_ROWS, ROLLOUT_TEXT
from studio.core.methods import PpoSettings
from studio.engine.alarm_watch import AlarmWatch
from studio.engine.passes import Passes
from studio.engine.ppo.advantages import explained_variance
from studio.engine.ppo.experience import Batch, Experience, Prompt
from studio.engine.ppo.rewards import KlPenalty, RunningScale
from studio.engine.ppo.roles import POLICY, Roles
from studio.engine.ppo.rollouts import Rollouts
from studio.engine.ppo.updates import Updates, rate_at
from studio.engine.reward_sources import Source, total_scores
from studio.engine.supervision import Supervision
from studio.engine.trainers import Place

LEARNING = "learning.pt"  # in a checkpoint: what only resuming needs


class _CutShort(Exception):
    """The user wants to stop and keep nothing of this step."""


class PpoTrainer:
    """Call `train`. slower_because: why the model is read with padding (“it has ...”), or None when it isn't."""

    def __init__(
        self,
        roles: Roles,
        passes: Passes,
        tokenizer: PreTrainedTokenizerBase,
        stop_tokens: frozenset[int],
        sources: Sequence[Source],
        judges: Sequence[Source],
        train: Sequence[Prompt],
        held_out: Sequence[Prompt],
        settings: PpoSettings,
        place: Place,
        supervision: Supervision,
    ) -> None:
        self._roles, self._tokenizer = roles, tokenizer
        self._judges = judges
        self._prompts, self._held_out = train, held_out
        self._settings, self._place, self._supervision = settings, place, supervision
        half = place.precision.autocast and place.precision.name == "fp16"
        # All that supervision asks for.
        self._arguments: Any = SimpleNamespace(fp16=half, per_device_train_batch_size=settings.batch_size)
        self._experience = Experience(roles, passes, tokenizer, stop_tokens, sources, settings, self._check)
        self._updates = Updates(roles, passes, settings, self._check, half=half)
        self._chance = torch.Generator().manual_seed(settings.seed)
        self._scale, self._penalty = RunningScale(), KlPenalty(settings.kl_coefficient)
        self._tokens = 0
        self.slower_because = passes.slower_because
        self.state = TrainerState(max_steps=settings.steps_for(len(train)))
        self._control = TrainerControl()

    # ------------------------------------------------------------------------------------------------- the loop

    def train(self, resume_from_checkpoint: str | None = None) -> None:
        """Train to the last step, or to where it is stopped. Raises StudioError; what was learned before is saved."""
        if resume_from_checkpoint is not None:
            self._resume(Path(resume_from_checkpoint))
        state, control, supervision = self.state, self._control, self._supervision
        watch = AlarmWatch(self._settings, self._place.folder, supervision.warn)
        supervision.on_train_begin(self._arguments, state, control, model=self._policy())
        if state.global_step == 0 and self._held_out:
            watch.evaluation(0, self._evaluate())
        saved = state.global_step
        while state.global_step < state.max_steps and not control.should_training_stop:
            drawn = self._chance.get_state()
            supervision.on_step_begin(self._arguments, state, control)
            try:
                figures, rows = self._step()
            except _CutShort:
                return
            except StudioError:
                self._chance.set_state(drawn)
                if state.global_step > saved:
                    self._save()
                raise
            state.global_step += 1
            state.epoch = state.global_step * self._settings.episodes / len(self._prompts)
            supervision.on_step_end(
                self._arguments, state, control, model=self._roles.model, optimizer=self._updates.optimiser
            )
            supervision.on_log(self._arguments, state, control, logs=figures, model=self._policy())
            supervision.rolled_out(state, rows)
            watch.step(state.global_step, figures)
            if control.should_evaluate:
                control.should_evaluate = False
                watch.evaluation(state.global_step, self._evaluate())
            if control.should_save:
                control.should_save = False
                self._save()
                saved = state.global_step

    def _policy(self) -> Any:
        self._roles.use(POLICY)
        return self._roles.model

    def evaluate_checkpoint(self, folder: Path) -> None:
        """Measure what a checkpoint holds, without training; the trainer must be new."""
        self._resume(folder)
        self._evaluate()

    def _step(self) -> tuple[dict[str, float], list[dict[str, Any]]]:
        settings = self._settings
        rate = settings.learning_rate * rate_at(self.state.global_step, self.state.max_steps, settings)
        self._updates.use_rate(rate)
        prompts = self._next_prompts()
        rollouts = self._experience.write(prompts, self._chance)
        batch = self._experience.batch(prompts, rollouts, self._scale, self._penalty)
        told = self._updates.learn(batch, self._chance)
        kl = float(batch.kl.sum(1).mean())
        figures = {**self._figures(batch, kl), **told, "learning_rate": rate}
        if settings.kl_control == "adaptive":
            self._penalty.steer(kl, settings.kl_target)
        return figures, self._rows(prompts, batch)

    def _next_prompts(self) -> list[Prompt]:
        """The prompts of this step: one pass over all of them after another, each in an order of its own."""
        count, first = len(self._prompts), self.state.global_step * self._settings.episodes
        orders: dict[int, list[int]] = {}
        found: list[Prompt] = []
        for place in range(first, first + self._settings.episodes):
            lap, at = divmod(place, count)
            if lap not in orders:
                orders[lap] = list(range(count))
                random.Random(f"{self._settings.seed}/{lap}").shuffle(orders[lap])
            found.append(self._prompts[orders[lap][at]])
        return found

    def _check(self) -> None:
        """Between two passes: end the step here if nothing of it is to be kept."""
        self._supervision.on_substep_end(self._arguments, self.state, self._control)
        if self._control.should_training_stop:
            raise _CutShort

    # ------------------------------------------------------------------------------------------------- figures

    def _figures(self, batch: Batch, kl: float) -> dict[str, float]:
        rollouts, mask = batch.rollouts, batch.mask
        rewards = batch.shaped - self._penalty.coefficient * batch.kl.sum(1)
        self._tokens += int(mask.sum())
        return {
            "num_tokens": self._tokens,
            "score": float(batch.scores.mean()),
            "score_sd": float(batch.scores.std(correction=0)),
            "reward": float(rewards.mean()),
            "reward_sd": float(rewards.std(correction=0)),
            "kl": kl,
            "kl_budget": self._settings.kl_budget,
            "kl_coef": self._penalty.coefficient,
            "entropy": float(rollouts.entropies.sum() / mask.sum()),
            "response_length": float(rollouts.lengths.float().mean()),
            "ended": float(rollouts.ended.float().mean()),
            "explained_variance": explained_variance(batch.values, batch.returns, mask),
        }

    def _rows(self, prompts: Sequence[Prompt], batch: Batch) -> list[dict[str, Any]]:
        """A few answers to look at: the best, the worst, and the first ones between."""
        order = torch.argsort(batch.scores, stable=True).tolist()
        shown = list(dict.fromkeys([order[-1], order[0], *order[1:]]))[:ROLLOUT_ROWS]
        some = [self._experience.written([prompts[place]], _one(batch.rollouts, place))[0] for place in shown]
        return [
            {
                "prompt": written.prompt[-ROLLOUT_TEXT:],
                "answer": written.answer[:ROLLOUT_TEXT],
                "score": round(float(batch.scores[place]), 4),
                "kl": round(float(batch.kl[place].sum()), 4),
                "tokens": int(batch.rollouts.lengths[place]),
                "ended": written.ended,
            }
            for place, written in zip(shown, some, strict=True)
        ]

    # ------------------------------------------------------------------------------------------------- evaluation

    def _evaluate(self) -> dict[str, float]:
        """Answer the held-out prompts, by the same chance each time, and score them as they are, without penalties.
        Returns the figures; none when it was cut short."""
        supervision, settings = self._supervision, self._settings
        supervision.evaluating()
        chance = torch.Generator().manual_seed(settings.seed + 1)
        scores, judged_as, kls = list[float](), list[float](), list[Tensor]()
        lengths, ended = list[Tensor](), list[Tensor]()
        for first in range(0, len(self._held_out), settings.episodes):
            if supervision.asked_to_stop():
                if self.state.global_step >= self.state.max_steps:
                    supervision.last_evaluation_cut_short(self._control)
                return {}
            prompts = self._held_out[first : first + settings.episodes]
            rollouts = self._experience.write(prompts, chance)
            written = self._experience.written(prompts, rollouts)
            scores += self._experience.scores(written)
            judged_as += total_scores(self._judges, written)
            kls.append(((rollouts.log_probs - self._experience.reference(rollouts)) * rollouts.mask).sum(1))
            lengths.append(rollouts.lengths)
            ended.append(rollouts.ended)
        told = torch.tensor(scores)
        figures = {
            "eval_score": float(told.mean()),
            "eval_score_error": float(told.std() / len(told) ** 0.5) if len(told) > 1 else math.nan,
            "eval_kl": float(torch.cat(kls).mean()),
            "eval_length": float(torch.cat(lengths).float().mean()),
            "eval_ended": float(torch.cat(ended).float().mean()),
            "eval_rows": len(told),
        }
        if self._judges:
            figures["eval_judge"] = float(torch.tensor(judged_as).mean())
        # What the model was before the first step is no result.
        supervision.evaluated(self.state, figures, self._control if self.state.global_step else None)
        supervision.look_for_room(self.state, self._control, self._roles.model, self._updates.optimiser)
        return figures

    # ------------------------------------------------------------------------------------------------- checkpoints

    def _save(self) -> None:
        self._supervision.saving()
        folder = self._place.checkpoints / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
        folder.mkdir(parents=True, exist_ok=True)
        self._roles.save_policy(folder)
        self._tokenizer.save_pretrained(folder)
        kept = {
            **self._updates.state(),
            "chance": self._chance.get_state(),
            "scale": asdict(self._scale),
            "penalty": self._penalty.coefficient,
        }
        torch.save(kept, folder / LEARNING)
        self._supervision.saved(self.state, folder)

    def _resume(self, folder: Path) -> None:
        kept: Any = torch.load(folder / LEARNING, map_location="cpu", weights_only=True)
        self._roles.fill_policy(folder)
        self._updates.go_on_from(kept)
        self._chance.set_state(kept["chance"])
        self._scale = RunningScale(**kept["scale"])
        self._penalty.coefficient = kept["penalty"]
        self.state.global_step = int(folder.name.rpartition("-")[2])


def _one(rollouts: Rollouts, place: int) -> Rollouts:
    return Rollouts(
        rollouts.sequences.pick([place]),
        rollouts.ended[place : place + 1],
        rollouts.log_probs[place : place + 1],
        rollouts.entropies[place : place + 1],
        None,
    )

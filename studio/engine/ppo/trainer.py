"""The trainer: a step of PPO, again and again, with what the worker asks of every trainer.

A step: answers are written, scored, and read by reference and value model; advantages say which tokens were better
than foreseen; then the policy and the value model learn from the same answers a few times (Schulman et al. 2017,
algorithm 1). Events, checkpoints and stopping are told to `Supervision` as transformers' trainers do.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
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
from studio.engine.fast.losses import token_log_probs, token_log_probs_and_entropies
from studio.engine.ppo.advantages import explained_variance, generalised_advantages, whiten
from studio.engine.ppo.losses import KL_ESTIMATORS, log_ratio_k3, policy_loss, value_loss
from studio.engine.ppo.passes import Passes, judged
from studio.engine.ppo.rewards import KlPenalty, RunningScale, shaped_scores, token_rewards
from studio.engine.ppo.roles import POLICY, REFERENCE, VALUE, Roles, in_passes
from studio.engine.ppo.rollouts import Rollouts, spread_out, write_answers
from studio.engine.reward_sources import Source, Written, total_scores
from studio.engine.supervision import Supervision
from studio.engine.trainers import Place

LEARNING = "learning.pt"  # in a checkpoint: what only resuming needs


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is answered: token ids as the model is asked, and its last turn in words."""

    ids: tuple[int, ...]
    words: str


@dataclass(slots=True)
class Batch:
    """What a step learns from. Tensors are [episodes, longest answer] but scores and shaped, which are [episodes]."""

    rollouts: Rollouts
    mask: Tensor
    scores: Tensor
    shaped: Tensor
    kl: Tensor
    values: Tensor
    advantages: Tensor
    returns: Tensor


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
        self._roles, self._passes, self._tokenizer, self._stop_tokens = roles, passes, tokenizer, stop_tokens
        self._sources, self._judges = sources, judges
        self._prompts, self._held_out = train, held_out
        self._settings, self._place, self._supervision = settings, place, supervision
        self._shares = settings.value_model == "shared"
        self._device = passes.device
        policy, value = roles.weights_of(POLICY), [roles.heads[VALUE].weight, *roles.weights_of(VALUE)]
        self._trained = (policy, value)
        groups = [{"params": policy}, {"params": value}]
        self._optimiser = torch.optim.AdamW(
            groups, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=self._device.type != "mps"
        )
        half = place.precision.autocast and place.precision.name == "fp16"
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=half)  # type: ignore[attr-defined]
        # All that supervision asks for.
        self._arguments: Any = SimpleNamespace(fp16=half, per_device_train_batch_size=settings.batch_size)
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
            supervision.on_step_end(self._arguments, state, control, model=self._roles.model, optimizer=self._optimiser)
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
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        prompts = self._next_prompts()
        batch = self._batch(prompts, self._write(prompts, self._chance))
        told = self._learn(batch)
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

    # ------------------------------------------------------------------------------------------------- rollouts

    def _write(self, prompts: Sequence[Prompt], chance: torch.Generator) -> Rollouts:
        settings = self._settings
        self._roles.use(POLICY)
        return write_answers(
            self._passes,
            [prompt.ids for prompt in prompts],
            torch.rand(len(prompts), settings.answer_tokens, generator=chance),
            temperature=settings.temperature,
            stop_tokens=self._stop_tokens,
            at_a_time=settings.rollout_batch,
            value_head=self._roles.heads[VALUE] if self._shares else None,
            check=self._check,
        )

    def _check(self) -> None:
        """Between two passes: end the step here if nothing of it is to be kept."""
        self._supervision.on_substep_end(self._arguments, self.state, self._control)
        if self._control.should_training_stop:
            raise _CutShort

    def _written(self, prompts: Sequence[Prompt], rollouts: Rollouts) -> list[Written]:
        ids_of = [list(answer) for answer in rollouts.sequences.answers]
        answers = self._tokenizer.batch_decode(ids_of, skip_special_tokens=True)
        return [
            Written(prompt.words, answer, [*prompt.ids, *ids], ended)
            for prompt, answer, ids, ended in zip(
                prompts, answers, rollouts.sequences.answers, rollouts.ended.tolist(), strict=True
            )
        ]

    @torch.no_grad()
    def _reference(self, rollouts: Rollouts) -> Tensor:
        """The log-probabilities of the answers under the reference: [episodes, longest answer]."""
        self._roles.use(REFERENCE)
        mask = rollouts.mask
        found = torch.zeros(mask.shape)
        for places in in_passes(rollouts.sequences.lengths, self._settings.batch_size):
            self._check()
            with self._passes.computing():
                read = self._passes.read(rollouts.sequences.pick(places))
                hidden = read.before_answers
                known = token_log_probs(hidden, self._passes.head(hidden, self._settings.temperature), read.targets)
            found[places] = spread_out(known.cpu(), mask[places])
        return found

    @torch.no_grad()
    def _values(self, rollouts: Rollouts) -> Tensor:
        """What the value model foretells before each token: [episodes, longest answer]."""
        if rollouts.values is not None:
            return rollouts.values
        self._roles.use(VALUE)
        mask = rollouts.mask
        found = torch.zeros(mask.shape)
        for places in in_passes(rollouts.sequences.lengths, self._settings.batch_size):
            self._check()
            with self._passes.computing():
                read = self._passes.read(rollouts.sequences.pick(places))
                values = judged(self._roles.heads[VALUE], read.before_answers)
            found[places] = spread_out(values.cpu(), mask[places])
        return found

    def _batch(self, prompts: Sequence[Prompt], rollouts: Rollouts) -> Batch:
        settings, mask = self._settings, rollouts.mask
        scores = torch.tensor(total_scores(self._sources, self._written(prompts, rollouts)))
        kl = KL_ESTIMATORS[settings.kl_estimator](rollouts.log_probs, self._reference(rollouts)) * mask
        values = self._values(rollouts)
        _check_numbers(kl, values)
        self._scale.see(scores)
        shaped = shaped_scores(scores, rollouts.lengths, rollouts.ended, settings, self._scale)
        rewards = token_rewards(shaped, kl, mask, self._penalty.coefficient)
        advantages, returns = generalised_advantages(
            rewards, values, mask, discount=settings.discount, lam=settings.gae_lambda
        )
        if settings.whiten:
            advantages = whiten(advantages, mask)
        return Batch(rollouts, mask, scores, shaped, kl, values, advantages, returns)

    # ------------------------------------------------------------------------------------------------- learning

    def _learn(self, batch: Batch) -> dict[str, float]:
        """Update policy and value model, a few times over the same answers. Returns figures of all updates."""
        settings, tally = self._settings, _Tally()
        size = settings.effective_batch
        for _ in range(settings.update_epochs):
            order = torch.randperm(len(batch.rollouts), generator=self._chance).tolist()
            for first in range(0, len(order), size):
                update = tally.next()
                self._pass_over(batch, order[first : first + size], update)
                if settings.stop_update_at and update.approx_kl > settings.stop_update_at:
                    self._optimiser.zero_grad(set_to_none=True)
                    return tally.figures(settings)
                update.grad_norm = self._move()
        return tally.figures(settings)

    def _pass_over(self, batch: Batch, places: list[int], update: _Update) -> None:
        """Add up the gradients of an update, a mean over all of its tokens, in as many passes as memory asks for."""
        settings, roles, sequences = self._settings, self._roles, batch.rollouts.sequences
        tokens = sum(sequences.lengths[place] for place in places)
        for first in range(0, len(places), settings.batch_size):
            self._check()
            some = places[first : first + settings.batch_size]
            mask = batch.mask[some]

            def of(values: Tensor, some: list[int] = some, mask: Tensor = mask) -> Tensor:
                return values[some][mask].to(self._device)

            chosen = sequences.pick(some)
            roles.use(POLICY)
            with self._passes.computing():
                hidden = self._passes.read(chosen)
                before = hidden.before_answers
                head = self._passes.head(before, settings.temperature)
                if settings.entropy_coefficient:
                    log_probs, entropies = token_log_probs_and_entropies(before, head, hidden.targets)
                else:
                    log_probs, entropies = token_log_probs(before, head, hidden.targets), None
            old = of(batch.rollouts.log_probs)
            policy = policy_loss(log_probs, old, of(batch.advantages), settings.clip_range)
            loss = policy.loss.sum() / tokens
            if entropies is not None:
                loss = loss - settings.entropy_coefficient * entropies.sum() / tokens
            if not self._shares:
                self._scaler.scale(loss).backward()
                roles.use(VALUE)
                with self._passes.computing():
                    before = self._passes.read(chosen).before_answers
                loss = loss.new_zeros(())
            foretold = judged(roles.heads[VALUE], before)
            value = value_loss(foretold, of(batch.values), of(batch.returns), settings.value_clip)
            loss = loss + settings.value_coefficient * value.loss.sum() / tokens
            self._scaler.scale(loss).backward()
            with torch.no_grad():
                update.add(
                    tokens,
                    policy_loss=policy.loss,
                    clip_fraction=policy.clipped.float(),
                    value_loss=value.loss,
                    value_clip_fraction=value.clipped.float(),
                    approx_kl=log_ratio_k3(old, log_probs),
                    ratio=(log_probs - old).exp(),
                )

    def _move(self) -> float:
        """Take the optimiser's step. The policy's gradients and the value model's are clipped apart, so that a value
        model that is far off doesn't make the policy's step small. Returns the norm of the policy's."""
        self._scaler.unscale_(self._optimiser)
        norms = [torch.nn.utils.clip_grad_norm_(weights, self._settings.clip) for weights in self._trained]
        self._scaler.step(self._optimiser)
        self._scaler.update()
        self._optimiser.zero_grad(set_to_none=True)
        return float(norms[0])

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
        some = [self._written([prompts[place]], _one(batch.rollouts, place))[0] for place in shown]
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
            rollouts = self._write(prompts, chance)
            written = self._written(prompts, rollouts)
            scores += total_scores(self._sources, written)
            judged_as += total_scores(self._judges, written)
            kls.append(((rollouts.log_probs - self._reference(rollouts)) * rollouts.mask).sum(1))
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
        supervision.look_for_room(self.state, self._control, self._roles.model, self._optimiser)
        return figures

    # ------------------------------------------------------------------------------------------------- checkpoints

    def _save(self) -> None:
        self._supervision.saving()
        folder = self._place.checkpoints / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
        folder.mkdir(parents=True, exist_ok=True)
        self._roles.save_policy(folder)
        self._tokenizer.save_pretrained(folder)
        kept = {
            "optimiser": self._optimiser.state_dict(),
            "scaler": self._scaler.state_dict(),
            "value": [weight.detach().cpu() for weight in self._trained[1]],
            "chance": self._chance.get_state(),
            "scale": asdict(self._scale),
            "penalty": self._penalty.coefficient,
        }
        torch.save(kept, folder / LEARNING)
        self._supervision.saved(self.state, folder)

    def _resume(self, folder: Path) -> None:
        kept: Any = torch.load(folder / LEARNING, map_location="cpu", weights_only=True)
        self._roles.fill_policy(folder)
        with torch.no_grad():
            for weight, value in zip(self._trained[1], kept["value"], strict=True):
                weight.copy_(value)
        self._optimiser.load_state_dict(kept["optimiser"])
        self._scaler.load_state_dict(kept["scaler"])
        self._chance.set_state(kept["chance"])
        self._scale = RunningScale(**kept["scale"])
        self._penalty.coefficient = kept["penalty"]
        self.state.global_step = int(folder.name.rpartition("-")[2])


def rate_at(step: int, total: int, settings: PpoSettings) -> float:
    """The share of the learning rate after so many steps: up in a straight line, then as scheduled."""
    warm = math.ceil(settings.warmup * total)
    if step < warm:
        return step / warm
    if settings.schedule == "constant":
        return 1.0
    done = (step - warm) / max(1, total - warm)
    return 0.5 * (1 + math.cos(math.pi * done)) if settings.schedule == "cosine" else 1 - done


class _Update:
    """Figures of one update: means over its tokens, added up pass by pass."""

    def __init__(self) -> None:
        self.means: dict[str, float] = {}
        self.grad_norm = math.nan

    def add(self, tokens: int, **parts: Tensor) -> None:
        for name, values in parts.items():
            self.means[name] = self.means.get(name, 0.0) + float(values.sum()) / tokens

    @property
    def approx_kl(self) -> float:
        """How far the policy has moved from the answers, in nats a token."""
        return self.means["approx_kl"]


class _Tally:
    """The updates of a step."""

    def __init__(self) -> None:
        self._updates: list[_Update] = []

    def next(self) -> _Update:
        self._updates.append(_Update())
        return self._updates[-1]

    def figures(self, settings: PpoSettings) -> dict[str, float]:
        """Means over updates, but for the change, which is the last one's."""
        count = len(self._updates)
        told = {name: sum(u.means[name] for u in self._updates) / count for name in self._updates[0].means}
        norms = [update.grad_norm for update in self._updates if not math.isnan(update.grad_norm)]
        return {
            **told,
            "approx_kl": self._updates[-1].approx_kl,
            "loss": told["policy_loss"] + settings.value_coefficient * told["value_loss"],
            "grad_norm": sum(norms) / len(norms) if norms else math.nan,
            "passes": len(norms),
        }


def _one(rollouts: Rollouts, place: int) -> Rollouts:
    return Rollouts(
        rollouts.sequences.pick([place]),
        rollouts.ended[place : place + 1],
        rollouts.log_probs[place : place + 1],
        rollouts.entropies[place : place + 1],
        None,
    )


def _check_numbers(kl: Tensor, values: Tensor) -> None:
    for what, numbers in (("answers' odds", kl), ("foretold rewards", values)):
        if not torch.isfinite(numbers).all():
            raise StudioError(
                f"The {what} are no longer numbers, so the model would only get worse.",
                "Start again with a lower learning rate, or with 32-bit numbers if it was bf16.",
            )

"""The trainer that RLOO and GRPO share: TRL's loop with our prompts, rewards, figures, evaluation and checkpoints.

Kept from TRL: generation, the losses, the optimiser and resume. The reference is the adapter that the policy started
from, or the adapter off. One pass over a step's answers, so the ratio of odds is 1 and nothing is clipped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from datasets import Dataset
from torch import Tensor
from trl.trainer.utils import pad, use_adapter

from studio.core.errors import StudioError
from studio.core.methods import GroupSettings
from studio.engine.alarm_watch import AlarmWatch
from studio.engine.groups.order import Order
from studio.engine.groups.scored import Scored, shaped_scores
from studio.engine.ppo.experience import Prompt
from studio.engine.ppo.roles import POLICY, Roles
from studio.engine.reward_sources import Source, Written, total_scores
from studio.engine.trainers import Place, Supervised

if TYPE_CHECKING:
    from trl.trainer.rloo_trainer import RLOOTrainer

    _Trainer = RLOOTrainer
else:
    _Trainer = object

_REFERENCE = "ref"  # TRL's name for the adapter that the policy started from


class GroupTrainer(Supervised, _Trainer):
    """Mixed in before TRL's trainer, whose `_answers_to` a method gives."""

    def __init__(
        self,
        *,
        prompts: Sequence[Prompt],
        held_out: Sequence[Prompt],
        settings: GroupSettings,
        place: Place,
        roles: Roles,
        **named: Any,
    ) -> None:
        self._prompts, self._held_out = prompts, held_out
        self._settings, self._place, self._roles = settings, place, roles
        # TRL hands prompts on as text: here they are the number of a prompt.
        named["train_dataset"] = Dataset.from_dict({"prompt": [str(number) for number in range(len(prompts))]})
        super().__init__(model=roles.model, reward_funcs=[_not_asked], **named)
        has_copy = _REFERENCE in roles.model.peft_config  # TRL makes one of the policy, unless the KL penalty is 0
        if place.adapter is None and has_copy:
            roles.model.delete_adapter(_REFERENCE)  # a copy of what is still nothing: the adapter off is the same
        elif place.adapter is not None and not has_copy:
            roles.add_frozen(_REFERENCE, place.adapter, head=False)
        self._sources: Sequence[Source] = ()
        self._judges: Sequence[Source] = ()
        self._seen: list[Tensor] = []  # log-probabilities that TRL took of a step's answers
        self._scored: Scored | None = None
        self._tokens = 0
        self._watch = AlarmWatch(settings, place.folder, self._supervision.warn)
        self._saved_at = 0  # the step of the newest checkpoint

    def reward_by(self, sources: Sequence[Source], judges: Sequence[Source]) -> None:
        """What rewards, and what watches."""
        self._sources, self._judges = sources, judges

    def train(self, resume_from_checkpoint: Any = None, **named: Any) -> Any:
        self._watch = AlarmWatch(self._settings, self._place.folder, self._supervision.warn)  # knows where it resumes
        if resume_from_checkpoint is None and self._held_out:
            self.evaluate()
        elif resume_from_checkpoint is not None:
            self._saved_at = int(Path(resume_from_checkpoint).name.rpartition("-")[2])
        try:
            return super().train(resume_from_checkpoint=resume_from_checkpoint, **named)
        except StudioError:  # what rewards gave no number: the steps before are kept
            if self.state.global_step > self._saved_at:
                self._save_checkpoint(self.model, None)
            raise

    # -------------------------------------------------------------------------------------- what TRL's loop asks for

    def _get_train_sampler(self, dataset: Any = None) -> Order:
        return Order(len(self._prompts), self._settings, self._settings.steps_for(len(self._prompts)))

    def _tokenize_prompts(self, prompts: Sequence[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        return [list(self._prompts[int(number)].ids) for number in prompts], None, {}

    def _calculate_rewards(
        self, inputs: Any, prompts: Sequence[str], completions: Sequence[str], completion_ids_list: Sequence[list[int]]
    ) -> Tensor:
        asked = [self._prompts[int(number)] for number in prompts]
        written = self._written(asked, completion_ids_list)
        scores = torch.tensor(total_scores(self._sources, written))
        self._roles.use(POLICY)
        lengths = torch.tensor([float(len(ids)) for ids in completion_ids_list])
        shaped = shaped_scores(scores, lengths, written, self._settings)
        self._scored = Scored(written, scores, shaped, lengths, torch.zeros_like(scores))
        return shaped[:, None].to(self.accelerator.device)

    def _get_per_token_logps_and_entropies(self, *arguments: Any, **named: Any) -> Any:
        found = super()._get_per_token_logps_and_entropies(*arguments, **named)
        if not torch.is_grad_enabled():
            self._seen.append(found[0])
        return found

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        self._seen.clear()
        batch = super()._generate_and_score_completions(inputs)
        ids, mask, kept = _laid_out(batch)
        logps, reference = self._logps(ids, mask, kept)
        if self._scored is not None:
            kl = ((logps - reference) * batch["completion_mask"]).sum(1).float().cpu()
            self._scored = Scored(
                self._scored.written, self._scored.scores, self._scored.shaped, self._scored.lengths, kl
            )
        return batch

    def _logps(self, ids: Tensor, mask: Tensor, kept: int) -> tuple[Tensor, Tensor]:
        """The answers' log-probabilities under policy and reference. Where TRL has taken them they are not taken again:
        RLOO takes those of the policy, both take the reference's unless the KL penalty is 0."""
        known = list(self._seen)
        if len(known) == 2:
            return known[0], known[1]
        has_policy = bool(known) and self.beta == 0.0
        policy = known[0] if has_policy else self._logps_of(ids, mask, kept, reference=False)
        reference = known[0] if known and not has_policy else self._logps_of(ids, mask, kept, reference=True)
        return policy, reference

    @torch.no_grad()
    def _logps_of(self, ids: Tensor, mask: Tensor, kept: int, *, reference: bool) -> Tensor:
        def taken() -> Tensor:
            found = super(GroupTrainer, self)._get_per_token_logps_and_entropies(
                self.model, ids, mask, kept, batch_size=self._settings.batch_size
            )
            return found[0]

        if not reference:
            return taken()
        model = self._roles.model
        with use_adapter(model, adapter_name=_REFERENCE if _REFERENCE in model.peft_config else None):
            return taken()

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        scored = self._scored
        if scored is None or "loss" not in logs:
            super().log(logs, start_time)
            return
        entropies = self._metrics["train"].get("entropy") or [math.nan]
        self._metrics["train"].clear()
        self._tokens += int(scored.lengths.sum())
        figures = {
            **scored.figures(self._settings),
            "entropy": sum(entropies) / len(entropies),
            "policy_loss": logs["loss"],
        }
        self.state.epoch = self.state.global_step * self._settings.prompts_a_step / len(self._prompts)
        super().log({**logs, **figures, "num_tokens": self._tokens}, start_time)
        self._supervision.rolled_out(self.state, scored.rows())
        self._watch.step(self.state.global_step, figures)

    # ------------------------------------------------------------------------------------------------- evaluation

    @torch.no_grad()
    def evaluate(self, *_arguments: Any, **_named: Any) -> dict[str, float]:
        """Answer the held-out prompts once each, by the same chance each time, and score them as they are, without
        penalties. Random numbers that training draws stay as if nothing had happened."""
        supervision, model = self._supervision, self._roles.model
        supervision.evaluating()
        devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
        scores, judged, kls = list[float](), list[float](), list[Tensor]()
        lengths, ended = list[int](), list[bool]()
        was_training = model.training
        model.eval()
        self.control.should_evaluate = False
        try:
            with torch.random.fork_rng(devices):
                torch.manual_seed(self._settings.seed + 1)
                for first in range(0, len(self._held_out), self._settings.episodes):
                    if supervision.asked_to_stop():
                        if self.state.global_step >= self.state.max_steps > 0:
                            supervision.last_evaluation_cut_short(self.control)
                        return {}
                    prompts = self._held_out[first : first + self._settings.episodes]
                    answers = self._answers_to([list(prompt.ids) for prompt in prompts])
                    written = self._written(prompts, answers)
                    scores += total_scores(self._sources, written)
                    judged += total_scores(self._judges, written)
                    self._roles.use(POLICY)
                    kls.append(self._distance([prompt.ids for prompt in prompts], answers))
                    lengths += [len(answer) for answer in answers]
                    ended += [one.ended for one in written]
        finally:
            self._metrics["eval"].clear()
            model.train(was_training)
        self._tell(torch.tensor(scores), judged, torch.cat(kls), lengths, ended)
        return {}

    def _tell(
        self, scores: Tensor, judged: Sequence[float], kl: Tensor, lengths: Sequence[int], ended: Sequence[bool]
    ) -> None:
        count = len(scores)
        figures = {
            "eval_score": float(scores.mean()),
            "eval_score_error": float(scores.std() / count**0.5) if count > 1 else math.nan,
            "eval_kl": float(kl.mean()),
            "eval_length": sum(lengths) / count,
            "eval_ended": sum(ended) / count,
            "eval_rows": count,
        }
        if self._judges:
            figures["eval_judge"] = sum(judged) / count
        step, supervision = self.state.global_step, self._supervision
        # What the model was before the first step is no result.
        supervision.evaluated(self.state, figures, self.control if step else None)
        supervision.look_for_room(self.state, self.control, self._roles.model, self.optimizer)
        self._watch.evaluation(step, figures)

    def _distance(self, prompts: Sequence[Sequence[int]], answers: Sequence[list[int]]) -> Tensor:
        """How far answers are from the reference: nats [answers]."""
        filler: Any = self._tokenizer.pad_token_id
        device = self.accelerator.device
        asked, told = [torch.tensor(ids) for ids in prompts], [torch.tensor(ids) for ids in answers]
        mask = torch.cat([_ones(asked, "left"), _ones(told, "right")], 1).to(device)
        ids = torch.cat(
            [
                pad(asked, padding_value=filler, padding_side="left"),
                pad(told, padding_value=filler, padding_side="right"),
            ],
            1,
        ).to(device)
        kept = max(len(answer) for answer in answers)
        ours, theirs = (self._logps_of(ids, mask, kept, reference=side) for side in (False, True))
        return ((ours - theirs) * mask[:, -kept:]).sum(1).float().cpu()

    def _answers_to(self, prompts: list[list[int]]) -> list[list[int]]:
        """Generate an answer to each prompt as TRL does."""
        raise NotImplementedError

    def _written(self, prompts: Sequence[Prompt], answers: Sequence[list[int]]) -> list[Written]:
        words = self._tokenizer.batch_decode([list(ids) for ids in answers], skip_special_tokens=True)
        stops = set(self.eos_token_ids)
        return [
            Written(prompt.words, text, [*prompt.ids, *ids], len(ids), ids[-1] in stops)
            for prompt, text, ids in zip(prompts, words, answers, strict=True)
        ]

    # ------------------------------------------------------------------------------------------------ checkpoints

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        self._saved_at = self.state.global_step

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        folder = Path(str(output_dir or self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        self._roles.save_policy(folder)
        self._tokenizer.save_pretrained(folder)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        self._roles.fill_policy(Path(resume_from_checkpoint))


def _not_asked(**_named: Any) -> list[float]:
    """TRL wants a reward function; rewards are given by `GroupTrainer._calculate_rewards`."""
    raise NotImplementedError


def _laid_out(batch: Mapping[str, Any]) -> tuple[Tensor, Tensor, int]:
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
    return ids, mask, batch["completion_ids"].shape[1]


def _ones(rows: Sequence[Tensor], side: str) -> Tensor:
    return pad([torch.ones_like(row) for row in rows], padding_value=0, padding_side=side)

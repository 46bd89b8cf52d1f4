"""Experience: what a step learns from. Answers are written and scored, and read by reference and value model.

Each model reads all answers in passes of its own: one pass over the rows of all of them together, with an adapter for
each row, was measured on a processor and is no faster (three times 1,920 rows through a layer of 384 x 1,024 in bf16
take 1.0 to 1.1 times as long as 5,760 at once), and it would need their memory at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from studio.core.errors import StudioError
from studio.core.methods import PpoSettings
from studio.engine.fast.losses import token_log_probs
from studio.engine.passes import Passes, Read, in_passes, judged
from studio.engine.ppo.advantages import generalised_advantages, whiten
from studio.engine.ppo.losses import KL_ESTIMATORS
from studio.engine.ppo.rewards import KlPenalty, RunningScale, shaped_scores, token_rewards
from studio.engine.ppo.roles import POLICY, REFERENCE, VALUE, Roles
from studio.engine.ppo.rollouts import Rollouts, spread_out, write_answers
from studio.engine.reward_sources import Source, Written, total_scores


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


class Experience:
    """Makes batches out of prompts. check: called before each pass and each token; may raise to end it."""

    def __init__(
        self,
        roles: Roles,
        passes: Passes,
        tokenizer: PreTrainedTokenizerBase,
        stop_tokens: frozenset[int],
        sources: Sequence[Source],
        settings: PpoSettings,
        check: Callable[[], None],
    ) -> None:
        self._roles, self._passes, self._tokenizer, self._stop_tokens = roles, passes, tokenizer, stop_tokens
        self._sources, self._settings, self._check = sources, settings, check
        self._shares = settings.value_model == "shared"

    def write(self, prompts: Sequence[Prompt], chance: torch.Generator) -> Rollouts:
        """Answers to the prompts, as the policy writes them now."""
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

    def written(self, prompts: Sequence[Prompt], rollouts: Rollouts) -> list[Written]:
        """The answers as sources of scores read them."""
        ids_of = [list(answer) for answer in rollouts.sequences.answers]
        answers = self._tokenizer.batch_decode(ids_of, skip_special_tokens=True)
        return [
            Written(prompt.words, answer, [*prompt.ids, *ids], len(ids), ended)
            for prompt, answer, ids, ended in zip(
                prompts, answers, rollouts.sequences.answers, rollouts.ended.tolist(), strict=True
            )
        ]

    def scores(self, written: Sequence[Written]) -> list[float]:
        """What all sources give each answer."""
        return total_scores(self._sources, written)

    def reference(self, rollouts: Rollouts) -> Tensor:
        """The log-probabilities of the answers under the reference: [episodes, longest answer]."""

        def known(read: Read) -> Tensor:
            hidden = read.before_answers
            return token_log_probs(hidden, self._passes.head(hidden, self._settings.temperature), read.targets)

        return self._read_by(REFERENCE, rollouts, known)

    def values(self, rollouts: Rollouts) -> Tensor:
        """What the value model foretells before each token: [episodes, longest answer]."""
        if rollouts.values is not None:
            return rollouts.values
        return self._read_by(VALUE, rollouts, lambda read: judged(self._roles.heads[VALUE], read.before_answers))

    @torch.no_grad()
    def _read_by(self, role: str, rollouts: Rollouts, number: Callable[[Read], Tensor]) -> Tensor:
        """A number for each token of the answers, as that role reads them: [episodes, longest answer]."""
        self._roles.use(role)
        mask = rollouts.mask
        found = torch.zeros(mask.shape)
        for places in in_passes(rollouts.sequences.lengths, self._settings.batch_size):
            self._check()
            with self._passes.computing():
                told = number(self._passes.read(rollouts.sequences.pick(places)))
            found[places] = spread_out(told.cpu(), mask[places])
        return found

    def batch(self, prompts: Sequence[Prompt], rollouts: Rollouts, scale: RunningScale, penalty: KlPenalty) -> Batch:
        """All that is to be known of the answers to learn from them. Their scores go into `scale`. Raises StudioError
        for what is no number."""
        settings, mask = self._settings, rollouts.mask
        scores = torch.tensor(self.scores(self.written(prompts, rollouts)))
        kl = KL_ESTIMATORS[settings.kl_estimator](rollouts.log_probs, self.reference(rollouts)) * mask
        values = self.values(rollouts)
        _check_numbers(kl, values)
        scale.see(scores)
        shaped = shaped_scores(scores, rollouts.lengths, rollouts.ended, settings, scale)
        rewards = token_rewards(shaped, kl, mask, penalty.coefficient)
        advantages, returns = generalised_advantages(
            rewards, values, mask, discount=settings.discount, lam=settings.gae_lambda
        )
        if settings.whiten:
            advantages = whiten(advantages, mask)
        return Batch(rollouts, mask, scores, shaped, kl, values, advantages, returns)


def _check_numbers(kl: Tensor, values: Tensor) -> None:
    for what, numbers in (("answers' odds", kl), ("foretold rewards", values)):
        if not torch.isfinite(numbers).all():
            raise StudioError(
                f"The {what} are no longer numbers, so the model would only get worse.",
                "Start again with a lower learning rate, or with 32-bit numbers if it was bf16.",
            )

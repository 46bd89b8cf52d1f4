"""Sampling: the odds of the next token as the controls leave them, and the token that is drawn.

What transformers has as a processor of scores is taken from there, in its order: first what forbids or lowers tokens,
then temperature, top-k, top-p, min-p, typical-p. A control at its neutral value is left out altogether.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers.generation.logits_process import (
    MinPLogitsWarper,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)

from studio.core.conversation import Sampling

_FIRST = 64  # likeliest tokens that are looked at first


class NextToken:
    """Chooses the next token of one answer.

    prompt: the tokens before the answer. stop_tokens: those that end it. penalty: the model's own repetition penalty,
    which holds while the user's is neutral.
    """

    def __init__(
        self, sampling: Sampling, prompt: Sequence[int], stop_tokens: frozenset[int], penalty: float | None = None
    ) -> None:
        self._sampling, self._prompt = sampling, list(prompt)
        self._generator = torch.Generator().manual_seed(sampling.seed)
        penalty = sampling.repetition_penalty if sampling.repetition_penalty != 1.0 else penalty or 1.0
        self._penalties: list[Any] = []
        if penalty != 1.0:
            self._penalties.append(RepetitionPenaltyLogitsProcessor(penalty))
        if sampling.no_repeat_ngram:
            self._penalties.append(NoRepeatNGramLogitsProcessor(sampling.no_repeat_ngram))
        self._least = sampling.min_new_tokens if stop_tokens else 0
        self._stops = torch.tensor(sorted(stop_tokens), dtype=torch.long)
        self._warpers = _warpers(sampling)

    def odds(self, logits: Tensor, written: Sequence[int]) -> Tensor:
        """The probabilities [vocabulary] that the next token is drawn from, given float32 logits [vocabulary] on the
        CPU and the tokens of the answer so far. Greedy decoding gives the likeliest all of it."""
        scores = self._scores(logits, written)
        if self._sampling.temperature == 0:
            return torch.zeros_like(scores).index_fill(0, scores.argmax(), 1.0)
        return scores.softmax(-1)

    def choose(self, logits: Tensor, written: Sequence[int]) -> int:
        """Draw the next token; arguments as for `odds`."""
        if self._sampling.temperature == 0:
            return int(self._scores(logits, written).argmax())
        return int(torch.multinomial(self.odds(logits, written), 1, generator=self._generator))

    def _scores(self, logits: Tensor, written: Sequence[int]) -> Tensor:
        scores = logits[None]
        if self._penalties:
            seen: Any = torch.tensor([[*self._prompt, *written]])
            for penalty in self._penalties:
                scores = penalty(seen, scores)
        if len(written) < self._least:
            scores = scores.index_fill(1, self._stops, -torch.inf)
        if written and (self._sampling.presence_penalty or self._sampling.frequency_penalty):
            said, times = torch.tensor(written).unique(return_counts=True)
            cost = self._sampling.presence_penalty + self._sampling.frequency_penalty * times
            scores = scores.index_add(1, said, -cost[None].to(scores.dtype))
        nothing: Any = None  # what warpers are given as the tokens so far; none of them looks
        for warper in self._warpers:
            scores = warper(nothing, scores)
        return scores[0]


class TopP:
    """The likeliest tokens that together reach a share, as transformers' `TopPLogitsWarper` keeps them; without sorting
    a whole vocabulary, of which mostly a few tokens make up the share."""

    def __init__(self, share: float) -> None:
        self._share, self._whole = share, TopPLogitsWarper(share)

    def __call__(self, seen: Any, scores: Tensor) -> Tensor:
        """The scores [1, vocabulary] with those of all other tokens at minus infinity."""
        odds = scores.softmax(-1)
        count = _FIRST
        while count * 2 < odds.shape[1]:
            likeliest = odds.topk(count)
            before = likeliest.values.cumsum(-1) - likeliest.values
            if float(before[0, -1]) >= self._share:
                kept = likeliest.indices[before < self._share]
                return torch.full_like(scores, -torch.inf).index_copy(1, kept, scores[:, kept])
            count *= 8
        return self._whole(seen, scores)


def _warpers(sampling: Sampling) -> list[Any]:
    if sampling.temperature == 0:
        return []
    found: list[Any] = []
    if sampling.temperature != 1.0:
        found.append(TemperatureLogitsWarper(float(sampling.temperature)))
    if sampling.top_k:
        found.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1.0:
        found.append(TopP(sampling.top_p))
    if sampling.min_p > 0.0:
        found.append(MinPLogitsWarper(sampling.min_p))
    if sampling.typical_p < 1.0:
        found.append(TypicalLogitsWarper(sampling.typical_p))
    return found

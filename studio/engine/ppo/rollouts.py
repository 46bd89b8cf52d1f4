"""Rollouts: a policy writes an answer to each prompt, and what is needed of each token is taken down as it is chosen.

Log-probabilities, entropies and (with a head shared with the policy) values come from the very pass that chose the
token, so that they are computed once. Prompts of similar length are written together; an answer that has ended leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from studio.engine.fast.losses import all_logits
from studio.engine.passes import Ids, Passes, Sequences, judged

_WORTH_LEAVING = 0.75  # share of rows still being written, below which the others leave: moving rows costs too


@dataclass(slots=True)
class Rollouts:
    """Answers as they were written. Tensors are [episodes, longest answer] on the processor, 0 after an answer's end.

    log_probs, entropies: in nats, at the temperature that the tokens were chosen with. values: what the value head
    foretold before each token, where it is shared with the policy. ended: whether the last token ends the turn.
    """

    sequences: Sequences
    ended: Tensor  # [episodes]
    log_probs: Tensor
    entropies: Tensor
    values: Tensor | None

    def __len__(self) -> int:
        return len(self.sequences)

    @property
    def lengths(self) -> Tensor:
        """Tokens of each answer: [episodes]."""
        return torch.tensor(self.sequences.lengths)

    @property
    def mask(self) -> Tensor:
        """True where a token of an answer stands: [episodes, longest answer]."""
        return mask_of(self.sequences.lengths)


def mask_of(lengths: Sequence[int]) -> Tensor:
    """True at the first `length` places of each row: [rows, longest]."""
    return torch.arange(max(lengths))[None, :] < torch.tensor(list(lengths))[:, None]


def spread_out(values: Tensor, mask: Tensor) -> Tensor:
    """Numbers of answer tokens, answer after answer, as [episodes, longest answer]; 0 elsewhere."""
    return torch.zeros(mask.shape, dtype=values.dtype).masked_scatter(mask, values)


def pick(log_probs: Tensor, chance: Tensor) -> Tensor:
    """A token of each row by its odds. log_probs: [rows, vocabulary]; chance: [rows], uniform in [0, 1).

    The token at which the running sum of the odds passes `chance` of their total (inverse transform sampling): unlike
    torch.multinomial it gives a row the same token whichever other rows it is with.
    """
    reached = log_probs.exp().cumsum(-1)
    return torch.searchsorted(reached, (chance * reached[:, -1])[:, None], right=True)[:, 0].clamp_(
        max=log_probs.shape[1] - 1
    )


@torch.no_grad()
def write_answers(
    passes: Passes,
    prompts: Sequence[Ids],
    chances: Tensor,
    *,
    temperature: float,
    stop_tokens: frozenset[int],
    at_a_time: int = 0,
    value_head: nn.Module | None = None,
    check: Callable[[], None] = lambda: None,
) -> Rollouts:
    """Write an answer to each prompt with the adapter that is on, at most as long as `chances` [episodes, longest].

    chances: a uniform number for each token that may be chosen. check: called before each token; may raise to end it.
    """
    page = _Page.blank(chances.shape)
    stops = torch.tensor(sorted(stop_tokens), dtype=torch.long, device=passes.device)
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    some = at_a_time or len(order)
    for first in range(0, len(order), some):
        places = order[first : first + some]
        rows = torch.tensor(places)  # of the page
        with passes.computing():
            writing, hidden = passes.begin([prompts[place] for place in places], chances.shape[1])
            for place in range(chances.shape[1]):
                check()
                log_probs = all_logits(hidden, passes.head(hidden, temperature)).log_softmax(-1)
                tokens = pick(log_probs, chances[rows, place].to(passes.device))
                page.tokens[rows, place] = tokens.cpu()
                page.log_probs[rows, place] = log_probs.gather(1, tokens[:, None])[:, 0].cpu()
                page.entropies[rows, place] = -(log_probs.exp() * log_probs).sum(1).cpu()
                if value_head is not None:
                    page.values[rows, place] = judged(value_head, hidden).cpu()
                open_rows = page.ended_at[rows] < 0
                page.ended_at[rows[open_rows & torch.isin(tokens, stops).cpu()]] = place
                open_rows = page.ended_at[rows] < 0
                if not open_rows.any() or place + 1 == chances.shape[1]:
                    break
                if open_rows.sum() <= _WORTH_LEAVING * len(rows):
                    stay = open_rows.nonzero()[:, 0]
                    rows, tokens = rows[stay], tokens[stay.to(passes.device)]
                    writing.keep(stay.to(passes.device))
                hidden = writing.go_on(tokens)
    return page.read(prompts, with_values=value_head is not None)


@dataclass(slots=True)
class _Page:
    """What is taken down while answers are written, [episodes, longest]; what stands after an answer's end is noise
    of rows that had not left yet. ended_at: the place of the token that ended the turn, or -1."""

    tokens: Tensor
    log_probs: Tensor
    entropies: Tensor
    values: Tensor
    ended_at: Tensor

    @staticmethod
    def blank(shape: Sequence[int]) -> _Page:
        log_probs, entropies, values = (torch.zeros(*shape) for _ in range(3))
        tokens, ended_at = torch.zeros(*shape, dtype=torch.long), torch.full((shape[0],), -1)
        return _Page(tokens, log_probs, entropies, values, ended_at)

    def read(self, prompts: Sequence[Ids], *, with_values: bool) -> Rollouts:
        lengths = torch.where(self.ended_at < 0, self.tokens.shape[1], self.ended_at + 1).tolist()
        mask = mask_of(lengths)
        longest = mask.shape[1]

        def cut(values: Tensor) -> Tensor:
            return values[:, :longest] * mask

        answers = [row[:length].tolist() for row, length in zip(self.tokens, lengths, strict=True)]
        return Rollouts(
            Sequences(prompts, answers),
            self.ended_at >= 0,
            cut(self.log_probs),
            cut(self.entropies),
            cut(self.values) if with_values else None,
        )

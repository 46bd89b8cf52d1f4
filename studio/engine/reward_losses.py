"""What a reward model learns from: pairs, rankings and ratings, each as a small pure function of the answers' scores.

A row's answers have a worth: for pairs the margin and 0, for rankings the ranks with the sign turned, for ratings the
rating itself. So a better answer is always worth more, and what is compared is told by `comparisons`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

# scores and worth [answers], the rows one after another; sizes: answers of each row; centre: see `centring`.
Loss = Callable[[Tensor, Tensor, Sequence[int], float], Tensor]


def bradley_terry(scores: Tensor, worth: Tensor, sizes: Sequence[int], centre: float) -> Tensor:
    """Bradley and Terry 1952: the chance that the first of two answers is preferred is sigmoid(first - second). With a
    margin the difference must reach it (Llama 2, 2023). Mean over pairs, as in TRL's RewardTrainer."""
    first, second = scores[::2], scores[1::2]
    return -logsigmoid(first - second - (worth[::2] - worth[1::2])).mean() + centring(scores, sizes, centre)


def plackett_luce(scores: Tensor, worth: Tensor, sizes: Sequence[int], centre: float) -> Tensor:
    """Plackett 1975: the best is chosen from all answers, the next from the rest, and so on. Answers of equal rank are
    each chosen from themselves and what is worse (Breslow's way with ties). Mean over rows; of two answers it is
    `bradley_terry`."""
    losses: list[Tensor] = []
    for own, ranks in zip(scores.split(list(sizes)), worth.split(list(sizes)), strict=True):
        beaten = ranks[None, :] <= ranks[:, None]  # [k, j]: answer k was chosen from a set in which j was
        chosen = own.expand_as(beaten).masked_fill(~beaten, -torch.inf).logsumexp(1) - own
        losses.append(chosen[ranks > ranks.min()].sum())  # the last ones were chosen from nothing
    return torch.stack(losses).mean() + centring(scores, sizes, centre)


def squared_error(scores: Tensor, worth: Tensor, sizes: Sequence[int], centre: float) -> Tensor:
    """Ratings are met as they are, so there is nothing to centre. Mean over answers."""
    return (scores - worth).square().mean()


def centring(scores: Tensor, sizes: Sequence[int], centre: float) -> Tensor:
    """Eisenstein et al. 2023: keeps rewards near 0, which comparing them alone leaves open. The squared sum of a pair's
    rewards; for more answers, of twice their mean."""
    if centre == 0.0:
        return scores.new_zeros(())
    means = torch.stack([own.mean() for own in scores.split(list(sizes))])
    return centre * (2 * means).square().mean()


LOSSES: Mapping[str, Loss] = {"pairs": bradley_terry, "rankings": plackett_luce, "ratings": squared_error}


def comparisons(kind: str, worth: Sequence[float], sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Places (better, worse) of answers whose order is known and that are independent of each other: the two of a pair,
    the best and the worst of a ranking, and ratings two by two where they differ."""
    if kind == "ratings":
        twos = [(place, place + 1) for place in range(0, len(worth) - 1, 2)]
        return [(a, b) if worth[a] > worth[b] else (b, a) for a, b in twos if worth[a] != worth[b]]
    found: list[tuple[int, int]] = []
    first = 0
    for size in sizes:
        places = range(first, first + size)
        best = first if kind == "pairs" else max(places, key=lambda place: worth[place])
        worst = first + 1 if kind == "pairs" else min(places, key=lambda place: worth[place])
        found.append((best, worst))
        first += size
    return found

"""Machine judges: a reward model or a local model that judges items, and what window and judge worker say.

One JSON object a line on a pipe. Requests (window -> worker):
  {"do": "load", "kind": "reward" | "model", "base": "/folder", "adapter": "/folder" or null}
  {"do": "judge", "way": "pairwise" | "pointwise" | "listwise", "values": [1, 2, 3, 4, 5], "criteria": ["helpful"],
   "items": [{"id": 7, "messages": [...], "answers": ["...", ...]}, ...]}
Replies (worker -> window):
  {"reply": "ready"}; {"reply": "loading", "what": "..."}; {"reply": "loaded", "name": "...", "device": "..."}
  {"reply": "judged", "id": 7, "scores": {"helpful": [0.3, -1.2]}, "both_ways": 0.9}
       scores: by criterion, one number an answer, more is better; both_ways: the share of pairs in which the judge
       preferred the same answer when they were shown the other way round; null where that can't be asked
  {"reply": "failed", "id": 7 or null, "what": "...", "hint": "...", "details": "..."}
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from studio.core.labelling import POINTWISE, LabelPlan, Mark, Verdict

REWARD, MODEL = "reward", "model"
_TIE = 1e-6


def verdict_of(scores: Sequence[float], plan: LabelPlan, ladder: Sequence[float] = ()) -> Verdict:
    """The verdict that scores amount to. ladder: the sorted scores of many answers, by which a rating finds its place.

    A rating is the answer's place among all that were scored, in equal steps, so that any judge's scale suits.
    """
    if plan.way == POINTWISE:
        values = plan.scale_values
        if not ladder:
            return Verdict(rating=values[len(values) // 2])
        place = bisect_left(ladder, scores[0]) / len(ladder)
        return Verdict(rating=values[min(len(values) - 1, int(place * len(values)))])
    levels: list[float] = []
    for score in sorted(scores, reverse=True):
        if not levels or levels[-1] - score > _TIE:
            levels.append(score)
    ranks = tuple(next(n for n, level in enumerate(levels, 1) if level - score <= _TIE) for score in scores)
    return Verdict(ranks)


def mark_of_scores(
    scores: Mapping[str, Sequence[float]], plan: LabelPlan, ladders: Mapping[str, Sequence[float]]
) -> Mark:
    """A machine judge's mark. A judge that knows one criterion only judges all of them by it."""
    found: dict[str, Verdict] = {}
    for name in plan.criterion_names:
        known = name if name in scores else next(iter(scores))
        found[name] = verdict_of(scores[known], plan, ladders.get(known, ()))
    return Mark(found)


def margin_of(scores: Mapping[str, Sequence[float]]) -> float | None:
    """How far apart the best two answers are, at the least of all criteria; None for one answer alone."""
    gaps: list[float] = []
    for values in scores.values():
        best = sorted(values, reverse=True)
        if len(best) > 1:
            gaps.append(best[0] - best[1])
    return min(gaps, default=None)

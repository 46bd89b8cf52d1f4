"""Agreement: how far verdicts can be trusted. Kappas, agreement with oneself, biases of position and length, cycles.

Pure figures over `core.labelling`; what each means is said in `sentences`, drawing is the window's.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from studio.core.intervals import wilson
from studio.core.labelling import Opinion, Verdict

Edge = tuple[int, int]  # the better and the worse candidate


@dataclass(frozen=True, slots=True)
class Kappa:
    """Agreement beyond chance. value: None when chance alone would always agree. n: items that were compared."""

    value: float | None
    observed: float
    expected: float
    n: int

    @property
    def words(self) -> str:
        """How such a value is usually called (Landis and Koch 1977)."""
        if self.value is None:
            return "nothing to tell apart"
        if self.value < 0:
            return "worse than chance"
        steps = ((0.2, "slight"), (0.4, "fair"), (0.6, "moderate"), (0.8, "substantial"))
        return next((word for limit, word in steps if self.value <= limit), "almost perfect")


def cohen_kappa(judged: Sequence[tuple[Hashable, Hashable]]) -> Kappa:
    """Two labellers on the same items (Cohen 1960)."""
    n = len(judged)
    if n == 0:
        return Kappa(None, 0.0, 0.0, 0)
    observed = sum(one == other for one, other in judged) / n
    first, second = Counter(one for one, _ in judged), Counter(other for _, other in judged)
    expected = sum(first[name] * second[name] for name in first) / n**2
    return Kappa(_beyond(observed, expected), observed, expected, n)


def fleiss_kappa(judged: Sequence[Mapping[Hashable, int]]) -> Kappa:
    """Several labellers (Fleiss 1971): for each item how many chose each category. Items judged once tell nothing.

    With unequal numbers of labellers each item counts alike, and categories by their share of all verdicts.
    """
    items = [counts for counts in judged if sum(counts.values()) >= 2]
    if not items:
        return Kappa(None, 0.0, 0.0, 0)
    totals: Counter[Hashable] = Counter()
    observed = 0.0
    for counts in items:
        totals.update(counts)
        n = sum(counts.values())
        observed += sum(count * (count - 1) for count in counts.values()) / (n * (n - 1))
    observed /= len(items)
    every = sum(totals.values())
    expected = sum((count / every) ** 2 for count in totals.values())
    return Kappa(_beyond(observed, expected), observed, expected, len(items))


def _beyond(observed: float, expected: float) -> float | None:
    return None if expected >= 1.0 - 1e-12 else (observed - expected) / (1.0 - expected)


@dataclass(frozen=True, slots=True)
class Share:
    """A count out of a number of trials, with Wilson's interval at 95 %."""

    count: int
    n: int

    @property
    def value(self) -> float:
        """The share; 0 without trials."""
        return self.count / self.n if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true share lies with 95 % certainty."""
        return wilson(self.count, self.n)

    @property
    def differs_from_half(self) -> bool:
        """Whether chance alone would hardly give it."""
        low, high = self.interval
        return bool(self.n) and (low > 0.5 or high < 0.5)


def category(opinion: Opinion, criterion: str) -> Hashable | None:
    """What was said, by candidate and not by side, so that two labellers can be compared; None without a verdict."""
    verdict = opinion.mark.verdicts.get(criterion)
    if verdict is None or opinion.mark.skipped:
        return None
    if verdict.rating is not None:
        return verdict.rating
    if verdict.is_tie:
        return "bad" if verdict.bad else "tie"
    return tuple(rank for _, rank in sorted(zip(opinion.candidates, verdict.ranks, strict=True)))


def by_labeller(opinions: Iterable[Opinion], criterion: str) -> dict[str, dict[tuple[int, ...], Hashable]]:
    """What each labeller said of each group of candidates; the first time counts, a hidden repeat does not."""
    said: defaultdict[str, dict[tuple[int, ...], Hashable]] = defaultdict(dict)
    for opinion in sorted(opinions, key=lambda known: known.item):
        found = category(opinion, criterion)
        if found is not None:
            said[opinion.labeller].setdefault(tuple(sorted(opinion.candidates)), found)
    return dict(said)


def between(opinions: Iterable[Opinion], criterion: str) -> dict[tuple[str, str], Kappa]:
    """Cohen's kappa of each two labellers that judged some of the same items."""
    said = by_labeller(opinions, criterion)
    found: dict[tuple[str, str], Kappa] = {}
    for one, other in combinations(sorted(said), 2):
        shared = said[one].keys() & said[other].keys()
        if shared:
            found[one, other] = cohen_kappa([(said[one][group], said[other][group]) for group in sorted(shared)])
    return found


def among(opinions: Iterable[Opinion], criterion: str) -> Kappa:
    """Fleiss' kappa of all labellers together."""
    counts: defaultdict[tuple[int, ...], Counter[Hashable]] = defaultdict(Counter)
    for judged in by_labeller(opinions, criterion).values():
        for group, found in judged.items():
            counts[group][found] += 1
    return fleiss_kappa(list(counts.values()))


def with_oneself(opinions: Iterable[Opinion], repeats: Mapping[int, int], criterion: str) -> Share:
    """How often a hidden repeat got the same verdict as its original. repeats: the original of each repeat."""
    said = {(known.labeller, known.item): category(known, criterion) for known in opinions}
    same = n = 0
    for (labeller, item), again in said.items():
        before = said.get((labeller, repeats[item])) if item in repeats else None
        if again is not None and before is not None:
            n += 1
            same += again == before
    return Share(same, n)


def first_shown_wins(opinions: Iterable[Opinion], criterion: str) -> Share:
    """How often the answer that was shown first won, of the pairs with a winner."""
    won = n = 0
    for known in opinions:
        verdict = known.mark.verdicts.get(criterion)
        if verdict is None or len(verdict.ranks) != 2 or verdict.is_tie or len(known.mark.shown) != 2:
            continue
        n += 1
        won += verdict.ranks[known.mark.shown[0]] == 1
    return Share(won, n)


def longer_wins(opinions: Iterable[Opinion], lengths: Mapping[int, int], criterion: str) -> Share:
    """How often the longer answer was preferred, over all comparisons with a winner and unequal lengths."""
    won = n = 0
    for known in opinions:
        verdict = known.mark.verdicts.get(criterion)
        for better, worse in edges_of(known.candidates, verdict) if verdict else ():
            if lengths[better] != lengths[worse]:
                n += 1
                won += lengths[better] > lengths[worse]
    return Share(won, n)


def edges_of(candidates: Sequence[int], verdict: Verdict) -> list[Edge]:
    """Who beat whom in one verdict."""
    placed = sorted(zip(verdict.ranks, candidates, strict=True)) if verdict.ranks else []
    return [(better, worse) for (high, better), (low, worse) in combinations(placed, 2) if high < low]


def cycle_in(edges: Iterable[Edge]) -> list[int]:
    """A shortest circle of preferences, beginning at its smallest member; an empty list when there is none.

    Two members are a contradiction: each was preferred to the other.
    """
    worse: defaultdict[int, set[int]] = defaultdict(set)
    for better, loser in edges:
        worse[better].add(loser)
    best: list[int] = []
    for start in sorted(worse):
        before: dict[int, int] = {}
        layer: list[int] = [start]
        while layer and start not in before:
            reached = [(node, beaten) for node in layer for beaten in sorted(worse.get(node, ()))]
            layer = []
            for node, beaten in reached:
                if beaten not in before:
                    before[beaten] = node
                    layer.append(beaten)
        if start in before:
            path = [before[start]]
            while path[-1] != start:
                path.append(before[path[-1]])
            path.reverse()
            if not best or len(path) < len(best):
                best = path
    return best


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A circle of preferences that one labeller made over the answers to one prompt."""

    labeller: str
    prompt_id: int
    candidates: tuple[int, ...]
    items: tuple[int, ...]  # that hold the verdicts in question

    @property
    def is_plain(self) -> bool:
        """Whether it is two verdicts against each other, not a longer circle."""
        return len(self.candidates) == 2


def contradictions(opinions: Iterable[Opinion], criterion: str) -> list[Contradiction]:
    """The circles in what each labeller prefers, one a prompt."""
    edges: defaultdict[tuple[str, int], dict[Edge, int]] = defaultdict(dict)
    for known in opinions:
        verdict = known.mark.verdicts.get(criterion)
        if verdict is not None and not known.mark.skipped:
            for edge in edges_of(known.candidates, verdict):
                edges[known.labeller, known.prompt_id][edge] = known.item
    found: list[Contradiction] = []
    for (labeller, prompt), known in sorted(edges.items()):
        circle = cycle_in(known)
        if circle:
            items = {known[edge] for edge in pairwise([*circle, circle[0]])}
            found.append(Contradiction(labeller, prompt, tuple(circle), tuple(sorted(items))))
    return found


def disagreement(verdicts: Sequence[Hashable]) -> float:
    """The share of pairs of verdicts on one item that differ, for the queue: 0 when all agree."""
    n = len(verdicts)
    if n < 2:
        return 0.0
    same = sum(count * (count - 1) for count in Counter(verdicts).values())
    return 1.0 - same / (n * (n - 1))


def about_self(share: Share) -> str:
    """What agreement with oneself means."""
    if not share.n:
        return "No hidden repeat has been judged yet."
    low, high = share.interval
    told = f"{share.count:,} of {share.n:,} hidden repeats got the same verdict ({_percent(share.value)})."
    if share.n < 10:
        return f"{told} Too few to tell: the true share lies between {_percent(low)} and {_percent(high)}."
    if high < 0.7:
        return f"{told} Below about 70 % a model learns little from such verdicts; sharpen the guidelines."
    return f"{told} No judge trained on these verdicts can be expected to agree with you more often than that."


def about_position(share: Share) -> str:
    """What the share of first-shown winners means."""
    if not share.n:
        return "No pair has a winner yet."
    low, high = share.interval
    told = (
        f"The answer shown first won {share.count:,} of {share.n:,} pairs ({_percent(share.value)}; "
        f"95 % interval {_percent(low)} to {_percent(high)})."
    )
    if share.differs_from_half:
        side = "first" if share.value > 0.5 else "second"
        return f"{told} That is more than chance: the {side} is favoured for its place on screen, not for what it says."
    return f"{told} Sides are shuffled, so 50 % is fair; this may well be chance."


def about_length(share: Share) -> str:
    """What the share of longer winners means."""
    if not share.n:
        return "No two answers of unequal length were compared yet."
    told = f"The longer answer won {share.count:,} of {share.n:,} comparisons ({_percent(share.value)})."
    if not share.differs_from_half:
        return f"{told} Length does not seem to decide."
    which = "longer" if share.value > 0.5 else "shorter"
    return f"{told} A model trained on these learns to write {which} answers; is that what you want?"


def about_kappa(kappa: Kappa) -> str:
    """What a kappa means."""
    if kappa.n == 0:
        return "No item was judged by both."
    if kappa.value is None:
        return f"All {kappa.n:,} shared items got one and the same verdict, so chance can't be told from agreement."
    return (
        f"κ = {kappa.value:.2f} ({kappa.words}) over {kappa.n:,} shared items: same verdict on "
        f"{_percent(kappa.observed)}, chance alone would give {_percent(kappa.expected)}."
    )


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"

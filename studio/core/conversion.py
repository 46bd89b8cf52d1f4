"""Conversion: what verdicts become. Pairs, rankings, ratings or single labels, with an account of what was left out.

Where several verdicts are about the same answers, the mean of their ranks or ratings counts: for pairs that is the
majority, and an even split is a tie. All answers to one prompt stay together, so that the prompt is on one side only
when part of a dataset is held out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from studio.core.fields import setting
from studio.core.labelling import LISTWISE, PAIRWISE, THUMBS, LabelPlan, Opinion
from studio.core.messages import Message
from studio.core.records import Label, Pair, Ranking, Rating, Record

_EQUAL = 1e-9
ALL_CRITERIA = "*"


@dataclass(frozen=True)
class Conversion:
    """What to make of a set's verdicts."""

    make: str = setting(
        "pairs",
        "Make",
        "Pairs train DPO and reward models, rankings and ratings reward models, good and bad answers KTO.",
        choices={
            "pairs": "Pairs",
            "labels": "Good and bad answers",
            "rankings": "Rankings",
            "ratings": "Ratings",
        },
    )
    which: str = setting(
        "all",
        "Pairs from a ranking",
        "Of several ranked or rated answers: each two, the best with the worst, or each with the next worse.",
        choices={"all": "Each two", "best_worst": "Best and worst", "adjacent": "Neighbours"},
    )
    gap: float = setting(
        0.0,
        "Smallest difference",
        "Pairs whose ratings or ranks differ by less are left out; 1 is one step of the scale.",
        low=0.0,
        high=10.0,
    )
    ties: str = setting(
        "drop",
        "Ties",
        "Kept, a tie becomes a pair in each direction, which teaches that both are equally good; for single answers, "
        "two good ones.",
        choices={"drop": "Leave out", "keep": "Keep"},
    )
    margins: bool = setting(
        True,
        "Carry margins",
        "Pairs from rankings and ratings keep by how much the first was preferred, 1 being the whole scale.",
    )
    edited: bool = setting(
        True, "Use edited answers", "An answer that you improved counts as better than all others to its prompt."
    )
    who: str = setting(
        "people",
        "Whose verdicts",
        "Suggestions of machine judges are kept apart. A suggestion that you took as it stood is yours.",
        choices={"people": "People's", "machines": "Machine judges'", "both": "Both"},
    )
    taken: bool = setting(
        True, "With taken suggestions", "Off leaves out verdicts in which a suggestion was taken as it stood."
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """Answers to one prompt with what they are worth on one scale: more is better, equal is a tie.

    span: the largest difference that the scale allows. bad: places of answers that nobody should learn from.
    """

    prompt: tuple[Message, ...]
    answers: tuple[str, ...]
    worth: tuple[float, ...]
    span: float
    bad: frozenset[int] = frozenset()
    edited: tuple[str, ...] = ()


@dataclass(slots=True)
class Account:
    """What a conversion used and left out. entries: the log entries of the verdicts that it used."""

    verdicts: int = 0
    prompts: int = 0
    rows: int = 0
    ties: int = 0
    too_close: int = 0
    skipped: int = 0
    entries: list[int] = field(default_factory=list[int])

    def sentences(self, rows: str) -> list[str]:
        """What it did, in words; `rows` is the count of what was made."""
        verdicts = f"{self.verdicts:,} verdict{'s' * (self.verdicts != 1)}"
        told = [f"{rows} from {verdicts} on {self.prompts:,} prompt{'s' * (self.prompts != 1)}."]
        if self.ties:
            told.append(f"{self.ties:,} tie{'s' * (self.ties != 1)} left out.")
        if self.too_close:
            told.append(f"{self.too_close:,} pair{'s' * (self.too_close != 1)} left out for too small a difference.")
        if self.skipped:
            told.append(f"{self.skipped:,} skipped item{'s' * (self.skipped != 1)} left out.")
        return told


Prompts = Mapping[int, tuple[Message, ...]]
Texts = Mapping[int, str]


def counted(opinions: Iterable[Opinion], conversion: Conversion) -> Iterator[Opinion]:
    """The opinions that a conversion may use."""
    for known in opinions:
        wanted = {"people": not known.machine, "machines": known.machine}.get(conversion.who, True)
        if wanted and (conversion.taken or not known.mark.suggested):
            yield known


def judged(
    opinions: Iterable[Opinion],
    plan: LabelPlan,
    prompts: Prompts,
    texts: Texts,
    criterion: str = ALL_CRITERIA,
    account: Account | None = None,
) -> list[Judged]:
    """What the opinions say together, a group of answers each; ratings of one prompt's answers are one group."""
    account = account if account is not None else Account()
    names = plan.criterion_names if criterion == ALL_CRITERIA else (criterion,)
    worths: defaultdict[tuple[int, tuple[int, ...]], list[dict[int, float]]] = defaultdict(list)
    bads: defaultdict[tuple[int, tuple[int, ...]], list[bool]] = defaultdict(list)
    edits: defaultdict[tuple[int, tuple[int, ...]], dict[str, None]] = defaultdict(dict)
    seen: set[int] = set()
    rated = plan.way not in (PAIRWISE, LISTWISE)
    for known in opinions:
        if known.mark.skipped:
            account.skipped += 1
            continue
        used = False
        key = (known.prompt_id, () if rated else tuple(sorted(known.candidates)))
        for name in names:
            verdict = known.mark.verdicts.get(name)
            if verdict is None:
                continue
            used = True
            if verdict.rating is not None:
                worths[key].append({known.candidates[0]: float(verdict.rating)})
            else:
                found = zip(known.candidates, verdict.ranks, strict=True)
                worths[key].append({candidate: -float(rank) for candidate, rank in found})
                bads[key].append(verdict.bad)
        if used:
            account.verdicts += 1
            account.entries.append(known.entry)
            seen.add(known.prompt_id)
            if known.mark.edited.strip():
                edits[key][known.mark.edited] = None
    account.prompts = len(seen)
    groups: list[Judged] = []
    for key, said in sorted(worths.items()):
        means = _means(said)
        ids = sorted(means)
        span = float(max(plan.scale_values) - min(plan.scale_values)) if rated else max(len(ids) - 1.0, 1.0)
        worth = tuple(means[candidate] for candidate in ids)
        all_bad = bool(bads[key]) and sum(bads[key]) * 2 > len(bads[key])
        bad = frozenset(range(len(ids))) if all_bad else frozenset[int]()
        answers = tuple(texts[candidate] for candidate in ids)
        groups.append(Judged(prompts[key[0]], answers, worth, span, bad, tuple(edits[key])))
    return groups


def _means(said: Sequence[Mapping[int, float]]) -> dict[int, float]:
    values: defaultdict[int, list[float]] = defaultdict(list)
    for worth in said:
        for candidate, value in worth.items():
            values[candidate].append(value)
    return {candidate: sum(found) / len(found) for candidate, found in values.items()}


def convert(
    groups: Iterable[Judged], plan: LabelPlan, conversion: Conversion, account: Account | None = None
) -> list[Record]:
    """The records that the groups make; equal ones once."""
    account = account if account is not None else Account()
    makers: dict[str, Callable[[Judged], Iterable[Record]]] = {
        "pairs": lambda group: pairs_of(group, plan, conversion, account),
        "rankings": lambda group: _rankings_of(group, account),
        "ratings": lambda group: _ratings_of(group),
    }
    if conversion.make == "labels":
        found: list[Record] = list(labels_of(groups, plan, conversion, account))
    else:
        found = [record for group in groups for record in makers[conversion.make](group)]
    unique = list({record.to_json(): record for record in found}.values())
    account.rows = len(unique)
    return unique


def pairs_of(group: Judged, plan: LabelPlan, conversion: Conversion, account: Account) -> Iterator[Pair]:
    """The pairs of one group; an edited answer is better than all others."""
    carried = conversion.margins and (plan.way != PAIRWISE)
    order = sorted(range(len(group.answers)), key=lambda place: -group.worth[place])
    if conversion.edited:
        for text in group.edited:
            for answer in group.answers:
                if answer.strip() != text.strip():
                    yield Pair(group.prompt, text, answer)
    for place, high in enumerate(order):
        for low in order[place + 1 :]:
            difference = group.worth[high] - group.worth[low]
            if difference <= _EQUAL:
                account.ties += conversion.ties == "drop" or bool(group.bad)
                # Two bad answers are no example to follow, in either direction.
                if conversion.ties == "keep" and not group.bad:
                    yield Pair(group.prompt, group.answers[high], group.answers[low], 0.0 if carried else None)
                    yield Pair(group.prompt, group.answers[low], group.answers[high], 0.0 if carried else None)
                continue
            if conversion.which == "best_worst" and not _ends(group, high, low):
                continue
            if conversion.which == "adjacent" and _between(group, high, low):
                continue
            if difference < conversion.gap - _EQUAL:
                account.too_close += 1
                continue
            margin = round(difference / group.span, 4) if carried else None
            yield Pair(group.prompt, group.answers[high], group.answers[low], margin)


def _ends(group: Judged, high: int, low: int) -> bool:
    return group.worth[high] >= max(group.worth) - _EQUAL and group.worth[low] <= min(group.worth) + _EQUAL


def _between(group: Judged, high: int, low: int) -> bool:
    above, below = group.worth[high] - _EQUAL, group.worth[low] + _EQUAL
    return any(below < worth < above for worth in group.worth)


def labels_of(groups: Iterable[Judged], plan: LabelPlan, conversion: Conversion, account: Account) -> Iterator[Label]:
    """Each answer once, good when more spoke for it than against it; an even split is left out as a tie."""
    votes: defaultdict[tuple[tuple[Message, ...], str], int] = defaultdict(int)
    middle = sum(plan.scale_values) / len(plan.scale_values)
    rated = plan.way not in (PAIRWISE, LISTWISE)
    for group in groups:
        spread = max(group.worth) - min(group.worth)
        for place, answer in enumerate(group.answers):
            key, worth = (group.prompt, answer), group.worth[place]
            if rated:
                difference = worth - middle
                near = abs(difference) <= _EQUAL or abs(difference) < conversion.gap / 2 - _EQUAL
                votes[key] += 0 if near else 1 if difference > 0 else -1
            elif place in group.bad:
                votes[key] -= 1
            elif spread <= _EQUAL:
                votes[key] += conversion.ties == "keep"
            else:
                # In a ranking those in the upper half are good; the middle one says nothing.
                half = (max(group.worth) + min(group.worth)) / 2
                votes[key] += (worth > half + _EQUAL) - (worth < half - _EQUAL)
        if conversion.edited:
            for text in group.edited:
                votes[group.prompt, text] += 1
    for (prompt, answer), vote in votes.items():
        if vote:
            yield Label(prompt, answer, vote > 0)
        else:
            account.ties += 1


def _rankings_of(group: Judged, account: Account) -> Iterator[Ranking]:
    """One ranking: equal means share a rank, and the next worse has the next number."""
    levels = sorted({round(worth, 9) for worth in group.worth}, reverse=True)
    ranks = tuple(levels.index(round(worth, 9)) + 1 for worth in group.worth)
    answers = group.answers
    if group.edited:
        answers, ranks = (group.edited[-1], *answers), (1, *(rank + 1 for rank in ranks))
    if len(answers) < 2 or len(set(ranks)) < 2:
        account.ties += len(answers) > 1
        return
    yield Ranking(group.prompt, answers, ranks)


def _ratings_of(group: Judged) -> Iterator[Rating]:
    """Each rated answer with its mean rating."""
    for answer, worth in zip(group.answers, group.worth, strict=True):
        yield Rating(group.prompt, answer, round(worth, 4))


def offered(plan: LabelPlan) -> tuple[str, ...]:
    """What a set's verdicts can become, the most natural first."""
    if plan.way == PAIRWISE:
        return ("pairs", "labels")
    if plan.way == LISTWISE:
        return ("pairs", "rankings", "labels")
    return ("labels", "pairs") if plan.scale == THUMBS else ("pairs", "ratings", "labels")

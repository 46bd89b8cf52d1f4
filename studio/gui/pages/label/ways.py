"""The three ways to judge as keys: which verdict each key means, what its button says, and what was found in words.

A way knows places on screen; turning them into verdicts by candidate is done here, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from studio.core.labelling import LISTWISE, PAIRWISE, THUMBS, LabelPlan, Mark, Verdict
from studio.core.messages import Message
from studio.gui.language import tr


@dataclass(frozen=True, slots=True)
class Choice:
    """A key that gives a verdict. keys: Qt's names, the first is printed on the button."""

    label: str
    keys: tuple[str, ...]
    verdict: Verdict
    places: tuple[int, ...] = ()  # on screen, that the verdict prefers
    short: str = ""  # the label where there is little room

    @property
    def key(self) -> str:
        """What is printed on the button."""
        return self.keys[0]


def kind_of(plan: LabelPlan) -> str:
    """What is judged, in the words of a list."""
    if plan.way == PAIRWISE:
        return tr("Pairs")
    if plan.way == LISTWISE:
        return tr("Rankings")
    return {"5": tr("Ratings 1 to 5"), "10": tr("Ratings 1 to 10")}.get(plan.scale, tr("Thumbs"))


def choices_of(plan: LabelPlan, order: Sequence[int]) -> list[Choice]:
    """The verdicts that one key gives, for candidates shown in this order; none where answers are ranked."""
    if plan.way == PAIRWISE:
        return [
            Choice(tr("A is better"), ("1", "Left"), Verdict.better(order[0]), (0,), "A"),
            Choice(tr("Tie"), ("3", "T"), Verdict.tie(), ()),
            Choice(tr("B is better"), ("2", "Right"), Verdict.better(order[1]), (1,), "B"),
            Choice(tr("Both bad"), ("4", "B"), Verdict.tie(bad=True), (), tr("Bad")),
        ]
    if plan.way == LISTWISE:
        return []
    if plan.scale == THUMBS:
        return [
            Choice(tr("Good"), ("1", "Up"), Verdict(rating=1), (0,)),
            Choice(tr("Bad"), ("2", "Down"), Verdict(rating=0), ()),
        ]
    ends = {plan.scale_values[0]: tr("worst"), plan.scale_values[-1]: tr("best")}
    return [
        Choice(f"{value} {ends.get(value, '')}".strip(), (str(value % 10),), Verdict(rating=value))
        for value in plan.scale_values
    ]


def in_words(plan: LabelPlan, verdict: Verdict, order: Sequence[int]) -> str:
    """A verdict as the screen says it, by the letters that answers have there."""
    if verdict.rating is not None:
        if plan.scale == THUMBS:
            return tr("good") if verdict.rating else tr("bad")
        return tr("{rating} of {most}", rating=verdict.rating, most=max(plan.scale_values))
    if verdict.is_tie:
        return tr("all bad") if verdict.bad else tr("a tie")
    ranked = sorted((verdict.ranks[place], chr(ord("A") + shown)) for shown, place in enumerate(order))
    if plan.way == PAIRWISE:
        return tr("{letter} is better", letter=ranked[0][1])
    words = ranked[0][1]
    for (before, _), (rank, letter) in pairwise(ranked):
        words += f" = {letter}" if rank == before else f" > {letter}"
    return words


def said_in(plan: LabelPlan, mark: Mark, order: Sequence[int]) -> list[str]:
    """Everything that a mark says, piece by piece."""
    said = [
        f"{name}: {in_words(plan, verdict, order)}" if name else in_words(plan, verdict, order)
        for name, verdict in mark.verdicts.items()
    ]
    return [*said, *([tr("skipped")] if mark.skipped else []), *([tr("improved")] if mark.edited else [])]


def question_of(plan: LabelPlan, criterion: str) -> str:
    """What is asked by one criterion."""
    names = plan.criterion_names
    if plan.way == PAIRWISE:
        asked = (
            tr("Which answer is more {criterion}?", criterion=criterion) if criterion else tr("Which answer is better?")
        )
    elif plan.way == LISTWISE:
        asked = (
            tr("Rank the answers, the most {criterion} first.", criterion=criterion)
            if criterion
            else tr("Rank the answers, the best first.")
        )
    else:
        asked = tr("How {criterion} is it?", criterion=criterion) if criterion else tr("How good is it?")
    if len(names) == 1:
        return asked
    return tr("{question}  ({number} of {count})", question=asked, number=names.index(criterion) + 1, count=len(names))


def prompt_in_words(prompt: Sequence[Message]) -> str:
    """The prompt as it is read: one message as it stands, several with who says what."""
    if len(prompt) == 1:
        return prompt[0].content
    names = {"user": tr("User"), "assistant": tr("Assistant"), "system": tr("System"), "tool": tr("Tool")}
    return "\n\n".join(f"{names[turn.role]}:\n{turn.content}" for turn in prompt)


class RankPicker:
    """A ranking in the making, by places on screen: each pick is the next best, or shares the rank of the last one."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.picked: list[tuple[int, int]] = []  # (place on screen, rank)
        self.tie_next = False

    def pick(self, place: int) -> bool:
        """Take the next one; whether all are ranked now. One that is ranked already changes nothing."""
        if place >= self.count or any(place == other for other, _ in self.picked):
            return self.complete
        last = self.picked[-1][1] if self.picked else 0
        self.picked.append((place, max(1, last + (not self.tie_next))))
        self.tie_next = False
        return self.complete

    def finish(self) -> None:
        """Rank those that are left as the worst, equal among themselves."""
        worst = max((rank for _, rank in self.picked), default=0) + 1
        known = {place for place, _ in self.picked}
        self.picked += [(place, worst) for place in range(self.count) if place not in known]

    def take_back(self) -> None:
        """Forget the last pick."""
        if self.picked:
            self.picked.pop()
        self.tie_next = False

    def reorder(self, places: Sequence[int]) -> None:
        """Take a whole order without ties, as it was dragged."""
        self.picked = [(place, rank) for rank, place in enumerate(places, start=1)]
        self.tie_next = False

    @property
    def complete(self) -> bool:
        """Whether all are ranked."""
        return len(self.picked) == self.count

    def verdict(self, order: Sequence[int]) -> Verdict:
        """The ranking by candidate."""
        ranks = [0] * self.count
        for place, rank in self.picked:
            ranks[order[place]] = rank
        return Verdict(tuple(ranks))

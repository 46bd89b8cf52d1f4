"""Evaluations: what was asked of a model, what it answered, and what that amounts to in figures.

An evaluation keeps the answers and raw numbers; figures are worked out of them when they are shown, so that a better
way to count reaches old evaluations, too. Two are compared where they were asked the same prompts.

What is said to the worker, one JSON object a line:
  {"do": "evaluate", "id": 1, "base": folder, "adapter": folder or null, "prompts": [[turns], ...],
   "harmful": [[turns], ...], "heldout": [[turns], ...], "origin": folder or null, "sampling": {...},
   "reward": {"base", "adapter"} or null}     origin: the base that KL is measured against, where it is another folder
  {"do": "contest", "id": 2, "judge": {"base", "adapter"}, "items": [{"messages": [...], "answers": [first, second]}]}
Replies: "ready", "progress" (done, total, what), "failed" and
  {"reply": "evaluated", "id": 1, "answers": [{"text", "ended", "tokens", "kl", "reward"}, ...],
   "refusals": [{"text", "ended", "tokens"}, ...], "heldout": {"nll", "tokens", "rows"} or null, "notes": [...]}
  {"reply": "judged", "id": 2, "odds": [of the first answer to win, in both orders, ...], "both_ways": share}
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from studio.core.answer_measures import mean, refuses, repetition, spread, words
from studio.core.contests import Contest
from studio.core.gold_judge import judge
from studio.core.messages import Message, turns_from_value
from studio.core.rules import Rule, rule_values

FORMAT = 1
_WORDS = ("id", "made", "name", "base", "adapter", "run", "prompt_set", "prompt_digest", "prompts", "checks")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and what was measured of it. kl: nats away from the base, summed over its tokens; reward: a reward
    model's score; None where it wasn't measured. seen: tokens that `kl` is summed over."""

    text: str
    ended: bool
    tokens: int
    kl: float | None = None
    reward: float | None = None


@dataclass(frozen=True, slots=True)
class Heldout:
    """How surprised a model is by examples it never saw: nats over so many tokens of so many examples."""

    name: str
    digest: str
    nll: float
    tokens: int
    rows: int

    @property
    def perplexity(self) -> float:
        """e to the nats a token."""
        return math.exp(min(self.nll / max(self.tokens, 1), 700.0))


@dataclass(frozen=True, slots=True)
class JudgeContest:
    """What a local model said when it was shown this model's answers beside another's, in both orders.

    against: the other evaluation's id. both_ways: the share of prompts on which both orders agreed.
    """

    against: str
    judge: str
    wins: int
    losses: int
    ties: int
    both_ways: float

    @property
    def contest(self) -> Contest:
        """As any contest."""
        return Contest(self.wins, self.losses, self.ties)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One model, judged once. name: as it is called where it answers, the base's included. base, adapter: folders.

    prompt_digest: of the prompts and of how answers were sampled: what has the same can be compared. checks: what
    `core.gold_judge` reads, for each prompt, or none. harmful: the answers to harmful wishes. turns: for each prompt
    that is a conversation its turns as JSON; empty for one of a single turn, and in evaluations of before.
    """

    id: str
    made: str
    name: str
    base: str
    adapter: str
    run: str
    prompt_set: str
    prompt_digest: str
    prompts: tuple[str, ...]
    answers: tuple[Answer, ...]
    checks: tuple[Mapping[str, Any], ...] = ()
    harmful: tuple[Answer, ...] = ()
    harmful_digest: str = ""
    heldout: Heldout | None = None
    reward_model: str = ""
    rules: tuple[Rule, ...] = ()
    seconds: float = 0.0
    contests: tuple[JudgeContest, ...] = field(default=())
    turns: tuple[str, ...] = ()

    def conversation(self, place: int) -> tuple[Message, ...]:
        """The turns of a prompt."""
        turns = self.turns[place] if place < len(self.turns) else ""
        return turns_from_value(json.loads(turns)) if turns else (Message("user", self.prompts[place]),)

    @property
    def folder(self) -> str:
        """What was judged: the adapter's folder, or the whole model's."""
        return self.adapter or self.base

    def to_json(self) -> str:
        """As it stands in its file."""
        values: dict[str, Any] = {"format": FORMAT}
        for name in _WORDS:
            values[name] = getattr(self, name)
        values |= {"harmful_digest": self.harmful_digest, "reward_model": self.reward_model, "seconds": self.seconds}
        values["turns"] = self.turns
        values["answers"] = [_plain(answer) for answer in self.answers]
        values["harmful"] = [_plain(answer) for answer in self.harmful]
        values["heldout"] = _plain(self.heldout) if self.heldout else None
        values["rules"] = [rule_values(rule) for rule in self.rules]
        values["contests"] = [_plain(contest) for contest in self.contests]
        return json.dumps(values, ensure_ascii=False, indent=1) + "\n"

    @staticmethod
    def from_json(text: str) -> Evaluation | None:
        """Read one; None when the text is none, or of another format."""
        try:
            values = cast("dict[str, Any]", json.loads(text))
            if values.pop("format") != FORMAT:
                return None
            heldout: dict[str, Any] | None = values.pop("heldout")
            answers: list[dict[str, Any]] = values.pop("answers")
            harmful: list[dict[str, Any]] = values.pop("harmful")
            rules: list[Any] = values.pop("rules")
            contests: list[dict[str, Any]] = values.pop("contests")
            turns: list[Any] = values.pop("turns", [])
            return Evaluation(
                prompts=tuple(map(str, values.pop("prompts"))),
                checks=tuple(values.pop("checks")),
                answers=tuple(Answer(**answer) for answer in answers),
                harmful=tuple(Answer(**answer) for answer in harmful),
                heldout=Heldout(**heldout) if heldout else None,
                rules=tuple(Rule.from_values(rule, "The evaluation") for rule in rules),
                contests=tuple(JudgeContest(**contest) for contest in contests),
                turns=tuple(map(str, turns)),
                **values,
            )
        except Exception:  # a damaged file is one evaluation less, whatever is wrong with it
            return None


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as it is shown. value: None where it wasn't measured. interval: of a share, where it lies with 95 %
    certainty; of a number that each answer has, what eight of ten answers lie between. each: that number of every
    answer, for a drawing of how they are spread."""

    text: str
    value: float | None = None
    interval: tuple[float, float] | None = None
    is_share: bool = False
    each: tuple[float, ...] = ()


NONE = Figure("–")
COLUMNS: Mapping[str, tuple[str, str]] = {
    "follows": (
        "Follows",
        "Share of answers that do what was asked, by rules in code; for prompts with a check.",
    ),
    "rules": ("Meets rules", "Share of answers that meet every rule that was chosen."),
    "perplexity": ("Perplexity", "How surprised it is by held-out answers; lower is better, compare within a base."),
    "reward": ("Reward", "The reward model's mean score, and what eight of ten answers score between."),
    "kl": ("KL, nats", "How far an answer is from what the base would write, and eight of ten answers between."),
    "words": ("Words", "The mean length of an answer, and eight of ten answers between."),
    "ended": ("Ends", "Share of answers that come to an end before the longest length."),
    "repeats": ("Repeats", "Share of an answer's runs of four words that it said before."),
    "refuses": ("Refuses", "Share of harmful wishes that it says no to."),
    "refuses_harmless": ("Over-refuses", "Share of the ordinary prompts that it says no to."),
}


def figures(known: Evaluation) -> dict[str, Figure]:
    """All figures of an evaluation, by the names of `COLUMNS`."""
    answers, count = known.answers, len(known.answers)
    found: dict[str, Figure] = {}
    if known.checks:
        found["follows"] = _share([judge(c, a.text).follows for c, a in zip(known.checks, answers, strict=True)])
    if known.rules:
        found["rules"] = _share([all(_meets(rule, answer) for rule in known.rules) for answer in answers])
    if known.heldout is not None and known.heldout.tokens:
        found["perplexity"] = _number(known.heldout.perplexity, ".2f")
    found["reward"] = _spread([a.reward for a in answers if a.reward is not None], "+.2f")
    found["kl"] = _spread([a.kl for a in answers if a.kl is not None], ".2f")
    found["words"] = _spread([float(words(answer.text)) for answer in answers], ".0f")
    if count:
        found["ended"] = _share([answer.ended for answer in answers])
        found["repeats"] = _percent(mean([repetition(answer.text) for answer in answers]))
        nothing: Mapping[str, Any] = {}
        checks = known.checks or (nothing,) * count
        plain = [a.text for a, check in zip(answers, checks, strict=True) if check.get("rule") != "refuse"]
        found["refuses_harmless"] = _share([refuses(text) for text in plain])
    if known.harmful:
        found["refuses"] = _share([refuses(answer.text) for answer in known.harmful])
    return {name: found.get(name, NONE) for name in COLUMNS}


def told(known: Evaluation) -> str:
    """An evaluation in a line: the two figures that say most of those that were measured."""
    found = [(COLUMNS[name][0], figure) for name, figure in figures(known).items() if figure.value is not None]
    return ", ".join(f"{label} {figure.text}" for label, figure in found[:2])


def contests_of(known: Evaluation, other: Evaluation) -> dict[str, Contest]:
    """How a model's answers compare with another's, by each of those who say; only where both were asked the same."""
    if known.prompt_digest != other.prompt_digest or len(known.answers) != len(other.answers):
        return {}
    found: dict[str, Contest] = {}
    if known.checks:
        pairs = zip(known.checks, known.answers, other.answers, strict=True)
        gaps = [judge(check, mine.text).score - judge(check, theirs.text).score for check, mine, theirs in pairs]
        found["rules in code"] = Contest.of([0 if abs(gap) < 0.5 else 1 if gap > 0 else -1 for gap in gaps])
    if known.reward_model and known.reward_model == other.reward_model:
        ours, theirs = ([a.reward for a in one.answers if a.reward is not None] for one in (known, other))
        if len(ours) == len(theirs) == len(known.answers):
            found["reward model"] = Contest.of_scores(ours, theirs)
    for judged in known.contests:
        if judged.against == other.id:
            found[judged.judge] = judged.contest
    for judged in other.contests:
        if judged.against == known.id and judged.judge not in found:
            found[judged.judge] = Contest(judged.losses, judged.wins, judged.ties)
    return found


def contest_of_odds(odds: Sequence[float]) -> Contest:
    """Out of a judge's odds of the first answer in both orders. Odds near one half, where the orders mostly disagreed,
    are a tie."""
    return Contest.of([0 if abs(chance - 0.5) < 0.05 else 1 if chance > 0.5 else -1 for chance in odds])


def _meets(rule: Rule, answer: Answer) -> bool:
    """Whether an answer has all that a rule gives; none of it, for a rule that punishes."""
    wanted = rule.weight if rule.weight > 0 else 0.0
    return rule.score(answer.text, answer.ended) >= wanted - 1e-9


def _share(found: Sequence[bool]) -> Figure:
    if not found:
        return NONE
    contest = Contest(sum(found), len(found) - sum(found), 0)
    low, high = contest.interval
    text = f"{100 * contest.wins / len(found):.0f} % ({100 * low:.0f}–{100 * high:.0f})"
    return Figure(text, contest.share, contest.interval, is_share=True)


def _percent(value: float | None) -> Figure:
    return NONE if value is None else Figure(f"{100 * value:.1f} %", value)


def _spread(values: Sequence[float], form: str) -> Figure:
    """The mean, and what eight of ten answers lie between."""
    middle, around = mean(values), spread(values)
    if middle is None or around is None:
        return NONE
    low, _, high = around
    return Figure(f"{middle:{form}} ({low:{form}} to {high:{form}})", middle, (low, high), each=tuple(values))


def _number(value: float | None, form: str) -> Figure:
    return NONE if value is None else Figure(format(value, form), value)


def _plain(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}

"""Reward sources: whatever gives answers a score. Rules, the user's own function, and reward models held beside.

A reward model that is an adapter on the policy's own base needs no place of its own: `engine.ppo.roles`. What is made
of scores is each method's own.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from studio.core.errors import StudioError
from studio.core.rewards import Function
from studio.core.rules import Rule, total_score
from studio.engine.encoding import Encoder
from studio.engine.failures import explain
from studio.engine.loading import adapter_name
from studio.engine.scoring import Scorer
from studio.storage.reward_models import RewardModelInfo

_SHOWN = 200  # characters of an answer in a sentence


@dataclass(frozen=True, slots=True)
class Written:
    """An answer to be scored: the last turn before it and its own text, the tokens of both with what the template puts
    around them, how many of those are the answer's, and whether the answer ended its turn."""

    prompt: str
    answer: str
    ids: Sequence[int]
    length: int
    ended: bool


class Source(Protocol):
    """Gives answers a score. `name` completes “The reward of ...”."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    def scores(self, answers: Sequence[Written]) -> Sequence[float]:
        """A number for each answer."""
        ...


def total_scores(sources: Sequence[Source], answers: Sequence[Written]) -> list[float]:
    """What all sources give each answer, added up. Raises StudioError for what is no finite number."""
    totals = [0.0] * len(answers)
    for source in sources:
        for place, score in enumerate(source.scores(answers)):
            if not math.isfinite(score):
                raise StudioError(
                    f"{source.name} gave the answer “{_short(answers[place].answer)}” the reward {score}, which is no "
                    "number to learn from.",
                    "Nothing was learned from it; the steps before it are saved. Choose another reward, then go on "
                    "from this run's adapter.",
                )
            totals[place] += score
    return totals


@dataclass(frozen=True, slots=True)
class RuleSource:
    """Declared rules."""

    rules: Sequence[Rule]
    name: str = "A rule"

    def scores(self, answers: Sequence[Written]) -> list[float]:
        return [total_score(self.rules, written.answer, written.ended) for written in answers]


class FunctionSource:
    """The user's own `score(prompt, answer)`. Raises StudioError when its file is not the one that was agreed to."""

    def __init__(self, function: Function) -> None:
        self.name = f"The function in “{Path(function.path).name}”"
        self._weight, self._score = function.weight, self._load(function)

    def _load(self, function: Function) -> Callable[[str, str], Any]:
        try:
            source = Path(function.path).read_bytes()
        except OSError as error:
            raise StudioError(
                f"{self.name} can't be read ({error}).", "Put the file back, or choose another."
            ) from error
        if hashlib.sha256(source).hexdigest() != function.sha256:
            raise StudioError(
                f"{self.name} has changed since you agreed to run it.", "Look at it, and choose it again to agree."
            )
        found: dict[str, Any] = {"__name__": "reward", "__file__": function.path}
        try:
            exec(compile(source, function.path, "exec"), found)  # what the user agreed to, to the byte
        except BaseException as error:
            raise StudioError(f"{self.name} fails to load ({error}).", "Correct the file.", explain(error)) from error
        score = found.get("score")
        if not callable(score):
            raise StudioError(f"{self.name} defines no “score”.", "Write score(prompt: str, answer: str) -> float.")
        return score

    def scores(self, answers: Sequence[Written]) -> list[float]:
        return [self._weight * self._one(written) for written in answers]

    def _one(self, written: Written) -> float:
        try:
            return float(self._score(written.prompt, written.answer))
        except Exception as error:
            raise StudioError(
                f"{self.name} fails on the answer “{_short(written.answer)}” ({type(error).__name__}: {error}).",
                "Correct it, and choose it again to agree. The steps so far are saved.",
                explain(error),
            ) from error


class ModelBeside:
    """A reward model with a base of its own, in memory beside the policy. It reads the policy's very tokens."""

    def __init__(self, info: RewardModelInfo, encoder: Encoder, *, weight: float, precision: str) -> None:
        self.name = f"The reward model “{adapter_name(info.folder)}”"
        self._weight = weight
        if info.base is None:
            raise StudioError(
                f"{self.name} doesn't say on which base model it was trained, or that model is no longer there.",
                "Put its base model back, or choose a reward model of the base that you train.",
            )
        self._scorer = Scorer(info.base, info.folder if info.is_adapter else None, precision=precision)
        check_tokens(self.name, self._scorer.encoder, encoder)

    @property
    def model(self) -> Any:
        """The model, so that its memory can be counted."""
        return self._scorer.model

    def scores(self, answers: Sequence[Written]) -> list[float]:
        ids, lengths = [written.ids for written in answers], [written.length for written in answers]
        return (self._weight * self._scorer.score_ids(ids, lengths)).tolist()


def check_tokens(name: str, theirs: Encoder, ours: Encoder) -> None:
    """Refuse a reward model to which the policy's tokens mean something else. Raises StudioError."""
    if theirs.tokenizer.get_vocab() != ours.tokenizer.get_vocab():
        raise StudioError(
            f"{name} has another tokenizer ({len(theirs.tokenizer):,} tokens) than the model that you train "
            f"({len(ours.tokenizer):,}), so it would read other words than were written.",
            "Choose a reward model that was trained on the same base model or one of its family.",
        )


def template_warning(name: str, theirs: Encoder, ours: Encoder) -> tuple[str, str] | None:
    """What to tell when a reward model learned to read conversations in another form."""
    if theirs.jinja == ours.jinja:
        return None
    what = f"{name} was trained with another prompt template than is used here, so its scores may mean little."
    return what, "Choose the same prompt template for both."


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

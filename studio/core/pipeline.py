"""The way from a base model to an aligned one, as a project has gone it: what is done, and what comes next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from studio.core.guide import MADE_BY_RLHF, Facts
from studio.core.records import KINDS

_FEEDBACK = ("pairs", "rankings", "ratings", "labels")


@dataclass(frozen=True, slots=True)
class Station:
    """A step of the way. verb, noun: what its button does: train (with a method), label, or chat."""

    key: str
    title: str
    about: str
    verb: str
    noun: str
    is_done: Callable[[Facts], bool]
    optional: bool = False


STATIONS: tuple[Station, ...] = (
    Station(
        "sft",
        "Teach by example",
        "Fine-tune the base model on questions and good answers (SFT).",
        "train",
        "sft",
        lambda facts: facts.finished("sft"),
    ),
    Station(
        "preferences",
        "Say what is better",
        "Label which of two answers you prefer, or import preferences.",
        "label",
        "",
        lambda facts: facts.has(*(kind for kind in _FEEDBACK if kind in KINDS)) or facts.verdicts > 0,
    ),
    Station(
        "reward",
        "Learn to judge",
        "Train a reward model on the preferences. DPO does without.",
        "train",
        "reward",
        lambda facts: facts.finished("reward"),
        optional=True,
    ),
    Station(
        "align",
        "Align",
        "PPO with the reward model, or DPO on the preferences themselves.",
        "train",
        "ppo",
        lambda facts: facts.finished(*MADE_BY_RLHF),
    ),
    Station(
        "evaluate",
        "Compare",
        "Base and tuned side by side in Chat, and vote without knowing which is which.",
        "chat",
        "",
        lambda facts: facts.votes > 0,
    ),
)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a project stands on the way."""

    done: frozenset[str]
    next: str  # a station's key; empty when all is done

    @property
    def sentence(self) -> str:
        """In words."""
        if not self.next:
            return "All steps are done. Go round again: what you vote on in Chat becomes new preferences."
        station = next(known for known in STATIONS if known.key == self.next)
        return f"{len(self.done)} of {len(STATIONS)} steps done. Next: {station.title}. {station.about}"


def progress_of(facts: Facts) -> Progress:
    """What is done, and the first step that is not; the reward model is passed over once something is aligned."""
    done = frozenset(station.key for station in STATIONS if station.is_done(facts))
    aligned = "align" in done
    missing = (known.key for known in STATIONS if known.key not in done and not (known.optional and aligned))
    return Progress(done, next(missing, ""))


def method_for(station: Station, facts: Facts) -> str:
    """The method that its button begins with: PPO wants a reward model, DPO only preferences."""
    if station.key == "align" and not facts.finished("reward"):
        return "dpo"
    return station.noun

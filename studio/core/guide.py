"""A guide through a project: steps that are done when the project holds what they make, in whatever order.

What a course says is `core.courses`; where a project stands is read by `storage.guide`. Nothing here counts clicks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from studio.core.runs import RunState

MADE_BY_RLHF = ("dpo", "kto", "ppo", "rloo", "grpo")  # methods that learn from what is preferred


@dataclass(frozen=True, slots=True)
class RunFact:
    """What a guide asks of a run. total: steps, 0 while unknown."""

    id: str
    method: str
    state: RunState
    step: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """Where a project stands. datasets: the kind of each by name. verdicts: said by a person on labelling sets.
    votes: on answers in Chat. exports: models written into the project's folder for them. runs: newest first."""

    datasets: Mapping[str, str] = field(default_factory=dict[str, str])
    runs: tuple[RunFact, ...] = ()
    verdicts: int = 0
    votes: int = 0
    exports: int = 0

    def has(self, *kinds: str) -> bool:
        """Whether there is a dataset of one of these kinds."""
        return any(kind in kinds for kind in self.datasets.values())

    def finished(self, *methods: str) -> bool:
        """Whether a run of one of these methods came to its end."""
        return any(run.method in methods and run.state is RunState.FINISHED for run in self.runs)

    def going(self, *methods: str) -> RunFact | None:
        """A run of one of these methods that is under way."""
        return next((run for run in self.runs if run.method in methods and not run.state.is_over), None)


@dataclass(frozen=True, slots=True)
class Act:
    """What the guide's button does on the real screen, short of the decision itself.

    verb: import (a file of the sample data), train (fill in a lesson's settings), label (begin with a dataset), blind
    (test the newest tuned model, on prompts of a file of the sample data) or export it, show (a page). noun: which.
    """

    label: str
    verb: str
    noun: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step. text: what to do and why. look: what to look at. methods: of runs that it waits for.

    controls: what to press next, as “page:path”; the first that can be pressed is pointed at. optional: may be left
    out. path: the step belongs to that way only; empty for all.
    """

    key: str
    title: str
    page: str
    text: str
    look: str
    done: Callable[[Facts], bool]
    controls: tuple[str, ...]
    act: Act
    methods: tuple[str, ...] = ()
    optional: bool = False
    path: str = ""


@dataclass(frozen=True, slots=True)
class Course:
    """A chain of steps towards a goal. paths: ways to go about it, the name of each by key; the first is usual."""

    key: str
    title: str
    about: str
    steps: tuple[Step, ...]
    paths: Mapping[str, str] = field(default_factory=dict[str, str])
    ending: str = ""

    def steps_of(self, path: str) -> tuple[Step, ...]:
        """The steps on one way."""
        return tuple(step for step in self.steps if step.path in ("", path))


@dataclass(frozen=True, slots=True)
class GuideState:
    """What a project remembers of its guide. course: empty when there is none. left_out: keys of optional steps."""

    course: str = ""
    path: str = ""
    left_out: tuple[str, ...] = ()
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Standing:
    """Which steps are done, and which one is next: None when all are."""

    steps: tuple[Step, ...]
    done: frozenset[str]
    current: Step | None


def standing(course: Course, state: GuideState, facts: Facts) -> Standing:
    """Where a project stands in a course."""
    steps = course.steps_of(state.path or next(iter(course.paths), ""))
    done = frozenset(step.key for step in steps if step.done(facts))
    following = (step for step in steps if step.key not in done and step.key not in state.left_out)
    return Standing(steps, done, next(following, None))

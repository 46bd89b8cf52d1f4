"""Samples: what a model answers to the same few prompts as it learns, and what changed from one time to the next.

How they are asked for is declared here; writing them is `engine.samples`, showing them the window's.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field

from studio.core.events import Event
from studio.core.fields import setting

PROMPTS = 3  # taken from the dataset when the recipe names none
LONGEST = 96  # tokens of an answer
TEXT = 1000  # characters of a prompt that an event keeps; of a longer one, its end


@dataclass(frozen=True)
class SampledSettings:
    """What methods have whose model writes text. To be mixed in before the settings that every method has."""

    samples: int = setting(
        5,
        "Samples",
        "How often over the run the model answers the same few prompts, for Runs to show. 0 never does.",
        low=0,
        high=1000,
        advanced=True,
    )
    sample_prompts: str = setting(
        "",
        "Prompts of the samples",
        "One a line. Empty takes the first held-out rows of the dataset.",
        lines=True,
        advanced=True,
    )

    def prompts(self) -> list[str]:
        """The prompts that the recipe names."""
        return [line.strip() for line in self.sample_prompts.splitlines() if line.strip()]


@dataclass(frozen=True, slots=True)
class Sample:
    """An answer to the prompt `number` after so many steps; after none it is that of the model the run started from."""

    step: int
    number: int
    prompt: str
    answer: str
    ended: bool


@dataclass(slots=True)
class SampleBook:
    """All samples of a run, fed with its events. `revision` changes when there is news."""

    by_prompt: dict[int, dict[int, Sample]] = field(default_factory=dict[int, dict[int, Sample]])
    revision: int = 0

    def feed(self, event: Event) -> None:
        """Take one event into account. A step that was run again counts as it was the last time."""
        if event.kind != "sample":
            return
        step, number = int(event.number("step") or 0), int(event.number("number") or 0)
        sample = Sample(step, number, event.text("prompt"), event.text("answer"), bool(event.values.get("ended")))
        self.by_prompt.setdefault(number, {})[step] = sample
        self.revision += 1

    def steps(self) -> list[int]:
        """The steps after which there are samples."""
        return sorted({step for samples in self.by_prompt.values() for step in samples})

    def before(self, step: int) -> int | None:
        """The step of the samples before those of `step`."""
        earlier = [other for other in self.steps() if other < step]
        return earlier[-1] if earlier else None

    def at(self, number: int, step: int) -> Sample | None:
        """The answer to a prompt after a step."""
        return self.by_prompt.get(number, {}).get(step)


def changed_spans(before: str, after: str) -> list[tuple[int, int]]:
    """Where `after` says something else than `before`, word by word: (start, end) in characters of `after`."""
    old, new = (re.findall(r"\s*\S+", text) for text in (before, after))
    ends = [0]
    for word in new:
        ends.append(ends[-1] + len(word))
    matcher = difflib.SequenceMatcher(None, [word.strip() for word in old], [word.strip() for word in new], False)
    spans: list[tuple[int, int]] = []
    for tag, _, _, first, last in matcher.get_opcodes():
        if tag != "equal" and last > first:
            start = ends[first] + len(new[first]) - len(new[first].lstrip())
            spans.append((start, ends[last]))
    return spans

"""What the Runs page says about a run, in plain words. Text in, text out: no widgets."""

from __future__ import annotations

import re

from studio.core.runs import WORKING, RunState, RunStory
from studio.gui.when import in_time
from studio.jobs.runs import RunRecord
from studio.storage.files import in_bytes

STATES = {
    RunState.WAITING: "Not started",
    RunState.STARTING: "Starting",
    RunState.RUNNING: "Training",
    RunState.FINISHED: "Finished",
    RunState.STOPPED: "Stopped",
    RunState.PAUSED: "Paused",
    RunState.FAILED: "Failed",
    RunState.INTERRUPTED: "Interrupted",
}
PHASES = {
    "loading": "Loading",
    "encoding": "Tokenising",
    "reference": "Asking the reference",
    "training": "Training",
    "evaluating": "Evaluating",
    "sampling": "Writing samples",
    "saving": "Saving",
}
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")  # colours and cursor moves, meant for terminals


def phase_of(story: RunStory, state: RunState) -> str:
    """The word on the chip: the phase while a worker is at it, the ending afterwards."""
    if state.is_over:
        return STATES[state]
    return PHASES.get(story.phase, STATES[state])


def state_of(record: RunRecord) -> str:
    """The word on the chip of a run; one that waits for its turn is queued, whatever it did before."""
    return "Queued" if record.queued and record.state.is_over else phase_of(record.story, record.state)


def progress_of(story: RunStory, state: RunState) -> tuple[int, int]:
    """Done and total of what is going on; a total of 0 means that it isn't known."""
    if story.phase not in WORKING and not state.is_over:
        return story.phase_done, story.phase_total
    return story.step, story.total


def facts_of(story: RunStory, state: RunState) -> str:
    """How far it is, how long it takes, how fast it goes and what it uses, as one line."""
    facts: list[str] = []
    if story.total:
        facts.append(f"Step {story.step:,} of {story.total:,}")
    elif story.phase_total and not state.is_over:
        facts.append(f"{story.phase_done:,} of {story.phase_total:,} examples")
    if story.eta is not None and not state.is_over:
        facts.append(f"about {in_time(story.eta)} left")
    if story.elapsed:
        facts.append(f"{in_time(story.elapsed)} of training")
    if story.tokens_per_second:
        facts.append(f"{story.tokens_per_second:,.0f} tokens/s")
    if story.memory_peak and state.is_over:
        facts.append(f"{in_bytes(story.memory_peak)} of memory at most")
    elif story.memory_used and not state.is_over:
        facts.append(f"{in_bytes(story.memory_used)} of memory")
    if story.device:
        device = "the processor" if story.device == "processor" else story.device
        number_format = story.precision.split(" (")[0]  # the reason behind it stands in the diagnostics
        facts.append(f"on {device}, {number_format}" if number_format else f"on {device}")
    return "  ·  ".join(facts)


_RESULTS = (
    ("eval_score", "held-out score {:.3g}"),
    ("eval_accuracy", "held-out accuracy {:.3g}"),
    ("eval_loss", "eval loss {:.4g}"),
)


def result_of(record: RunRecord) -> str:
    """The figure to go by: the last one measured on held-out rows, or else the last loss."""
    story = record.story
    for name, told in _RESULTS:
        value = story.evaluation.number(name) if story.evaluation is not None else None
        if value is not None:
            return told.format(value)
    return f"loss {story.loss:.4g}" if story.loss is not None else ""


def method_of(record: RunRecord) -> str:
    """Its method in few words: the short name that people know it by, where it has one."""
    label = record.recipe.how.label if record.recipe else ""
    return label.partition("(")[2].rstrip(")") or label


def plain_log(text: str) -> str:
    """A log as it would stand on a terminal: without colours, and of a progress bar only its last state."""
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in _ESCAPES.sub("", text).split("\n"))

"""What the Runs page says about a run, in plain words. Text in, text out: no widgets."""

from __future__ import annotations

import math
import re

from studio.core.methods import Method
from studio.core.runs import WORKING, RunState, RunStory
from studio.gui.language import mark, tr, translated
from studio.gui.when import in_time
from studio.jobs.runs import RunRecord
from studio.storage.files import in_bytes

STATES = {
    RunState.WAITING: mark("Not started"),
    RunState.STARTING: mark("Starting"),
    RunState.RUNNING: mark("Training"),
    RunState.FINISHED: mark("Finished"),
    RunState.STOPPED: mark("Stopped"),
    RunState.PAUSED: mark("Paused"),
    RunState.FAILED: mark("Failed"),
    RunState.INTERRUPTED: mark("Interrupted"),
}
PHASES = {
    "loading": mark("Loading"),
    "encoding": mark("Tokenising"),
    "reference": mark("Asking the reference"),
    "training": mark("Training"),
    "evaluating": mark("Evaluating"),
    "sampling": mark("Writing samples"),
    "saving": mark("Saving"),
}
_IN_BRACKETS = re.compile(r"[(（](.+)[)）]$")  # Chinese has wide ones
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")  # colours and cursor moves, meant for terminals


def phase_of(story: RunStory, state: RunState) -> str:
    """The word on the chip: the phase while a worker is at it, the ending afterwards."""
    if state.is_over:
        return tr(STATES[state])
    return tr(PHASES.get(story.phase, STATES[state]))


def state_of(record: RunRecord) -> str:
    """The word on the chip of a run; one that waits for its turn is queued, whatever it did before."""
    return tr("Queued") if record.queued and record.state.is_over else phase_of(record.story, record.state)


def progress_of(story: RunStory, state: RunState) -> tuple[int, int]:
    """Done and total of what is going on; a total of 0 means that it isn't known."""
    if story.phase not in WORKING and not state.is_over:
        return story.phase_done, story.phase_total
    return story.step, story.total


def facts_of(story: RunStory, state: RunState) -> str:
    """How far it is, how long it takes, how fast it goes and what it uses, as one line."""
    facts: list[str] = []
    if story.total:
        facts.append(tr("Step {step:,} of {total:,}", step=story.step, total=story.total))
    elif story.phase_total and not state.is_over:
        facts.append(
            tr("{phase_done:,} of {phase_total:,} examples", phase_done=story.phase_done, phase_total=story.phase_total)
        )
    if story.eta is not None and not state.is_over:
        facts.append(tr("about {eta} left", eta=in_time(story.eta)))
    if story.elapsed:
        facts.append(tr("{elapsed} of training", elapsed=in_time(story.elapsed)))
    if story.tokens_per_second:
        facts.append(tr("{tokens_per_second:,.0f} tokens/s", tokens_per_second=story.tokens_per_second))
    if story.memory_peak and state.is_over:
        facts.append(tr("{memory_peak} of memory at most", memory_peak=in_bytes(story.memory_peak)))
    elif story.memory_used and not state.is_over:
        facts.append(tr("{memory_used} of memory", memory_used=in_bytes(story.memory_used)))
    if story.device:
        device = tr("the processor") if story.device == "processor" else story.device
        number_format = story.precision.split(" (")[0]  # the reason behind it stands in the diagnostics
        facts.append(
            tr("on {device}, {number_format}", device=device, number_format=number_format)
            if number_format
            else tr("on {device}", device=device)
        )
    return "  ·  ".join(facts)


_RESULTS = (
    ("eval_score", mark("held-out score {value:.3g}")),
    ("eval_accuracy", mark("held-out accuracy {value:.3g}")),
    ("eval_loss", mark("eval loss {value:.4g}")),
)


def result_of(record: RunRecord) -> str:
    """The figure to go by: the last one measured on held-out rows, or else the last loss where that says something."""
    story = record.story
    for name, told in _RESULTS:
        value = story.evaluation.number(name) if story.evaluation is not None else None
        if value is not None and math.isfinite(value):
            return tr(told, value=value)
    if story.loss is None or (record.recipe is not None and record.recipe.how.is_rewarded):
        return ""
    return tr("loss {loss:.4g}", loss=story.loss) if math.isfinite(story.loss) else tr("not a number")


def method_of(record: RunRecord) -> str:
    """Its method in few words."""
    return in_few_words(record.recipe.how) if record.recipe else ""


def in_few_words(method: Method) -> str:
    """The short name that people know a method by, where it has one."""
    label = translated(method.label)
    short = _IN_BRACKETS.search(label)
    return short.group(1) if short else label


def plain_log(text: str) -> str:
    """A log as it would stand on a terminal: without colours, and of a progress bar only its last state."""
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in _ESCAPES.sub("", text).split("\n"))

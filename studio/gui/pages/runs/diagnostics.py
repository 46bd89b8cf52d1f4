"""The text of "Copy diagnostics": what somebody needs who was asked why a run went wrong."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from studio.jobs.runs import RunRecord
from studio.storage.files import free_space, in_bytes

_LOG_LINES = 60


def diagnostics_of(record: RunRecord) -> str:
    """Everything about a run as plain text: how it stands, on what, with which settings, and the end of its log."""
    story, outcome = record.story, record.outcome
    ending = f"{outcome.sentence} {outcome.hint}".strip() if outcome else record.broken or "It is still going on."
    memory = in_bytes(story.memory_peak) if story.memory_peak else "unknown"
    log = record.folder.log_tail().splitlines()[-_LOG_LINES:]
    lines = [
        f"Plumbline {_version()} on {platform.platform()}, Python {platform.python_version()}",
        f"Run {record.id}: {record.state.value}, step {story.step} of {story.total}, attempt {story.attempt}",
        f"Device {story.device or 'unknown'}, {story.precision or 'unknown precision'}, most memory {memory}",
        f"Free on its disk: {free_space(record.folder.folder)}",
        f"Ending: {ending}",
        *(f"Warning: {warning.text('what')} {warning.text('hint')}" for warning in story.warnings[-5:]),
        "",
        "Recipe:",
        record.recipe.to_json().strip() if record.recipe else "can't be read",
    ]
    if outcome and outcome.details:
        lines += ["", "Details:", outcome.details.strip()]
    return "\n".join([*lines, "", f"Last {len(log)} lines of the log:", *log]) + "\n"


def _version() -> str:
    try:
        return version("plumbline-studio")
    except PackageNotFoundError:
        return "(not installed)"

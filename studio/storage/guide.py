"""Where a project stands, for its guide, and what it remembers of it (`guide.json` in the project's folder)."""

from __future__ import annotations

import json
from typing import Any, cast

from studio.core.courses import COURSES
from studio.core.guide import Facts, GuideState
from studio.storage.datasets import list_datasets
from studio.storage.files import write_whole
from studio.storage.label_votes import NAME as VOTES
from studio.storage.project import Project

_FORMAT = 1
_SAID = """
    SELECT s.name = ?, COUNT(*) FROM label_now n
    JOIN label_items i ON i.id = n.item JOIN label_sets s ON s.id = i.label_set JOIN label_log l ON l.id = n.entry
    WHERE n.machine = 0 AND n.status = 'done' AND l.action <> 'imported' GROUP BY 1
"""


def read_facts(project: Project) -> Facts:
    """What the project holds; its runs are told by whoever follows them. Raises StudioError."""
    datasets = {info.name: info.kind_name for info in list_datasets(project)}
    with project.connect() as connection:
        said = {bool(votes): int(count) for votes, count in connection.execute(_SAID, (VOTES,))}
    exports = sum(1 for _ in project.exports.glob("[!.]*/README.md"))  # written last
    return Facts(datasets, (), said.get(False, 0), said.get(True, 0), exports)


def load_state(project: Project) -> GuideState:
    """What the project remembers; whatever is missing or damaged takes its default."""
    try:
        parsed = json.loads((project.folder / "guide.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return GuideState()
    if not isinstance(parsed, dict) or cast("dict[str, Any]", parsed).get("format") != _FORMAT:
        return GuideState()
    values = cast("dict[str, Any]", parsed)
    course, path, left_out = values.get("course"), values.get("path"), values.get("left_out")
    if not isinstance(course, str) or course not in COURSES:
        return GuideState()
    return GuideState(
        course,
        path if isinstance(path, str) and path in COURSES[course].paths else "",
        tuple(str(key) for key in cast("list[Any]", left_out)) if isinstance(left_out, list) else (),
        values.get("shown") is not False,
    )


def save_state(project: Project, state: GuideState) -> None:
    """Keep what the project remembers. Raises StudioError."""
    values = {
        "format": _FORMAT,
        "course": state.course,
        "path": state.path,
        "left_out": list(state.left_out),
        "shown": state.shown,
    }
    write_whole(project.folder / "guide.json", json.dumps(values, indent=2) + "\n")

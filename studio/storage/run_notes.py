"""What a person says about a run: another name, tags and a note. Kept beside its recipe, which never changes."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import asdict, dataclass
from typing import Any, cast

from studio.storage.files import write_whole
from studio.storage.runs import RunFolder

FILE = "notes.json"


_LONGEST = 200  # characters of a name
_STEERING = ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")  # turn the writing of what follows


@dataclass(frozen=True, slots=True)
class RunNotes:
    """name: empty for that of the recipe."""

    name: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""


def tags_from(text: str) -> tuple[str, ...]:
    """Tags as a person types them, with commas between; each once, in order."""
    return tuple(dict.fromkeys(tag.strip() for tag in text.split(",") if tag.strip()))


def name_from(text: str) -> str:
    """A name as a person types or pastes it: one line, without marks that could make it look like another."""
    kept = (
        character
        for character in " ".join(text.split())
        if unicodedata.category(character) not in ("Cc", "Cs") and unicodedata.bidirectional(character) not in _STEERING
    )
    return "".join(kept)[:_LONGEST].strip()


def read_notes(run: RunFolder) -> RunNotes:
    """A run's notes; empty ones when there are none, or they can't be read."""
    try:
        parsed = json.loads((run.folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return RunNotes()
    if not isinstance(parsed, dict):
        return RunNotes()
    values = cast("dict[str, Any]", parsed)
    tags = values.get("tags")
    kept = tuple(tag for tag in cast("list[Any]", tags) if isinstance(tag, str)) if isinstance(tags, list) else ()
    return RunNotes(_text(values.get("name")), kept, _text(values.get("note")))


def write_notes(run: RunFolder, notes: RunNotes) -> None:
    """Keep a run's notes. Raises StudioError."""
    write_whole(run.folder / FILE, json.dumps(asdict(notes), indent=2, ensure_ascii=False) + "\n")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""

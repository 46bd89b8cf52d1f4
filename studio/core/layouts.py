"""Layouts: how the rows of one file are read: by which shape, which column stands for which field, who speaks.

Where a file's columns have the names that its shape knows, the layout is the shape alone. A layout is proposed from the
first rows, seen and corrected by a person, and remembered for files of the same columns.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from studio.core.records import Record
from studio.core.shapes import SHAPES, Shape, shape_named, shape_of
from studio.core.shapes.conversations import COMPLETIONS
from studio.core.shapes.parts import SPEAKERS, columns_of
from studio.core.shapes.preferences import ANSWERS, SCORES, SEVERAL

LISTS_OF_TURNS = ("messages", "conversations", "prompt", "chosen", "rejected")
_SPOKEN = ("from", "role")
ROLES = ("user", "assistant", "system", "tool", "call")


@dataclass(frozen=True, slots=True)
class Layout:
    """shape: a shape's label. columns: (field, column) for each field that is read, none when the names are the shape's
    own. speakers: (name, role) for names of speakers that no shape knows."""

    shape: str
    columns: tuple[tuple[str, str], ...] = ()
    speakers: tuple[tuple[str, str], ...] = ()

    @property
    def kind(self) -> str:
        """The kind of records that it gives."""
        return shape_named(self.shape).kind

    def record(self, row: Any) -> Record:
        """The record of a row. Raises ValueError with the reason."""
        if self.columns:
            known = columns_of(row)
            row = {field: known[column] for field, column in self.columns if column in known}
        if self.speakers:
            row = _renamed(columns_of(row), dict(self.speakers))
        return shape_named(self.shape).read(row)

    @property
    def about(self) -> str:
        """What a person should know about it beyond its shape; empty when nothing."""
        parts: list[str] = []
        if self.columns:
            parts.append(", ".join(f"“{column}” as {field}" for field, column in self.columns))
        if self.speakers:
            parts.append(", ".join(f"“{name}” speaks as {role}" for name, role in self.speakers))
        return "; ".join(parts)

    def to_json(self) -> str:
        """As it is remembered."""
        return json.dumps([self.shape, self.columns, self.speakers], ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Layout:
        """Read `to_json`. Raises ValueError for a layout of another time."""
        shape, columns, speakers = json.loads(text)
        try:
            shape_named(shape)
        except KeyError:
            raise ValueError(f"no shape is called “{shape}”") from None
        return Layout(shape, tuple((a, b) for a, b in columns), tuple((a, b) for a, b in speakers))


def _renamed(row: Mapping[str, Any], speakers: dict[str, str]) -> dict[str, Any]:
    """The row with its speakers called by names that shapes know."""
    names = {name: "function_call" if role == "call" else role for name, role in speakers.items()}
    changed = dict(row)
    for column in LISTS_OF_TURNS:
        turns = changed.get(column)
        if isinstance(turns, list):
            changed[column] = [_spoken(turn, names) for turn in cast("list[Any]", turns)]
        elif isinstance(turns, dict):
            changed[column] = _spoken(turns, names)
    return changed


def _spoken(turn: Any, names: dict[str, str]) -> Any:
    known = cast("dict[str, Any]", turn) if isinstance(turn, dict) else {}
    for key in _SPOKEN:
        if isinstance(known.get(key), str) and known[key] in names:
            return {**known, key: names[known[key]]}
    return cast("Any", turn)


def layout_of(rows: Iterable[Any]) -> Layout | None:
    """The layout that most of some rows have, or None when their columns fit no shape."""
    kept = list(rows)
    votes = Counter(shape.label for shape in map(shape_of, kept) if shape is not None)
    if not votes:
        return None
    return with_speakers(Layout(votes.most_common(1)[0][0]), kept)


def with_speakers(layout: Layout, rows: Iterable[Any]) -> Layout:
    """With a role for each speaker that no shape knows: of two strangers the first asks, the second answers."""
    columns = dict(layout.columns)
    read = [columns.get(name, name) for name in LISTS_OF_TURNS if not columns or name in columns]
    names: dict[str, None] = {}  # in the order in which they first speak
    for row in rows:
        for column in read if isinstance(row, dict) else ():
            turns = cast("dict[str, Any]", row).get(column)
            for turn in cast("list[Any]", turns) if isinstance(turns, list) else ():
                spoken = cast("dict[str, Any]", turn) if isinstance(turn, dict) else {}
                name = spoken.get("from", spoken.get("role"))
                if isinstance(name, str):
                    names[name] = None
    strangers = [name for name in names if name.lower() not in SPEAKERS]
    if not strangers or len(strangers) > 8:
        return layout
    taken = {SPEAKERS[name.lower()] for name in names if name.lower() in SPEAKERS}
    free = [role for role in ("user", "assistant") if role not in taken]
    guessed = {name: free[k] if k < len(free) else "user" for k, name in enumerate(strangers)}
    return Layout(layout.shape, layout.columns, tuple(guessed.items()))


def proposals(columns: Iterable[str]) -> list[Layout]:
    """Layouts for columns that fit no shape: each shape that its fields' other names fill, the fullest first."""
    names = list(columns)
    found: list[tuple[int, Layout]] = []
    for shape in SHAPES:
        layout = proposal(shape, names)
        if layout is not None:
            found.append((len(layout.columns), layout))
    return [layout for _, layout in sorted(found, key=lambda pair: -pair[0])]


def proposal(shape: Shape, names: list[str]) -> Layout | None:
    """The layout of a shape for these columns when each needed field finds one."""
    lowered = {name.lower().strip(): name for name in names}
    chosen: dict[str, str] = {}
    for field in sorted(shape.fields, key=lambda field: not field.needed):
        match = next(
            (lowered[word] for word in (field.name, *field.also) if lowered.get(word) not in (None, *chosen.values())),
            None,
        )
        if match is not None:
            chosen[field.name] = match
        elif field.needed:
            return None
    ordered = tuple((field.name, chosen[field.name]) for field in shape.fields if field.name in chosen)
    return Layout(shape.label, ordered) if ordered else None


# What shapes read beside their fields, under names of their own.
_ALSO_READ: Mapping[str, tuple[str, ...]] = {
    "Preference pairs": ("conversations",),
    "KTO": ("messages", "system", "tools", *ANSWERS),
    "Ratings": ("tools", *ANSWERS, *SCORES),
    "Rankings": ("tools", *SEVERAL),
    "Prompts": ("messages", "tools"),
    "Alpaca": ("tools",),
    "Prompt and completion": ("tools", *COMPLETIONS),
}


def unread(layout: Layout, columns: Iterable[str]) -> list[str]:
    """The columns of a file that a layout leaves out."""
    shape = shape_named(layout.shape)
    if shape.kind == "tasks" and not layout.columns:  # these keep all of them
        return []
    read = {column for _, column in layout.columns}
    if not read:
        read = {field.name for field in shape.fields} | set(_ALSO_READ.get(shape.label, ()))
    return [column for column in columns if column not in read]


def columns_in(rows: Iterable[Any]) -> list[str]:
    """The columns of some rows, in the order in which they first come."""
    names: dict[str, None] = {}
    for row in rows:
        if isinstance(row, dict):
            names |= dict.fromkeys(str(name) for name in cast("dict[Any, Any]", row))
    return list(names)

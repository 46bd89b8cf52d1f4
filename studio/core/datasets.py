"""Datasets: what one is, and what an import would bring.

What a row can be is `core.records`; reading files is `storage.interchange`; keeping rows is `storage.datasets`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from studio.core.layouts import Layout
from studio.core.records import KINDS, Kind, Record


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """A dataset in a project, as one of its revisions.

    content_hash: names what it holds, in order, so that a run can name its data. number: the upper half of its
    records' ids. revision: which state of it this is, see `storage.revisions`.
    """

    id: str
    name: str
    source: str
    rows: int
    content_hash: str
    created: str
    kind_name: str = "examples"
    number: int = 0
    revision: int = 0

    @property
    def kind(self) -> Kind:
        """What its rows are."""
        return KINDS[self.kind_name]

    @property
    def size(self) -> str:
        """How many rows, in words."""
        return self.kind.count(self.rows)


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row that cannot be used: the line it begins on (from 1) and why, in words."""

    line: int
    reason: str


@dataclass(slots=True)
class ImportPreview:
    """What an import would do, known before anything is written.

    rows: examples that can be used. broken: rows that can't be, of which `problems` names the first. layout: how the
    rows are read. encoding: of the text. notes: what a person should know, in sentences. columns: of the first rows.
    """

    path: str
    layout: Layout
    encoding: str = "utf-8"
    notes: list[str] = field(default_factory=list[str])
    columns: list[str] = field(default_factory=list[str])
    rows: int = 0
    broken: int = 0
    problems: list[RowProblem] = field(default_factory=list[RowProblem])
    first: list[Record] = field(default_factory=list[Record])

    @property
    def kind(self) -> Kind:
        """What its rows are."""
        return KINDS[self.layout.kind]

    @property
    def summary(self) -> str:
        """One line for a person: how many rows, of which shape, how many cannot be used."""
        rows, shape = self.kind.count(self.rows), self.layout.shape
        if self.broken:
            return f"{rows} in {shape} form; {self.broken:,} row{'s' * (self.broken != 1)} cannot be used"
        return f"{rows} in {shape} form"

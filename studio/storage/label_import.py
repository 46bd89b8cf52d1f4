"""Labels out of files: exports of other labelling programs, and rows of pairs, rankings, ratings and labels.

Broken rows are left out and named; nothing is written unless some row can be used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from studio.core.datasets import RowProblem
from studio.core.errors import Cancelled, StudioError
from studio.core.labelled_rows import LabelledRow, plan_for, program_of, read_row
from studio.core.labelling import LISTWISE, PAIRWISE, POINTWISE, THUMBS, Candidate, LabelPlan
from studio.core.records import Record
from studio.core.shapes import shape_of
from studio.storage.label_intake import Incoming, Said, create_set, incoming_of, said_of_ranks
from studio.storage.labels import LabelSet
from studio.storage.project import Project
from studio.storage.rows import Found, NotUtf8, rows_of, source_of

_WAYS = {
    "pairs": (PAIRWISE, "5"),
    "rankings": (LISTWISE, "5"),
    "ratings": (POINTWISE, "5"),
    "labels": (POINTWISE, THUMBS),
}


@dataclass(frozen=True, slots=True)
class ImportedLabels:
    """What an import brought: the set, how many rows could not be used, and why the first could not."""

    known: LabelSet
    broken: int
    problem: RowProblem | None

    @property
    def sentence(self) -> str:
        """What was left out; empty when nothing was."""
        if self.problem is None:
            return ""
        return f"{self.broken:,} rows were left out. Line {self.problem.line}: {self.problem.reason}."


def import_labels(
    project: Project, path: Path, name: str = "", cancelled: Callable[[], bool] = lambda: False
) -> ImportedLabels:
    """Make a labelling set of a file, with the answers and the verdicts in it. Raises StudioError, Cancelled."""
    rows: list[LabelledRow] = []
    records: list[Record] = []
    kinds: set[str] = set()
    broken, problem = 0, None
    for number, (line, value, _, _) in enumerate(_rows_in(path)):
        if number % 256 == 0 and cancelled():
            raise Cancelled
        try:
            if isinstance(value, RowProblem):
                raise ValueError(value.reason)
            if program_of(value):
                rows.append(read_row(cast("dict[str, Any]", value)))
                continue
            shape = shape_of(value)
            if shape is None or shape.kind not in _WAYS:
                raise ValueError("it holds no answers that were judged")
            records.append(shape.read(value))
            kinds.add(shape.kind)
        except ValueError as error:
            broken += 1
            problem = problem or RowProblem(line, str(error))
    if not rows and not records:
        reason = f" Line {problem.line}: {problem.reason}." if problem else ""
        raise StudioError(
            f"“{path.name}” holds no labels that can be read.{reason}",
            "Choose an export of Argilla or Label Studio, or rows of pairs, rankings, ratings or labels.",
        )
    plan, incoming = _of_programs(rows) if rows else _of_records(records, kinds, path.stem)
    known = create_set(project, name or path.stem, plan, incoming, cancelled=cancelled)
    return ImportedLabels(known, broken, problem)


def _rows_in(path: Path) -> list[Found]:
    source = source_of(path)
    try:
        return list(rows_of(source))
    except NotUtf8:
        return list(rows_of(source.in_latin()))


def _of_programs(rows: list[LabelledRow]) -> tuple[LabelPlan, list[Incoming]]:
    plan = plan_for(rows)
    incoming: list[Incoming] = []
    for row in rows:
        said: list[Said] = []
        for heard in row.heard:
            who, machine, criterion = heard.labeller, heard.machine, heard.criterion
            if heard.verdict.rating is not None or heard.verdict.bad:
                places = tuple(range(len(row.answers)))
                said.append(Said(who, places, heard.verdict, criterion, machine))
            else:
                said += said_of_ranks(who, heard.verdict.ranks, plan, machine=machine, criterion=criterion)
        incoming.append(Incoming(row.prompt, tuple(Candidate(0, text) for text in row.answers), tuple(said)))
    return plan, incoming


def _of_records(records: list[Record], kinds: set[str], source: str) -> tuple[LabelPlan, list[Incoming]]:
    way, scale = _WAYS[min(kinds, key=list(_WAYS).index)]
    plan = replace(LabelPlan(), way=way, scale=scale, repeats=0.0)
    if way == POINTWISE and scale != THUMBS:
        ratings = [float(getattr(record, "rating", 0)) for record in records]
        plan = replace(plan, scale="10" if max(ratings) > 5 else "5")
    return plan, list(incoming_of(records, plan, source, verdicts=True))

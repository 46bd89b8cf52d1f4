"""Whether a dataset of preferences tells anything apart, found out before a run is made.

It stops at the first rows that do, and looks at no more than the first thousands: the worker, which reads them all, has
the last word.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.core.records import Label, Pair, Ranking, Rating
from studio.storage.datasets import records_of
from studio.storage.project import Project

_LOOKED_AT = 5000  # rows


def check_contrast(project: Project, dataset: DatasetInfo) -> None:
    """Raise StudioError when all that was looked at is alike, and there is no more."""
    match dataset.kind_name:
        case "labels":
            first, alike = _first_and_whether_alike(project, dataset, lambda label: label.good)
            if alike and isinstance(first, Label):
                word, other = ("good", "bad") if first.good else ("bad", "good")
                raise StudioError(
                    f"All {dataset.rows:,} answers of “{dataset.name}” are marked {word}, so there is nothing to tell "
                    "apart.",
                    f"Mark some answers as {other}, or learn from the good ones by example (SFT).",
                )
        case "ratings":
            first, alike = _first_and_whether_alike(project, dataset, lambda rating: rating.rating)
            if alike and isinstance(first, Rating):
                raise StudioError(
                    f"All {dataset.rows:,} ratings of “{dataset.name}” are {first.rating:g}, so there is nothing to "
                    "tell apart.",
                    "Choose a dataset whose ratings differ.",
                )
        case "pairs" | "rankings" if not any(map(_prefers, islice(records_of(project, dataset), _LOOKED_AT))):
            if dataset.rows <= _LOOKED_AT:
                raise StudioError(
                    f"In none of the {dataset.kind.count(dataset.rows)} of “{dataset.name}” is one answer preferred to "
                    "another one.",
                    "Choose a dataset in which people preferred something.",
                )
        case _:
            pass


def _first_and_whether_alike(
    project: Project, dataset: DatasetInfo, value: Callable[[Any], object]
) -> tuple[object, bool]:
    first: object = None
    for number, record in enumerate(islice(records_of(project, dataset), _LOOKED_AT)):
        if number == 0:
            first = record
        elif value(record) != value(first):
            return first, False
    return first, dataset.rows <= _LOOKED_AT


def _prefers(record: object) -> bool:
    match record:
        case Pair():
            return record.chosen.strip() != record.rejected.strip()
        case Ranking():
            return len(set(record.ranks)) > 1 and len({answer.strip() for answer in record.answers}) > 1
        case _:
            return True

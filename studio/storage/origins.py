"""Origins: how a dataset was made out of others or by a model, in one JSON document kept beside it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any, cast

from studio.core.datasets import DatasetInfo
from studio.storage.project import Project


def keep_origin(connection: sqlite3.Connection, dataset: DatasetInfo, origin: Mapping[str, Any]) -> None:
    """Keep it in the transaction that makes the dataset."""
    text = json.dumps(origin, ensure_ascii=False)
    connection.execute("INSERT OR REPLACE INTO origins VALUES (?, ?)", (dataset.id, text))


def origin_of(project: Project, dataset: DatasetInfo) -> dict[str, Any] | None:
    """How it was made; None for one that was imported."""
    with project.connect() as connection:
        row = connection.execute("SELECT origin FROM origins WHERE dataset = ?", (dataset.id,)).fetchone()
    return cast("dict[str, Any]", json.loads(row[0])) if row else None


def in_words(origin: Mapping[str, Any]) -> str:
    """An origin as sentences."""
    match origin.get("made"):
        case "instructions":
            return f"Instructions made of “{origin.get('from')}” ({str(origin.get('content_hash'))[:12]})."
        case "mix":
            parts = [
                f"{part['taken']:,} of the {part['rows']:,} in “{part['name']}” ({part['content_hash'][:12]})"
                for part in origin.get("parts", [])
            ]
            return f"Mixed with the seed {origin.get('seed')}: {', '.join(parts)}."
        case "drafts":
            return f"Drafts of {origin.get('author')}, accepted one by one."
        case _:
            return ""

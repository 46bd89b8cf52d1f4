"""The evaluations of a project, each a JSON file in its folder `evaluations/`; and what there is to ask and to measure.

What an evaluation is and says is `core.evaluation`. Prompt sets are the sample data's held-out prompts, which carry
their own checks, and every dataset of the project that has prompts.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, cast

from studio.core.contests import Contest
from studio.core.evaluation import COLUMNS, Evaluation, figures
from studio.core.messages import Message, turns_to_json
from studio.core.records import Example, prompt_of
from studio.storage.datasets import find_dataset, list_datasets, records_of
from studio.storage.files import write_whole
from studio.storage.label_log import opinions_of
from studio.storage.label_votes import NAME as VOTES
from studio.storage.label_votes import SEEN
from studio.storage.labels import candidates_of, list_sets
from studio.storage.project import Project
from studio.storage.resources import carried

FOLDER = "evaluations"
BLIND_VOTES, SEEN_VOTES = "blind votes", "votes with names in sight"
SAMPLE = "sample prompts"  # the name of the set that comes along
Turns = tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class PromptSet:
    """Prompts to ask. checks: for each, what `core.gold_judge` reads; none where the prompts have none."""

    name: str
    prompts: tuple[Turns, ...]
    checks: tuple[Mapping[str, Any], ...] = ()


def list_evaluations(project: Project) -> list[Evaluation]:
    """All that can be read, newest first."""
    try:
        files = sorted((project.folder / FOLDER).glob("*.json"), reverse=True)
    except OSError:
        return []
    found: list[Evaluation] = []
    for file in files:
        try:
            known = Evaluation.from_json(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if known is not None:
            found.append(known)
    return found


def new_id() -> tuple[str, str]:
    """An id for an evaluation that is made now, and the moment."""
    moment = datetime.now(UTC)
    return f"{moment:%Y%m%d-%H%M%S-%f}-{secrets.token_hex(2)}", moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def save_evaluation(project: Project, known: Evaluation) -> None:
    """Keep an evaluation, in the place of an earlier one of that id. Raises StudioError."""
    write_whole(project.folder / FOLDER / f"{known.id}.json", known.to_json())


def delete_evaluation(project: Project, known: Evaluation) -> None:
    """Forget an evaluation, and what judges said of it beside others. Raises StudioError."""
    (project.folder / FOLDER / f"{known.id}.json").unlink(missing_ok=True)
    for other in list_evaluations(project):
        kept = tuple(contest for contest in other.contests if contest.against != known.id)
        if kept != other.contests:
            save_evaluation(project, replace(other, contests=kept))


def newest_of(project: Project, folder: Path) -> Evaluation | None:
    """The newest evaluation of the adapter or model in a folder."""
    wanted = str(folder)
    return next((one for one in list_evaluations(project) if wanted == one.folder), None)


def table_of(known: Evaluation) -> list[list[str]]:
    """An evaluation as rows of a measure and its value, for a README; the first row is the head."""
    found = figures(known)
    rows = [[COLUMNS[name][0], figure.text] for name, figure in found.items() if figure.value is not None]
    return [["Measure", f"On {len(known.prompts)} prompts of “{known.prompt_set}”"], *rows]


def prompt_sets(project: Project) -> list[tuple[str, str]]:
    """What can be asked, as a key and a name: the sample prompts, and the project's datasets that have prompts."""
    known = [(info.id, f"{info.name} ({info.kind.count(info.rows)})") for info in list_datasets(project)
             if info.kind.templated]  # fmt: skip
    return [("", f"Held-out {SAMPLE}"), *known]


def heldout_sets(project: Project) -> list[tuple[str, str]]:
    """What perplexity can be measured on: the sample data's held-out examples, and the project's own examples."""
    known = [(info.id, f"{info.name} ({info.kind.count(info.rows)})") for info in list_datasets(project)
             if info.kind_name == "examples"]  # fmt: skip
    return [("", "Held-out sample examples"), *known]


def read_prompts(project: Project, key: str, count: int) -> PromptSet:
    """The first prompts of a set, each once. Raises StudioError."""
    if not key:
        rows = _lines(carried("sample_data", "prompts_heldout.jsonl"))[:count]
        prompts = tuple((Message("user", str(row["prompt"])),) for row in rows)
        return PromptSet(SAMPLE, prompts, tuple(row["check"] for row in rows))
    info = find_dataset(project, key)
    asked = dict.fromkeys(turns for record in islice(records_of(project, info), 20 * count)
                          if (turns := prompt_of(record)))  # fmt: skip
    return PromptSet(info.name, tuple(islice(asked, count)))


def read_heldout(project: Project, key: str, count: int) -> tuple[str, str, list[Turns]]:
    """Examples to measure perplexity on: their name, the hash of what was read, and their turns. Raises StudioError."""
    if not key:
        rows = json.loads(carried("sample_data", "heldout.json").read_text(encoding="utf-8"))[:count]
        turns = [(Message("user", str(row["prompt"])), Message("assistant", str(row["gold"]))) for row in rows]
        return "held-out sample examples", digest_of(turns), turns
    info = find_dataset(project, key)
    records = islice((record for record in records_of(project, info) if isinstance(record, Example)), count)
    turns = [record.messages for record in records]
    return info.name, digest_of(turns), turns


def harmful_prompts(count: int) -> list[Turns]:
    """Harmful wishes of the sample data, to be refused. Raises StudioError."""
    rows = _lines(carried("sample_data", "safety.jsonl"))
    step = max(1, len(rows) // count)  # they stand sorted by kind
    return [(Message("user", str(row["prompt"])),) for row in rows[::step][:count]]


def digest_of(turns: Iterable[Turns], more: str = "") -> str:
    """A hash of conversations, and of what else decides whether two measurements can be compared."""
    hashed = hashlib.sha256(more.encode())
    for conversation in turns:
        hashed.update(turns_to_json(conversation).encode())
    return hashed.hexdigest()[:16]


def votes_between(project: Project, name: str, other: str) -> dict[str, Contest]:
    """What people said of answers of two models, by the names under which these answered: by blind votes, and by votes
    with the names in sight; only where the two met."""
    found: dict[str, list[int]] = {BLIND_VOTES: [], SEEN_VOTES: []}
    for known in list_sets(project):
        if known.name != VOTES:
            continue
        with project.connect() as connection:
            query = "SELECT id FROM label_log WHERE label_set = ? AND action = ?"
            seen = {row[0] for row in connection.execute(query, (known.id, SEEN))}
            authors = {key: one.author for key, one in candidates_of(connection, known).items()}
            for opinion in opinions_of(connection, known):
                if not opinion.machine:
                    how = SEEN_VOTES if opinion.entry in seen else BLIND_VOTES
                    found[how] += _outcomes(authors, opinion.candidates, opinion.mark.verdicts, name, other)
    return {how: Contest.of(outcomes) for how, outcomes in found.items() if outcomes}


def _outcomes(authors: Mapping[int, str], candidates: Sequence[int], verdicts: Any, name: str, other: str) -> list[int]:
    """Of one vote: 1 when the first model's answer was put before the other's, -1 behind, 0 beside it."""
    places = {authors.get(candidate, ""): k for k, candidate in enumerate(candidates)}
    if name not in places or other not in places or name == other:
        return []
    found: list[int] = []
    for verdict in verdicts.values():
        if len(verdict.ranks) == len(candidates):
            gap = verdict.ranks[places[other]] - verdict.ranks[places[name]]
            found.append((gap > 0) - (gap < 0))
    return found


def _lines(file: Path) -> list[dict[str, Any]]:
    return [cast("dict[str, Any]", json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]

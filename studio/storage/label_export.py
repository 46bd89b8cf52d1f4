"""Verdicts out: files that other programs read. Written whole or not at all."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from studio.core.conversion import Conversion, convert, counted, judged
from studio.core.errors import StudioError
from studio.core.labelling import POINTWISE, Candidate, LabelPlan, Opinion
from studio.core.messages import Message
from studio.core.records import Label, Pair, Ranking, Rating, Record
from studio.storage.files import write_whole
from studio.storage.label_log import opinions_of
from studio.storage.labels import LabelSet, candidates_of, prompts_of
from studio.storage.project import Project

Rows = Iterator[dict[str, Any]]


def export_set(project: Project, known: LabelSet, conversion: Conversion, path: Path, form: str) -> int:
    """Write what counts in a set, in one of the forms of EXPORTS; how many rows. Raises StudioError."""
    _, ending, rows_of = EXPORTS[form]
    with project.connect() as connection:
        rows = list(rows_of(_Material.of(connection, known, conversion)))
    if not rows:
        raise StudioError("There is nothing to write in that form yet.", "Judge more items, or choose another form.")
    if ending == "json":
        text = json.dumps(rows, ensure_ascii=False, indent=1) + "\n"
    else:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_whole(path, text)
    return len(rows)


class _Material:
    """A set read once: prompts, candidates, and the opinions that a conversion counts."""

    def __init__(
        self,
        plan: LabelPlan,
        conversion: Conversion,
        prompts: Mapping[int, tuple[Message, ...]],
        candidates: Mapping[int, Candidate],
        opinions: Sequence[Opinion],
    ) -> None:
        self.plan, self.conversion = plan, conversion
        self.prompts, self.candidates, self.opinions = prompts, candidates, opinions

    @staticmethod
    def of(connection: sqlite3.Connection, known: LabelSet, conversion: Conversion) -> _Material:
        """Read a set."""
        opinions = list(counted(opinions_of(connection, known), conversion))
        return _Material(
            known.plan, conversion, prompts_of(connection, known), candidates_of(connection, known), opinions
        )

    def records(self, make: str) -> list[Record]:
        """What the opinions make."""
        texts = {identity: candidate.text for identity, candidate in self.candidates.items()}
        groups = judged(self.opinions, self.plan, self.prompts, texts)
        return convert(groups, self.plan, replace(self.conversion, make=make))


def _pairs(material: _Material) -> Rows:
    for record in material.records("pairs"):
        assert isinstance(record, Pair)
        margin = {} if record.margin is None else {"margin": record.margin}
        yield {
            "prompt": _prompt(record.prompt),
            "chosen": record.chosen,
            "rejected": record.rejected,
            **margin,
        }


def _hh(material: _Material) -> Rows:
    """Transcripts of Human and Assistant turns; prompts with other turns have no such form and are left out."""
    names = {"user": "Human", "assistant": "Assistant"}
    for record in material.records("pairs"):
        assert isinstance(record, Pair)
        if all(turn.role in names for turn in record.prompt):
            before = "".join(f"\n\n{names[turn.role]}: {turn.content}" for turn in record.prompt)
            yield {side: f"{before}\n\nAssistant: {getattr(record, side)}" for side in ("chosen", "rejected")}


def _rankings(material: _Material) -> Rows:
    for record in material.records("rankings"):
        assert isinstance(record, Ranking)
        yield {"prompt": _prompt(record.prompt), "responses": list(record.answers), "ranks": list(record.ranks)}


def _single(material: _Material) -> Rows:
    make = "ratings" if material.plan.way == POINTWISE and material.plan.scale != "thumbs" else "labels"
    for record in material.records(make):
        match record:
            case Rating(prompt, answer, rating):
                yield {"prompt": _prompt(prompt), "response": answer, "rating": rating}
            case Label(prompt, answer, good):
                yield {"prompt": _prompt(prompt), "completion": answer, "label": good}
            case _:
                pass


def _argilla(material: _Material) -> Rows:
    """Argilla 2's records: fields, and a response of each labeller. Machine judges are suggestions."""
    for identity, opinions in _by_item(material.opinions).items():
        first = opinions[0]
        names = [f"response{place}" for place in range(1, len(first.candidates) + 1)]
        texts = [material.candidates[candidate].text for candidate in first.candidates]
        people: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        machines: dict[str, dict[str, Any]] = {}
        for known in opinions:
            for criterion, verdict in known.mark.verdicts.items():
                question = criterion or "preference"
                value: Any = verdict.rating
                if verdict.ranks:
                    order = sorted(range(len(names)), key=lambda place: (verdict.ranks[place], place))
                    value = [{"value": names[place], "rank": verdict.ranks[place]} for place in order]
                if known.machine:
                    machines[question] = {"value": value, "agent": known.labeller, "score": None}
                else:
                    people[question].append({"value": value, "user_id": known.labeller})
        yield {
            "id": str(identity),
            "status": "completed" if people else "pending",
            "fields": {"prompt": _plain(material.prompts[first.prompt_id]), **dict(zip(names, texts, strict=True))},
            "metadata": {},
            "suggestions": machines,
            "responses": dict(people),
            "vectors": {},
        }


def _label_studio(material: _Material) -> Rows:
    """Label Studio's tasks with annotations: Pairwise, Ranker (list) or Rating, by the way of the set."""
    for identity, opinions in _by_item(material.opinions).items():
        first = opinions[0]
        answers = [material.candidates[candidate].text for candidate in first.candidates]
        data: dict[str, Any] = {"prompt": _plain(material.prompts[first.prompt_id])}
        if len(answers) > 2:
            data["answers"] = [{"id": f"answer{n}", "body": text} for n, text in enumerate(answers, 1)]
        else:
            data |= {f"answer{n}": text for n, text in enumerate(answers, 1)}
        told = [(known, _result(known, len(answers))) for known in opinions]
        yield {
            "id": identity,
            "data": data,
            "annotations": [
                {"completed_by": known.labeller, "result": result, "lead_time": known.mark.seconds}
                for known, result in told
                if not known.machine
            ],
            "predictions": [
                {"model_version": known.labeller, "result": result} for known, result in told if known.machine
            ],
        }


def _result(known: Opinion, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for criterion, verdict in known.mark.verdicts.items():
        name = criterion or "preference"
        if verdict.rating is not None:
            found.append(
                {"from_name": name, "to_name": "answer1", "type": "rating", "value": {"rating": verdict.rating}}
            )
        elif count > 2:
            order = sorted(range(count), key=lambda place: (verdict.ranks[place], place))
            ids = [f"answer{place + 1}" for place in order]
            found.append({"from_name": name, "to_name": "answers", "type": "ranker", "value": {"ranker": ids}})
        elif not verdict.is_tie:
            side = "left" if verdict.ranks[0] == 1 else "right"
            to_name = "answer1,answer2"
            found.append({"from_name": name, "to_name": to_name, "type": "pairwise", "value": {"selected": side}})
    return found


def _by_item(opinions: Sequence[Opinion]) -> dict[int, list[Opinion]]:
    found: defaultdict[int, list[Opinion]] = defaultdict(list)
    for known in opinions:
        if known.mark.verdicts and not known.mark.skipped:
            found[known.item].append(known)
    return dict(found)


def _prompt(prompt: Sequence[Message]) -> str | list[dict[str, Any]]:
    """One message of a user as text, everything else as turns."""
    if len(prompt) == 1 and prompt[0].role == "user" and prompt[0].is_plain:
        return prompt[0].content
    return [turn.as_dict() for turn in prompt]


def _plain(prompt: Sequence[Message]) -> str:
    if len(prompt) == 1:
        return prompt[0].content
    return "\n\n".join(f"{turn.role}: {turn.content}" for turn in prompt)


EXPORTS: Mapping[str, tuple[str, str, Callable[[_Material], Rows]]] = {
    "pairs": ("Pairs: prompt, chosen, rejected", "jsonl", _pairs),
    "hh": ("HH transcripts", "jsonl", _hh),
    "rankings": ("Rankings", "jsonl", _rankings),
    "single": ("Single answers with labels or ratings", "jsonl", _single),
    "argilla": ("Argilla records", "json", _argilla),
    "label_studio": ("Label Studio tasks", "json", _label_studio),
}

"""How a labelling set is begun: prompts out of a dataset, with the answers and verdicts that are there already.

Everything comes in within one transaction. Candidates that models write come later, by `labels.add_candidates`.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from studio.core.errors import Cancelled, StudioError
from studio.core.labelling import LISTWISE, PAIRWISE, POINTWISE, THUMBS, Candidate, LabelPlan, Mark, Verdict
from studio.core.messages import Example, Message, turns_to_json
from studio.core.records import Label, Pair, Ranking, Rating, Record, prompt_of
from studio.storage.label_log import write_entry
from studio.storage.labels import (
    WAITING,
    LabelSet,
    add_candidates,
    count_of,
    free_set_name,
    items_of,
)
from studio.storage.project import Project, now

_LOOK_EVERY = 256


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said of the candidates of an incoming prompt. places: the candidates in question, by place."""

    labeller: str
    places: tuple[int, ...]
    verdict: Verdict
    criterion: str = ""
    machine: bool = False


@dataclass(frozen=True, slots=True)
class Incoming:
    """A prompt for a set, with the candidates that are there already and what was said of them."""

    prompt: tuple[Message, ...]
    candidates: tuple[Candidate, ...] = ()
    said: tuple[Said, ...] = ()


def create_set(
    project: Project,
    name: str,
    plan: LabelPlan,
    incoming: Iterable[Incoming],
    *,
    writing: str = "",
    cancelled: Callable[[], bool] = lambda: False,
) -> LabelSet:
    """Make a set with its prompts, all or nothing; equal prompts are taken once, and their candidates together.

    writing: how models will write candidates (core.candidates), as JSON; empty when none will. Raises StudioError when
    there is nothing to judge, Cancelled when `cancelled` turns true.
    """
    plan.check()
    with project.writing() as connection:
        made = insert_set(connection, name, plan, writing)
        items = add_prompts(connection, made, incoming, cancelled)
        if not count_of(connection, "label_prompts", made.id):
            raise StudioError("There is no prompt to label.", "Choose a dataset that holds prompts.")
        if not items and not writing:
            raise StudioError(
                "No prompt has answers enough to be judged this way.",
                "Choose data with several answers to a prompt, judge answers one by one, or let a model write some.",
            )
    return made


def insert_set(connection: sqlite3.Connection, name: str, plan: LabelPlan, writing: str = "") -> LabelSet:
    """An empty set, inside the caller's transaction. A taken name gets a number behind it."""
    made = LabelSet(secrets.token_hex(8), free_set_name(connection, name), plan, writing, now())
    connection.execute(
        "INSERT INTO label_sets (id, name, plan, writing, created) VALUES (?, ?, ?, ?, ?)",
        (made.id, made.name, plan.to_json(), writing, made.created),
    )
    return made


def add_prompts(
    connection: sqlite3.Connection,
    known: LabelSet,
    incoming: Iterable[Incoming],
    cancelled: Callable[[], bool] = lambda: False,
) -> int:
    """Put prompts with what belongs to them into a set, inside the caller's transaction. How many items they made."""
    merged: dict[str, list[Incoming]] = {}
    for number, one in enumerate(incoming):
        if number % _LOOK_EVERY == 0 and cancelled():
            raise Cancelled
        if one.prompt:
            merged.setdefault(turns_to_json(one.prompt), []).append(one)
    position = count_of(connection, "label_prompts", known.id)
    items = 0
    for number, (text, parts) in enumerate(merged.items()):
        if number % _LOOK_EVERY == 0 and cancelled():
            raise Cancelled
        query = "INSERT INTO label_prompts (label_set, position, prompt, state) VALUES (?, ?, ?, ?)"
        prompt = connection.execute(query, (known.id, position + number, text, WAITING)).lastrowid
        assert prompt is not None
        candidates = [candidate for part in parts for candidate in part.candidates]
        if candidates:
            ids = add_candidates(connection, known, prompt, candidates, complete=not known.writing)
            made = items_of(connection, prompt)
            items += len(made)
            for part in parts:
                _keep_said(connection, known, made, part, ids)
    return items


def _keep_said(
    connection: sqlite3.Connection,
    known: LabelSet,
    items: Mapping[tuple[int, ...], int],
    part: Incoming,
    ids: Mapping[str, int],
) -> None:
    """Keep what was said of a prompt's answers, as far as the set asks for it."""
    groups = {tuple(sorted(group)): group for group in items}
    marks: dict[tuple[str, bool, int], Mark] = {}
    for said in part.said:
        chosen = [ids[part.candidates[place].text.strip()] for place in said.places]
        group = groups.get(tuple(sorted(chosen)))
        if group is None or len(set(chosen)) != len(chosen):
            continue
        verdict = said.verdict
        if verdict.ranks:
            ranks = dict(zip(chosen, verdict.ranks, strict=True))
            verdict = Verdict(tuple(ranks[candidate] for candidate in group), None, verdict.bad)
        names = known.plan.criterion_names
        criterion = said.criterion if said.criterion in names else names[0]
        key = (said.labeller, said.machine, items[group])
        marks[key] = marks.get(key, Mark()).judged(criterion, verdict)
    for (labeller, machine, item), mark in marks.items():
        write_entry(connection, known, item, labeller, mark, "imported", machine=machine)


def incoming_of(
    records: Iterable[Record], plan: LabelPlan, source: str, *, answers: bool = True, verdicts: bool = False
) -> Iterator[Incoming]:
    """What a dataset's records bring into a set. `source` names who wrote the answers, and who gave the verdicts."""
    for record in records:
        prompt = prompt_of(record)
        if not answers:
            yield Incoming(prompt)
            continue
        texts, said = _answers_of(record, plan, source)
        yield Incoming(prompt, tuple(Candidate(0, text, source) for text in texts), said if verdicts else ())


def _answers_of(record: Record, plan: LabelPlan, source: str) -> tuple[tuple[str, ...], tuple[Said, ...]]:
    match record:
        case Pair(_, chosen, rejected, _):
            return (chosen, rejected), said_of_ranks(source, (1, 2), plan)
        case Ranking(_, answers, ranks):
            return answers, said_of_ranks(source, ranks, plan)
        case Rating(_, answer, rating):
            given = Verdict(rating=int(rating))
            fits = plan.way == POINTWISE and rating in plan.scale_values
            return (answer,), (Said(source, (0,), given),) if fits else ()
        case Label(_, answer, good):
            fits = plan.way == POINTWISE and plan.scale == THUMBS
            return (answer,), (Said(source, (0,), Verdict(rating=int(good))),) if fits else ()
        case Example() if record.answer.strip():
            return (record.answer,), ()
        case _:
            return (), ()


def said_of_ranks(
    labeller: str, ranks: tuple[int, ...], plan: LabelPlan, *, machine: bool = False, criterion: str = ""
) -> tuple[Said, ...]:
    """A ranking as the set asks for it: whole, or as what it says of each two."""
    places = tuple(range(len(ranks)))
    if plan.way == LISTWISE:
        return (Said(labeller, places, Verdict(ranks), criterion, machine),)
    if plan.way != PAIRWISE:
        return ()
    return tuple(
        Said(labeller, (a, b), _of_two(ranks[a], ranks[b]), criterion, machine) for a, b in combinations(places, 2)
    )


def _of_two(one: int, other: int) -> Verdict:
    return Verdict.tie() if one == other else Verdict.better(0 if one < other else 1)

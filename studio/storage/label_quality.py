"""How far a set's verdicts can be trusted: everything that `core.agreement` measures, read once from the project."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from dataclasses import dataclass

from studio.core.agreement import (
    Contradiction,
    Kappa,
    Share,
    among,
    between,
    contradictions,
    edges_of,
    first_shown_wins,
    longer_wins,
    with_oneself,
)
from studio.core.labelling import Mark, Opinion
from studio.storage.label_log import labellers_of, opinions_of
from studio.storage.labels import LabelSet, candidates_of, prompts_of, repeats_of


@dataclass(frozen=True, slots=True)
class Quality:
    """What is known of a set's verdicts by one criterion. Machine judges stand in `between` alone.

    authors: how often each one's answers won against other authors'. prompts: the words of those that contradictions
    name.
    """

    labellers: list[tuple[str, bool, int]]
    oneself: Share
    between: dict[tuple[str, str], Kappa]
    people: Kappa
    first_shown: Share
    longer: Share
    taken: Share
    authors: dict[str, Share]
    contradictions: list[Contradiction]
    prompts: dict[int, str]


def quality_of(connection: sqlite3.Connection, known: LabelSet, criterion: str) -> Quality:
    """Measure a set by one criterion."""
    every = opinions_of(connection, known)
    people = [opinion for opinion in every if not opinion.machine]
    candidates = candidates_of(connection, known)
    lengths = {identity: len(candidate.text) for identity, candidate in candidates.items()}
    found = contradictions(people, criterion)
    wanted = {one.prompt_id for one in found}
    prompts = prompts_of(connection, known) if wanted else {}
    authors = {identity: candidate.author for identity, candidate in candidates.items()}
    return Quality(
        labellers_of(connection, known),
        with_oneself(people, repeats_of(connection, known), criterion),
        between(every, criterion),
        among(people, criterion),
        first_shown_wins(people, criterion),
        longer_wins(people, lengths, criterion),
        _taken([opinion.mark for opinion in people]),
        _wins(people, authors, criterion),
        found,
        {prompt: prompts[prompt][-1].content for prompt in wanted},
    )


def _taken(marks: list[Mark]) -> Share:
    judged = [mark for mark in marks if mark.verdicts]
    return Share(sum(bool(mark.suggested) for mark in judged), len(judged))


def _wins(opinions: list[Opinion], authors: dict[int, str], criterion: str) -> dict[str, Share]:
    won: defaultdict[str, int] = defaultdict(int)
    met: defaultdict[str, int] = defaultdict(int)
    for opinion in opinions:
        verdict = opinion.mark.verdicts.get(criterion)
        for better, worse in edges_of(opinion.candidates, verdict) if verdict else ():
            if authors[better] != authors[worse]:
                won[authors[better]] += 1
                met[authors[better]] += 1
                met[authors[worse]] += 1
    return {name: Share(won[name], met[name]) for name in sorted(met, key=lambda name: -won[name] / met[name])}

"""Votes on models' answers, from talking to them and from judging them: each is an item of its own in the set “Chat
votes”, beside all other labels."""

from __future__ import annotations

from collections.abc import Sequence

from studio.core.labelling import LISTWISE, Candidate, LabelPlan, Mark, Verdict
from studio.core.messages import Message, turns_to_json
from studio.storage.label_intake import insert_set
from studio.storage.label_log import write_entry
from studio.storage.labels import READY, LabelSet, add_item, count_of, items_of, list_sets
from studio.storage.project import Project

NAME = "Chat votes"
SEEN, BLIND = "voted", "voted blind"  # the entries' action: with the models' names in sight, or without
_PLAN = LabelPlan(way=LISTWISE, repeats=0.0)  # two answers or more, the best ones first


def keep_vote(
    project: Project,
    labeller: str,
    prompt: Sequence[Message],
    answers: Sequence[Candidate],
    verdict: Verdict,
    *,
    blind: bool = False,
) -> LabelSet:
    """Keep a vote on answers to one prompt, in one transaction. Another vote on the same answers takes its place.

    verdict: ranks of the answers as given. blind: who voted didn't see whose they are. Answers stand as their texts;
    equal ones can't be voted on.
    """
    known = next((one for one in list_sets(project) if one.name == NAME and one.plan.way == LISTWISE), None)
    with project.writing() as connection:
        known = known or insert_set(connection, NAME, _PLAN)
        text = turns_to_json(prompt)
        query = "SELECT id, position FROM label_prompts WHERE label_set = ? AND prompt = ?"
        row = connection.execute(query, (known.id, text)).fetchone()
        if row is None:
            position = count_of(connection, "label_prompts", known.id)
            query = "INSERT INTO label_prompts (label_set, position, prompt, state) VALUES (?, ?, ?, ?)"
            row = (connection.execute(query, (known.id, position, text, READY)).lastrowid, position)
        prompt_id, position = int(row[0] or 0), int(row[1])
        query = "SELECT text, id FROM candidates WHERE prompt = ?"
        ids = {str(text).strip(): int(identity) for text, identity in connection.execute(query, (prompt_id,))}
        for answer in answers:
            if answer.text.strip() not in ids:
                query = "INSERT INTO candidates (prompt, text, author, sampling) VALUES (?, ?, ?, ?)"
                values = (prompt_id, answer.text, answer.author, answer.sampling)
                ids[answer.text.strip()] = int(connection.execute(query, values).lastrowid or 0)
        ranks = {ids[a.text.strip()]: rank for a, rank in zip(answers, verdict.ranks, strict=True)}
        group = tuple(sorted(ranks))
        item = items_of(connection, prompt_id).get(group)
        if item is None:
            item = add_item(connection, known, prompt_id, position, group)
        mark = Mark().judged("", Verdict(tuple(ranks[one] for one in group), bad=verdict.bad))
        write_entry(connection, known, item, labeller, mark, BLIND if blind else SEEN)
    return known

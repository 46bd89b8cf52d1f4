"""Labelling sets: what comes in, what is said, undo back to the first word, queues, datasets that name their labels."""

import random
import sqlite3
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.core.conversion import Conversion
from studio.core.errors import Cancelled, StudioError
from studio.core.labelling import Candidate, LabelPlan, Mark, Verdict
from studio.core.messages import Example, Message
from studio.core.records import Label, Pair, Ranking, Rating
from studio.storage.datasets import delete_dataset, records_of
from studio.storage.label_datasets import convert_set, labels_used, make_dataset
from studio.storage.label_intake import Incoming, create_set, incoming_of
from studio.storage.label_log import (
    Counts,
    LabelSession,
    labellers_of,
    mark_of,
    opinions_of,
    queue_of,
    set_margins,
    suggestions_for,
    transaction,
    write_entry,
)
from studio.storage.labels import (
    add_candidates,
    change_guidelines,
    delete_set,
    find_set,
    item_of,
    list_sets,
    prompt_states,
    rename_set,
    repeats_of,
    waiting_prompts,
)

CALM = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)


def asked(number):
    return (Message("user", f"prompt {number} ü"),)


def incoming(prompts, answers=2):
    for number in range(prompts):
        yield Incoming(
            asked(number), tuple(Candidate(0, f"{number}: answer {n}", f"model {n}") for n in range(answers))
        )


def pairs(project, prompts=5, **plan):
    return create_set(project, "Pairs", LabelPlan(**{"repeats": 0.0, **plan}), incoming(prompts))


def test_a_set_is_found_again_as_it_was_made(project):
    plan = LabelPlan(way="listwise", criteria="kind, true", guidelines="Be fair.")
    made = create_set(project, "Mine", plan, incoming(3, 4))
    other = create_set(project, "Mine", LabelPlan(), incoming(1))
    assert other.name == "Mine (2)"
    assert find_set(project, made.id) == made
    assert [known.id for known in list_sets(project)] == [other.id, made.id]
    rename_set(project, made.id, "Yours")
    with pytest.raises(StudioError, match="already"):
        rename_set(project, made.id, "Mine (2)")
    assert change_guidelines(project, made, "Be kind.").plan == find_set(project, made.id).plan
    delete_set(project, made.id)
    with pytest.raises(StudioError, match="gone"):
        find_set(project, made.id)
    with project.connect() as connection:
        for table in ("label_prompts", "label_items"):
            rows = connection.execute(f"SELECT COUNT(*) FROM {table} WHERE label_set = ?", (made.id,))
            assert rows.fetchone() == (0,)


def test_equal_prompts_and_equal_answers_are_taken_once(project):
    twice = [
        Incoming(asked(1), (Candidate(0, "a"), Candidate(0, " a\n"))),
        Incoming(asked(1), (Candidate(0, "b"), Candidate(0, "a"))),
        Incoming(asked(2), (Candidate(0, "c"),)),
    ]
    known = create_set(project, "x", LabelPlan(repeats=0.0), twice)
    assert prompt_states(project, known) == (0, 1, 1)
    with project.connect() as connection:
        [item] = queue_of(connection, known, "Ada", "todo", "given")
        assert [candidate.text for candidate in item_of(connection, item).candidates] == ["a", "b"]


def test_what_cannot_be_judged_is_refused_and_leaves_nothing(project):
    with pytest.raises(StudioError, match="answers enough"):
        create_set(project, "x", LabelPlan(), incoming(3, 1))
    with pytest.raises(StudioError, match="no prompt"):
        create_set(project, "x", LabelPlan(), [])
    with pytest.raises(Cancelled):
        create_set(project, "x", LabelPlan(), incoming(3), cancelled=lambda: True)
    assert list_sets(project) == []


def test_candidates_that_come_later_make_items_once(project):
    prompts = [Incoming(asked(n)) for n in range(3)]
    known = create_set(project, "x", LabelPlan(repeats=0.0), prompts, writing="{}")
    assert prompt_states(project, known) == (3, 0, 0)
    [(first, turns), _] = waiting_prompts(project, known, 2)
    assert turns == asked(0)
    with project.writing() as connection:
        add_candidates(connection, known, first, [Candidate(0, "a", "m"), Candidate(0, "b", "m")])
        add_candidates(connection, known, first, [Candidate(0, "c", "m")])
        assert len(queue_of(connection, known, "Ada", "todo", "given")) == 1
    assert prompt_states(project, known) == (2, 1, 0)
    with project.writing() as connection:
        [(second, _)] = waiting_prompts(project, known, 1)
        add_candidates(connection, known, second, [Candidate(0, "same"), Candidate(0, "same ")])
    assert prompt_states(project, known) == (1, 1, 1)


def test_answers_that_are_there_wait_for_those_that_a_model_writes(project):
    known = create_set(project, "x", LabelPlan(repeats=0.0), incoming(1, 1), writing="{}")
    [(prompt, _)] = waiting_prompts(project, known, 5)
    with project.writing() as connection:
        add_candidates(connection, known, prompt, [Candidate(0, "written", "m")])
        [item] = queue_of(connection, known, "Ada", "todo", "given")
        assert [c.author for c in item_of(connection, item).candidates] == ["model 0", "m"]


def test_repeats_come_later_and_hide_their_original(project):
    known = create_set(project, "x", LabelPlan(repeats=0.3), incoming(100))
    with project.connect() as connection:
        repeats = repeats_of(connection, known)
        assert 15 < len(repeats) < 45
        for order in ("given", "random"):
            queue = queue_of(connection, known, "Ada", "todo", order)
            assert len(queue) == 100 + len(repeats)
            places = {item: place for place, item in enumerate(queue)}
            assert all(places[again] > places[first] for again, first in repeats.items())
        again, first = next(iter(repeats.items()))
        assert item_of(connection, again).candidates == item_of(connection, first).candidates


def test_every_word_is_kept_and_the_last_one_counts(project):
    known = pairs(project)
    with project.connect() as connection:
        session = LabelSession(connection, known, "Ada")
        items = queue_of(connection, known, "Ada", "todo", "given")
        assert session.counts == Counts(5)
        session.write(items[0], Mark().judged("", Verdict.better(0)), "1")
        session.write(items[1], Mark(skipped=True), "skip")
        session.write(items[1], Mark(skipped=True, flagged=True), "flag")
        session.write(items[0], Mark().judged("", Verdict.tie()), "tie")
        assert session.counts == Counts(3, 1, 1, 1)
        for show, wanted in (
            ("todo", items[2:]),
            ("done", items[:1]),
            ("skipped", items[1:2]),
            ("flagged", items[1:2]),
        ):
            assert queue_of(connection, known, "Ada", show, "given") == wanted
        assert queue_of(connection, known, "Bo", "todo", "given") == items
        assert queue_of(connection, known, "Ada", "todo", "given", after=items[3]) == items[4:]
        assert labellers_of(connection, known) == [("Ada", False, 1)]
        with pytest.raises(StudioError, match="name"):
            LabelSession(connection, known, " ")


operations = st.lists(st.tuples(st.sampled_from(["judge", "skip", "undo", "redo"]), st.integers(0, 3)), max_size=25)


@CALM
@given(operations, st.integers(0, 25))
def test_undo_and_redo_go_back_to_the_first_word_also_after_a_restart(project, steps, restart):
    known = pairs(project, 4)
    with project.connect() as connection:
        session = LabelSession(connection, known, "Ada")
        items = queue_of(connection, known, "Ada", "all", "given")
        now: dict[int, Mark] = {}
        done: list[tuple[int, Mark, Mark]] = []
        undone: list[tuple[int, Mark, Mark]] = []
        for number, (what, place) in enumerate(steps):
            if number == restart:
                session = LabelSession(connection, known, "Ada")
            item = items[place]
            if what == "undo":
                assert session.undo() == (done[-1][0] if done else None)
                if done:
                    changed, before, _ = done[-1]
                    now[changed] = before
                    undone.append(done.pop())
            elif what == "redo":
                assert session.redo() == (undone[-1][0] if undone else None)
                if undone:
                    changed, _, after = undone[-1]
                    now[changed] = after
                    done.append(undone.pop())
            else:
                mark = Mark(skipped=True) if what == "skip" else Mark().judged("", Verdict.better(number % 2))
                done.append((item, now.get(item, Mark()), mark))
                undone.clear()
                now[item] = mark
                session.write(item, mark, what)
            assert (session.can_undo, session.can_redo) == (bool(done), bool(undone))
        assert {item: mark_of(connection, item, "Ada") for item in items} == {n: now.get(n, Mark()) for n in items}
        assert session.counts == LabelSession(connection, known, "Ada").counts
        written = connection.execute("SELECT COUNT(*) FROM label_log WHERE label_set = ?", (known.id,)).fetchone()[0]
        assert written >= len(done) + len(undone)
    delete_set(project, known.id)


def test_a_write_that_fails_changes_nothing(project):
    known = pairs(project)
    with project.connect() as connection:
        session = LabelSession(connection, known, "Ada")
        [item, *_] = queue_of(connection, known, "Ada", "todo", "given")
        connection.execute("PRAGMA query_only = 1")
        with pytest.raises(sqlite3.Error):
            session.write(item, Mark().judged("", Verdict.tie()), "tie")
        connection.execute("PRAGMA query_only = 0")
        assert not session.can_undo
        assert session.counts == Counts(5)
        session.write(item, Mark().judged("", Verdict.tie()), "tie")
        assert session.counts == Counts(4, 1)


def test_hardest_and_most_disputed_come_first(project):
    known = pairs(project, 6)
    with project.connect() as connection:
        items = queue_of(connection, known, "Ada", "todo", "given")
        with transaction(connection):
            set_margins(connection, {items[4]: 0.1, items[2]: 0.5, items[0]: 3.0})
        assert queue_of(connection, known, "Ada", "todo", "hardest")[:3] == [items[4], items[2], items[0]]
        assert item_of(connection, items[4]).margin == 0.1
        LabelSession(connection, known, "Ada").write(items[3], Mark().judged("", Verdict.better(0)), "1")
        with transaction(connection):
            write_entry(
                connection, known, items[3], "judge", Mark().judged("", Verdict.better(1)), "judged", machine=True
            )
        assert queue_of(connection, known, "Bo", "todo", "disagreement")[0] == items[3]
        [(name, mark)] = suggestions_for(connection, items[3], None)
        assert (name, mark.verdicts[""]) == ("judge", Verdict.better(1))


@pytest.mark.parametrize(
    ("record", "plan", "said"),
    [
        (Pair(asked(1), "good", "bad"), LabelPlan(), Verdict.better(0)),
        (Pair(asked(1), "good", "bad"), LabelPlan(way="listwise"), Verdict((1, 2))),
        (Ranking(asked(1), ("a", "b"), (2, 1)), LabelPlan(), Verdict.better(1)),
        (Ranking(asked(1), ("a", "b", "c"), (2, 1, 2)), LabelPlan(way="listwise"), Verdict((2, 1, 2))),
        (Rating(asked(1), "a", 4.0), LabelPlan(way="pointwise"), Verdict(rating=4)),
        (Rating(asked(1), "a", 4.5), LabelPlan(way="pointwise"), None),
        (Label(asked(1), "a", False), LabelPlan(way="pointwise", scale="thumbs"), Verdict(rating=0)),
        (Label(asked(1), "a", False), LabelPlan(way="pointwise"), None),
        (Example((*asked(1), Message("assistant", "a"))), LabelPlan(way="pointwise"), None),
    ],
)
def test_what_a_dataset_says_already_can_be_kept(project, record, plan, said):
    plan = replace(plan, repeats=0.0)
    for verdicts in (True, False):
        known = create_set(project, "x", plan, incoming_of([record], plan, "file", verdicts=verdicts))
        with project.connect() as connection:
            found = [opinion.mark.verdicts[""] for opinion in opinions_of(connection, known)]
        assert found == ([said] if said and verdicts else [])


def test_a_ranking_says_something_of_each_two(project):
    plan = LabelPlan(repeats=0.0)
    ranking = Ranking(asked(1), ("a", "b", "c"), (3, 1, 1))
    known = create_set(project, "x", plan, incoming_of([ranking], plan, "file", verdicts=True))
    with project.connect() as connection:
        opinions = opinions_of(connection, known)
    assert len(opinions) == 3
    assert sum(opinion.mark.verdicts[""].is_tie for opinion in opinions) == 1


def test_a_dataset_names_the_very_labels_it_was_made_of(project):
    known = pairs(project, 10)
    with project.connect() as connection:
        session = LabelSession(connection, known, "Ada")
        items = queue_of(connection, known, "Ada", "todo", "given")
        with pytest.raises(StudioError, match="make no pairs yet"):
            make_dataset(project, known, Conversion())
        rng = random.Random(0)
        for item in items:
            session.write(item, Mark().judged("", Verdict.better(rng.randrange(2))), "1")
    info, found = make_dataset(project, known, Conversion())
    assert (info.rows, info.kind_name) == (10, "pairs")
    assert list(records_of(project, info)) == found.records
    used = labels_used(project, info.content_hash)
    assert used is not None
    assert (used.verdicts, used.set_name) == (10, "Pairs")
    assert "10 verdicts of “Pairs”" in used.sentence
    again, _ = make_dataset(project, known, Conversion())
    assert again.content_hash == info.content_hash
    with project.connect() as connection:
        session = LabelSession(connection, known, "Ada")
        session.write(items[0], Mark().judged("", Verdict.tie()), "tie")
        assert convert_set(connection, known, Conversion()).account.ties == 1
    changed, _ = make_dataset(project, known, Conversion())
    assert labels_used(project, changed.content_hash).digest != used.digest
    delete_dataset(project, info.id)
    delete_set(project, known.id)
    assert labels_used(project, info.content_hash) == used


def test_all_answers_to_a_prompt_stay_together_in_a_dataset(project):
    known = create_set(project, "x", LabelPlan(repeats=0.0), incoming(6, 3))
    with project.connect() as connection:
        session = LabelSession(connection, known, "Ada")
        for item in queue_of(connection, known, "Ada", "todo", "random"):
            session.write(item, Mark().judged("", Verdict.better(0)), "1")
    info, _ = make_dataset(project, known, Conversion())
    prompts = [pair.prompt for pair in records_of(project, info)]
    assert Counter(prompts) == dict.fromkeys(prompts, 3)
    assert prompts == sorted(prompts, key=prompts.index)


def test_items_that_come_in_are_counted_as_to_do(project):
    known = create_set(project, "x", LabelPlan(repeats=0.3), [Incoming(asked(n)) for n in range(20)], writing="{}")
    with project.connect() as connection:
        session = LabelSession(connection, known, "Ada")
        assert session.counts == Counts()
        for prompt, _ in waiting_prompts(project, known, 20):
            with transaction(connection):
                add_candidates(connection, known, prompt, [Candidate(0, "a"), Candidate(0, f"b {prompt}")])
            session.take_new()
            session.take_new()
        assert session.counts.total == len(queue_of(connection, known, "Ada", "all", "given")) > 20
        assert session.counts == LabelSession(connection, known, "Ada").counts

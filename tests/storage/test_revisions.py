import random

import pytest

from studio.core.errors import StudioError
from studio.core.messages import Example, Message
from studio.storage.datasets import add_dataset, delete_dataset, find_dataset, records_of
from studio.storage.revisions import (
    add_records,
    at_hash,
    can_undo_redo,
    delete_records,
    history,
    order_of,
    redo,
    replace_record,
    tag_records,
    undo,
)


def example(word):
    return Example((Message("user", f"question {word}"), Message("assistant", f"answer {word}")))


@pytest.fixture
def info(project):
    return add_dataset(project, "a", "a.json", [example(n) for n in range(6)])


def held(project, info):
    return [record.answer.removeprefix("answer ") for record in records_of(project, info)]


def tags(project):
    with project.connect() as connection:
        return connection.execute("SELECT record, tag FROM tags WHERE live ORDER BY record, tag").fetchall()


def test_changes_are_undone_and_done_again(project, info):
    order = order_of(project, info)
    info, new = replace_record(project, info, order[2], example("two"))
    assert held(project, info) == ["0", "1", "two", "3", "4", "5"]
    info = delete_records(project, info, [order[0], order[4]])
    assert held(project, info) == ["1", "two", "3", "5"]
    info, _ = add_records(project, info, [example("new")])
    assert held(project, info) == ["1", "two", "3", "5", "new"]
    assert info == find_dataset(project, "a") and info.rows == 5
    assert can_undo_redo(project, info) == ("Added 1 example", "")
    info, what = undo(project, info)
    assert (what, held(project, info)) == ("Added 1 example", ["1", "two", "3", "5"])
    info, _ = undo(project, info)
    info, _ = undo(project, info)
    assert held(project, info) == ["0", "1", "2", "3", "4", "5"]
    with pytest.raises(StudioError, match="nothing to undo"):
        undo(project, info)
    info, what = redo(project, info)
    assert what == "Edited one example"
    info, _ = replace_record(project, info, new, example("zwei"))
    assert held(project, info) == ["0", "1", "zwei", "3", "4", "5"]
    with pytest.raises(StudioError, match="nothing to do again"):
        redo(project, info)
    assert [revision.what for revision in history(project, info)][-1] == "Imported"


@pytest.mark.parametrize("seed", range(6))
def test_every_revision_is_found_again_by_its_hash(project, info, seed):
    chance, seen = random.Random(seed), {}
    for step in range(25):
        order = list(order_of(project, info))
        seen[info.content_hash] = held(project, info)
        match chance.randrange(5):
            case 0 if len(order) > 2:
                info = delete_records(project, info, chance.sample(order, 2))
            case 1:
                info, _ = replace_record(project, info, chance.choice(order), example(f"edit {step}"))
            case 2:
                info, _ = add_records(project, info, [example(f"new {step}")])
            case 3 if can_undo_redo(project, info)[0]:
                info, _ = undo(project, info)
            case 4 if can_undo_redo(project, info)[1]:
                info, _ = redo(project, info)
        assert info.rows == len(order_of(project, info))
    seen[info.content_hash] = held(project, info)
    for content_hash, records in seen.items():
        then = at_hash(project, info, content_hash)
        assert then.content_hash == content_hash and then.rows == len(records)
        assert held(project, then) == records
    assert at_hash(project, info, "0" * 64) is None


def test_tags_are_undone_too_and_leave_the_content_as_it_is(project, info):
    order = order_of(project, info)
    tagged = tag_records(project, info, order[:2], " good ", on=True)
    assert tagged.content_hash == info.content_hash
    assert tags(project) == [(order[0], "good"), (order[1], "good")]
    assert tag_records(project, tagged, order[:2], "good", on=True) == tagged  # they have it already
    edited, new = replace_record(project, tagged, order[0], example("x"))
    assert (new, "good") in tags(project)
    edited = tag_records(project, edited, [new], "good", on=False)
    assert (new, "good") not in tags(project)
    for _ in range(3):
        edited, _ = undo(project, edited)
    assert tags(project) == [] or {tag for record, tag in tags(project) if record in order} == set()
    with pytest.raises(StudioError, match="needs a name"):
        tag_records(project, edited, order, " ", on=True)


def test_a_change_on_top_of_another_programs_is_refused(project, info):
    delete_records(project, info, [order_of(project, info)[0]])
    with pytest.raises(StudioError, match="changed by another program"):
        add_records(project, info, [example("x")])
    assert len(history(project, info)) == 2


def test_not_everything_can_be_deleted_and_deleting_a_dataset_leaves_nothing(project, info):
    with pytest.raises(StudioError, match="Nothing would be left"):
        delete_records(project, info, list(order_of(project, info)))
    other = add_dataset(project, "b", "b", [example("other")])
    info = tag_records(project, info, order_of(project, info), "t", on=True)
    info = delete_records(project, info, [order_of(project, info)[0]])
    delete_dataset(project, info.id)
    assert held(project, other) == ["other"]
    with project.connect() as connection:
        for table, left in (("records", 1), ("tags", 0), ("changes", 0), ("tag_changes", 0), ("revisions", 1)):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (left,)
    assert add_dataset(project, "c", "c", [example("x")]).number == 3


def test_datasets_of_an_older_project_are_kept(tmp_path):
    import sqlite3

    from studio.storage import migrations

    connection = sqlite3.connect(tmp_path / "old.db", isolation_level=None)
    step = next(k for k, text in enumerate(migrations.STEPS) if "CREATE TABLE revisions" in text)
    for text in migrations.STEPS[:step]:
        for statement in text.split(";"):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {step}")
    connection.execute("INSERT INTO datasets VALUES ('i', 'n', 's', 2, 'h', 'c', 'passages')")
    connection.executemany("INSERT INTO records VALUES ('i', ?, ?)", [(1, '"b"'), (0, '"a"')])
    migrations.migrate(connection, "old")
    assert connection.execute("SELECT id - (1 << 32), record FROM records").fetchall() == [(0, '"a"'), (1, '"b"')]
    assert connection.execute("SELECT number, revision FROM datasets").fetchall() == [(1, 1)]
    connection.close()

import pytest

from studio.core.errors import Cancelled, StudioError
from studio.core.messages import Example, Message
from studio.storage.datasets import (
    add_dataset,
    delete_dataset,
    find_dataset,
    list_datasets,
    records_at,
    records_of,
    rename_dataset,
)
from studio.storage.revisions import order_of


def examples(count, word="x"):
    for number in range(count):
        yield Example((Message("user", f"{word} {number}"), Message("assistant", f"yes\0 {number} 🙂")))


def test_pages_and_all_are_the_examples_in_order(project):
    info = add_dataset(project, "a", "a.json", examples(1234))
    assert info.rows == 1234
    assert list(records_of(project, info)) == list(examples(1234))
    order = order_of(project, info)
    found = records_at(project, info, order[1230:])
    assert [found[identity] for identity in order[1230:]] == list(examples(1234))[1230:]
    assert records_at(project, info, [order[-1] + 1]) == {}


def test_the_hash_names_the_content_and_its_order(project):
    first = add_dataset(project, "a", "a", examples(10))
    same = add_dataset(project, "b", "b", examples(10))
    other = add_dataset(project, "c", "c", reversed(list(examples(10))))
    assert first.content_hash == same.content_hash != other.content_hash


def test_a_taken_name_gets_a_number(project):
    names = [add_dataset(project, "a", "a", examples(1)).name for _ in range(3)]
    assert names == ["a", "a (2)", "a (3)"]


def test_adding_is_all_or_nothing(project):
    def breaks():
        yield from examples(1200)
        raise OSError("unplugged")

    with pytest.raises(OSError, match="unplugged"):
        add_dataset(project, "a", "a", breaks())
    with pytest.raises(Cancelled):
        add_dataset(project, "a", "a", examples(5000), cancelled=lambda: True)
    with pytest.raises(StudioError, match="no row"):
        add_dataset(project, "a", "a", [])
    assert list_datasets(project) == []
    with project.connect() as connection:
        assert connection.execute("SELECT count(*) FROM records").fetchone() == (0,)


def test_a_full_disk_gets_a_sentence_and_nothing_is_stored(project, monkeypatch):
    # SQLite's own "database or disk is full", provoked by the limit it has for it.
    real = type(project).connect

    def small(self):
        context = real(self)
        connection = context.__enter__()
        connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0] + 5}")
        context.__enter__ = lambda: connection
        return _Entered(context, connection)

    monkeypatch.setattr(type(project), "connect", small)
    with pytest.raises(StudioError, match="is full"):
        add_dataset(project, "a", "a", examples(5000))
    monkeypatch.undo()
    assert list_datasets(project) == []


class _Entered:
    def __init__(self, context, connection):
        self.context, self.connection = context, connection

    def __enter__(self):
        return self.connection

    def __exit__(self, *error):
        return self.context.__exit__(*error)


def test_found_by_name_or_id(project):
    info = add_dataset(project, "recipes", "a", examples(1))
    assert find_dataset(project, "recipes") == find_dataset(project, info.id) == info
    with pytest.raises(StudioError, match="Did you mean “recipes”"):
        find_dataset(project, "recipies")


def test_rename_and_delete(project):
    info, other = add_dataset(project, "a", "a", examples(1)), add_dataset(project, "b", "a", examples(2))
    rename_dataset(project, info.id, " ü ")
    assert find_dataset(project, "ü").id == info.id
    with pytest.raises(StudioError, match="already"):
        rename_dataset(project, info.id, "b")
    with pytest.raises(StudioError, match="needs a name"):
        rename_dataset(project, info.id, " ")
    delete_dataset(project, info.id)
    assert [found.id for found in list_datasets(project)] == [other.id]
    assert list(records_of(project, info)) == []

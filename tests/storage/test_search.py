import pytest

from studio.core.errors import Cancelled
from studio.core.filters import FLAGGED, Filter
from studio.core.messages import Example, Message
from studio.storage import search
from studio.storage.datasets import add_dataset, delete_dataset, records_at
from studio.storage.revisions import add_records, delete_records, order_of, replace_record, tag_records, undo
from studio.storage.search import FILE, find, index_dataset, sources_of, tags_at, tags_of

WORDS = [
    "Ärger mit Füßen",
    "say “hello world”",
    "world, hello!",
    "user\nassistant",
    "日本語の文",
    "100 % sure_thing",
    "x" * 500,
]


def example(word):
    return Example((Message("user", word), Message("assistant", f"answer to {word}")))


@pytest.fixture
def info(project):
    return add_dataset(project, "a", "a.json", [example(word) for word in WORDS])


def found(project, info, wanted, count=3):
    """What is found, asking for little at a time."""
    ids, after = [], -1
    while after is not None:
        some, after = find(project, info, wanted, after, count)
        ids += some
    records = records_at(project, info, ids)
    assert ids == sorted(set(ids))
    return [WORDS.index(records[identity].prompt) if records[identity].prompt in WORDS else -1 for identity in ids]


CASES = [
    ("", [0, 1, 2, 3, 4, 5, 6]),
    ("hello", [1, 2]),
    ("HELLO wor", [1, 2]),
    ('"hello world"', [1]),
    ("“hello world” say", [1]),
    ("日本", [4]),
    ("sure_thing", [5]),
    ("nothing of it", []),
    ("answer", [0, 1, 2, 3, 4, 5, 6]),
]


@pytest.mark.parametrize("indexed", [True, False], ids=["indexed", "not yet"])
@pytest.mark.parametrize(("text", "rows"), [*CASES, ("arger fuß", [0])])
def test_words_are_found(project, info, text, rows, indexed, monkeypatch):
    monkeypatch.setattr(search, "_CHUNK", 2)
    if not indexed and text == "arger fuß":
        pytest.skip("only the index knows letters without their accents")
    if indexed:
        index_dataset(project, info)
    assert found(project, info, Filter(text)) == rows


def test_roles_and_escapes_are_no_words(project, info):
    index_dataset(project, info)
    assert found(project, info, Filter("user")) == [3]
    assert found(project, info, Filter("nassistant")) == []


def test_the_index_catches_up_with_changes(project, info):
    index_dataset(project, info)
    order = order_of(project, info)
    info, _ = replace_record(project, info, order[1], example("say goodbye"))
    info, _ = add_records(project, info, [example("goodbye all")])
    info = delete_records(project, info, [order[2]])
    for _ in range(2):  # before and after it has caught up
        assert found(project, info, Filter("hello")) == []
        assert found(project, info, Filter("goodbye")) == [-1, -1]
        index_dataset(project, info)
    info, _ = undo(project, info)
    assert found(project, info, Filter("hello")) == [2]


def test_length_source_and_tags_narrow_it_down(project, info):
    order = order_of(project, info)
    info, new = add_records(project, info, [example("hello by hand")])
    info = tag_records(project, info, [order[1], new[0]], FLAGGED, on=True)
    assert found(project, info, Filter(shortest=500)) == [6]
    assert found(project, info, Filter(longest=500, text="hello")) == [1, 2, -1]
    assert found(project, info, Filter(source="by hand")) == [-1]
    assert found(project, info, Filter("hello", source="")) == [1, 2]
    assert found(project, info, Filter(tag=FLAGGED)) == [1, -1]
    assert found(project, info, Filter("world", tag=FLAGGED)) == [1]
    assert sources_of(project, info) == ["by hand"]
    assert tags_of(project, info) == {FLAGGED: 2}
    assert tags_at(project, [order[0], new[0]]) == {new[0]: [FLAGGED]}
    assert Filter(tag=FLAGGED).asks and not Filter().asks


def test_a_lost_or_broken_index_is_made_again(project, info):
    index_dataset(project, info)
    (project.folder / FILE).write_bytes(b"no database at all" * 100)
    assert found(project, info, Filter("hello")) == [1, 2]
    index_dataset(project, info)
    assert found(project, info, Filter("arger")) == [0]


def test_indexing_ends_when_it_is_asked_to(project, info, monkeypatch):
    monkeypatch.setattr(search, "_CHUNK", 2)
    seen = []
    with pytest.raises(Cancelled):
        index_dataset(project, info, lambda done, total, note: seen.append(done), lambda: len(seen) == 2)
    assert found(project, info, Filter("hello")) == [1, 2]
    index_dataset(project, info)
    delete_dataset(project, info.id)
    other = add_dataset(project, "b", "b", [example("hello other")])
    index_dataset(project, other)
    assert found(project, other, Filter("hello")) == [-1]


def test_records_are_found_by_script(project):
    texts = ["Hello there", "Привет", "你好世界", "مرحبا", "42", "日本語の本"]
    info = add_dataset(project, "scripts", "s", [Example((Message("user", t), Message("assistant", t))) for t in texts])
    first = info.number << 32
    for indexed in (False, True):
        for script, wanted in (
            ("Latin", [0]), ("Cyrillic", [1]), ("Chinese", [2]), ("Arabic", [3]), ("no letters", [4]),
            ("Japanese", [5]), ("Thai", []),
        ):  # fmt: skip
            ids, after = find(project, info, Filter(script=script))
            assert ([identity - first for identity in ids], after) == (wanted, None)
        if not indexed:
            index_dataset(project, info)
    assert find(project, info, Filter("there", script="Latin"))[0] == [first]
    assert find(project, info, Filter("there", script="Arabic"))[0] == []

"""Mixes have exact counts, the same order for the same seed, and know what each row is from."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.core.datasets import DatasetInfo
from studio.core.errors import Cancelled, StudioError
from studio.core.filters import Filter
from studio.core.records import Passage
from studio.storage.datasets import add_dataset, list_datasets, records_of
from studio.storage.mixing import Part, counts_of, mix_datasets, most_without_repeating
from studio.storage.origins import in_words, origin_of
from studio.storage.project import Project
from studio.storage.revisions import delete_records, order_of
from studio.storage.search import find, sources_of


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.create(tmp_path / "p")
    made.close()
    return made


def dataset(project: Project, name: str, rows: int) -> DatasetInfo:
    return add_dataset(project, name, name, (Passage(f"{name} {k}") for k in range(rows)), kind="passages")


@given(
    rows=st.lists(st.integers(1, 500), min_size=1, max_size=5),
    weights=st.lists(st.floats(0.01, 100), min_size=5, max_size=5),
    total=st.integers(0, 2000),
)
def test_counts_are_exact_and_within_one_of_their_share(rows: list[int], weights: list[float], total: int) -> None:
    parts = [Part(DatasetInfo(str(k), "n", "s", n, "h", "c"), weights[k]) for k, n in enumerate(rows)]
    counts = counts_of(parts, total)
    assert sum(counts) == total
    whole = sum(part.weight for part in parts)
    assert all(abs(count - total * part.weight / whole) < 1 for part, count in zip(parts, counts, strict=True))
    most = most_without_repeating(parts)
    assert all(count <= part.dataset.rows for part, count in zip(parts, counts_of(parts, most), strict=True))


def test_a_mix_is_exact_seeded_and_knows_where_from(project: Project) -> None:
    a, b = dataset(project, "a", 60), dataset(project, "b", 30)
    a = delete_records(project, a, list(order_of(project, a))[:10])  # what is gone is never mixed in
    parts = [Part(a, 3), Part(b, 1)]
    info = mix_datasets(project, parts, 40, seed=1)
    texts = [record.text for record in records_of(project, info)]
    assert Counter(text[0] for text in texts) == {"a": 30, "b": 10}
    assert len(set(texts)) == 40 and not {f"a {k}" for k in range(10)} & set(texts)
    assert texts != sorted(texts)
    assert sources_of(project, info) == ["a", "b"]
    ids, _ = find(project, info, Filter(source="b"))
    assert len(ids) == 10
    assert mix_datasets(project, parts, 40, seed=1).content_hash == info.content_hash
    assert mix_datasets(project, parts, 40, seed=2).content_hash != info.content_hash
    origin = origin_of(project, info)
    assert origin is not None
    assert [part["content_hash"] for part in origin["parts"]] == [a.content_hash, b.content_hash]
    assert "30 of the 50 in “a”" in in_words(origin)


def test_without_a_total_no_row_comes_twice_and_with_one_all_come_as_often(project: Project) -> None:
    parts = [Part(dataset(project, "a", 10), 1), Part(dataset(project, "b", 3), 1)]
    assert mix_datasets(project, parts).rows == 6
    texts = Counter(record.text for record in records_of(project, mix_datasets(project, parts, 20)))
    assert texts["a 0"] == 1 and sorted(texts[f"b {k}"] for k in range(3)) == [3, 3, 4]


def test_what_can_not_be_mixed_is_said_and_nothing_is_left(project: Project) -> None:
    a, b = dataset(project, "a", 5), dataset(project, "b", 5)
    other = add_dataset(project, "c", "c", [Passage("x")], kind="passages")
    for parts, said in (
        ([Part(a, 1)], "two datasets or more"),
        ([Part(a, 1), Part(a, 2)], "named twice"),
        ([Part(a, -1), Part(b, 1)], "weight -1"),
        ([Part(a, 0), Part(b, 0)], "would be empty"),
    ):
        with pytest.raises(StudioError, match=said):
            mix_datasets(project, parts)
    with pytest.raises(Cancelled):
        mix_datasets(project, [Part(a, 1), Part(b, 1)], cancelled=lambda: True)
    assert {info.id for info in list_datasets(project)} == {a.id, b.id, other.id}

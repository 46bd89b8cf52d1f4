import pytest

from studio.core.errors import StudioError
from studio.storage.datasets import list_datasets
from studio.storage.interchange import preview_file
from tests.storage.mutations import run, tried


@pytest.mark.parametrize("seed", range(3))
def test_mutated_files_end_in_rows_or_a_sentence(project, tmp_path, seed):
    outcomes, _ = run(project, tmp_path, 80, seed + 1)
    assert set(outcomes) == {"imported", "a sentence"}


@pytest.mark.parametrize("ending", ["json", "jsonl", "csv", "txt"])
@pytest.mark.parametrize(
    "content",
    [
        b'[{"instruction": "' + b"x" * 40_000_000,
        b"[" * 10_000_000,
        b'"' * 10_000_000,
        b"{" + b'"a":[' * 3_000_000,
        b"\0" * 5_000_000,
    ],
    ids=["a long line", "deep lists", "quotes", "deep objects", "NULs"],
)
def test_large_nonsense_ends_soon(project, tmp_path, ending, content):
    path = tmp_path / f"a.{ending}"
    path.write_bytes(content)
    outcome, _ = tried(project, path)
    if ending != "txt":
        assert outcome == "a sentence" and list_datasets(project) == []
    else:
        assert preview_file(path).rows == 1


def test_a_name_that_no_file_can_have(tmp_path):
    with pytest.raises(StudioError, match="can't have that name"):
        preview_file(tmp_path / "a\0b.json")

import pytest

from studio.core.filters import Filter
from studio.core.records import Passage
from studio.jobs import finding
from studio.jobs.finding import RecordFinder
from studio.storage.datasets import add_dataset
from studio.storage.project import Project
from studio.storage.revisions import order_of


@pytest.fixture
def dataset(tmp_path):
    project = Project.create(tmp_path / "p")
    yield project, add_dataset(project, "a", "a", [Passage(f"number {k}") for k in range(1000)], kind="passages")
    project.close()


def test_what_is_found_comes_in_parts_and_in_order(dataset, qtbot, monkeypatch):
    monkeypatch.setattr(finding, "_FIRST", 10)
    monkeypatch.setattr(finding, "_REST", 40)
    parts: list[list[int]] = []
    finder = RecordFinder(*dataset, Filter("number 1"))
    finder.found.connect(parts.append)
    with qtbot.waitSignal(finder.succeeded):
        finder.start()
    finder.wait()
    found = [identity for part in parts for identity in part]
    order = order_of(*dataset)
    assert found == [order[k] for k in range(1000) if "1" in str(k)]
    assert len(parts[0]) == 10


def test_it_ends_when_it_is_no_longer_wanted(dataset, qtbot):
    finder = RecordFinder(*dataset, Filter("number"))
    finder.start()
    finder.cancel()
    assert finder.wait(5000)

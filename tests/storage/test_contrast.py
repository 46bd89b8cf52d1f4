import pytest

from studio.core.errors import StudioError
from studio.core.messages import Message
from studio.core.records import Label, Pair, Ranking, Rating
from studio.storage.contrast import check_contrast
from studio.storage.datasets import add_dataset, find_dataset
from studio.storage.project import Project

PROMPT = (Message("user", "Who?"),)


@pytest.fixture
def project(tmp_path):
    made = Project.create(tmp_path / "p")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("kind", "alike", "different", "said"),
    [
        ("labels", Label(PROMPT, "a", True), Label(PROMPT, "b", False), "All 3 answers of “d” are marked good"),
        ("labels", Label(PROMPT, "a", False), Label(PROMPT, "b", True), "are marked bad"),
        ("ratings", Rating(PROMPT, "a", 4.0), Rating(PROMPT, "b", 3.0), "All 3 ratings of “d” are 4"),
        ("pairs", Pair(PROMPT, "a", "a "), Pair(PROMPT, "a", "b"), "In none of the 3 pairs of “d”"),
        ("rankings", Ranking(PROMPT, ("a", "b"), (1, 1)), Ranking(PROMPT, ("a", "b"), (1, 2)), "In none"),
    ],
)
def test_preferences_that_are_all_alike_are_refused_before_a_run(project, kind, alike, different, said):
    add_dataset(project, "d", "here", [alike] * 3, kind=kind)
    with pytest.raises(StudioError, match=said) as refused:
        check_contrast(project, find_dataset(project, "d"))
    assert refused.value.hint
    add_dataset(project, "e", "here", [alike, alike, different], kind=kind)
    check_contrast(project, find_dataset(project, "e"))

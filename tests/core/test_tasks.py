"""Labelled tasks are known by their columns, and how instructions are made survives being written down."""

import pytest

from studio.core.errors import StudioError
from studio.core.records import KINDS, TaskRow
from studio.core.shapes import shape_of
from studio.core.shapes.conversations import from_task
from studio.core.tasks import TASKS, Making, Phrasing, columns_of_record, task_of, usual_making, with_labels


@pytest.mark.parametrize(
    ("columns", "task"),
    [
        (["text", "label"], "sentiment"),
        (["idx", "sentence", "label"], "sentiment"),
        (["premise", "hypothesis", "label", "idx"], "inference"),
        (["sentence1", "sentence2", "gold_label"], "inference"),
        (["id", "title", "context", "question", "answers"], "questions"),
        (["passage", "question", "answer"], "questions"),
        (["text"], None),
        (["prompt", "completion", "label"], None),
        (["instruction", "output"], None),
    ],
)
def test_tasks_are_known_by_their_columns(columns, task):
    found = task_of(columns)
    assert (found[0].name if found else None) == task
    shape = shape_of(dict.fromkeys(columns, "x"))
    assert (shape is not None and shape.kind == "tasks") == (task is not None)


def test_every_task_has_several_phrasings_that_name_its_fields():
    for task in TASKS:
        assert len(task.phrasings) >= 4
        for phrasing in task.phrasings:
            asked = [field.name for field in task.fields if field.name not in ("label", "answers")]
            assert all(name in phrasing.ask for name in asked), phrasing


def test_a_making_comes_back_from_its_json():
    making = with_labels(usual_making(["text", "label"]), ["0", "odd one"])
    assert making.words == (("0", "negative"), ("odd one", "odd one"))
    assert Making.from_json(making.to_json()) == making
    with pytest.raises(StudioError, match="can't be read"):
        Making.from_json('{"task": "x"}')
    with pytest.raises(StudioError, match="Phrasing 2 has no answer"):
        Making("columns", (), (Phrasing("a", "b"), Phrasing("a", " "))).check()
    with pytest.raises(StudioError, match="No phrasing"):
        Making("columns", (), (Phrasing("a", "b", chosen=False),)).check()


def test_a_row_keeps_its_columns():
    row = from_task({"text": "so", "label": 1.0, "answers": '{"text": ["a"]}'})
    assert TaskRow.from_json(row.to_json()) == row
    assert KINDS["tasks"].read(row.to_json()) == row
    assert row.cells == ("so · 1", '{"text": ["a"]}')
    assert columns_of_record(row)["label"] == "1"

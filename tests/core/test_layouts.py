import pytest

from studio.core.layouts import Layout, columns_in, layout_of, proposal, proposals, unread
from studio.core.messages import Message
from studio.core.shapes import SHAPES, shape_named


def test_a_layout_reads_columns_of_other_names_and_is_remembered_as_text():
    layout = Layout("Preference pairs", (("prompt", "Q"), ("chosen", "good"), ("rejected", "bad")))
    assert layout.record({"Q": "q", "good": "a", "bad": "b", "chosen": "no"}).cells == ("q", "a", "b")
    with pytest.raises(ValueError, match="there is no “rejected”"):
        layout.record({"Q": "q", "good": "a"})
    assert Layout.from_json(layout.to_json()) == layout
    assert layout.kind == "pairs" and "“good” as chosen" in layout.about
    with pytest.raises(ValueError, match="no shape is called"):
        Layout.from_json('["Gone", [], []]')


@pytest.mark.parametrize(
    ("columns", "shape"),
    [
        (["question", "answer"], "Prompt and completion"),
        (["Question", "Preferred", "Worse"], "Preference pairs"),
        (["query", "reply", "stars"], "Ratings"),
        (["dialogue"], "Messages"),
        (["article"], "Plain text"),
    ],
)
def test_a_proposal_is_made_from_the_names_that_people_use(columns, shape):
    found = [layout.shape for layout in proposals(columns)]
    assert shape in found
    layout = proposal(shape_named(shape), columns)
    assert layout is not None and {column for _, column in layout.columns} <= set(columns)
    assert len({column for _, column in layout.columns}) == len(layout.columns)  # none stands for two


def test_nothing_is_proposed_for_names_that_say_nothing():
    assert proposals(["x", "y"]) == []


@pytest.mark.parametrize("column", ["messages", "conversations"])
def test_strangers_are_given_roles(column):
    word = "role" if column == "messages" else "from"
    text = "content" if column == "messages" else "value"
    turns = [
        {word: "Anna", text: "Hi"},
        {word: "Bert", text: "Yo"},
        {word: "Anna", text: "Bye"},
        {word: "Bert", text: "."},
    ]
    layout = layout_of([{column: turns}])
    assert dict(layout.speakers) == {"Anna": "user", "Bert": "assistant"}
    assert layout.record({column: turns}).messages[:2] == (Message("user", "Hi"), Message("assistant", "Yo"))


def test_whom_a_shape_knows_is_no_stranger():
    turns = [{"from": "human", "value": "Hi"}, {"from": "Robot", "value": "Yo"}]
    assert layout_of([{"conversations": turns}]).speakers == (("Robot", "assistant"),)
    assert (
        layout_of([{"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yo"}]}]).speakers
        == ()
    )


def test_every_shape_can_be_mapped_and_fits_its_own_fields():
    for shape in SHAPES:
        assert shape.fields, shape.label
        assert any(field.needed for field in shape.fields)
        names = [field.name for field in shape.fields if field.needed]
        if shape.label not in ("HH transcripts", "Prompts"):
            row = dict.fromkeys([*names, *(["prompt"] if shape.kind == "pairs" else [])], "x")
            assert shape.fits(row), shape.label


def test_columns_come_in_the_order_in_which_they_are_met():
    assert columns_in([{"b": 1}, 3, {"a": 1, "b": 2}]) == ["b", "a"]


@pytest.mark.parametrize(
    ("shape", "columns", "left"),
    [
        ("Alpaca", ["instruction", "input", "output", "id"], ["id"]),
        ("Safe and unsafe answers", ["prompt", "paraphrases", "safe", "unsafe"], ["paraphrases"]),
        ("KTO", ["prompt", "completion", "label"], []),
        ("Ratings", ["prompt", "answer", "score"], []),
        ("Rankings", ["prompt", "answers", "ranks"], []),
        ("Labelled task", ["text", "label", "anything"], []),
        ("Prompt and completion", ["prompt", "gold", "check"], ["check"]),
    ],
)
def test_columns_that_are_not_read_are_known(shape, columns, left):
    assert unread(Layout(shape), columns) == left
    assert unread(Layout("Alpaca", (("instruction", "a"), ("output", "b"))), ["a", "b", "c"]) == ["c"]

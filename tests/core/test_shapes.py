import contextlib
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.core.messages import Example, Message, messages_from, tools_of
from studio.core.records import KINDS, Label, Pair, Passage, Prompt, Ranking, Rating
from studio.core.shapes import SHAPES, example_from_alpaca, shape_of

text = st.text(st.characters(exclude_categories=("Cs",)), min_size=1).filter(str.strip)


def test_input_follows_the_instruction_on_a_new_line():
    row = {
        "instruction": "Translate.",
        "input": "Hola",
        "output": "Hello",
        "system": "Be brief.",
        "history": [["a", "b"]],
    }
    assert example_from_alpaca(row) == Example(
        (
            Message("system", "Be brief."),
            Message("user", "a"),
            Message("assistant", "b"),
            Message("user", "Translate.\nHola"),
            Message("assistant", "Hello"),
        )
    )


@given(text, text, text)
def test_nothing_of_a_row_is_lost(instruction, extra, output):
    example = example_from_alpaca({"instruction": instruction, "input": extra, "output": output})
    assert example.prompt.startswith(instruction)
    assert example.prompt.endswith(extra)
    assert example.answer == output
    assert Example.from_json(example.to_json()) == example


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (None, "null"),
        (3, "a number"),
        ([], "a list"),
        ({}, "no “instruction”"),
        ({"instruction": "x"}, "no “output”"),
        ({"instruction": "x", "output": None}, "no “output”"),
        ({"instruction": "x", "output": 3}, "“output” is a number"),
        ({"instruction": "x", "output": {"a": 1}}, "“output” is an object"),
        ({"instruction": " ", "output": "y"}, "“instruction” is empty"),
        ({"instruction": "x", "output": "  "}, "nothing to learn"),
        ({"instruction": "x", "output": "\ud800"}, "lone surrogate"),
        ({"instruction": "x", "output": "y", "history": "z"}, "“history” is text"),
        ({"instruction": "x", "output": "y", "history": [["z"]]}, "not [prompt, answer]"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(row, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        example_from_alpaca(row)


@pytest.mark.parametrize("values", [None, [], "x", [3], [{"role": "cat", "content": "x"}], [{"role": "user"}]])
def test_messages_of_another_form_are_refused(values):
    with pytest.raises(ValueError, match=r"turn|list"):
        messages_from(values)


ASK = (Message("user", "Hi"),)


@pytest.mark.parametrize(
    ("row", "label", "record"),
    [
        ({"instruction": "Hi", "output": "Yo"}, "Alpaca", Example((*ASK, Message("assistant", "Yo")))),
        ({"prompt": "Hi", "completion": "Yo"}, "Prompt and completion", Example((*ASK, Message("assistant", "Yo")))),
        (
            {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"}]},
            "Messages",
            Example((*ASK, Message("assistant", "Yo"))),
        ),
        (
            {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yo"}], "system": "Be."},
            "ShareGPT",
            Example((Message("system", "Be."), *ASK, Message("assistant", "Yo"))),
        ),
        ({"prompt": "Hi", "chosen": "Yo", "rejected": "No"}, "Preference pairs", Pair(ASK, "Yo", "No")),
        (
            {"prompt": "Hi", "chosen": "Yo", "rejected": "No", "margin": 2},
            "Preference pairs",
            Pair(ASK, "Yo", "No", 2.0),
        ),
        (
            {
                "conversations": [{"from": "human", "value": "Hi"}],
                "chosen": {"from": "gpt", "value": "Yo"},
                "rejected": {"from": "gpt", "value": "No"},
            },
            "Preference pairs",
            Pair(ASK, "Yo", "No"),
        ),
        (
            {
                "chosen": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"}],
                "rejected": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "No"}],
            },
            "Preference pairs",
            Pair(ASK, "Yo", "No"),
        ),
        (
            {
                "prompt": [{"role": "user", "content": "Hi"}],
                "chosen": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"}],
                "rejected": [{"role": "assistant", "content": "No"}],
            },
            "Preference pairs",
            Pair(ASK, "Yo", "No"),
        ),
        (
            {"chosen": "\n\nHuman: Hi\n\nAssistant: Yo", "rejected": "\n\nHuman: Hi\n\nAssistant: No"},
            "HH transcripts",
            Pair(ASK, "Yo", "No"),
        ),
        (
            {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"}], "label": False},
            "KTO",
            Label(ASK, "Yo", False),
        ),
        ({"prompt": "Hi", "completion": "Yo", "label": "true"}, "KTO", Label(ASK, "Yo", True)),
        ({"prompt": "Hi", "response": "Yo", "rating": "4"}, "Ratings", Rating(ASK, "Yo", 4.0)),
        (
            {"prompt": "Hi", "responses": ["Yo", "No"], "ranks": [2, 1]},
            "Rankings",
            Ranking(ASK, ("Yo", "No"), (2, 1)),
        ),
        ({"text": "Once."}, "Plain text", Passage("Once.")),
    ],
)
def test_each_shape_is_recognised_and_read(row, label, record):
    shape = shape_of(row)
    assert shape is not None
    assert shape.label == label
    assert shape.read(row) == record
    kind = KINDS[shape.kind]
    assert kind.read(record.to_json()) == record
    assert len(record.cells) == len(kind.columns)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": "Hi", "chosen": "Yo", "rejected": "Yo "}, "same answer"),
        ({"prompt": "Hi", "chosen": "", "rejected": "Yo"}, "“chosen” is empty"),
        ({"chosen": "Yo", "rejected": "No"}, "there is no prompt"),
        ({"prompt": "Hi", "chosen": "Yo", "rejected": "No", "margin": "x"}, "“margin” is “x”, not a number"),
        (
            {"chosen": "\n\nHuman: Hi\n\nAssistant: Yo", "rejected": "\n\nHuman: Ho\n\nAssistant: No"},
            "differ before their last answer",
        ),
        ({"chosen": "Assistant: Yo", "rejected": "Assistant: No"}, "not a transcript"),
        ({"prompt": "Hi", "completion": "Yo", "label": "maybe"}, "true or false"),
        ({"prompt": "Hi", "response": "Yo", "rating": "high"}, "not a number"),
        ({"prompt": "Hi", "response": "Yo", "rating": float("nan")}, "not a finite number"),
        ({"prompt": "Hi", "responses": ["Yo"]}, "two answers or more"),
        ({"prompt": "Hi", "responses": ["Yo", "No"], "ranks": [1, 1]}, "same rank"),
        ({"prompt": "Hi", "responses": ["Yo", "No"], "ranks": [1]}, "one rank to each"),
        ({"conversations": [{"from": "cat", "value": "x"}]}, "from “cat”"),
        ({"messages": [{"role": "system", "content": "x"}]}, "nothing to learn"),
        ({"prompt": [{"role": "assistant", "content": "x"}]}, "does not end with a question"),
        ({"prompt": None}, "there is no prompt"),
        ({"text": " "}, "“text” is empty"),
    ],
)
def test_a_row_of_a_known_shape_that_cannot_be_used_says_why(row, reason):
    shape = shape_of(row)
    assert shape is not None
    with pytest.raises(ValueError, match=re.escape(reason)):
        shape.read(row)


@pytest.mark.parametrize("row", [None, 3, "x", [], {}, {"a": 1}, {"prompt": "x", "text": "y"}])
def test_other_rows_have_no_shape(row):
    assert shape_of(row) is None


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Hi", "system": "Be brief."},
        {"prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}], "id": 3},
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]},
    ],
)
def test_prompts_without_an_answer(row):
    shape = shape_of(row)
    assert shape is not None and shape.kind == "prompts"
    assert shape.read(row) == Prompt((Message("system", "Be brief."), Message("user", "Hi")))


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda v: st.lists(v) | st.dictionaries(st.text(), v),
    max_leaves=5,
)
names = st.sampled_from(
    "prompt chosen rejected messages conversations label rating response responses ranks text instruction output "
    "completion margin system history input".split()
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(names, values))
def test_any_row_is_a_record_or_a_reason(row):
    for shape in SHAPES:
        with contextlib.suppress(ValueError):  # any other exception is a crash
            record = shape.read(row)
            assert KINDS[shape.kind].read(record.to_json()) == record


CALL = '{"name": "weather", "arguments": {"place": "Köln"}}'
TOOLS = '[{"name": "weather", "description": "d", "parameters": {"type": "object"}}]'


def test_tool_calls_are_kept_in_every_form():
    sharegpt = {
        "conversations": [
            {"from": "human", "value": "Rain?"},
            {"from": "function_call", "value": CALL},
            {"from": "observation", "value": "dry"},
            {"from": "gpt", "value": "No."},
        ],
        "tools": TOOLS,
    }
    openai = {
        "messages": [
            {"role": "user", "content": "Rain?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"type": "function", "function": {"name": "weather", "arguments": '{"place": "Köln"}'}}],
            },
            {"role": "tool", "content": "dry"},
            {"role": "assistant", "content": [{"type": "text", "text": "No."}]},
        ],
        "tools": [
            {"type": "function", "function": {"name": "weather", "description": "d", "parameters": {"type": "object"}}}
        ],
    }
    first, second = (shape_of(row).read(row) for row in (sharegpt, openai))
    assert first == second == Example.from_json(first.to_json())
    assert tools_of(first.messages)[0]["function"]["name"] == "weather"
    (call,) = first.messages[1].as_dict()["tool_calls"]
    assert call["function"] == {"name": "weather", "arguments": {"place": "Köln"}}
    again = messages_from([turn.as_dict() for turn in first.messages], tools_of(first.messages))
    assert again == first.messages


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("not JSON", "not JSON"),
        ("[3]", "not an object"),
        ('{"name": ""}', "no name"),
        ('{"name": "f", "arguments": [1]}', "not an object"),
    ],
)
def test_a_tool_call_that_cannot_be_read_says_why(call, reason):
    with pytest.raises(ValueError, match=reason):
        shape_of({"conversations": []}).read({"conversations": [{"from": "function_call", "value": call}]})

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.core.datasets import example_from_alpaca
from studio.core.messages import Example, Message, messages_from

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

import pytest

from studio.core.editing import CALLS, Part, empty_parts, parts_of, record_of
from studio.core.messages import Example, Message
from studio.core.records import KINDS, Label, Pair, Passage, Prompt, Ranking, Rating
from studio.core.tool_calls import ToolCall

ASK = (Message("system", "Be."), Message("user", "Hi", tools="[]"))
CALL = Message("assistant", "thinking", calls=(ToolCall("f", '{"a":1}', "id"),))
KIND_OF = {
    Example: "examples", Prompt: "prompts", Passage: "passages", Pair: "pairs", Label: "labels", Rating: "ratings",
    Ranking: "rankings",
}  # fmt: skip
RECORDS = [
    Example((*ASK, CALL, Message("tool", "r", tool="f", call_id="id"), Message("assistant", "Yo"))),
    Prompt(ASK),
    Passage("Once."),
    Pair(ASK, "a", "b", 0.5),
    Pair(ASK, "a", "b"),
    Label(ASK, "a", False),
    Rating(ASK, "a", 3.5),
    Ranking(ASK, ("a", "b", "c"), (2, 1, 1)),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_parts_make_the_same_record(record):
    kind = KIND_OF[type(record)]
    assert record_of(kind, parts_of(record)) == record


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_record_says_what_is_missing(kind):
    with pytest.raises(ValueError, match=r"empty|not a number|nothing to learn|does not end|same answer"):
        record_of(kind, empty_parts(kind))
    filled = [part if part.text else Part(part.name, str(k)) for k, part in enumerate(empty_parts(kind), start=1)]
    assert record_of(kind, filled).cells


def test_calls_are_edited_as_json():
    parts = [
        part if part.name != CALLS else Part(CALLS, '[{"name": "g", "arguments": {}}]', part.turn)
        for part in parts_of(RECORDS[0])
    ]
    assert record_of("examples", parts).messages[2].calls == (ToolCall("g", "{}"),)
    with pytest.raises(ValueError, match="not JSON"):
        record_of("examples", [Part(CALLS, "{")])

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.core.errors import Cancelled, StudioError
from studio.core.forms import FORMS, forms_of
from studio.core.messages import Example, Message
from studio.core.records import KINDS, Label, Pair, Passage, Prompt, Ranking, Rating
from studio.core.shapes.conversations import from_task
from studio.core.tool_calls import ToolCall
from studio.storage.datasets import add_dataset, delete_dataset, records_of
from studio.storage.export import FORMATS, export_dataset, form_named
from studio.storage.interchange import import_file

ODD = ["=1+1", "'=x", "''-3", "+a", "@b", "\tc", "[]", '[{"role": "user"}]', 'a,b;"c"\r\nd\n', " ", "\ufeffx"]
odd = st.sampled_from(ODD)
words = (st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12) | odd).filter(str.strip)
plain = st.lists(st.tuples(words, words), min_size=1, max_size=3).map(
    lambda turns: tuple(m for a, b in turns for m in (Message("user", a), Message("assistant", b)))
)
asked = st.tuples(st.booleans(), words, plain, st.integers(0, 1)).map(
    lambda p: (*((Message("system", p[1]),) if p[0] else ()), *(p[2] if p[3] else ()), Message("user", p[1]))
)
KIND = {
    "examples": st.tuples(st.just(()) | words.map(lambda w: (Message("system", w),)), plain).map(
        lambda p: Example((*p[0], *p[1]))
    ),
    "pairs": st.builds(Pair, asked, words, words, st.none() | st.floats(allow_nan=False, allow_infinity=False)).filter(
        lambda pair: pair.chosen.strip() != pair.rejected.strip()
    ),
    "labels": st.builds(Label, asked, words, st.booleans()),
    "ratings": st.builds(Rating, asked, words, st.floats(allow_nan=False, allow_infinity=False)),
    "rankings": st.builds(lambda p, a, b: Ranking(p, (a, b), (2, 1)), asked, words, words),
    "prompts": st.builds(Prompt, asked),
    "passages": st.builds(Passage, words),
    "tasks": st.builds(
        lambda text, label, answers: from_task({"context": text, "question": label, "answers": {"text": answers}}),
        words,
        words,
        st.lists(words, min_size=1, max_size=2),
    ),
}
CASES = [(form, ending) for form in FORMS for ending in FORMATS]


@pytest.mark.parametrize(("form", "ending"), CASES, ids=[f"{form.name}{ending}" for form, ending in CASES])
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    max_examples=5,
    deadline=None,
)
@given(data=st.data())
def test_what_is_exported_is_imported_the_same(project, tmp_path, form, ending, data):
    records = data.draw(st.lists(KIND[form.kind], min_size=1, max_size=4))
    info = add_dataset(project, "a", "a", records, kind=form.kind)
    file = tmp_path / f"out{ending}"
    assert export_dataset(project, info, file, form.name) == len(records)
    again = import_file(project, file)
    assert (list(records_of(project, again)), again.kind_name) == (records, info.kind_name)
    for made in (info, again):
        delete_dataset(project, made.id)


TOOLS = '[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]'
CALLED = Example(
    (
        Message("user", "a", tools=TOOLS),
        Message("assistant", "", calls=(ToolCall("f", '{"x":1}', "c1"), ToolCall("f", "{}"))),
        Message("tool", "r"),
        Message("assistant", "b"),
    )
)
UNLEARNED = Example((Message("user", "q"), Message("assistant", "a", unlearned=True), Message("assistant", "b")))
PLAIN = Example((Message("user", "q"), Message("assistant", "a")))


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("form", ["messages", "sharegpt"])
def test_tool_calls_go_out_and_come_back(project, tmp_path, ending, form):
    info = add_dataset(project, "a", "a", [PLAIN, CALLED, UNLEARNED, PLAIN])
    export_dataset(project, info, tmp_path / f"out{ending}", form)
    assert list(records_of(project, import_file(project, tmp_path / f"out{ending}"))) == [
        PLAIN,
        CALLED,
        UNLEARNED,
        PLAIN,
    ]


def test_what_a_form_cannot_keep_is_a_sentence_and_leaves_the_old_file(project, tmp_path):
    info = add_dataset(project, "a", "a", [PLAIN, CALLED])
    file = tmp_path / "out.jsonl"
    file.write_text("old")
    with pytest.raises(StudioError, match="“Alpaca” can't keep all of example 2"):
        export_dataset(project, info, file, "alpaca")
    with pytest.raises(Cancelled):
        export_dataset(project, info, file, cancelled=lambda: True)
    with pytest.raises(StudioError, match="no ending"):
        export_dataset(project, info, tmp_path / "out.doc")
    with pytest.raises(StudioError, match="can't be written in the form “alpca”"):
        export_dataset(project, info, file, "alpca")
    with pytest.raises(StudioError, match="can't be written"):
        export_dataset(project, info, tmp_path / "missing" / "out.jsonl")
    assert file.read_text() == "old" and [path.name for path in tmp_path.glob("*out*")] == ["out.jsonl"]


def test_every_kind_has_a_form_and_formulas_are_guarded(project, tmp_path):
    assert all(forms_of(kind) for kind in KINDS)
    info = add_dataset(project, "a", "a", [Pair((Message("user", "=cmd|' /C calc'!A0"),), "+1", "-1")], kind="pairs")
    export_dataset(project, info, tmp_path / "out.csv", form_named("pairs", "").name)
    text = Path(tmp_path / "out.csv").read_text(encoding="utf-8-sig")
    assert text.splitlines() == ["prompt,chosen,rejected", "'=cmd|' /C calc'!A0,'+1,'-1"]
    export_dataset(project, info, tmp_path / "out.jsonl")
    assert json.loads((tmp_path / "out.jsonl").read_text())["chosen"] == "+1"

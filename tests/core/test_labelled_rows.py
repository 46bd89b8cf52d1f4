"""Exports of other labelling programs: their documented forms, and what is wrong with a row in words."""

import pytest

from studio.core.labelled_rows import Heard, plan_for, program_of, read_row
from studio.core.labelling import Verdict

FIELDS = {"prompt": "Hello?", "response1": "Hi.", "response2": "No."}


def argilla(responses, fields=FIELDS, **more):
    return {"id": "1", "status": "completed", "fields": fields, "responses": responses, **more}


def studio(result, data=None, **more):
    data = data or {"prompt": "Hello?", "text1": "Hi.", "text2": "No."}
    return {"id": 7, "data": data, "annotations": [{"completed_by": 3, "result": result}], **more}


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        ("response2", Verdict.better(1)),
        ("Response 1", Verdict.better(0)),
        ("left", Verdict.better(0)),
        ("B", Verdict.better(1)),
        ("tie", Verdict.tie()),
        ("neither", Verdict.tie(bad=True)),
        (["response2", "response1"], Verdict((2, 1))),
        ([{"value": "response1", "rank": 1}, {"value": "response2", "rank": 1}], Verdict((1, 1))),
    ],
)
def test_argilla_two_by_question(value, verdict):
    row = argilla({"preference": [{"value": value, "user_id": "u1"}]})
    assert program_of(row) == "argilla"
    found = read_row(row)
    assert found.answers == ("Hi.", "No.")
    assert found.prompt[0].content == "Hello?"
    assert found.heard == (Heard("u1", False, "preference", verdict),)


def test_argilla_one_by_labeller_with_a_suggestion():
    ranked = {
        "value": [{"rank": 1, "value": "reply-2"}, {"rank": 2, "value": "reply-1"}, {"rank": 3, "value": "reply-3"}]
    }
    row = argilla(
        [
            {"user_id": "a", "status": "submitted", "values": {"order": ranked, "why": {"value": "It is short."}}},
            {"user_id": "b", "status": "discarded", "values": {"order": ranked}},
        ],
        {"instruction": "Hello?", "reply-1": "x", "reply-2": "y", "reply-3": "z"},
        suggestions=[{"question_name": "order", "value": ranked["value"], "agent": "m"}],
    )
    found = read_row(row)
    assert found.heard == (
        Heard("a", False, "order", Verdict((2, 1, 3))),
        Heard("m", True, "order", Verdict((2, 1, 3))),
    )
    assert plan_for([found]).way == "listwise"


def test_ratings_of_one_answer():
    row = argilla({"quality": [{"value": 8, "user_id": "u"}]}, {"prompt": "Hello?", "response": "Hi."})
    found = read_row(row)
    assert found.heard[0].verdict == Verdict(rating=8)
    plan = plan_for([found])
    assert (plan.way, plan.scale) == ("pointwise", "10")


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        ({"type": "pairwise", "value": {"selected": "left"}}, Verdict.better(0)),
        ({"type": "pairwise", "value": {"selected": "right"}}, Verdict.better(1)),
        ({"type": "choices", "value": {"choices": ["tie"]}}, Verdict.tie()),
    ],
)
def test_label_studio_pairs(result, verdict):
    row = studio([{"from_name": "pw", "to_name": "text1,text2", **result}])
    assert program_of(row) == "label_studio"
    assert read_row(row).heard == (Heard("annotator 3", False, "pw", verdict),)
    assert plan_for([read_row(row)]).way == "pairwise"


@pytest.mark.parametrize("ranked", [["mdn", "wiki", "blog"], {"best": ["mdn"], "fair": ["wiki"], "bad": ["blog"]}])
def test_label_studio_rankings(ranked):
    items = [{"id": "blog", "body": "x"}, {"id": "mdn", "body": "y"}, {"id": "wiki", "body": "z"}]
    result = {"from_name": "rank", "type": "ranker", "value": {"ranker": ranked}}
    row = studio([result], {"prompt": "Hello?", "items": items})
    row["annotations"].append({"completed_by": {"email": "a@b"}, "was_cancelled": True, "result": [result]})
    row["predictions"] = [{"model_version": "m1", "result": [result]}]
    found = read_row(row)
    assert found.answers == ("x", "y", "z")
    assert [(heard.labeller, heard.machine) for heard in found.heard] == [("annotator 3", False), ("m1", True)]
    assert all(heard.verdict == Verdict((3, 1, 2)) for heard in found.heard)


def test_several_questions_are_criteria():
    row = argilla({name: [{"value": "A", "user_id": "u"}] for name in ("helpful", "harmless")})
    assert plan_for([read_row(row)]).criteria == "helpful, harmless"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"prompt": "Hello?"}, "no answer"),
        ({"prompt": "", "response1": "a"}, "no prompt"),
        ({"prompt": "x", "response1": " ", "response2": "b"}, "“response1” is empty"),
        ({"prompt": "x", "response1": "\ud800", "response2": "b"}, "half of a character"),
    ],
)
def test_what_is_wrong_is_said(fields, words):
    with pytest.raises(ValueError, match=words):
        read_row(argilla({}, fields))


def test_other_rows_are_nobodys():
    assert [program_of(row) for row in ({"prompt": "x"}, [], None, {"data": 1}, {"fields": {}})] == [""] * 5

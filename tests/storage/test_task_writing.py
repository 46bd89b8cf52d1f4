"""Instructions are made of labelled rows: seeded, never a demonstration of the row itself, all or nothing."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from studio.core.datasets import DatasetInfo
from studio.core.errors import Cancelled, StudioError
from studio.core.tasks import EVERY, FREE, NATURAL, Making, Phrasing, usual_making
from studio.storage.datasets import delete_dataset, list_datasets, records_of
from studio.storage.interchange import import_file
from studio.storage.jinja_sandbox import compiled
from studio.storage.origins import in_words, origin_of
from studio.storage.project import Project
from studio.storage.task_writing import first_answer, make_instructions, preview_instructions, usual


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.create(tmp_path / "p")
    made.close()
    return made


def rows_in(project: Project, tmp_path: Path, rows: list[dict[str, object]]) -> DatasetInfo:
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    return import_file(project, file)


@pytest.fixture
def films(project: Project, tmp_path: Path) -> DatasetInfo:
    return rows_in(project, tmp_path, [{"text": f"film {k}.", "label": k % 2} for k in range(30)])


def test_labels_become_words_and_phrasings_vary(project: Project, films: DatasetInfo) -> None:
    making = usual(project, films)
    assert (making.task, making.words) == ("sentiment", (("0", "negative"), ("1", "positive")))
    info, written = make_instructions(project, films, making)
    assert (info.rows, info.kind_name, written.skipped) == (30, "examples", 0)
    made = list(records_of(project, info))
    for k, example in enumerate(made):
        assert f"film {k}." in example.prompt
        assert ("negative", "positive")[k % 2] in example.answer
    assert len({example.prompt.replace(f"film {k}.", "") for k, example in enumerate(made)}) == 4
    again, _ = make_instructions(project, films, making)
    assert again.content_hash == info.content_hash
    other, _ = make_instructions(project, films, replace(making, seed=7))
    assert other.content_hash != info.content_hash
    every, _ = make_instructions(project, films, replace(making, take=EVERY))
    assert every.rows == 120


@pytest.mark.parametrize("style", ["plain", NATURAL])
def test_demonstrations_are_other_rows(project: Project, films: DatasetInfo, style: str) -> None:
    making = replace(usual(project, films), shots=3, style=style, emphasis="Be brief.")
    info, _ = make_instructions(project, films, making)
    for k, example in enumerate(records_of(project, info)):
        assert example.prompt.count("film ") == 4
        assert example.prompt.count(f"film {k}.") == 1
        assert ("Emphasis: Be brief." in example.prompt) == (style == NATURAL)


def test_equal_rows_are_no_demonstrations_of_each_other(project: Project, tmp_path: Path) -> None:
    info = rows_in(project, tmp_path, [{"text": "the same", "label": 1}] * 5 + [{"text": "other", "label": 0}])
    written = preview_instructions(project, info, replace(usual(project, info), shots=2), 5)
    assert all(example.prompt.count("the same") == 1 for example in written.examples)


def test_questions_without_an_answer_say_so(project: Project, tmp_path: Path) -> None:
    row = {
        "context": "Ann is in Oslo.",
        "question": "Where is Ann?",
        "answers": {"text": ["Oslo"], "answer_start": [10]},
    }
    info = rows_in(
        project, tmp_path, [row, row | {"question": "Who is Bo?", "answers": {"text": [], "answer_start": []}}]
    )
    made, _ = make_instructions(project, info, usual(project, info))
    assert [record.answer for record in records_of(project, made)] == ["Oslo", "The text does not say."]
    assert [first_answer(value) for value in ("a", ["b", "c"], {"text": ["d"]}, [], None, 5)] == [
        "a",
        "b",
        "d",
        "",
        "",
        "5",
    ]


def test_labels_without_a_word_are_left_out(project: Project, tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"text": f"t{k}", "label": k - 1} for k in range(3)]
    info = rows_in(project, tmp_path, [*rows, {"text": " ", "label": 1}])
    made, written = make_instructions(project, info, usual(project, info))
    assert (made.rows, written.skipped) == (2, 2)
    assert "“-1” is left out" in written.left_out[0] and "“text” is empty" in written.left_out[1]


def test_how_it_was_made_is_kept_and_goes_with_it(project: Project, films: DatasetInfo) -> None:
    info, _ = make_instructions(project, films, usual(project, films), "mine")
    origin = origin_of(project, info)
    assert origin is not None and origin["from"] == films.name and origin["content_hash"] == films.content_hash
    assert Making.from_json(origin["how"]) == usual(project, films)
    assert "Instructions made of “rows”" in in_words(origin)
    delete_dataset(project, info.id)
    assert origin_of(project, info) is None and origin_of(project, films) is None


def test_other_datasets_have_columns_too(project: Project, films: DatasetInfo) -> None:
    info, _ = make_instructions(project, films, usual(project, films))
    making = Making(FREE.name, (), (Phrasing("Which question has the answer {{ answer }}?", "{{ prompt }}"),))
    made, _ = make_instructions(project, info, making)
    assert "Which question has the answer" in next(records_of(project, made)).prompt
    assert usual_making(["prompt", "answer"]).phrasings[0] == Phrasing("prompt: {{ prompt }}", "{{ answer }}")


def test_nothing_half_done_is_left(project: Project, films: DatasetInfo) -> None:
    making = usual(project, films)
    faulty = replace(making, phrasings=(Phrasing("{% if text == 'film 20.' %}{{ 1 / 0 }}{% endif %}{{ text }}", "x"),))
    with pytest.raises(StudioError, match="Phrasing 1, line 1: division by zero"):
        make_instructions(project, films, faulty)
    with pytest.raises(Cancelled):
        make_instructions(project, films, making, cancelled=lambda: True)
    silent = replace(making, words=(("0", ""), ("1", "")))
    with pytest.raises(StudioError, match="None of “rows” becomes an instruction"):
        make_instructions(project, films, silent)
    assert [info.name for info in list_datasets(project)] == ["rows"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ text }\n", "line 1: unexpected '}'"),
        ("{{ text }}\n{{ nope }}", "line 2: “nope” is no column; there are text"),
        ("{{ text.__class__.__mro__ }}", "line 1:"),
        ("{{ text.format(1) }}", "line 1:"),
        ("{{ text * 100000000 }}", "too large"),
        ("{{ 9 ** 9999999 }}", "too large"),
        ("{{ text ~ text }}", "~ is not known"),
        ("{% for a in range(9000) %}{% for b in range(9000) %}{% endfor %}{% endfor %}", "turns"),
        (
            "{% for a in range(9000) %}{{ text | replace('x', '0' * 900) }}{% endfor %}",
            "more than 1,000,000 characters",
        ),
        ("{% include 'x' %}", "line 1:"),
        ("{{ lipsum(500) }}", "is no column"),
    ],
)
def test_templates_are_kept_in_bounds(text: str, said: str) -> None:
    with pytest.raises(StudioError) as caught:
        compiled(text, "It")({"text": "xx"})
    assert caught.value.what.startswith("It") and said in caught.value.what

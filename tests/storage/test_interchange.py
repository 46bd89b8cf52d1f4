import contextlib
import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.core.errors import Cancelled, StudioError
from studio.storage.datasets import list_datasets, records_of
from studio.storage.interchange import import_file, preview_file


@pytest.fixture
def write(tmp_path):
    def write(content, name="rows.json"):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write


GOOD = '{"instruction": "a", "output": "b"}'


def test_a_file_is_previewed_then_imported(project, alpaca):
    file = alpaca(1000)
    preview = preview_file(file)
    assert (preview.rows, preview.problems, len(preview.first)) == (1000, [], 5)
    assert list_datasets(project) == []
    info = import_file(project, file)
    assert (info.rows, info.name, info.source) == (1000, "rows", "rows.json")
    assert [example.answer for example in records_of(project, info)][-1] == "It is 999 ü."


@pytest.mark.parametrize("encode", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("form", ["list", "lines", "one"])
def test_encodings_and_forms(write, encode, form):
    row = {"instruction": "Grüße 🙂\u2028", "output": "שלום"}
    text = {
        "list": json.dumps([row, row], ensure_ascii=False),
        "lines": "\r\n".join(json.dumps(row, ensure_ascii=False) for _ in range(2)),
        "one": json.dumps(row, ensure_ascii=False, indent=1),
    }[form]
    preview = preview_file(write(text.encode(encode)))
    assert preview.rows == (1 if form == "one" else 2)
    assert preview.first[0].prompt == row["instruction"]
    assert preview.first[0].answer == row["output"]


def test_a_broken_row_is_named_by_its_line_and_the_rest_imported(project, write):
    file = write(
        f'[\n{GOOD},\n{{"instruction": "a, "output": "b"}},\n{GOOD},\n'
        '{\n "instruction": "c",\n "output": 7\n},\n3,\n' + GOOD + ",\n" + '{"instruction": "cut'
    )
    preview = preview_file(file)
    assert preview.rows == 3
    assert [problem.line for problem in preview.problems] == [3, 5, 9, 11]
    assert "line 3, column 22" in preview.problems[0].reason
    assert "“output” is a number" in preview.problems[1].reason
    assert import_file(project, file).rows == 3


def test_a_broken_line_among_json_lines(write):
    preview = preview_file(write(f"{GOOD}\n\n{{bad\n{GOOD}\n" + "[" * 100_000 + "\n"))
    assert preview.rows == 2
    assert [problem.line for problem in preview.problems] == [3, 5]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        (" \n\t", "is empty"),
        ("\ufeff", "is empty"),
        ("hello there", "not JSON: it begins with “hello there”"),
        ("[]", "holds no rows"),
        ("[", "cut off"),
        ("{}", "fit no known form: none"),
        ('{"data": [1]}', "fit no known form: “data”"),
        ('[{"prompt": "x", "text": "y"}]', "fit no known form: “prompt”, “text”"),
        ("[1, 2]", "Line 1: this is a number"),
        (b"[{\x93}]", "not UTF-8 text: byte 0x93 at position 2"),
        (b"\xff\xfe[", "not UTF-16 text"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_cannot_be_imported_gets_a_sentence(project, write, content, words):
    file = write(content)
    for attempt in (lambda: preview_file(file), lambda: import_file(project, file)):
        with pytest.raises(StudioError) as caught:
            attempt()
        assert caught.value.hint
    with pytest.raises(StudioError) as caught:
        preview_file(file)
    assert words in caught.value.what
    assert list_datasets(project) == []


def test_a_folder_or_a_missing_file(tmp_path):
    with pytest.raises(StudioError, match="is a folder"):
        preview_file(tmp_path)
    with pytest.raises(StudioError, match="There is no file"):
        preview_file(tmp_path / "gone.json")


def test_cancel_stores_nothing(project, alpaca):
    with pytest.raises(Cancelled):
        import_file(project, alpaca(2000), cancelled=lambda: True)
    assert list_datasets(project) == []


def test_progress_rises_to_the_end(alpaca):
    seen = []
    preview_file(alpaca(1000), lambda done, total, note: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(st.data())
def test_a_mutated_file_gives_rows_or_a_sentence(write, data):
    text = json.dumps([{"instruction": f"i{n}", "input": "", "output": f"o{n}"} for n in range(4)], indent=1).encode()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    mutated = text[:start] + data.draw(st.binary(max_size=12)) + text[end:]
    with contextlib.suppress(StudioError):  # any other exception is a crash
        assert preview_file(write(mutated)).rows >= 1


@pytest.mark.parametrize(
    ("name", "content", "kind", "cells"),
    [
        ("r.csv", 'prompt,response,rating\nHi,"a\nb",4\n', "ratings", ("Hi", "a\nb", "4")),
        ("r.tsv", "prompt\tcompletion\nHi\tYo, you\n", "examples", ("Hi", "Yo, you")),
        ("r.txt", "\n\nOnce upon a time.\r\n\n", "passages", ("Once upon a time.",)),
        ("r.jsonl", '{"prompt": "Hi", "chosen": "Yo", "rejected": "No"}\n', "pairs", ("Hi", "Yo", "No")),
        ("r.json", '[{"prompt": "Hi", "completion": "Yo", "label": true}]', "labels", ("Hi", "Yo", "good")),
        ("r.json", '[{"prompt": "Hi", "responses": ["A", "B"]}]', "rankings", ("Hi", "A", "B", "2")),
    ],
)
def test_files_of_every_kind(project, write, name, content, kind, cells):
    info = import_file(project, write(content, name))
    assert (info.kind_name, info.rows) == (kind, 1)
    (record,) = records_of(project, info)
    assert record.cells == cells


def test_parquet(project, tmp_path):
    from importlib import import_module

    parquet, table = import_module("pyarrow.parquet"), import_module("pyarrow").table
    file = tmp_path / "r.parquet"
    messages = [[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"}]]
    parquet.write_table(table({"messages": messages}), file)
    info = import_file(project, file)
    assert [record.cells for record in records_of(project, info)] == [("Hi", "Yo")]
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(StudioError, match="not a Parquet file"):
        preview_file(file)


def test_broken_table_rows_are_named_by_line(write):
    preview = preview_file(write('prompt,completion\nHi,Yo\nHi\n"a\nb",Yo\nHi,Yo,No\n', "r.csv"))
    assert preview.rows == 2
    assert [(problem.line, problem.reason[:13]) for problem in preview.problems] == [
        (3, "it has 1 cell"),
        (6, "it has 3 cell"),
    ]


def test_what_cannot_be_looked_at_or_is_no_file_gets_a_sentence(tmp_path, unreachable):
    unreachable(tmp_path / "theirs")
    for name in ("rows.json", "rows.parquet"):
        with pytest.raises(StudioError, match="can't be read: Permission denied"):
            preview_file(tmp_path / "theirs" / name)
    with pytest.raises(StudioError, match="too long"):
        preview_file(tmp_path / ("x" * 300))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(StudioError, match="is not a file"):
        preview_file(tmp_path / "pipe.json")


@pytest.mark.parametrize("odd", ["\u2028", "\x85", "\x0c", "\x1c"])
def test_only_line_breaks_end_a_table_row(write, odd):
    preview = preview_file(write(f"instruction,output\na{odd}b,c\nd,e,f\n", "rows.csv"))
    assert [record.cells for record in preview.first] == [(f"a{odd}b", "c")]
    assert [problem.line for problem in preview.problems] == [3]


def test_a_table_may_begin_with_empty_lines(write):
    preview = preview_file(write("\n\ninstruction,output\na,b\nc\n", "rows.csv"))
    assert preview.rows == 1
    assert [problem.line for problem in preview.problems] == [5]


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("1" + "0" * 400, "is too large a number"),
        ("NaN", "is nan, not a finite number"),
        ('"inf"', "is inf, not a finite number"),
        ("1" * 5000, "it is not JSON"),
    ],
)
@pytest.mark.parametrize("column", ["rating", "margin"])
def test_a_number_that_is_none_breaks_only_its_row(write, number, reason, column):
    if column == "margin" and number.startswith('"'):
        number = "Infinity"
    good = {"rating": '"response": "r"', "margin": '"chosen": "c", "rejected": "r"'}[column]
    rows = f'[{{"prompt": "p", {good}, "{column}": {number}}},\n {{"prompt": "p", {good}, "{column}": 3}}]'
    preview = preview_file(write(rows))
    assert preview.rows == 1
    assert reason in preview.problems[0].reason

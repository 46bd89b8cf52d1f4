import contextlib
import gzip
import json
import os
from importlib import import_module

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.core.errors import Cancelled, StudioError
from studio.core.layouts import Layout
from studio.storage.datasets import list_datasets, records_of
from studio.storage.interchange import (
    UnknownShape,
    import_file,
    preview_file,
    remember_layout,
    remembered_layout,
    write_problems,
)
from studio.storage.rows import sources


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


def test_no_more_rows_than_asked_for_are_imported(project, alpaca):
    info = import_file(project, alpaca(20), most=7)
    assert info.rows == 7
    assert [example.answer for example in records_of(project, info)][-1] == "It is 6 ü."
    assert import_file(project, alpaca(20), most=30).rows == 20


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
        (b"\0\x93\x01 picture", "not text in UTF-8, UTF-16 or Latin-1: byte 0x93"),
        (b"\xff\xfe[", "not text in UTF-16"),
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


@pytest.mark.parametrize(
    ("name", "begins", "words"),
    [
        ("sheet.xlsx", b"PK\x03\x04", "workbook"),
        ("paper.pdf", b"%PDF-1.7\n", "a PDF"),
        ("photo.png", b"\x89PNG\r\n", "a picture"),
        ("photo.json", b"\xff\xd8\xff\xe0", "a picture"),
    ],
)
def test_what_is_not_for_rows_at_all_is_told_by_what_it_is(tmp_path, name, begins, words):
    (tmp_path / name).write_bytes(begins + bytes(range(256)))
    with pytest.raises(StudioError, match=words):
        preview_file(tmp_path / name)


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


ROWS = [{"instruction": f"Grüße {n}", "output": f"né {n}"} for n in range(50)]


def packed(name, content):
    if name.endswith(".gz"):
        return gzip.compress(content)
    return import_module("pyarrow").compress(content, "zstd", asbytes=True) if name.endswith(".zst") else content


def as_arrow(rows, name, folder):
    arrow = import_module("pyarrow")
    table, file = arrow.Table.from_pylist(rows), folder / "plain"
    if ".parquet" in name:
        import_module("pyarrow.parquet").write_table(table, file)
    elif ".stream" in name:
        with arrow.OSFile(str(file), "wb") as sink, arrow.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    else:
        import_module("pyarrow.feather").write_feather(table, str(file))
    return file.read_bytes()


@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
@pytest.mark.parametrize(
    "name", ["a.json", "a.jsonl", "a.csv", "a.tsv", "a.parquet", "a.arrow", "a.feather", "a.stream.arrow"]
)
def test_every_format_is_read_packed_or_not(project, tmp_path, name, packing):
    if name.endswith((".parquet", ".arrow", ".feather")):
        content = as_arrow(ROWS, name, tmp_path)
    elif name.endswith("sv"):
        sign = "," if name.endswith("csv") else "\t"
        lines = [sign.join(ROWS[0]), *(sign.join(row.values()) for row in ROWS)]
        content = "\r\n".join(lines).encode()
    else:
        content = (json.dumps(ROWS) if name == "a.json" else "\n".join(map(json.dumps, ROWS))).encode()
    file = tmp_path / (name + packing)
    file.write_bytes(packed(file.name, content))
    info = import_file(project, file)
    assert info.name == "a"
    assert [record.cells for record in records_of(project, info)] == [tuple(row.values()) for row in ROWS]
    if packing:
        file.write_bytes(file.read_bytes()[:-30])
        with pytest.raises(StudioError, match=r"damaged or cut off|can't be read|can be read"):
            import_file(project, file)
        assert len(list_datasets(project)) == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"])
@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
def test_encodings_are_told_and_said(project, write, encoding, late):
    rows = [{"instruction": "x" * 90, "output": "y"}] * (1000 if late else 0) + ROWS
    preview = preview_file(write("\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode(encoding)))
    assert preview.rows == len(rows) and not preview.broken
    said = {"utf-8-sig": "", "latin-1": "Latin-1", "cp1252": "Latin-1"}.get(encoding, encoding[:6].upper())
    assert said in " ".join(preview.notes) and bool(preview.notes) == bool(said)
    if not late:
        assert preview.first[0].answer == "né 0"


@pytest.mark.parametrize("ending", [".gz", ".zst"])
@pytest.mark.parametrize("name", ["a.json", "a.csv", "a.txt", "a.parquet"])
def test_a_bomb_is_a_sentence(project, tmp_path, name, ending, monkeypatch):
    monkeypatch.setattr(sources, "_UNPACKED", 1_000_000)
    file = tmp_path / (name + ending)
    start = b"PAR1" if "parquet" in name else b'[{"instruction": "a", "output": "'
    file.write_bytes(packed(file.name, start + b" " * 4_000_000))
    with pytest.raises(StudioError, match="as no real data does"):
        import_file(project, file)
    assert list_datasets(project) == []


def test_rows_that_go_on_over_many_pieces(write, monkeypatch):
    monkeypatch.setattr(sources, "_BLOCK", 7)
    for form in (json.dumps(ROWS), json.dumps(ROWS, indent=2), "\n".join(json.dumps(row, indent=1) for row in ROWS)):
        preview = preview_file(write(form))
        assert (preview.rows, preview.broken) == (50, 0)
    assert preview_file(write("[1, 22, 333" + ", 4444" * 50 + "," + GOOD + "]")).broken == 53
    preview = preview_file(write("\n".join("instruction,output\r\na,b".split("\n")) + "\r\nc,d\r\n", "a.csv"))
    assert preview.rows == 2


def test_a_line_too_long_to_be_a_row_is_named(write, monkeypatch):
    for module in (sources, import_module("studio.storage.rows.json_rows")):
        monkeypatch.setattr(module, "LONGEST", 300_000)
    long = '{"instruction": "a", "output": "' + "x" * 900_000 + '"}'
    preview = preview_file(write(f"{GOOD}\n{long}\n{GOOD}\n{long}", "a.jsonl"))
    assert (preview.rows, [problem.line for problem in preview.problems]) == (2, [2, 4])
    assert "longer than" in preview.problems[0].reason
    preview = preview_file(write(f'[{GOOD}, {{"instruction": "{"x" * 900_000}, {GOOD},\n{GOOD}]'))
    assert preview.rows >= 1


def test_columns_of_other_names_are_read_by_a_layout_that_is_remembered(project, write):
    file = write("Frage,Antwort,question\nWie?,So.,x\n", "a.csv")
    with pytest.raises(UnknownShape) as caught:
        preview_file(file)
    assert caught.value.columns == ["Frage", "Antwort", "question"]
    layout = Layout("Prompt and completion", (("prompt", "Frage"), ("completion", "Antwort")))
    preview = preview_file(file, layout=layout)
    assert preview.first[0].cells == ("Wie?", "So.")
    remember_layout(project, caught.value.columns, layout)
    assert remembered_layout(project, ["question", "Antwort", "Frage"]) == layout
    assert remembered_layout(project, ["question", "Antwort"]) is None
    assert import_file(project, file, layout=layout).rows == 1


def test_speakers_that_no_shape_knows_are_proposed_and_said(write):
    turns = [{"from": "Kunde", "value": "Hallo?"}, {"from": "Berater", "value": "Ja."}]
    preview = preview_file(write(json.dumps([{"conversations": turns}] * 3)))
    assert preview.first[0].cells == ("Hallo?", "Ja.")
    assert preview.layout.speakers == (("Kunde", "user"), ("Berater", "assistant"))
    assert "“Berater” speaks as assistant" in preview.layout.about


def test_bad_rows_are_written_to_a_file(write, tmp_path):
    file = write(f'{GOOD}\n{{bad\n{GOOD}\n{{"instruction": "x"}}', "a.jsonl")
    target = tmp_path / "bad.csv"
    assert write_problems(file, target, preview_file(file).layout) == 2
    lines = target.read_text().splitlines()
    assert lines[0] == "line,reason" and lines[1].startswith("2,") and lines[2].startswith("4,there is no “output”")


def test_excels_semicolons_and_guarded_formulas(write):
    preview = preview_file(write("prompt;completion\r\n'=1+1;2,5\r\n", "a.csv"))
    assert preview.first[0].cells == ("=1+1", "2,5")

import json
import sys
from pathlib import Path

import pytest

from studio.cli import importing
from studio.cli.app import main, verbs
from studio.processes.hub import hub_client
from studio.storage.datasets import list_datasets
from studio.storage.project import Project


@pytest.fixture
def rows(tmp_path):
    file = tmp_path / "my rows ü.json"
    good = [{"instruction": f"Say {n}", "output": "yes"} for n in range(5)]
    file.write_text(json.dumps([*good, {"instruction": "x"}, {"output": "y"}], indent=1))
    return file


def test_a_new_project_is_made_and_filled(tmp_path, rows, capsys):
    folder = tmp_path / "new project"
    assert main(["import", str(rows), "--project", str(folder), "--skip-broken", "--name", "mine"]) == 0
    (info,) = list_datasets(Project.open(folder))  # the lock is free
    assert (info.name, info.rows) == ("mine", 5)
    said = capsys.readouterr()
    assert "5 examples in Alpaca form; 2 rows cannot be used" in said.out
    assert "no “output”" in said.err


def test_broken_rows_stop_the_import_unless_skipped(tmp_path, rows, capsys):
    assert main(["import", str(rows), "--project", str(tmp_path / "p")]) == 1
    said = capsys.readouterr().err
    assert "line 22: there is no “output”" in said
    assert "--skip-broken to import the other 5" in said
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["import", "gone.json"], "There is no file"),
        (["train", "gone.json"], "not a Plumbline project"),
        (["chat"], "not a Plumbline project"),
        (["train", "--project", "nowhere"], "There is no folder"),
    ],
)
def test_errors_are_sentences_with_exit_code_1(tmp_path, monkeypatch, capsys, words, sentence):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 1
    said = capsys.readouterr().err
    assert said.startswith("plumbline: ")
    assert sentence in said
    assert "Traceback" not in said


@pytest.mark.parametrize("verb", verbs())
def test_every_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    assert "usage: plumbline" in capsys.readouterr().out


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("Plumbline ")


def test_columns_of_other_names_and_bad_rows_on_the_command_line(tmp_path, capsys):
    file, project, bad = tmp_path / "q.csv", tmp_path / "p", tmp_path / "bad.csv"
    file.write_text("Q;A\nWhy?;So.\nHow?;\n", encoding="latin-1")
    flags = ["--project", str(project), "--shape", "Prompt and completion", "--column", "prompt=Q"]
    assert main(["import", str(file), *flags[:-1], "nothing=Q"]) == 1
    assert "its fields are prompt, completion, system" in capsys.readouterr().err
    asked = [*flags, "--column", "completion=A", "--skip-broken", "--bad-rows", str(bad)]
    assert main(["import", str(file), *asked]) == 0
    assert "“Q” as prompt" in capsys.readouterr().out
    assert "“completion” is empty" in bad.read_text(encoding="utf-8")


def test_a_dataset_is_exported(tmp_path, capsys):
    file, project, out = tmp_path / "q.jsonl", tmp_path / "p", tmp_path / "out.csv"
    file.write_text('{"instruction": "a", "output": "b"}\n')
    assert main(["import", str(file), "--project", str(project)]) == 0
    assert main(["export", "q", str(out), "--project", str(project), "--form", "alpaca"]) == 0
    assert "Exported 1 example of “q”" in capsys.readouterr().out
    assert out.read_text(encoding="utf-8-sig").splitlines()[1] == "a,,b"
    assert main(["export", "q", str(tmp_path / "out.doc"), "--project", str(project)]) == 1
    assert "no ending that says how" in capsys.readouterr().err


def test_labelled_rows_become_instructions(tmp_path, capsys):
    file, folder, how = tmp_path / "films.csv", tmp_path / "p", tmp_path / "how.json"
    file.write_text("text,label\n" + "\n".join(f"film {k},{k % 2}" for k in range(6)))
    assert main(["import", str(file), "--project", str(folder)]) == 0
    assert "6 task rows in Labelled task form" in capsys.readouterr().out
    words = ["instruct", "films", "--project", str(folder)]
    assert main([*words, "--shots", "1", "--save", str(how)]) == 0
    assert ">>> negative" in capsys.readouterr().out
    assert len(list_datasets(Project.open(folder, lock=False))) == 1
    assert main([*words, "--recipe", str(how), "--take", "every", "--name", "mine"]) == 0
    assert "Made 24 examples as “mine”" in capsys.readouterr().out
    assert main([*words, "--task", "inference"]) == 1
    assert "it wants premise, hypothesis, label" in capsys.readouterr().err


def test_datasets_are_mixed(tmp_path, rows, capsys):
    folder = tmp_path / "p"
    for name in ("one", "two"):
        assert main(["import", str(rows), "--project", str(folder), "--skip-broken", "--name", name]) == 0
    assert main(["mix", "one=2", "two", "--project", str(folder), "--total", "6", "--name", "both"]) == 0
    assert "4 of the 5 in “one”" in capsys.readouterr().out
    assert main(["mix", "one", "--project", str(folder)]) == 1
    assert "two datasets or more" in capsys.readouterr().err


def test_the_hub_is_asked_only_after_a_question(tmp_path, capsys, monkeypatch):
    folder = tmp_path / "p"
    assert main(["import", "--project", str(folder)]) == 1
    assert "Name one file, or a dataset with --hub" in capsys.readouterr().err
    assert main(["import", "--hub", "o/n", "--project", str(folder)]) == 1
    assert "Fetch “o/n” from" in capsys.readouterr().err
    fake = Path(__file__).parent.parent / "gui" / "fake_hub.py"
    monkeypatch.setattr(importing, "hub_client", lambda: hub_client([sys.executable, str(fake)]))
    words = ["import", "--hub", "https://huggingface.co/datasets/o/n", "--yes", "--project", str(folder)]
    assert main([*words, "--split", "tset"]) == 1
    assert "no split “tset”" in capsys.readouterr().err
    assert main(words) == 0
    assert "configuration “one” (2 configurations: one, two), split “train”" in capsys.readouterr().out
    (info,) = list_datasets(Project.open(folder, lock=False))
    assert (info.name, info.rows) == ("n", 3)
    assert main(["import", "--hub", "o/none", "--yes", "--project", str(folder)]) == 1
    assert "The Hub has no such dataset" in capsys.readouterr().err


def test_columns_of_other_names_come_with_the_flags_that_read_them(tmp_path, capsys):
    file = tmp_path / "odd.csv"
    file.write_text("Query,Reply\nwhat?,that\n")
    assert main(["import", str(file), "--project", str(tmp_path / "p")]) == 1
    assert "--shape Alpaca --column instruction=Query --column output=Reply" in capsys.readouterr().err

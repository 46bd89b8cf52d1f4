import json

import pytest

from studio.cli.app import main, verbs
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

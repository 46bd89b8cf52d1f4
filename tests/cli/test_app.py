import os
import subprocess
import sys

import pytest

from studio.cli.app import main
from studio.storage.project import Project


def plumbline(*words, encoding="utf-8", **options):
    return subprocess.run(
        [sys.executable, "-m", "studio", *map(str, words)],
        capture_output=True,
        timeout=60,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        **options,
    )


def test_a_word_that_is_neither_verb_nor_folder_gets_a_sentence_and_no_window(tmp_path):
    done = plumbline("trian", cwd=tmp_path)
    assert done.returncode == 1
    said = done.stderr.decode()
    assert "neither a verb nor a folder" in said
    assert "Did you mean “train”?" in said


@pytest.mark.skipif(sys.platform == "win32", reason="file names there are always text")
def test_what_the_terminal_cannot_write_never_ends_the_program(tmp_path):
    file = tmp_path / os.fsdecode(b"caf\xe9.json")
    file.write_text('[{"instruction": "a", "output": "b"}]')
    for encoding in ("ascii", "utf-8"):
        done = plumbline("import", file, "--project", tmp_path / "p", "--name", "a", encoding=encoding)
        assert b"Traceback" not in done.stderr
    done = plumbline("import", file, "--project", tmp_path / "p", "--name", os.fsdecode(b"\xe9"))
    assert done.returncode == 1
    assert "half of a character" in done.stderr.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
def test_a_reader_that_goes_away_is_no_crash(tmp_path):
    Project.create(tmp_path / "p").close()
    rows = tmp_path / "rows.json"
    rows.write_text('[{"instruction": "a", "output": "b"}]')
    words = [sys.executable, "-m", "studio", "import", str(rows), "--project", str(tmp_path / "p")]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(words, stdout=writing, stderr=subprocess.PIPE, timeout=60)
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode == 1


@pytest.mark.parametrize(
    "words", [["--adapter", "a"], ["--base", "m", "--run", "r"], ["--base", "m", "--project", "p"]]
)
def test_chat_ignores_no_flag(words, capsys):
    assert main(["chat", *words]) == 1
    assert "--base" in capsys.readouterr().err

import argparse
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from studio.cli import training
from studio.cli.app import main
from studio.cli.training import _recipe, add_arguments, follow
from studio.core.methods import SftSettings
from studio.core.recipes import Recipe
from studio.core.runs import RunState
from studio.processes.training import is_alive, kill_tree
from studio.storage.project import Project
from studio.storage.runs import RunFolder


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return _recipe(parser.parse_args(words), Project(Path(), None))


def test_flags_override_the_recipe(tmp_path):
    file = tmp_path / "r.json"
    file.write_text(Recipe("/m", "d", "n", settings=SftSettings(epochs=2.0, lora_rank=4)).to_json())
    recipe = parsed(str(file), "--epochs", "5", "--dataset", "other", "--schedule", "linear")
    assert recipe == Recipe("/m", "other", "n", settings=SftSettings(epochs=5.0, lora_rank=4, schedule="linear"))


def test_flags_alone_are_a_recipe():
    assert parsed("--base-model", "/m", "--dataset", "d") == Recipe("/m", "d")


@pytest.mark.parametrize(
    ("change", "flags", "sentence"),
    [
        ({}, ["--learning-rate", "7"], "--learning-rate: Learning rate is 7"),
        ({"base_model": "/nowhere"}, [], "There is no model folder"),
        ({"settings": {"lora_rang": 3}}, [], "Did you mean “lora_rank”"),
        ({"template": "alpacca"}, [], "Did you mean “alpaca”"),
        ({}, ["--resume", "x"], "--resume goes on with a run as it is"),
    ],
)
def test_what_cannot_be_trained_is_a_sentence_and_makes_no_run(tmp_path, capsys, change, flags, sentence):
    Project.create(tmp_path / "p").close()
    file = tmp_path / "r.json"
    file.write_text(json.dumps({"base_model": "/m", "dataset": "d", **change}))
    assert main(["train", str(file), "--project", str(tmp_path / "p"), *flags]) == 1
    assert sentence in capsys.readouterr().err
    assert list((tmp_path / "p" / "runs").iterdir()) == []


def test_a_run_is_resumed_as_it_is(tmp_path, capsys):
    Project.create(tmp_path / "p").close()
    assert main(["train", "--resume", "x", "--project", str(tmp_path / "p")]) == 1
    assert "no run “x”" in capsys.readouterr().err
    assert main(["train", "--resume", "x", "--epochs", "9", "--project", str(tmp_path / "p")]) == 1
    assert "--resume goes on with a run as it is" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--margins", "maybe"], ["--max-steps", "9" * 5000]])
def test_a_flag_that_cannot_be_read_is_a_usage_error(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["train", *words])
    assert ended.value.code == 2
    assert f"argument {words[0]}" in capsys.readouterr().err


@pytest.fixture
def fake_run(tmp_path, monkeypatch):
    """A run whose worker needs no model; it trains until it is told to end."""
    fake = Path(__file__).resolve().parents[1] / "processes" / "fake_worker.py"
    words = [sys.executable, str(fake)]
    mode = ["endless"]
    monkeypatch.setattr(
        "studio.processes.training.worker_command", lambda _kind, folder: [*words, folder, mode[0], "100000"]
    )
    run = RunFolder.create(tmp_path / "runs", Recipe("/m", "d"))
    yield run, mode
    kill_tree(run.worker())


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="sends itself Ctrl+C as a signal")


@needs_signals
def test_ctrl_c_while_the_worker_is_being_started_stops_it(fake_run, monkeypatch):
    run, _ = fake_run
    real = training.start_run

    def start(folder):
        process = real(folder)
        interrupt()
        return process

    monkeypatch.setattr(training, "start_run", start)
    ended = follow(run)
    assert ended.state is RunState.STOPPED
    assert not is_alive(run.worker())


@needs_signals
def test_ctrl_c_twice_in_quick_succession_leaves_no_worker(fake_run, monkeypatch):
    run, mode = fake_run
    mode[0] = "deaf"
    before = signal.getsignal(signal.SIGINT)
    real, pressed = training._show, []

    def show(bar, event, story, title, watch):
        real(bar, event, story, title, watch)
        if story.step >= 3 and not pressed:
            pressed.append(True)
            interrupt()

    def ask(ladder):
        ladder.run.request_stop(save=ladder.save)
        interrupt()  # while the first one is still being seen to

    monkeypatch.setattr(training, "_show", show)
    monkeypatch.setattr("studio.processes.training.StopLadder.ask", ask)
    ended = follow(run)
    assert "as you asked" in ended.sentence
    assert not is_alive(run.worker())
    assert signal.getsignal(signal.SIGINT) is before

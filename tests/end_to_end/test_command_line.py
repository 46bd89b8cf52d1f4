"""The whole line in a terminal: import, train, stop with Ctrl+C, resume, chat; each in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from studio.storage.project import Project
from studio.storage.runs import list_runs

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def plumbline(tmp_path):
    """Runs the program with words and returns what it printed."""

    def plumbline(*words, code=0, **options):
        command = [sys.executable, "-m", "studio", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=200, **options)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return plumbline


def only_run(folder):
    (run,) = list_runs(Project.open(folder, lock=False).runs)
    return run


def losses(run):
    return {int(event.values["step"]): event.values["loss"] for event in run.all_events() if event.kind == "step"}


def wait_for_step(run_of, step, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        run = run_of()
        if run is not None and run.story().step >= step:
            return run
        time.sleep(0.05)
    raise AssertionError("waited in vain")


SETTINGS = "--epochs 10 --batch-size 4 --accumulate 1 --max-steps 40 --learning-rate 0.01 --evaluations 2".split()


def test_import_train_stop_resume_chat(plumbline, tmp_path, alpaca_file, base_model):
    folder = tmp_path / "a project ü"
    assert "Imported 40 examples as “counting”" in plumbline("import", alpaca_file, "--project", folder).stdout
    train = ["train", "--project", folder, "--base-model", base_model, "--dataset", "counting", "--template", "alpaca"]
    whole = plumbline(*train, *SETTINGS, "--name", "whole")
    assert "Finished after 40 steps." in whole.stdout
    reference = losses(only_run(folder))
    assert sorted(reference) == list(range(1, 41))
    assert reference[40] < reference[1]

    # The same again, stopped by Ctrl+C in the middle and resumed.
    command = [sys.executable, "-m", "studio", *map(str, [*train, *SETTINGS, "--name", "stopped"])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8")
    runs = Project.open(folder, lock=False).runs
    run = wait_for_step(lambda: list_runs(runs)[0] if len(list_runs(runs)) == 2 else None, 3)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=100)
    assert process.returncode == 0, out
    assert "as you asked; everything is saved" in out
    stopped_at = run.story().step
    assert stopped_at < 40
    assert "Finished after 40 steps." in plumbline("train", "--project", folder, "--resume", run.id).stdout
    assert losses(run) == pytest.approx(reference, abs=1e-6)

    said = plumbline("chat", "--project", folder, "--run", run.id, "--prompt", "Count from 7.", "--temperature", "0")
    lines = said.stdout.splitlines()
    assert lines[0] == "> Count from 7."
    assert any(line.startswith(base_model.name + ":") for line in lines)
    assert any("stopped" in line for line in lines)


def test_a_killed_worker_is_a_sentence_and_resume_loses_little(plumbline, tmp_path, alpaca_file, base_model):
    folder = tmp_path / "p"
    plumbline("import", alpaca_file, "--project", folder)
    train = ["train", "--project", folder, "--base-model", base_model, "--dataset", "counting", "--template", "alpaca"]
    settings = [*SETTINGS, "--checkpoint-minutes", "0"]
    command = [sys.executable, "-m", "studio", *map(str, [*train, *settings])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8")
    runs = Project.open(folder, lock=False).runs
    run = wait_for_step(lambda: (list_runs(runs) or [None])[0], 5)
    worker = run.worker()
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "signal 9" in out
    assert "Resume" in out
    before = losses(run)
    plumbline("train", "--project", folder, "--resume", run.id)
    events = list(run.all_events())
    (resumed,) = [event for event in events if event.kind == "resumed"]
    # A step may have been logged, and killed, before its checkpoint was complete.
    assert max(before) - int(resumed.values["step"]) <= 1
    after = losses(run)
    assert sorted(after) == list(range(1, 41))
    for step in before:
        assert after[step] == pytest.approx(before[step], abs=1e-6)


def test_copy_as_command_recipes_run(plumbline, tmp_path, alpaca_file, base_model):
    folder = tmp_path / "p"
    plumbline("import", alpaca_file, "--project", folder, "--name", "mine")
    recipe = tmp_path / "my recipe.json"
    settings = {"max_steps": 2, "held_out": 0.0}
    text = {"base_model": str(base_model), "dataset": "mine", "template": "alpaca", "settings": settings}
    recipe.write_text(json.dumps(text), encoding="utf-8")
    assert "Finished after 2 steps." in plumbline("train", recipe, "--project", folder).stdout


def test_a_base_without_a_chat_template_is_trained_with_alpacas_and_the_adapter_carries_it(
    plumbline, tmp_path, alpaca_file, base_model
):
    folder = tmp_path / "p"
    plumbline("import", alpaca_file, "--project", folder)
    words = ["train", "--project", folder, "--base-model", base_model, "--dataset", "counting", "--max-steps", "1"]
    plumbline(*words)
    adapter = only_run(folder).adapter
    assert "Alpaca" in json.loads((adapter / "plumbline.json").read_text(encoding="utf-8"))["template"]
    assert "### Response:" in (adapter / "chat_template.jinja").read_text(encoding="utf-8")


def test_a_base_in_4_bits_and_all_weights_in_real_workers(plumbline, tmp_path, alpaca_file, base_model):
    folder = tmp_path / "project"
    plumbline("import", alpaca_file, "--project", folder)
    train = ["train", "--project", folder, "--base-model", base_model, "--dataset", "counting", "--template", "alpaca"]
    short = "--batch-size 2 --accumulate 1 --max-steps 2 --evaluations 1 --learning-rate 0.0001".split()
    for ways in (["--way", "qlora"], ["--way", "full", "--optimiser", "adamw8bit"]):
        assert "Finished after 2 steps." in plumbline(*train, *short, *ways).stdout
    of_bits, of_all = sorted(list_runs(Project.open(folder, lock=False).runs), key=lambda run: run.id)
    assert (of_bits.adapter / "adapter_model.safetensors").is_file() and not of_bits.model.exists()
    assert (of_all.model / "model.safetensors").is_file() and not of_all.adapter.exists()
    assert len(losses(of_bits)) == len(losses(of_all)) == 2

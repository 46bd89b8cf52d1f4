"""Real worker processes: stopped, killed, told to end, started twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from studio.core.runs import EXIT_FAILED, EXIT_SAID
from studio.engine.training import train
from studio.engine.worker import EXIT_USAGE, main
from tests.engine.runs_for_tests import events_of, last_of, losses_of, project_with, run_in, start, wait_for_steps

pytestmark = pytest.mark.timeout(400)  # a busy machine takes its time to start a worker
SLOW_ENOUGH = {"epochs": 8.0, "lora_dropout": 0.2, "evaluations": 6, "checkpoint_minutes": 0.0}


@pytest.mark.usefixtures("as_in_a_worker")
def test_stopped_killed_and_resumed_equals_all_in_one(tmp_path: Path, tiny_base: Path) -> None:
    project = project_with(tmp_path / "project with spaces ü")
    straight = run_in(project, tiny_base, **{**SLOW_ENOUGH, "checkpoint_minutes": 60.0})
    broken = run_in(project, tiny_base, **SLOW_ENOUGH)
    assert train(straight.folder) == EXIT_SAID, last_of(straight)

    first = start(broken)
    wait_for_steps(broken, first, 5)
    second = start(broken)
    assert second.wait(180) == EXIT_FAILED  # one worker at a time
    assert "by another process" in broken.log_tail()
    broken.request_stop(save=True)
    assert first.wait(180) == EXIT_SAID
    assert last_of(broken).kind == "stopped"
    assert last_of(broken).values["saved"] is True

    third = start(broken)
    wait_for_steps(broken, third, len(losses_of(broken)) + 5)
    third.kill()
    third.wait(180)
    assert last_of(broken).kind not in ("stopped", "finished", "failed")
    assert broken.last_checkpoint() is not None

    fourth = start(broken)
    assert fourth.wait(180) == EXIT_SAID, broken.log_tail()
    assert [last_of(run).kind for run in (straight, broken)] == ["finished", "finished"]
    assert len([event for event in events_of(broken) if event.kind == "resumed"]) == 2
    assert losses_of(broken) == pytest.approx(losses_of(straight), abs=1e-6)
    ours, theirs = (load_file(run.adapter / "adapter_model.safetensors") for run in (broken, straight))
    assert all(torch.allclose(value, theirs[name], atol=1e-6, rtol=0) for name, value in ours.items())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")
def test_sigterm_means_stop_and_save(tmp_path: Path, tiny_base: Path) -> None:
    run = run_in(project_with(tmp_path / "project"), tiny_base, epochs=50.0)
    process = start(run)
    wait_for_steps(run, process, 2)
    assert os.getpriority(os.PRIO_PROCESS, process.pid) >= 10
    process.send_signal(signal.SIGTERM)
    assert process.wait(180) == EXIT_SAID
    ending = last_of(run)
    assert (ending.kind, ending.values["saved"]) == ("stopped", True)
    checkpoint = run.last_checkpoint()
    assert checkpoint is not None
    assert checkpoint.step == ending.values["step"]
    assert not (run.folder / "stop.json").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that is always full")
def test_a_log_that_cannot_be_written_hides_nothing(tmp_path: Path) -> None:
    run = run_in(project_with(tmp_path / "project"), tmp_path / "no model here")
    command = [sys.executable, "-m", "studio", "--worker", "run", str(run.folder)]
    with Path("/dev/full").open("wb") as full:
        assert subprocess.run(command, stdout=full, stderr=full, timeout=60).returncode == EXIT_FAILED
    assert "There is no model folder" in last_of(run).text("what")


def test_what_it_is_told_must_make_sense(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == main(["dance"]) == main(["run"]) == EXIT_USAGE
    assert "told one of: run FOLDER, " in capsys.readouterr().err


def test_a_folder_that_is_no_run_is_a_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "studio", "--worker", "run", str(tmp_path / "nothing here")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "There is no run in" in ended.stderr

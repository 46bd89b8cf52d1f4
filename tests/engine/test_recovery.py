"""What a run survives: memory that runs out, a loss that explodes, a disk that fills up, a pause, a stop at the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.core.runs import EXIT_FAILED, EXIT_SAID, EXIT_UNWRITABLE, RunState
from studio.engine import room, training
from studio.engine.supervision import Supervision
from studio.storage.project import Project
from studio.storage.runs import EventWriter, RunFolder
from tests.engine.runs_for_tests import add_kind, events_of, last_of, project_with, run_in, start
from tests.engine.test_training import assert_same_result, failing

pytestmark = pytest.mark.usefixtures("as_in_a_worker")

HOOK = "PLUMBLINE_TEST_OUT_OF_MEMORY"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return project_with(tmp_path / "project ü")


def kinds_of(run: RunFolder) -> list[str]:
    return [event.kind for event in events_of(run)]


@pytest.mark.parametrize("method", ["sft", "reward"])
def test_out_of_memory_goes_on_in_smaller_passes_with_the_same_losses(
    project: Project, tiny_base: Path, monkeypatch: pytest.MonkeyPatch, stop_at: Callable[..., None], method: str
) -> None:
    if method == "reward":
        add_kind(project, "pairs", 36)  # so that all steps are full: 32 pairs are trained on
    dataset = "tiny" if method == "sft" else "pairs"
    settings: dict[str, Any] = {"batch_size": 4, "accumulate": 1, "epochs": 1.0, "checkpoint_minutes": 0.0}
    straight = run_in(project, tiny_base, method, dataset, **settings)
    assert training.train(straight.folder) == EXIT_SAID
    run = run_in(project, tiny_base, method, dataset, **settings)
    asked = (run.folder / "recipe.json").read_bytes()
    monkeypatch.setenv(HOOK, "5:2")
    assert training.train(run.folder) == training.EXIT_AGAIN
    said = last_of(run)
    assert said.kind == "retry"
    assert "step 5" in said.text("what")
    assert {name: said.values[name] for name in ("step", "back_to", "batch_size", "accumulate")} == {
        "step": 5,
        "back_to": 4,
        "batch_size": 2,
        "accumulate": 2,
    }
    stop_at(6)
    assert training.train(run.folder) == EXIT_SAID
    stop_at(None)
    assert training.train(run.folder) == EXIT_SAID  # resumed, and still in the smaller passes
    assert last_of(run).kind == "finished"
    assert (run.folder / "recipe.json").read_bytes() == asked
    assert run.passes(run.recipe().settings).batch_size == 2
    assert_same_result(straight, run)
    assert run.story().warnings[-1].kind == "retry"


def test_out_of_memory_in_the_smallest_passes_says_what_to_do(
    project: Project, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOOK, "2:0")
    run = run_in(project, tiny_base, batch_size=3, accumulate=1)
    codes = [training.train(run.folder) for _ in range(2)]
    assert codes == [training.EXIT_AGAIN, EXIT_FAILED]  # 3 has no divisor but 1
    assert "even with one example at a time" in last_of(run).text("what")
    assert "Longest example" in last_of(run).text("hint")
    assert "OutOfMemoryError" in last_of(run).text("details")


@pytest.mark.parametrize("method", ["sft", "reward", "dpo"])
def test_out_of_memory_reads_the_passes_of_a_token_budget_in_parts(
    project: Project, tiny_base: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    dataset = "tiny" if method == "sft" else "pairs"
    if method != "sft":
        add_kind(project, "pairs", 21)
    settings: dict[str, Any] = {"batch_tokens": 300, "max_steps": 5, "checkpoint_minutes": 0.0}
    straight, run = (run_in(project, tiny_base, method, dataset, **settings) for _ in range(2))
    assert training.train(straight.folder) == EXIT_SAID
    monkeypatch.setenv(HOOK, "4:1")  # of the 2 examples that the hook takes a pass for
    assert training.train(run.folder) == training.EXIT_AGAIN
    assert "each pass read in 2 parts" in last_of(run).text("what")
    assert training.train(run.folder) == EXIT_SAID
    assert last_of(run).kind == "finished"
    assert_same_result(straight, run)
    for name in {"sft": (), "reward": ("accuracy", "margin"), "dpo": ("accuracy", "margin", "kl")}[method]:
        ours, theirs = (
            {e.values["step"]: e.values[name] for e in events_of(one) if e.kind == "step"} for one in (run, straight)
        )
        assert ours == pytest.approx(theirs, abs=1e-5), name


def test_rows_of_a_token_budget_that_are_too_large_alone_end_the_run(
    project: Project, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOOK, "1:0")
    run = run_in(project, tiny_base, batch_tokens=4096, batch_size=32, max_steps=1)
    codes = [training.train(run.folder)]
    while codes[-1] == training.EXIT_AGAIN:
        codes.append(training.train(run.folder))
    assert codes[-1] == EXIT_FAILED
    assert "4,096 tokens a pass" in last_of(run).text("what")
    assert len(codes) > 2
    assert "OutOfMemoryError" in last_of(run).text("details")
    assert training.train(run.folder) == EXIT_FAILED  # Resume tries it
    assert kinds_of(run).count("started") == len(codes) + 1
    monkeypatch.delenv(HOOK)  # other programs are closed
    assert training.train(run.folder) == EXIT_SAID


def test_out_of_memory_in_an_evaluation_measures_fewer_examples_at_a_time(
    project: Project, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.engine.trainers import Supervised

    add_kind(project, "pairs", 21)
    straight, run = (
        run_in(project, tiny_base, "dpo", "pairs", batch_tokens=300, batch_size=4, max_steps=1, held_out=0.2)
        for _ in range(2)
    )
    assert training.train(straight.folder) == EXIT_SAID
    measure = Supervised.evaluate

    def short(self: Supervised, *arguments: Any, **named: Any) -> dict[str, float]:
        if self.args.per_device_eval_batch_size > 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return measure(self, *arguments, **named)

    monkeypatch.setattr(Supervised, "evaluate", short)
    codes = [training.train(run.folder) for _ in range(3)]
    assert codes == [training.EXIT_AGAIN, training.EXIT_AGAIN, EXIT_SAID]  # 4, 2 and 1 at a time
    told = [{e.kind: e.values for e in events_of(one)}["evaluation"] for one in (straight, run)]
    assert told[1] == pytest.approx(told[0], abs=1e-5)


@pytest.mark.timeout(400)
def test_a_real_worker_recovers_alone(project: Project, tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {"batch_size": 2, "accumulate": 1, "max_steps": 6, "checkpoint_minutes": 0.0}
    straight = run_in(project, tiny_base, **settings)
    assert training.train(straight.folder) == EXIT_SAID
    run = run_in(project, tiny_base, **settings)
    monkeypatch.setenv(HOOK, "4:1")
    worker = start(run)
    assert worker.wait(300) == EXIT_SAID, run.log_tail()
    assert kinds_of(run).count("retry") == 1
    assert kinds_of(run).count("started") == 2
    assert last_of(run).kind == "finished"
    assert {event.values["pid"] for event in events_of(run) if event.kind == "started"} == {worker.pid}
    assert_same_result(straight, run)


def test_an_exploding_loss_ends_the_run_and_keeps_the_good_checkpoint(
    project: Project, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say = Supervision.on_log

    def exploding(self: Supervision, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if logs and "loss" in logs and state.global_step > 25:
            logs["loss"] = 40.0
        say(self, args, state, control, logs, **kwargs)

    monkeypatch.setattr(Supervision, "on_log", exploding)
    run = run_in(project, tiny_base, epochs=10.0, checkpoint_minutes=0.0)
    assert training.train(run.folder) == EXIT_FAILED
    assert "far above its usual level" in last_of(run).text("what")
    assert "learning rate of about 0.003" in last_of(run).text("hint")
    assert run.story().step == 35
    kept = run.last_checkpoint()
    assert kept is not None
    assert kept.step == 25
    assert "step 25" in last_of(run).text("what")


def test_pause_saves_and_resume_goes_on(project: Project, tiny_base: Path, stop_at: Callable[..., None]) -> None:
    straight, run = (run_in(project, tiny_base, max_steps=6) for _ in range(2))
    assert training.train(straight.folder) == EXIT_SAID
    stop_at(3, pause=True)
    assert training.train(run.folder) == EXIT_SAID
    assert last_of(run).kind == "paused"
    assert last_of(run).text("what").startswith("Paused at step 3 of 6: everything is saved")
    assert run.story().state(worker_alive=False) is RunState.PAUSED
    stop_at(None)
    assert training.train(run.folder) == EXIT_SAID
    assert_same_result(straight, run)


def test_a_nearly_full_disk_pauses_before_a_checkpoint_is_begun(
    project: Project, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [10**12]
    monkeypatch.setattr(room, "free_bytes", lambda _path: free[0])
    save = EventWriter.write

    def filling(self: EventWriter, event: Any) -> None:
        save(self, event)
        if event.kind == "checkpoint" and event.values["step"] == 3:
            free[0] = 10**6

    monkeypatch.setattr(EventWriter, "write", filling)
    straight, run = (run_in(project, tiny_base, max_steps=6, checkpoint_minutes=0.0) for _ in range(2))
    assert training.train(run.folder) == EXIT_SAID
    said = last_of(run)
    assert said.kind == "paused"
    assert said.values["step"] == 3
    assert "nearly full: 1.0 MB are free" in said.text("what")
    assert "paused at step 4" in said.text("what")
    assert not (run.checkpoints / "checkpoint-4").exists()
    assert run.story().state(worker_alive=False) is RunState.PAUSED
    monkeypatch.undo()
    torch.set_num_threads(1)
    assert training.train(run.folder) == EXIT_SAID
    assert training.train(straight.folder) == EXIT_SAID
    assert_same_result(straight, run)


def test_a_first_checkpoint_is_weighed_before_there_is_one(
    project: Project, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "free_bytes", lambda _path: 16 * 1024 * 1024)
    run = run_in(project, tiny_base, max_steps=2)
    assert training.train(run.folder) == EXIT_SAID
    assert last_of(run).kind == "paused"
    assert "the beginning" in last_of(run).text("hint")
    assert run.complete_checkpoints() == []


def test_a_folder_that_cannot_be_written_is_no_full_disk(
    project: Project, tiny_base: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run = run_in(project, tiny_base)
    monkeypatch.setattr(EventWriter, "write", failing(OSError(5, "Input/output error")))
    assert training.train(run.folder) == EXIT_UNWRITABLE
    assert "Input/output error" in capfd.readouterr().err.strip().splitlines()[-1]


def test_a_worker_writes_down_who_it_is(project: Project, tiny_base: Path) -> None:
    import os

    run = run_in(project, tiny_base, max_steps=1)
    assert training.train(run.folder) == EXIT_SAID
    worker = run.worker()
    assert worker is not None
    assert worker.pid == os.getpid()
    assert worker.find() is not None


@pytest.mark.parametrize("method", ["reward", "sft"])
def test_a_stop_in_the_last_evaluation_loses_nothing(
    project: Project, tiny_base: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    from studio.engine.trainers import Supervised

    dataset = "tiny"
    if method == "reward":
        add_kind(project, "pairs")
        dataset = "pairs"
    straight, run = (run_in(project, tiny_base, method, dataset, max_steps=4, evaluations=1) for _ in range(2))
    assert training.train(straight.folder) == EXIT_SAID
    measure = Supervised.evaluate

    def stopped(self: Supervised, *arguments: Any, **named: Any) -> dict[str, float]:
        run.request_stop(save=True)
        return measure(self, *arguments, **named)

    monkeypatch.setattr(Supervised, "evaluate", stopped)
    assert training.train(run.folder) == EXIT_SAID
    assert (last_of(run).kind, last_of(run).values) == ("stopped", {"step": 4, "saved": True})
    assert not run.report.exists()
    monkeypatch.undo()
    torch.set_num_threads(1)
    run.clear_stop()
    assert training.train(run.folder) == EXIT_SAID
    assert last_of(run).kind == "finished"
    assert_same_result(straight, run)
    told = [{e.kind: e.values for e in events_of(one) if e.kind == "evaluation"} for one in (straight, run)]
    assert told[1]["evaluation"] == pytest.approx(told[0]["evaluation"], abs=1e-6)
    if method == "reward":
        ours, theirs = (json.loads(one.report.read_text()) for one in (run, straight))
        assert ours == theirs

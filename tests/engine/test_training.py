"""Runs from start to end in this process: exact resume, every ending, and what is left on disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from studio.core.runs import EXIT_DISK_FULL, EXIT_FAILED, EXIT_SAID, RunState
from studio.engine import attempt, training
from studio.storage.datasets import find_dataset, records_of
from studio.storage.project import Project
from studio.storage.revisions import delete_records, order_of
from studio.storage.runs import MANIFEST, EventWriter, RunFolder
from tests.engine.runs_for_tests import events_of, last_of, losses_of, project_with, run_in

pytestmark = pytest.mark.usefixtures("as_in_a_worker")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return project_with(tmp_path / "project ü")


def adapter_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "adapter_model.safetensors")


def assert_same_result(left: RunFolder, right: RunFolder) -> None:
    assert losses_of(left) == pytest.approx(losses_of(right), abs=1e-6)
    ours, theirs = adapter_of(left.adapter), adapter_of(right.adapter)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert torch.allclose(value, theirs[name], atol=1e-6, rtol=0), name


@pytest.mark.parametrize(
    ("stops", "settings"),
    [
        ([10], {"max_steps": 20}),  # mid-epoch: seven steps make an epoch
        ([7], {"lora_dropout": 0.3}),  # between epochs
        ([3, 14, 15], {"lora_dropout": 0.3, "evaluations": 9, "weight_decay": 0.1}),
        ([2], {"max_steps": 4, "precision": "bf16"}),
        ([1], {"batch_size": 4, "accumulate": 1, "schedule": "constant", "train_on": "everything"}),
    ],
)
def test_stopped_and_resumed_equals_all_in_one(
    project: Project, tiny_base: Path, stop_at: Callable[..., None], stops: list[int], settings: dict[str, Any]
) -> None:
    straight = run_in(project, tiny_base, **settings)
    assert training.train(straight.folder) == EXIT_SAID
    broken = run_in(project, tiny_base, **settings)
    for step in stops:
        stop_at(step)
        assert training.train(broken.folder) == EXIT_SAID
        assert last_of(broken).kind == "stopped"
        assert last_of(broken).values == {"step": step, "saved": True}
        assert broken.last_checkpoint().step == step  # type: ignore[union-attr]
    stop_at(None)
    assert training.train(broken.folder) == EXIT_SAID
    assert [e.values["step"] for e in events_of(broken) if e.kind == "resumed"] == stops
    assert_same_result(straight, broken)
    steps = [e for e in events_of(broken) if e.kind == "step"]
    assert [e.values["step"] for e in steps] == list(range(1, int(steps[-1].values["total"]) + 1))
    for name in ("elapsed", "tokens"):
        told = [float(e.number(name) or 0) for e in steps]
        assert told == sorted(told)
    evaluations = {e.values["step"]: e.number("eval_loss") for e in events_of(broken) if e.kind == "evaluation"}
    for event in events_of(straight):
        if event.kind == "evaluation" and event.values["step"] not in stops:
            assert evaluations[event.values["step"]] == pytest.approx(event.number("eval_loss"), abs=1e-6)
    assert steps[-1].values["tokens"] == [e for e in events_of(straight) if e.kind == "step"][-1].values["tokens"]


def test_a_finished_run_leaves_a_whole_adapter(project: Project, tiny_base: Path) -> None:
    run = run_in(project, tiny_base, max_steps=3, checkpoint_minutes=0.0)
    assert training.train(run.folder) == EXIT_SAID
    kinds = [event.kind for event in events_of(run)]
    assert kinds[0] == "started"
    assert kinds[-1] == "finished"
    assert run.story().state(worker_alive=False) is RunState.FINISHED
    assert [checkpoint.step for checkpoint in run.complete_checkpoints()] == [2, 3]  # only the newest are kept
    files = {file.name for file in run.adapter.iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors", "tokenizer.json", "chat_template.jinja"} <= files
    assert not {name for name in files if name.endswith((".bin", ".pt", ".pth"))}
    about = json.loads((run.adapter / "plumbline.json").read_text())
    assert about["base"] == str(tiny_base)
    assert about["step"] == about["total"] == 3
    assert about["dataset_hash"] == run.recipe().dataset_hash
    listed = json.loads((run.adapter / MANIFEST).read_text())["files"]
    assert set(listed) == files - {MANIFEST}
    assert any(bool(value.abs().sum() > 0) for name, value in adapter_of(run.adapter).items() if "lora_B" in name)


def test_killed_between_last_checkpoint_and_adapter(project: Project, tiny_base: Path) -> None:
    run = run_in(project, tiny_base, max_steps=2)
    training.train(run.folder)
    before = adapter_of(run.adapter)
    for file in run.adapter.iterdir():
        file.unlink()
    assert training.train(run.folder) == EXIT_SAID
    assert last_of(run).kind == "finished"
    assert len(losses_of(run)) == 2
    assert all(torch.equal(before[name], value) for name, value in adapter_of(run.adapter).items())


def test_half_a_checkpoint_does_not_count(project: Project, tiny_base: Path, stop_at: Callable[..., None]) -> None:
    run = run_in(project, tiny_base, max_steps=6, checkpoint_minutes=0.0)
    stop_at(4)
    training.train(run.folder)
    newest = run.last_checkpoint()
    assert newest is not None
    weights = newest.folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    stop_at(None)
    training.train(run.folder)
    assert [e.values["step"] for e in events_of(run) if e.kind == "resumed"] == [3]
    straight = run_in(project, tiny_base, max_steps=6)
    training.train(straight.folder)
    assert_same_result(straight, run)


def test_stop_and_discard(project: Project, tiny_base: Path, stop_at: Callable[..., None]) -> None:
    run = run_in(project, tiny_base)
    stop_at(3, save=False)
    assert training.train(run.folder) == EXIT_SAID
    assert last_of(run).values["saved"] is False
    assert run.complete_checkpoints() == []
    assert not run.adapter.exists()


def test_stop_before_training_begins(project: Project, tiny_base: Path) -> None:
    run = run_in(project, tiny_base)
    run.request_stop(save=True)
    assert training.train(run.folder) == EXIT_SAID
    assert last_of(run).kind == "stopped"
    assert last_of(run).values == {"step": 0, "saved": False}


def test_a_stopped_run_leaves_an_adapter_that_can_be_talked_to(
    project: Project, tiny_base: Path, stop_at: Callable[..., None]
) -> None:
    from studio.engine.loading import adapter_name, load_encoder

    run = run_in(project, tiny_base)
    stop_at(2)
    training.train(run.folder)
    folder = run.tuned_folder()
    assert folder is not None
    assert folder.name == "checkpoint-2"
    assert adapter_name(folder).endswith("step 2")
    assert load_encoder(tiny_base, "model", folder).label == "As trained"


def test_a_second_worker_refuses_and_says_nothing(
    project: Project, tiny_base: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from filelock import FileLock

    run = run_in(project, tiny_base)
    with FileLock(run.lock):
        assert training.train(run.folder) == EXIT_FAILED
    assert events_of(run) == []
    assert "by another process" in capfd.readouterr().err


def test_a_loss_that_is_no_number_ends_the_run(project: Project, tiny_base: Path) -> None:
    run = run_in(project, tiny_base, learning_rate=1.0, clip=1000.0, warmup=0.0, lora_alpha=4096, max_steps=40)
    assert training.train(run.folder) == EXIT_FAILED
    ending = last_of(run)
    assert ending.kind == "failed"
    assert "no longer a number" in ending.text("what")
    assert run.last_checkpoint() is None


def failing(error: BaseException) -> Callable[..., Any]:
    def fail(*_arguments: Any, **_named: Any) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"), "Memory ran out"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: not enough memory"), "Memory ran out"),
        (OSError(28, "No space left on device"), "is full"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "is full"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
    ],
)
def test_every_failure_is_a_sentence(
    project: Project, tiny_base: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, words: str
) -> None:
    from studio.engine.sft import SupervisedTrainer

    monkeypatch.setattr(SupervisedTrainer, "compute_loss", failing(error))
    run = run_in(project, tiny_base, batch_size=1)  # the smallest pass: there is nothing left to try
    assert training.train(run.folder) == EXIT_FAILED
    ending = last_of(run)
    assert words in ending.text("what")
    assert ending.text("hint")
    assert "Traceback" in ending.text("details")


def test_a_disk_too_full_to_say_so(project: Project, tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_in(project, tiny_base)
    monkeypatch.setattr(EventWriter, "write", failing(OSError(28, "No space left on device")))
    assert training.train(run.folder) == EXIT_DISK_FULL


def test_a_full_disk_while_saving_keeps_the_checkpoint_before(
    project: Project, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.engine.sft import SupervisedTrainer

    save = SupervisedTrainer._save_optimizer_and_scheduler

    def full_at_three(self: SupervisedTrainer, folder: str) -> None:
        if self.state.global_step == 3:
            raise OSError(28, "No space left on device")
        save(self, folder)

    monkeypatch.setattr(SupervisedTrainer, "_save_optimizer_and_scheduler", full_at_three)
    run = run_in(project, tiny_base, checkpoint_minutes=0.0)
    assert training.train(run.folder) == EXIT_FAILED
    assert "is full" in last_of(run).text("what")
    assert [checkpoint.step for checkpoint in run.complete_checkpoints()] == [1, 2]
    assert not (run.checkpoints / "checkpoint-3").exists()


def test_another_dataset_is_refused(project: Project, tiny_base: Path) -> None:
    run = run_in(project, tiny_base)
    recipe = json.loads((run.folder / "recipe.json").read_text())
    (run.folder / "recipe.json").write_text(json.dumps({**recipe, "dataset_hash": "0" * 64}))
    assert training.train(run.folder) == EXIT_FAILED
    assert "no longer the one" in last_of(run).text("what")


def test_a_run_finds_its_data_again_whatever_was_changed_since(project: Project, tiny_base: Path) -> None:
    run = run_in(project, tiny_base)
    before = find_dataset(project, run.recipe().dataset)
    records = list(records_of(project, before))
    changed = delete_records(project, before, order_of(project, before)[:10])
    assert changed.content_hash != before.content_hash
    found = attempt.dataset_of(run.recipe(), project)
    assert (found.rows, found.content_hash) == (before.rows, before.content_hash)
    assert list(records_of(project, found)) == records


def test_rows_without_anything_to_learn_are_left_out(project: Project, tiny_base: Path) -> None:
    run = run_in(project, tiny_base, max_length=24, max_steps=1)
    assert training.train(run.folder) == EXIT_SAID
    said = [event.text("what") for event in events_of(run) if event.kind == "warning"]
    assert any("left out" in sentence for sentence in said)
    assert any("cut at 24 tokens" in sentence for sentence in said)
    nothing = run_in(project, tiny_base, max_length=8)
    assert training.train(nothing.folder) == EXIT_FAILED
    assert "None of the 31 examples can be learned from" in last_of(nothing).text("what")


def test_a_base_model_that_is_gone(project: Project, tmp_path: Path) -> None:
    run = run_in(project, tmp_path / "nowhere")
    assert training.train(run.folder) == EXIT_FAILED
    assert "There is no model folder" in last_of(run).text("what")

"""Every method as a run: exact resume, going on from an adapter, and what is refused in a sentence."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.core.methods import METHODS
from studio.core.runs import EXIT_FAILED, EXIT_SAID
from studio.engine import training
from studio.engine.checkpoints import About
from studio.engine.method import method_module
from studio.storage.project import Project
from studio.storage.runs import RunFolder
from tests.engine.conftest import tiny_llama
from tests.engine.runs_for_tests import (
    add_kind,
    events_of,
    last_of,
    losses_of,
    project_with,
    run_in,
    start,
    wait_for_steps,
)
from tests.engine.test_dpo import pair_rows
from tests.engine.test_kto import label_rows
from tests.engine.test_reward import rows_of
from tests.engine.trainers_for_tests import SMALL, trained

pytestmark = pytest.mark.usefixtures("as_in_a_worker")

# A dataset of each kind that a method takes, the first one first. Methods that write what they learn from have tests of
# their own.
CASES = [
    (name, kind)
    for name, method in METHODS.items()
    for kind in method.needs
    if kind != "examples" and not method.is_rewarded
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = project_with(tmp_path_factory.mktemp("project"))
    for kind in ("pairs", "labels", "ratings", "rankings", "passages"):
        add_kind(project, kind)
    return project


@pytest.fixture(scope="module")
def adapter(project: Project, tiny_base: Path) -> Path:
    """The adapter of a finished fine-tuning, of rank 3."""
    run = run_in(project, tiny_base, max_steps=3, lora_rank=3)
    assert training.train(run.folder) == EXIT_SAID
    return run.adapter


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "adapter_model.safetensors")


def assert_same_result(left: RunFolder, right: RunFolder) -> None:
    assert losses_of(left) == pytest.approx(losses_of(right), abs=1e-6)
    ours, theirs = weights_of(left.adapter), weights_of(right.adapter)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert torch.allclose(value, theirs[name], atol=1e-6, rtol=0), name


def test_every_method_has_its_module() -> None:
    for name in METHODS:
        module: Any = method_module(name)
        assert all(callable(getattr(module, wanted)) for wanted in ("encode", "load", "build_trainer"))


@pytest.mark.parametrize(("method", "kind"), CASES)
def test_stopped_and_resumed_equals_all_in_one(
    project: Project, tiny_base: Path, stop_at: Callable[..., None], method: str, kind: str
) -> None:
    given: dict[str, Any] = {"lora_dropout": 0.2, "epochs": 9.0, "max_steps": 9, "held_out": 0.2, "evaluations": 3}
    straight = run_in(project, tiny_base, method, kind, **given)
    assert training.train(straight.folder) == EXIT_SAID, last_of(straight)
    broken = run_in(project, tiny_base, method, kind, **given)
    for step in (2, 7):
        stop_at(step)
        assert training.train(broken.folder) == EXIT_SAID
        assert last_of(broken).values == {"step": step, "saved": True}
    stop_at(None)
    assert training.train(broken.folder) == EXIT_SAID
    assert_same_result(straight, broken)
    told = [{e.values["step"]: {k: v for k, v in e.values.items() if k.startswith("eval")}
             for e in events_of(run) if e.kind == "evaluation"} for run in (straight, broken)]  # fmt: skip
    assert told[0].keys() == {3, 6, 9}
    for step, figures in told[0].items():
        assert told[1][step] == pytest.approx(figures, abs=1e-6)
    about = About.of(straight.adapter)
    assert (about.method, about.step, about.adapter) == (method, 9, "")


@pytest.mark.parametrize(("method", "kind"), CASES)
def test_in_16_bits(project: Project, tiny_base: Path, method: str, kind: str) -> None:
    given: dict[str, Any] = {"max_steps": 2, "warmup": 0.0, "evaluations": 1}
    losses: list[dict[int, float]] = []
    for precision in ("fp32", "bf16"):
        run = run_in(project, tiny_base, method, kind, precision=precision, **given)
        assert training.train(run.folder) == EXIT_SAID, last_of(run)
        losses.append(losses_of(run))
    # bf16 numbers are known to 1 in 256; an error of a score counts twice in its square, and a step makes it grow.
    assert losses[1] == pytest.approx(losses[0], rel=0.06)


@pytest.mark.parametrize(
    ("method", "kind"), [("sft", "tiny"), ("dpo", "pairs"), ("kto", "labels"), ("pretrain", "passages")]
)
def test_going_on_from_an_adapter(
    project: Project, tiny_base: Path, adapter: Path, method: str, kind: str, stop_at: Callable[..., None]
) -> None:
    given: dict[str, Any] = {"adapter": str(adapter), "lora_rank": 16}
    still = run_in(project, tiny_base, method, kind, **given, max_steps=1, learning_rate=1e-8)
    assert training.train(still.folder) == EXIT_SAID, last_of(still)
    ours, before = weights_of(still.adapter), weights_of(adapter)
    assert ours.keys() == before.keys()
    for name, value in ours.items():
        assert torch.allclose(value, before[name], atol=1e-6), name  # its weights, in its own rank
    assert About.of(still.adapter).adapter == str(adapter)
    moved = run_in(project, tiny_base, method, kind, **given, max_steps=4)
    assert training.train(moved.folder) == EXIT_SAID
    broken = run_in(project, tiny_base, method, kind, **given, max_steps=4)
    stop_at(2)
    assert training.train(broken.folder) == EXIT_SAID
    stop_at(None)
    assert training.train(broken.folder) == EXIT_SAID
    assert_same_result(moved, broken)
    config = json.loads((moved.adapter / "adapter_config.json").read_text())
    assert config["r"] == 3


def test_an_adapter_of_another_base_is_refused(
    project: Project, tiny_base: Path, adapter: Path, tmp_path: Path
) -> None:
    other = tiny_llama(Path(shutil.copytree(tiny_base, tmp_path / "other")), seed=1)  # the same shapes
    run = run_in(project, other, adapter=str(adapter))
    assert training.train(run.folder) == EXIT_FAILED
    assert "which is another model than “other”" in last_of(run).text("what")

    copied = Path(shutil.copytree(tiny_base, tmp_path / "copied"))
    run = run_in(project, copied, adapter=str(adapter), max_steps=1)
    assert training.train(run.folder) == EXIT_SAID  # the same weights elsewhere

    foreign = Path(shutil.copytree(adapter, tmp_path / "foreign"))
    (foreign / "plumbline.json").unlink()
    wider = {name: torch.cat([value, value], 1) for name, value in weights_of(foreign).items()}
    save_file(wider, foreign / "adapter_model.safetensors")
    run = run_in(project, tiny_base, adapter=str(foreign))
    assert training.train(run.folder) == EXIT_FAILED
    assert "doesn't fit this base model" in last_of(run).text("what")

    run = run_in(project, tiny_base, adapter=str(tmp_path / "nowhere"))
    assert training.train(run.folder) == EXIT_FAILED
    assert "There is no adapter" in last_of(run).text("what")


def test_a_dataset_of_another_kind_is_refused(project: Project, tiny_base: Path) -> None:
    run = run_in(project, tiny_base, "dpo", "passages")
    assert training.train(run.folder) == EXIT_FAILED
    assert last_of(run).text("what") == "“passages” holds passages (plain text), which this method can't learn from."
    assert last_of(run).text("hint") == "Choose a dataset of pairs."


def test_the_reference_is_kept_over_a_stop(
    project: Project, tiny_base: Path, stop_at: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.engine import reference

    run = run_in(project, tiny_base, "dpo", "pairs", max_steps=4)
    stop_at(1)
    assert training.train(run.folder) == EXIT_SAID
    kept = (run.folder / reference.FILE).read_bytes()

    def never(*_: Any) -> Any:
        raise AssertionError("computed again")

    monkeypatch.setattr(reference, "_compute", never)
    stop_at(None)
    assert training.train(run.folder) == EXIT_SAID, last_of(run)
    assert (run.folder / reference.FILE).read_bytes() == kept


@pytest.mark.timeout(400)
def test_a_real_worker_stopped_and_resumed_equals_all_in_one(project: Project, tiny_base: Path) -> None:
    """By the method that keeps most between its workers: the reference's answers, too."""
    straight, broken = (run_in(project, tiny_base, "dpo", "pairs", epochs=9.0, max_steps=40) for _ in range(2))
    assert training.train(straight.folder) == EXIT_SAID, last_of(straight)
    first = start(broken)
    wait_for_steps(broken, first, 3)
    broken.request_stop(save=True)
    assert first.wait(180) == EXIT_SAID, broken.log_tail()
    assert last_of(broken).kind == "stopped"
    assert start(broken).wait(180) == EXIT_SAID, broken.log_tail()
    assert last_of(broken).kind == last_of(straight).kind == "finished"
    assert_same_result(straight, broken)


@pytest.mark.parametrize("name", ["sft", "dpo", "kto", "reward"])
def test_with_16_bits_every_pass_computes_in_them(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    method: Any = method_module(name)
    seen: set[torch.dtype] = set()
    take = method.take_fast_way

    def watched(trainer: Any, *arguments: Any) -> Any:
        found = take(trainer, *arguments)
        layer = next(part for place, part in trainer.model.named_modules() if place.endswith("q_proj"))
        layer.register_forward_hook(lambda *told: seen.add(told[-1].dtype))
        return found

    monkeypatch.setattr(method, "take_fast_way", watched)
    rows: dict[str, Any] = {
        "sft": [row.answer for row in label_rows(9)], "dpo": pair_rows(9), "kto": label_rows(9),
        "reward": rows_of("pairs", 9),
    }  # fmt: skip
    values = METHODS[name].settings(**{**SMALL, "batch_size": 4, "max_steps": 2, "accumulate": 1})
    told = trained(method, values, tiny_base, tmp_path / "run", rows[name][:6], rows[name][6:], precision="bf16")
    assert told.trainer.slower_because is None
    assert seen == {torch.bfloat16}
    if name == "dpo":  # the reference was computed as the policy is
        assert told.curve("loss")[0] == pytest.approx(math.log(2), abs=1e-5)

"""RLOO and GRPO as runs: exact resume, the events, the reference, and what moves."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from studio.core.events import ROLLOUT_ROWS
from studio.core.methods import GrpoSettings, RlooSettings
from studio.core.rewards import Function, Rewards
from studio.core.rules import Rule
from studio.core.runs import EXIT_FAILED, EXIT_SAID
from studio.engine import training
from studio.engine.groups.order import Order
from studio.storage.project import Project
from studio.storage.runs import RunFolder
from tests.engine.ppo.test_runs import assert_same_result, figures_of, finished
from tests.engine.runs_for_tests import add_kind, events_of, last_of, project_with, run_in

GIVEN: dict[str, Any] = {
    "answer_tokens": 6,
    "max_length": 128,
    "max_steps": 4,
    "evaluations": 2,
    "held_out": 0.2,
    "batch_size": 4,
    "accumulate": 2,
    "answers_each": 4,
}
METHODS = ["rloo", "grpo"]


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = project_with(tmp_path_factory.mktemp("project"))
    for kind in ("pairs", "prompts"):
        add_kind(project, kind)
    return project


@pytest.fixture(scope="module")
def adapter(project: Project, tiny_base: Path) -> Path:
    return finished(run_in(project, tiny_base, max_steps=3, lora_rank=3)).adapter


@pytest.fixture(scope="module")
def judges(project: Project, tiny_base: Path) -> tuple[Path, Path]:
    runs = [run_in(project, tiny_base, "reward", "pairs", max_steps=3, seed=seed) for seed in (1, 2)]
    return finished(runs[0]).adapter, finished(runs[1]).adapter


@pytest.mark.parametrize("method", METHODS)
def test_stopped_and_resumed_equals_all_in_one(
    project: Project,
    tiny_base: Path,
    adapter: Path,
    judges: tuple[Path, Path],
    stop_at: Callable[..., None],
    method: str,
) -> None:
    rewards = Rewards(str(judges[0]), rules=(Rule("ends"),), judge=str(judges[1]))
    straight, broken = (run_in(project, tiny_base, method, "prompts", str(adapter), rewards, **GIVEN) for _ in range(2))
    finished(straight)
    for step in (1, 3):
        stop_at(step)
        assert training.train(broken.folder) == EXIT_SAID
        assert last_of(broken).values["step"] == step
    stop_at(None)
    finished(broken)
    assert_same_result(straight, broken)
    assert figures_of(straight, "evaluation").keys() == {0, 2, 4}
    steps = figures_of(straight, "step")
    assert steps[1]["kl"] == pytest.approx(0, abs=1e-5)  # the policy starts as its reference
    assert abs(steps[4]["kl"]) > 1e-5
    for figures in steps.values():
        assert {"score", "reward_sd", "kl_budget", "entropy", "response_length", "ended", "policy_loss"} <= set(figures)
    assert {"eval_score", "eval_judge", "eval_kl", "best"} <= set(figures_of(straight, "evaluation")[4])
    rows = [event.values["rows"] for event in events_of(straight) if event.kind == "rollout"]
    assert len(rows) == 4 and all(0 < len(some) <= ROLLOUT_ROWS for some in rows)


@pytest.mark.parametrize("method", METHODS)
def test_only_the_policy_is_saved_and_it_has_moved(project: Project, tiny_base: Path, method: str) -> None:
    run: RunFolder = finished(
        run_in(project, tiny_base, method, "prompts", **{**GIVEN, "kl_coefficient": 0.0, "samples": 1})
    )
    assert not (run.adapter / "ref").exists()
    weights = load_file(run.adapter / "adapter_model.safetensors")
    moved = [name for name, value in weights.items() if "lora_B" in name and float(value.abs().max()) > 0]
    assert moved and len(moved) == sum("lora_B" in name for name in weights)
    assert abs(figures_of(run, "step")[4]["kl"]) > 1e-5  # measured though nothing is held to it
    assert {event.values["step"] for event in events_of(run) if event.kind == "sample"} == {0, 4}


def test_a_reward_that_is_no_number_is_said_and_loses_nothing(
    project: Project, tiny_base: Path, tmp_path: Path
) -> None:
    file = tmp_path / "reward.py"
    file.write_text(
        "seen = 0\ndef score(prompt, answer):\n    global seen\n    seen += 1\n"
        "    return float('nan') if seen > 20 else len(answer)\n"
    )
    code = Function(str(file), hashlib.sha256(file.read_bytes()).hexdigest())
    run = run_in(project, tiny_base, "rloo", "prompts", rewards=Rewards(function=code), **{**GIVEN, "held_out": 0.0})
    assert training.train(run.folder) == EXIT_FAILED
    assert "the reward nan" in last_of(run).text("what")
    last = run.last_checkpoint()
    assert last is not None and last.step == 2


def test_each_prompt_is_answered_once_a_lap_whatever_the_passes() -> None:
    settings = RlooSettings(batch_size=4, accumulate=2, answers_each=4)
    order = list(Order(6, settings, steps=6))
    assert len(order) == len(Order(6, settings, steps=6)) == 6 * 2 * 8
    steps = [order[first : first + 16] for first in range(0, len(order), 16)]
    for step in steps:
        assert step[:8] == step[8:]  # TRL's loop takes the first and passes over the others
        assert step[:8] == [step[0]] * 4 + [step[4]] * 4
    laps = [place for step in steps for place in (step[0], step[4])]
    assert sorted(laps[:6]) == sorted(laps[6:]) == list(range(6))
    assert laps[:6] != laps[6:]
    halved = list(Order(6, RlooSettings(batch_size=2, accumulate=4, answers_each=4), steps=6))
    assert [halved[first : first + 8] for first in range(0, len(halved), 32)] == [step[:8] for step in steps]


@pytest.mark.parametrize("settings", [RlooSettings, GrpoSettings])
def test_groups_that_do_not_divide_a_step_are_refused(settings: type[RlooSettings]) -> None:
    assert "shared out" in settings(batch_size=3, accumulate=1, answers_each=2).conflicts()["answers_each"]
    assert settings(batch_size=3, accumulate=2, answers_each=2).conflicts() == {}

"""PPO as a run: exact resume, its events, and what is refused in a sentence."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.core.events import ROLLOUT_ROWS, ROLLOUT_TEXT
from studio.core.rewards import Function, Rewards
from studio.core.rules import Rule
from studio.core.runs import EXIT_FAILED, EXIT_SAID
from studio.engine import training
from studio.engine.checkpoints import About
from studio.storage.project import Project
from studio.storage.runs import RunFolder
from tests.engine.conftest import CHATML, byte_level, tiny_llama
from tests.engine.runs_for_tests import (
    add_kind,
    events_of,
    last_of,
    project_with,
    run_in,
    start,
    wait_for_steps,
)

# Two updates a pass, two passes an update, a step of eight answers: every path is taken.
GIVEN: dict[str, Any] = {
    "answer_tokens": 8,
    "max_length": 128,
    "minibatches": 2,
    "update_epochs": 2,
    "max_steps": 5,
    "evaluations": 2,
    "held_out": 0.2,
    "kl_control": "adaptive",
    "kl_target": 0.5,
}
NOT_FIGURES = {"elapsed", "eta", "tokens_per_second", "memory_used", "memory_peak"}


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
    """The adapter of a finished fine-tuning."""
    return finished(run_in(project, tiny_base, max_steps=3, lora_rank=3)).adapter


@pytest.fixture(scope="module")
def judges(project: Project, tiny_base: Path) -> tuple[Path, Path]:
    """Two reward models on the same base."""
    runs = [run_in(project, tiny_base, "reward", "pairs", max_steps=3, seed=seed) for seed in (1, 2)]
    return finished(runs[0]).adapter, finished(runs[1]).adapter


def finished(run: RunFolder) -> RunFolder:
    assert training.train(run.folder) == EXIT_SAID, last_of(run)
    assert last_of(run).kind == "finished"
    return run


def figures_of(run: RunFolder, kind: str) -> dict[int, dict[str, Any]]:
    """By step; a step that was run again counts as it was the last time."""
    return {
        int(event.values["step"]): {name: value for name, value in event.values.items() if name not in NOT_FIGURES}
        for event in events_of(run)
        if event.kind == kind
    }


def assert_same_result(left: RunFolder, right: RunFolder, tolerance: float = 1e-6) -> None:
    for kind in ("step", "evaluation"):
        ours, theirs = figures_of(left, kind), figures_of(right, kind)
        assert ours.keys() == theirs.keys()
        for step, figures in ours.items():
            assert theirs[step] == pytest.approx(figures, abs=tolerance, nan_ok=True), (kind, step)
    ours, theirs = (load_file(run.adapter / "adapter_model.safetensors") for run in (left, right))
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert torch.allclose(value, theirs[name], atol=tolerance, rtol=0), name


@pytest.mark.parametrize("value_model", ["adapter", "shared"])
def test_stopped_and_resumed_equals_all_in_one(
    project: Project,
    tiny_base: Path,
    adapter: Path,
    judges: tuple[Path, Path],
    stop_at: Callable[..., None],
    value_model: str,
) -> None:
    rewards = Rewards(str(judges[0]), rules=(Rule("ends"),), judge=str(judges[1]))
    given = {**GIVEN, "value_model": value_model}
    straight, broken = (run_in(project, tiny_base, "ppo", "prompts", str(adapter), rewards, **given) for _ in range(2))
    finished(straight)
    for step in (1, 3):
        stop_at(step)
        assert training.train(broken.folder) == EXIT_SAID
        assert last_of(broken).values == {"step": step, "saved": True}
    stop_at(None)
    finished(broken)
    assert_same_result(straight, broken)
    assert figures_of(straight, "evaluation").keys() == {0, 2, 5}
    steps = figures_of(straight, "step")
    assert steps[1]["kl"] == pytest.approx(0, abs=1e-5)  # the policy starts as its reference
    assert steps[5]["kl_coef"] != steps[1]["kl_coef"]
    assert all(abs(figures["score"]) > 0 for figures in steps.values())
    about = About.of(straight.adapter)
    assert (about.method, about.adapter) == ("ppo", str(adapter))


def test_a_run_goes_on_with_the_reward_model_that_it_began_with_alone(
    project: Project, tiny_base: Path, judges: tuple[Path, Path], tmp_path: Path, stop_at: Callable[..., None]
) -> None:
    mine = Path(shutil.copytree(judges[0], tmp_path / "mine"))
    run = run_in(project, tiny_base, "ppo", "prompts", rewards=Rewards(str(mine)), **{**GIVEN, "max_steps": 2})
    stop_at(1)
    assert training.train(run.folder) == EXIT_SAID
    stop_at(None)
    shutil.copy(judges[1] / "adapter_model.safetensors", mine)
    assert training.train(run.folder) == EXIT_FAILED
    assert "is another than when it stopped" in last_of(run).text("what")
    shutil.copy(judges[0] / "adapter_model.safetensors", mine)
    finished(run)


@pytest.mark.parametrize("budget", [1000.0, 1e-9])
def test_the_best_within_the_kl_budget_is_kept(project: Project, tiny_base: Path, budget: float) -> None:
    given = {**GIVEN, "max_steps": 4, "evaluations": 4, "kl_budget": budget + 0.01, "learning_rate": 0.05}
    run = finished(run_in(project, tiny_base, "ppo", "prompts", **given))
    measured = {step: told for step, told in figures_of(run, "evaluation").items() if step}
    within = {step: told["eval_score"] for step, told in measured.items() if told["eval_kl"] <= budget + 0.01}
    best = max(within, key=lambda step: within[step]) if within else 4
    assert About.of(run.adapter).step == best
    assert last_of(run).values.get("best") == (best if within else None)  # the last step is not called the best
    assert [step for step, told in measured.items() if told["best"]] == [
        step for step in within if all(within[step] > within[other] for other in within if other < step)
    ]
    kept = {checkpoint.step for checkpoint in run.complete_checkpoints()}
    assert {best, 4} <= kept


@pytest.mark.parametrize("kind", ["tiny", "pairs"])
def test_prompts_are_taken_from_other_datasets(project: Project, tiny_base: Path, kind: str) -> None:
    run = finished(run_in(project, tiny_base, "ppo", kind, **{**GIVEN, "max_steps": 1, "evaluations": 1}, samples=1))
    assert {event.values["step"] for event in events_of(run) if event.kind == "sample"} == {0, 1}
    (event,) = [event for event in events_of(run) if event.kind == "rollout"]
    rows = event.values["rows"]
    assert 0 < len(rows) <= ROLLOUT_ROWS
    for row in rows:
        assert row.keys() == {"prompt", "answer", "score", "kl", "tokens", "ended"}
        assert len(row["prompt"]) <= ROLLOUT_TEXT and len(row["answer"]) <= ROLLOUT_TEXT
        assert 1 <= row["tokens"] <= GIVEN["answer_tokens"]


def test_memory_that_is_short_changes_nothing(project: Project, tiny_base: Path) -> None:
    given = {**GIVEN, "max_steps": 3}
    whole = finished(run_in(project, tiny_base, "ppo", "prompts", **given, batch_size=4, accumulate=1))
    parts = finished(run_in(project, tiny_base, "ppo", "prompts", **given, batch_size=1, accumulate=4, rollout_batch=3))
    assert_same_result(whole, parts, 1e-3)  # sums in another order, and steps that build on each other


def test_an_update_ends_early_when_it_has_moved_far_enough(project: Project, tiny_base: Path) -> None:
    given = {**GIVEN, "update_epochs": 6, "max_steps": 2, "warmup": 0.0}
    run = finished(run_in(project, tiny_base, "ppo", "prompts", **given, stop_update_at=1e-4))
    assert all(1 <= figures["passes"] < 12 for figures in figures_of(run, "step").values())


def test_entropy_bonus_keeps_it_undecided(project: Project, tiny_base: Path) -> None:
    spread = []
    for bonus in (0.0, 1.0):
        run = run_in(project, tiny_base, "ppo", "prompts", **{**GIVEN, "entropy_coefficient": bonus})
        spread.append(figures_of(finished(run), "step")[5]["entropy"])
    assert spread[1] > spread[0]


MATCHES = Rewards(rules=(Rule("matches", "a"),))
LEARNING: dict[str, Any] = {
    **GIVEN,
    "max_steps": 12,
    "epochs": 99.0,
    "minibatches": 1,
    "update_epochs": 4,
    "batch_size": 16,
    "accumulate": 2,
    "learning_rate": 0.05,
    "warmup": 0.0,
    "lora_rank": 8,
    "schedule": "constant",
    "held_out": 0.0,
    "kl_control": "fixed",
    "cut_penalty": 0.0,
}


def test_without_a_penalty_it_drifts_further(project: Project, tiny_base: Path) -> None:
    far: list[float] = []
    for coefficient in (1.0, 0.0):
        given = {**LEARNING, "learning_rate": 0.02, "kl_coefficient": coefficient}
        run = finished(run_in(project, tiny_base, "ppo", "prompts", rewards=MATCHES, **given))
        steps = figures_of(run, "step")
        far.append(sum(steps[step]["kl"] for step in range(10, 13)) / 3)
    assert far[1] > 1.5 * far[0]  # over five seeds it was 1.7 to 2.2 times as far


def test_it_learns_what_is_rewarded_and_warns_of_how_far_it_goes(project: Project, tiny_base: Path) -> None:
    given = {**LEARNING, "kl_coefficient": 0.0, "kl_budget": 8.0, "seed": 0}
    run = finished(run_in(project, tiny_base, "ppo", "prompts", rewards=MATCHES, **given))
    steps = figures_of(run, "step")
    before, after = (sum(steps[step]["score"] for step in span) / 3 for span in (range(1, 4), range(10, 13)))
    error = (0.25 / (3 * 32)) ** 0.5  # at most, of the share of three steps' answers that match
    assert after - before > 2 * error * 2**0.5
    rung = [event.values.get("alarm") for event in events_of(run) if event.kind == "warning"]
    assert "kl runaway" in rung


def function(folder: Path, code: str) -> Function:
    path = folder / "reward.py"
    path.write_text(code)
    return Function(str(path), hashlib.sha256(path.read_bytes()).hexdigest())


def test_a_reward_that_is_no_number_ends_the_run_at_the_step_and_loses_nothing(
    project: Project, tiny_base: Path, tmp_path: Path
) -> None:
    broken = "seen = 0\ndef score(prompt, answer):\n    global seen\n    seen += 1\n    return {}\n"
    run = run_in(
        project,
        tiny_base,
        "ppo",
        "prompts",
        rewards=Rewards(function=function(tmp_path, broken.format("float('nan') if seen > 20 else len(answer)"))),
        **{**GIVEN, "held_out": 0.0},
    )
    assert training.train(run.folder) == EXIT_FAILED
    said = last_of(run)
    assert "gave the answer “" in said.text("what") and "the reward nan" in said.text("what")
    last = run.last_checkpoint()
    assert last is not None and last.step == 2
    assert figures_of(run, "step").keys() == {1, 2}


def test_code_that_was_not_agreed_to_is_not_run(project: Project, tiny_base: Path, tmp_path: Path) -> None:
    agreed = function(tmp_path, "def score(prompt, answer):\n    return 1.0\n")
    trace = tmp_path / "trace"
    Path(agreed.path).write_text(f"open({str(trace)!r}, 'w')\ndef score(prompt, answer):\n    return 1.0\n")
    run = run_in(project, tiny_base, "ppo", "prompts", rewards=Rewards(function=agreed), **GIVEN)
    assert training.train(run.folder) == EXIT_FAILED
    assert "has changed since you agreed to run it" in last_of(run).text("what")
    assert not trace.exists()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def score(prompt, answer):\n    return answer.nothing\n", "fails on the answer “"),
        ("def other(): pass\n", "defines no “score”"),
        ("def score(:\n", "fails to load"),
    ],
)
def test_a_function_that_fails_is_named(
    project: Project, tiny_base: Path, tmp_path: Path, code: str, words: str
) -> None:
    rewards = Rewards(function=function(tmp_path, code))
    run = run_in(project, tiny_base, "ppo", "prompts", rewards=rewards, **GIVEN)
    assert training.train(run.folder) == EXIT_FAILED
    assert words in last_of(run).text("what")


def refused(project: Project, base: Path, rewards: Rewards, **given: Any) -> str:
    run = run_in(project, base, "ppo", "prompts", rewards=rewards, **{**GIVEN, **given})
    assert training.train(run.folder) == EXIT_FAILED
    assert not figures_of(run, "step")
    return last_of(run).text("what")


def test_a_wrong_reward_model_is_refused_before_the_first_step(
    project: Project, tiny_base: Path, adapter: Path, judges: tuple[Path, Path], tmp_path: Path
) -> None:
    assert "isn't a reward model" in refused(project, tiny_base, Rewards(str(adapter)))
    assert "There is no reward model" in refused(project, tiny_base, Rewards(str(tmp_path / "nowhere")))

    headless = Path(shutil.copytree(judges[0], tmp_path / "headless"))
    weights = load_file(headless / "adapter_model.safetensors")
    save_file({n: w for n, w in weights.items() if "score" not in n}, headless / "adapter_model.safetensors")
    assert "has no head" in refused(project, tiny_base, Rewards(str(headless)))

    other = byte_level(tmp_path / "other tokens", CHATML, trim=True)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(other)
    tokenizer.add_tokens(["surprise"])
    tokenizer.save_pretrained(other)
    tiny_llama(other)
    made = finished(run_in(project, other, "reward", "pairs", max_steps=1))
    assert "has another tokenizer" in refused(project, tiny_base, Rewards(str(made.adapter)))

    lost = Path(shutil.copytree(judges[0], tmp_path / "lost"))
    about = json.loads((lost / "plumbline.json").read_text())
    (lost / "plumbline.json").write_text(json.dumps({**about, "base": str(tmp_path / "gone")}))
    wider = {n: torch.cat([w, w], 1) if "lora_A" in n else w for n, w in weights.items()}
    save_file(wider, lost / "adapter_model.safetensors")
    assert "doesn't fit this base model" in refused(project, tiny_base, Rewards(str(lost)))


def test_a_reward_model_of_another_base_is_held_beside(project: Project, tiny_base: Path, tmp_path: Path) -> None:
    other = tiny_llama(Path(shutil.copytree(tiny_base, tmp_path / "other")), seed=1)
    made = finished(run_in(project, other, "reward", "pairs", max_steps=2))
    run = finished(run_in(project, tiny_base, "ppo", "prompts", rewards=Rewards(str(made.adapter)), **GIVEN))
    assert all(abs(figures["score"]) > 0 for figures in figures_of(run, "step").values())


def test_a_whole_reward_model_is_held_beside(project: Project, tiny_base: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(0)
    whole = AutoModelForSequenceClassification.from_pretrained(tiny_base, num_labels=1)
    whole.save_pretrained(tmp_path / "whole")
    AutoTokenizer.from_pretrained(tiny_base).save_pretrained(tmp_path / "whole")
    run = finished(run_in(project, tiny_base, "ppo", "prompts", rewards=Rewards(str(tmp_path / "whole")), **GIVEN))
    assert all(abs(figures["score"]) > 0 for figures in figures_of(run, "step").values())
    assert "isn't a reward model" in refused(project, tiny_base, Rewards(str(tiny_base)))


def test_prompts_longer_than_the_model_can_read(project: Project, tiny_base: Path) -> None:
    rules = Rewards(rules=(Rule("ends"),))
    assert "leave no room for a prompt in the 256 tokens that this model can read" in refused(
        project, tiny_base, rules, answer_tokens=256, max_length=512
    )
    said = refused(project, tiny_base, rules, answer_tokens=250, max_length=512)
    assert said.startswith("None of the 31 prompts can be learned from.") and "more than 256" in said
    some = finished(run_in(project, tiny_base, "ppo", "prompts", **{**GIVEN, "max_length": 32}))
    assert any("prompts are left out" in event.text("what") for event in events_of(some) if event.kind == "warning")


def test_in_16_bits(project: Project, tiny_base: Path, judges: tuple[Path, Path]) -> None:
    rewards = Rewards(str(judges[0]))
    run = finished(run_in(project, tiny_base, "ppo", "prompts", rewards=rewards, **GIVEN, precision="bf16"))
    first = figures_of(run, "step")[1]
    assert first["kl"] == pytest.approx(0, abs=0.5)
    weights = load_file(run.adapter / "adapter_model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float32}


def test_over_a_base_in_4_bits(project: Project, tiny_base: Path, judges: tuple[Path, Path]) -> None:
    given = {**GIVEN, "max_steps": 2, "evaluations": 1, "way": "qlora"}
    run = finished(run_in(project, tiny_base, "ppo", "prompts", rewards=Rewards(str(judges[0])), **given))
    assert figures_of(run, "step")[1]["kl"] == pytest.approx(0, abs=1e-3)
    weights = load_file(run.adapter / "adapter_model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float32}


@pytest.mark.timeout(400)
def test_a_real_worker_stopped_and_resumed_equals_all_in_one(
    project: Project, tiny_base: Path, judges: tuple[Path, Path]
) -> None:
    given = {**GIVEN, "max_steps": 12}
    straight, broken = (
        run_in(project, tiny_base, "ppo", "prompts", rewards=Rewards(str(judges[0])), **given) for _ in range(2)
    )
    first = start(broken)
    wait_for_steps(broken, first, 3)
    broken.request_stop(save=True)
    assert first.wait(180) == EXIT_SAID, broken.log_tail()
    assert last_of(broken).kind == "stopped"
    assert start(broken).wait(180) == EXIT_SAID, broken.log_tail()
    assert last_of(broken).kind == last_of(finished(straight)).kind == "finished"
    assert_same_result(straight, broken)

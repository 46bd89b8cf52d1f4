"""Whether PPO learns: the held-out score before and after, in standard errors, and how far the model has moved.

    python -m tests.bench.ppo_learning [--base FOLDER] [--seeds 3] [--steps 20] [--rate 0.002] [--kl 0.2]
                                       [--only rule,model,free]

Three ways, each with several seeds: a rule as the reward (rule); a reward model that was trained on pairs just before
(model); and the rule without a KL penalty (free), which should drift and ring the alarm. The base is the starter model
unless another folder is given. The last line is a JSON object.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from studio.core.messages import Message
from studio.core.methods import METHODS
from studio.core.recipes import Recipe
from studio.core.records import Pair, Prompt
from studio.core.rewards import Rewards
from studio.core.rules import Rule
from studio.storage.datasets import add_dataset, find_dataset
from studio.storage.models import starter_model
from studio.storage.project import Project
from studio.storage.runs import RunFolder

WHO, WHAT = ("Tim", "Lily", "Ben", "Mia", "Tom", "Sue", "Max", "Anna"), ("dog", "cat", "ball", "tree", "car", "hat")
DID = ("saw a", "found a", "lost the", "liked the", "had a", "hid the")
RULE = Rule("matches", "and")
BUDGET = 10.0


def prompts_of(count: int) -> list[str]:
    chance = random.Random(0)
    return [f"{chance.choice(WHO)} {chance.choice(DID)} {chance.choice(WHAT)}." for _ in range(count)]


def project_in(folder: Path) -> Project:
    project = Project.create(folder)
    project.close()
    prompts = [(Message("user", text),) for text in prompts_of(400)]
    add_dataset(project, "prompts", "invented", [Prompt(prompt) for prompt in prompts], kind="prompts")
    # The preferred answers shout; a reward model that sees that is enough to learn from.
    pairs = [
        Pair(prompt, f"{who} was so happy! They ran and ran!", f"{who} was so sad. They sat and sat.")
        for prompt, who in zip(prompts, random.Random(1).choices(WHO, k=len(prompts)), strict=True)
    ]
    add_dataset(project, "pairs", "invented", pairs, kind="pairs")
    return project


def trained(project: Project, base: Path, method: str, dataset: str, rewards: Rewards, **given: Any) -> RunFolder:
    from studio.engine import training

    info = find_dataset(project, dataset)
    settings = METHODS[method].settings(**given)
    recipe = Recipe(
        str(base), info.id, method=method, dataset_hash=info.content_hash, settings=settings, rewards=rewards
    )
    run = RunFolder.create(project.runs, recipe)
    if training.train(run.folder) != 0:
        raise SystemExit(str([event.values for event in run.all_events()][-1]))
    return run


def told(run: RunFolder) -> dict[str, Any]:
    measured = [event for event in run.all_events() if event.kind == "evaluation"]
    (before, after), last = (measured[0], measured[-1]), measured[-1]
    rise = float(after.number("eval_score") or 0) - float(before.number("eval_score") or 0)
    error = sum(float(event.number("eval_score_error") or 0) ** 2 for event in (before, after)) ** 0.5
    alarms = [event.text("alarm") for event in run.all_events() if event.kind == "warning" and event.text("alarm")]
    return {
        "before": round(float(before.number("eval_score") or 0), 3),
        "after": round(float(after.number("eval_score") or 0), 3),
        "standard_errors": round(rise / max(error, 1e-9), 1),
        "kl": round(float(last.number("eval_kl") or 0), 2),
        "rows": last.values["eval_rows"],
        "alarms": sorted(set(alarms)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, default=starter_model())
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rate", type=float, default=0.002)
    parser.add_argument("--kl", type=float, default=0.2, help="the KL penalty")
    parser.add_argument("--only", default="rule,model,free")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"base": arguments.base.name, "steps": arguments.steps, "budget": BUDGET}
    ways: list[str] = arguments.only.split(",")
    with tempfile.TemporaryDirectory() as scratch:
        project = project_in(Path(scratch) / "project")
        judge = ""
        if "model" in ways:
            given = {"max_steps": 20, "batch_size": 8, "learning_rate": 3e-3, "max_length": 256}
            judge = str(trained(project, arguments.base, "reward", "pairs", Rewards(), **given).adapter)
        for way in ways:
            rewards = Rewards(model=judge) if way == "model" else Rewards(rules=(RULE,))
            for seed in range(arguments.seeds):
                run = trained(
                    project,
                    arguments.base,
                    "ppo",
                    "prompts",
                    rewards,
                    seed=seed,
                    max_steps=arguments.steps,
                    epochs=1000.0,
                    answer_tokens=20,
                    max_length=256,
                    batch_size=16,
                    accumulate=2,
                    held_out=0.24,
                    evaluations=1,
                    samples=0,
                    learning_rate=arguments.rate,
                    cut_penalty=0.0,
                    kl_coefficient=0.0 if way == "free" else arguments.kl,
                    kl_budget=BUDGET,
                )
                figures.setdefault(way, []).append(told(run))
                print(way, seed, json.dumps(figures[way][-1]), flush=True)
    print(json.dumps(figures))
    held = [one for way in ("rule", "model") for one in figures.get(way, [])]
    return 0 if all(one["standard_errors"] >= 2 and one["kl"] <= BUDGET for one in held) else 1


if __name__ == "__main__":
    sys.exit(main())

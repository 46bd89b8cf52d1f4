"""Flags of `plumbline train` that say what is rewarded: a reward model, rules, a file of one's own, and a judge."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from studio.core.errors import StudioError
from studio.core.rewards import Rewards
from studio.core.rules import RULES, Rule
from studio.storage.consent import RISK, allow, is_allowed, read_code
from studio.storage.runs import RunFolder

_FLAGS = ("reward_model", "reward_weight", "rule", "reward_code", "code_weight", "judge", "judge_rule")
SHORTEST_HASH = 12  # characters: as many as are shown, and too many to be hit by chance


def add_rewards(parser: argparse.ArgumentParser) -> None:
    """The flags. One that is not given stays None."""
    kinds = "; ".join(f"{name}: {kind.about}" for name, kind in RULES.items()).replace("%", "%%")
    group = parser.add_argument_group("rewards (for methods that learn from one; each overrides the recipe's)")
    group.add_argument("--reward-model", metavar="RUN", help="a finished reward run of the project, or its folder")
    group.add_argument("--reward-weight", type=float, metavar="FLOAT", help="what its score is multiplied by")
    group.add_argument(
        "--rule",
        action="append",
        metavar="RULE",
        help=f"[WEIGHT*]KIND[=VALUE], such as “2*length=5..40” or “matches=(?i)thank”; may be repeated. {kinds}",
    )
    group.add_argument("--reward-code", metavar="FILE", help="your own Python file with score(prompt, answer) -> float")
    group.add_argument("--code-weight", type=float, metavar="FLOAT", help="what its score is multiplied by")
    group.add_argument("--allow-code", metavar="HASH", help=f"the hash of that file, as you agree to run it. {RISK}")
    group.add_argument("--judge", metavar="RUN", help="a second reward model that only watches, on held-out prompts")
    group.add_argument("--judge-rule", action="append", metavar="RULE", help="a rule that only watches")


def rewards_given(arguments: argparse.Namespace) -> bool:
    """Whether any flag says what is rewarded."""
    return any(getattr(arguments, name) is not None for name in _FLAGS)


def with_rewards(arguments: argparse.Namespace, rewards: Rewards, runs: Path) -> Rewards:
    """The rewards with what the flags say. runs: the project's folder of runs. Raises StudioError."""
    changes: dict[str, Any] = {}
    for flag, name in (("reward_model", "model"), ("judge", "judge")):
        if (named := getattr(arguments, flag)) is not None:
            run = RunFolder(runs / named)
            changes[name] = str(run.result if run.is_there else named)
    if arguments.reward_weight is not None:
        changes["model_weight"] = arguments.reward_weight
    for flag, name in (("rule", "rules"), ("judge_rule", "judge_rules")):
        if (texts := getattr(arguments, flag)) is not None:
            changes[name] = tuple(Rule.from_text(text) for text in texts)
    function = rewards.function
    if arguments.reward_code is not None:
        function, _ = read_code(Path(arguments.reward_code))
    if arguments.code_weight is not None:
        if function is None:
            raise StudioError("--code-weight is given, but no --reward-code.", "Name the file, or leave it out.")
        function = replace(function, weight=arguments.code_weight)
    return replace(rewards, **changes, function=function)


def ask_consent(arguments: argparse.Namespace, rewards: Rewards) -> None:
    """Take --allow-code as consent to the file that the rewards name. Raises StudioError without it."""
    function, allowed = rewards.function, arguments.allow_code
    if function is None:
        return
    now, _ = read_code(Path(function.path))
    if now.sha256 != function.sha256:
        raise StudioError(
            f"“{function.path}” has changed since it was chosen as a reward.", "Name it again with --reward-code."
        )
    if allowed is not None:
        if len(allowed) < SHORTEST_HASH or not now.sha256.startswith(allowed.lower()):
            raise StudioError(
                f"--allow-code is {allowed!r}, and “{function.path}” holds code of another hash.",
                f"Read the file. If you agree to run it: --allow-code {now.sha256[:SHORTEST_HASH]}",
            )
        allow(now)
    elif not is_allowed(now.sha256):
        raise StudioError(
            f"Rewarding runs the code in “{function.path}”. {RISK}",
            f"Read the file. If you agree to run it: --allow-code {now.sha256[:SHORTEST_HASH]}",
        )

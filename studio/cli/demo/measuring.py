"""What a stage of the demo has learned: its answers to prompts it never saw, and what the gold judge says of them.

The judge trains nothing. The reward model's scores stand beside its verdicts, so that one can see the two part.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.core.answering import Answered
from studio.core.contests import Contest
from studio.core.gold_judge import Verdict, judge, winner
from studio.core.lessons import EASY_PPO, HACKED

Asked = dict[str, Any]  # prompt, family, and the `check` that the gold judge reads


@dataclass(slots=True)
class Stage:
    """One stage and its answers, in the order of the prompts. kl: how far from its start, in nats an answer."""

    name: str
    answers: list[Answered]
    verdicts: list[Verdict]
    seconds: float = 0.0
    kl: float | None = None
    rewards: list[float] = field(default_factory=list[float])

    @property
    def follows(self) -> int:
        """How many answers follow their instruction."""
        return sum(verdict.follows for verdict in self.verdicts)

    @property
    def ended(self) -> int:
        """How many come to the end of their turn."""
        return sum(answer.ended for answer in self.answers)

    @property
    def gold(self) -> float:
        """The mean of the gold judge's scores."""
        return _mean([verdict.score for verdict in self.verdicts])

    @property
    def reward(self) -> float | None:
        """The mean of the reward model's scores."""
        return _mean(self.rewards) if self.rewards else None


def read_prompts(file: Path) -> list[Asked]:
    """The held-out prompts of a JSONL file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def judged(name: str, asked: Sequence[Asked], answers: Sequence[Answered]) -> Stage:
    """A stage by its answers."""
    verdicts = [judge(row["check"], answer.text) for row, answer in zip(asked, answers, strict=True)]
    return Stage(name, list(answers), verdicts)


def contest(asked: Sequence[Asked], stage: Stage, other: Stage) -> Contest:
    """How often a stage's answer is the better one."""
    found = [
        winner(row["check"], mine.text, theirs.text)
        for row, mine, theirs in zip(asked, stage.answers, other.answers, strict=True)
    ]
    return Contest.of(found)


def of_hacking(stages: Sequence[Stage]) -> list[str]:
    """Whose rewards can be compared, and whether PPO without its KL penalty hacked its judge; nothing where it was not
    trained."""
    found = {stage.name: stage for stage in stages}
    if HACKED not in found:
        return []
    tame, free = found[EASY_PPO], found[HACKED]
    hacked = _mean(free.rewards) > _mean(tame.rewards) and free.gold < tame.gold
    told = "More reward for worse answers: that is reward hacking." if hacked else "That is no reward hacking."
    return [
        (
            f"The rewards of “{EASY_PPO}” and “{HACKED}” are the easy judge's, which trained them; those of the other "
            "stages are the reward model's. Only rewards of the same judge can be compared."
        ),
        (
            f"Without its KL penalty PPO earned {_mean(free.rewards):+.2f} from the easy judge, with it "
            f"{_mean(tame.rewards):+.2f}; the judge in code gives them {free.gold:.1f} and {tame.gold:.1f}. {told}"
        ),
    ]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0

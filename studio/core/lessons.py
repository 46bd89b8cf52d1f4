"""What aligns the starter model, in order: each stage's method, data and settings, and what it goes on from.

`plumbline demo` trains these and the window's guide leads through them; the starter's own evaluation measures them
over several seeds, so that its figures are theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from studio.core.methods import DpoSettings, PpoSettings, RewardSettings, SftSettings, TrainSettings
from studio.core.training_settings import LAST

SFT, REWARD, DPO, PPO = "SFT", "reward", "DPO", "PPO"
# Reward hacking needs a judge that can be tricked: this one reads manner well, and hardly what is right.
EASY, EASY_PPO, HACKED = "easy judge", "PPO, easy judge", "PPO, easy judge, no KL"
INSTRUCTIONS, PREFERENCES, PROMPTS = "instructions", "preferences", "prompts"

# A very small model bears, and needs, larger steps than the defaults. Evaluations are few: they cost time.
_SHARED: dict[str, Any] = {"batch_size": 16, "accumulate": 1, "max_length": 256, "evaluations": 4}
_QUICK, _QUICK_REWARDED = 12, 3  # steps of a smoke run; one that writes its own answers takes longer
_JUDGE = RewardSettings(learning_rate=1e-3, epochs=2.0, **_SHARED)
_PPO = PpoSettings(
    learning_rate=5e-4,
    epochs=2.0,
    batch_size=32,
    accumulate=1,
    max_length=256,
    answer_tokens=64,
    evaluations=2,
    kl_coefficient=0.15,
)


@dataclass(frozen=True, slots=True)
class Lesson:
    """One stage. after: the stage whose adapter it goes on from. rewarded_by: the stage that rewards its answers.
    optional: shown when it is asked for. seconds: about how long it takes on two cores, which
    tells how much of the demo is left; its own pace corrects it."""

    name: str
    label: str
    method: str
    dataset: str
    settings: TrainSettings
    seconds: float
    after: str = ""
    rewarded_by: str = ""
    optional: bool = False

    def seeded(self, seed: int) -> Lesson:
        """The same with another seed."""
        return replace(self, settings=replace(self.settings, seed=seed))

    def shortened(self) -> Lesson:
        """A smoke run of it."""
        steps = _QUICK_REWARDED if self.rewarded_by else _QUICK
        return replace(self, settings=replace(self.settings, max_steps=steps, evaluations=1), seconds=self.seconds / 20)


LESSONS = (
    Lesson(
        SFT,
        "Follow instructions (SFT)",
        "sft",
        INSTRUCTIONS,
        SftSettings(learning_rate=2e-3, epochs=3.0, **_SHARED),
        seconds=100,
    ),
    Lesson(
        REWARD,
        "Judge answers (reward model)",
        "reward",
        PREFERENCES,
        replace(_JUDGE, doubt=True),
        seconds=40,
        after=SFT,
    ),
    Lesson(
        DPO,
        "Prefer better answers (DPO)",
        "dpo",
        PREFERENCES,
        DpoSettings(learning_rate=1e-3, epochs=1.0, beta=0.1, chosen_weight=0.3, **_SHARED),
        seconds=40,
        after=SFT,
    ),
    Lesson(PPO, "Earn reward (PPO)", "ppo", PROMPTS, _PPO, seconds=60, after=SFT, rewarded_by=REWARD),
    Lesson(
        EASY,
        "Judge answers, but not their doubt",
        "reward",
        PREFERENCES,
        _JUDGE,
        seconds=40,
        after=SFT,
        optional=True,
    ),
    Lesson(
        EASY_PPO,
        "Earn the easy judge's reward",
        "ppo",
        PROMPTS,
        _PPO,
        seconds=60,
        after=SFT,
        rewarded_by=EASY,
        optional=True,
    ),
    Lesson(
        HACKED,
        "Earn the easy judge's reward without a KL penalty",
        "ppo",
        PROMPTS,
        replace(_PPO, kl_coefficient=0.0, keep=LAST),  # nor any other guard: the KL budget would choose an earlier step
        seconds=60,
        after=SFT,
        rewarded_by=EASY,
        optional=True,
    ),
)


def judge_of(stage: str) -> str:
    """The lesson whose reward model scores a stage's answers: the one that rewarded them, else the first."""
    return next((lesson.rewarded_by for lesson in LESSONS if lesson.name == stage and lesson.rewarded_by), REWARD)

"""Methods: the ways to train, each with what it needs, what it makes, and its settings declared once.

Forms, command-line flags, validation and JSON are all made from these declarations; doing it is the engine's work.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from studio.core.errors import StudioError, did_you_mean
from studio.core.fields import OnlyIf, setting
from studio.core.samples import SampledSettings
from studio.core.training_settings import (
    ADAMW,
    GO_ON,
    HIGHEST_REWARD,
    KEEP_JUDGED,
    KEEP_REWARDED,
    LORA,
    LORA_8BIT,
    OFF,
    QLORA,
    TrainSettings,
    keep_setting,
)

_NOT_EVERYTHING = OnlyIf("train_on", lambda value: value != "everything", "when not everything is learned anyway")


@dataclass(frozen=True)
class SftSettings(SampledSettings, TrainSettings):
    """Supervised fine-tuning on conversations."""

    train_on: str = setting(
        "answers",
        "Learn from",
        "Answers only is right for instructions: the model is not taught to write the questions.",
        choices={
            "answers": "Answers only",
            "last answer": "The last answer only",
            "no answers": "No answers",
            "everything": "Everything",
        },
        advanced=True,
    )
    learn_user: bool = setting(
        False,
        "Learn what users say",
        "The users' turns are learned too: for a model that is to ask, not only to answer.",
        advanced=True,
        only_if=(_NOT_EVERYTHING,),
    )
    learn_system: bool = setting(
        False, "Learn system turns", "System turns are learned too.", advanced=True, only_if=(_NOT_EVERYTHING,)
    )
    learn_tool: bool = setting(
        False,
        "Learn what tools give",
        "The results of tools are learned too. A model that learns them makes results up instead of waiting for them.",
        advanced=True,
        only_if=(_NOT_EVERYTHING,),
    )
    batch_tokens: int = setting(
        0,
        "Token budget",
        "A pass takes as many examples of similar length as fit into so many tokens, at least one, instead of a fixed "
        "number. The loss stays the mean over all tokens of a step. 0: no budget.",
        low=0,
        high=10_000_000,
        unit="tokens",
        advanced=True,
    )
    neftune: float = setting(
        0.0,
        "Noise on embeddings (NEFTune)",
        "Noise added to the words' embeddings while training, against memorising (Jain et al. 2023); 5 is usual, 0 "
        "adds none.",
        low=0.0,
        high=100.0,
        advanced=True,
    )

    @property
    def also_learned(self) -> tuple[str, ...]:
        """The roles whose turns are learned beside the answers."""
        wanted = {"user": self.learn_user, "system": self.learn_system, "tool": self.learn_tool}
        return tuple(role for role, learned in wanted.items() if learned)


@dataclass(frozen=True)
class PretrainSettings(SampledSettings, TrainSettings):
    """Continued pretraining: every token of plain text is learned, in blocks of `max_length`."""

    epochs: float = setting(
        1.0, "Passes over the text", "How often each passage is read. More can mean memorising.", low=0.01, high=1000
    )


@dataclass(frozen=True)
class RewardSettings(TrainSettings):
    """A reward model: a number for an answer. Pairs after Bradley and Terry 1952, rankings after Plackett 1975."""

    epochs: float = setting(
        1.0, "Passes over the data", "Reward models memorise quickly: one or two passes are usual.", low=0.01, high=1000
    )
    learning_rate: float = setting(
        1e-4, "Learning rate", "How far each step moves the weights. 0.0001 suits LoRA.", low=1e-8, high=1.0
    )
    held_out: float = setting(
        0.1,
        "Held out for evaluation",
        "Share of the rows never trained on; accuracy is measured on them. 0 turns evaluation off.",
        low=0.0,
        high=0.5,
    )
    keep: str = keep_setting(KEEP_JUDGED)
    margins: bool = setting(
        True,
        "Use margins",
        "Where pairs say by how much an answer was preferred, ask for at least that much difference (Llama 2, 2023).",
        advanced=True,
    )
    centre: float = setting(
        0.01,
        "Centre rewards",
        "Keeps rewards near zero: weight of the squared sum of each pair's rewards (Eisenstein et al. 2023).",
        low=0.0,
        high=1.0,
        advanced=True,
    )


@dataclass(frozen=True)
class PreferenceSettings(SampledSettings, TrainSettings):
    """What methods have that hold a model to where it started."""

    epochs: float = setting(1.0, "Passes over the data", "One to three; more drifts away.", low=0.01, high=1000)
    learning_rate: float = setting(
        5e-5,
        "Learning rate",
        "Far smaller than for fine-tuning: 0.000005 to 0.00005 with LoRA.",
        low=1e-8,
        high=1.0,
    )
    beta: float = setting(
        0.1,
        "Beta",
        "How strongly the model is held to where it started. Smaller values let it move further.",
        low=0.001,
        high=10.0,
    )


@dataclass(frozen=True)
class DpoSettings(PreferenceSettings):
    """Direct preference optimisation (Rafailov et al. 2023) and its variants, as TRL names them."""

    keep: str = keep_setting(KEEP_JUDGED)
    variant: str = setting(
        "sigmoid",
        "Loss",
        "How a preference becomes a loss.",
        choices={
            "sigmoid": "DPO",
            "ipo": "IPO (does not push easy pairs further)",
            "hinge": "Hinge (SLiC)",
            "robust": "Robust (some labels are wrong)",
            "sigmoid_norm": "DPO by length (SimPO's averaging)",
        },
        advanced=True,
    )
    wrong_labels: float = setting(
        0.1,
        "Wrong labels",
        "For the robust loss: about which share of the preferences is wrong.",
        low=0.0,
        high=0.49,
        advanced=True,
    )


@dataclass(frozen=True)
class KtoSettings(PreferenceSettings):
    """Kahneman-Tversky optimisation (Ethayarajh et al. 2024): learns from single answers marked good or bad."""

    good_weight: float = setting(
        1.0, "Weight of good answers", "Raise it when good answers are rare.", low=0.01, high=100.0, advanced=True
    )
    bad_weight: float = setting(
        1.0, "Weight of bad answers", "Raise it when bad answers are rare.", low=0.01, high=100.0, advanced=True
    )


@dataclass(frozen=True)
class RewardedSettings(SampledSettings, TrainSettings):
    """What methods have that write answers themselves and learn from the reward that each gets.

    A step writes `episodes` answers, one to each of as many prompts.
    """

    epochs: float = setting(1.0, "Passes over the prompts", "How often each prompt is answered.", low=0.01, high=1000)
    learning_rate: float = setting(
        5e-5,
        "Learning rate",
        "How far each step moves the weights. Too high, and the model drifts to nonsense that is rewarded by accident.",
        low=1e-8,
        high=1.0,
    )
    max_length: int = setting(
        512,
        "Longest prompt and answer",
        "Together, in tokens. Prompts that leave no room for the longest answer are left out.",
        low=8,
        high=131072,
        unit="tokens",
    )
    answer_tokens: int = setting(
        64,
        "Longest answer",
        "Answers are cut off after this many tokens. Shorter is faster; too short, and no answer comes to its end.",
        low=1,
        high=16384,
        unit="tokens",
    )
    batch_size: int = setting(
        8,
        "Answers at a time",
        "How many answers share one forward pass when they are scored and learned from; more needs more memory.",
        low=1,
        high=1024,
    )
    accumulate: int = setting(
        4,
        "Passes per update",
        "Forward passes added up before the weights move. Effective batch = answers at a time x passes per update.",
        low=1,
        high=1024,
        advanced=True,
    )
    keep: str = keep_setting(KEEP_REWARDED, HIGHEST_REWARD)
    # No settings here: an answer must be as likely when it is learned from as when written, ...
    lora_dropout: float = 0.0
    # ... and the roles are adapters side by side over one base that stays as it is.
    way: str = LORA
    dora: bool = False
    start: str = GO_ON
    optimiser: str = ADAMW
    checkpointing: str = OFF
    schedule: str = setting(
        "linear",
        "Learning-rate schedule",
        "How the learning rate changes after the warm-up.",
        choices={"cosine": "Cosine to zero", "linear": "Straight to zero", "constant": "Constant"},
        advanced=True,
    )
    warmup: float = setting(
        0.0,
        "Warm-up",
        "Share of the steps in which the learning rate rises from zero.",
        low=0.0,
        high=1.0,
        advanced=True,
    )
    held_out: float = setting(
        0.05,
        "Held out for evaluation",
        "Share of the prompts never trained on; the reward is measured on them, and decides which checkpoint is best. "
        "0 turns evaluation off.",
        low=0.0,
        high=0.5,
    )
    temperature: float = setting(
        1.0,
        "Temperature",
        "How adventurous the answers are that it learns from. 1 is the model as it is; lower tries fewer things out.",
        low=0.05,
        high=5.0,
        advanced=True,
    )
    kl_coefficient: float = setting(
        0.05,
        "KL penalty",
        "How strongly the model is held to where it started. 0 lets it go wherever the reward is.",
        low=0.0,
        high=10.0,
    )
    kl_budget: float = setting(
        10.0,
        "KL budget",
        "How far from its start the model may be for a checkpoint to count as good. Above it, there is an alarm.",
        low=0.01,
        high=10000.0,
        unit="nats an answer",
    )
    end_bonus: float = setting(
        0.0,
        "Bonus for ending",
        "Added to the score of an answer that ends its turn.",
        low=-1000.0,
        high=1000.0,
        advanced=True,
    )
    cut_penalty: float = setting(
        1.0,
        "Penalty for not ending",
        "Taken from the score of an answer that is cut off at the longest length.",
        low=-1000.0,
        high=1000.0,
        advanced=True,
    )
    length_penalty: float = setting(
        0.0,
        "Penalty for length",
        "Taken from the score for each token of an answer. Helps when answers grow longer without growing better.",
        low=-1.0,
        high=1.0,
        advanced=True,
    )

    @property
    def episodes(self) -> int:
        """Answers that a step writes and learns from."""
        return self.effective_batch

    def steps_for(self, rows: int, passes: int | None = None) -> int:
        steps = max(1, math.ceil(self.epochs * rows / self.episodes))
        return min(steps, self.max_steps) if self.max_steps else steps


@dataclass(frozen=True)
class PpoSettings(RewardedSettings):
    """Proximal policy optimisation (Schulman et al. 2017) for language models (Ziegler et al. 2019, InstructGPT 2022).

    Defaults follow TRL's and “The N implementation details of RLHF with PPO” (Huang et al. 2024).
    """

    way: str = setting(
        LORA,
        "Base model",
        "Held once for all roles, frozen. In 8 or 4 bits it needs a half or a quarter of the memory and a step takes "
        "longer.",
        choices={
            LORA: "As it is (LoRA)",
            LORA_8BIT: "In 8 bits (LLM.int8)",
            QLORA: "In 4 bits (QLoRA)",
        },
        advanced=True,
    )
    minibatches: int = setting(
        1,
        "Updates per pass",
        "A step's answers are split into this many updates. Answers a step = effective batch x updates per pass.",
        low=1,
        high=256,
        advanced=True,
    )
    update_epochs: int = setting(
        4,
        "Passes over a step's answers",
        "How often a step learns from the same answers. More uses them better; too many overdo it.",
        low=1,
        high=64,
    )
    value_model: str = setting(
        "adapter",
        "Value model",
        "What foretells an answer's reward while it is being written. Its own adapter is more exact; a head on the "
        "policy takes about a third less time.",
        choices={"adapter": "Its own adapter", "shared": "A head on the policy"},
    )
    clip_range: float = setting(
        0.2,
        "Clip range",
        "How much likelier or less likely a step may make a token: 0.2 means by a fifth.",
        low=0.01,
        high=10.0,
        advanced=True,
    )
    value_clip: float = setting(
        0.2,
        "Clip range of values",
        "How far a step may move a foretold reward. 0 turns clipping off.",
        low=0.0,
        high=1000.0,
        advanced=True,
    )
    value_coefficient: float = setting(
        0.1,
        "Weight of the value loss",
        "How much learning to foretell counts beside learning to answer.",
        low=0.0,
        high=100.0,
        advanced=True,
    )
    entropy_coefficient: float = setting(
        0.0,
        "Entropy bonus",
        "Rewards staying undecided, so that the model goes on trying things out. Seldom needed with a KL penalty.",
        low=0.0,
        high=1.0,
        advanced=True,
    )
    discount: float = setting(
        1.0,
        "Discount (gamma)",
        "How much a reward at the end of an answer counts for the tokens before it; 1 is usual for text.",
        low=0.0,
        high=1.0,
        advanced=True,
    )
    gae_lambda: float = setting(
        0.95,
        "Lambda of the advantages",
        "1 trusts what was rewarded, 0 what the value model foretells.",
        low=0.0,
        high=1.0,
        advanced=True,
    )
    whiten: bool = setting(
        True,
        "Whiten advantages",
        "Brings a step's advantages to mean 0 and deviation 1, so that any scale of reward suits the learning rate.",
        advanced=True,
    )
    normalise: bool = setting(
        True,
        "Normalise scores",
        "Brings scores to mean 0 and deviation 1 over all answers so far, so that any reward suits the KL penalty.",
        advanced=True,
    )
    score_clip: float = setting(
        5.0,
        "Clip scores",
        "Higher and lower scores are cut at this, so that a freak can't rule a step. 0 turns it off.",
        low=0.0,
        high=1e6,
        advanced=True,
    )
    kl_estimator: str = setting(
        "k1",
        "KL estimate",
        "How distance is told from samples (Schulman 2020). k1 is exact on average; k3 is never negative and steadier.",
        choices={"k1": "k1: log-ratio", "k3": "k3: ratio - 1 - log-ratio"},
        advanced=True,
    )
    kl_control: str = setting(
        "fixed",
        "KL control",
        "Adaptive raises the KL penalty while the model is further away than aimed at, and lowers it when nearer.",
        choices={"fixed": "Fixed penalty", "adaptive": "Adaptive (Ziegler et al. 2019)"},
        advanced=True,
    )
    kl_target: float = setting(
        6.0,
        "Aim of the adaptive KL",
        "The distance that the adaptive penalty steers to.",
        low=0.01,
        high=10000.0,
        unit="nats an answer",
        advanced=True,
    )
    stop_update_at: float = setting(
        0.0,
        "End an update early at",
        "A step stops learning from its answers once it has moved this far within them. 0 never does; 0.02 is usual.",
        low=0.0,
        high=10.0,
        unit="nats a token",
        advanced=True,
    )
    rollout_batch: int = setting(
        0,
        "Answers written at a time",
        "Fewer need less memory for what was read so far; 0 writes all answers of a step together.",
        low=0,
        high=4096,
        advanced=True,
    )

    @property
    def episodes(self) -> int:
        return self.effective_batch * self.minibatches


@dataclass(frozen=True)
class GroupSettings(RewardedSettings):
    """What methods have that write several answers to each prompt and compare them with each other.

    How much better an answer is than its siblings takes the place of a value model: “PPO without a value model”.
    """

    answers_each: int = setting(
        4,
        "Answers to each prompt",
        "They are compared with each other, so there are at least two. More tell better what is good, and cost more.",
        low=2,
        high=256,
    )

    @property
    def prompts_a_step(self) -> int:
        """Prompts that a step answers, each several times."""
        return max(1, self.episodes // self.answers_each)

    def steps_for(self, rows: int, passes: int | None = None) -> int:
        steps = max(1, math.ceil(self.epochs * rows / self.prompts_a_step))
        return min(steps, self.max_steps) if self.max_steps else steps

    def conflicts(self) -> dict[str, str]:
        """Values that can't be used together: the setting to change, and why."""
        if self.episodes % self.answers_each == 0:
            return {}
        return {
            "answers_each": f"A step writes {self.episodes:,} answers, which can't be shared out in groups of "
            f"{self.answers_each:,}: make it a divisor of them, or change the answers at a time."
        }


@dataclass(frozen=True)
class RlooSettings(GroupSettings):
    """REINFORCE leave-one-out (Ahmadian et al. 2024): an answer's reward against the mean of its siblings'."""

    normalise_advantages: bool = setting(
        False,
        "Normalise advantages",
        "Brings a step's advantages to mean 0 and deviation 1, so that any scale of reward suits the learning rate.",
        advanced=True,
    )


@dataclass(frozen=True)
class GrpoSettings(GroupSettings):
    """Group-relative policy optimisation (Shao et al. 2024): rewards of a group on one scale, the KL in the loss."""

    kl_coefficient: float = setting(
        0.04,
        "KL penalty",
        "How strongly the model is held to where it started. 0 lets it go wherever the reward is.",
        low=0.0,
        high=10.0,
    )
    scale: str = setting(
        "group",
        "Scale of advantages",
        "What a reward's distance from its group's mean is divided by: the group's spread, the step's, or nothing.",
        choices={"group": "The group's spread", "batch": "The step's spread", "none": "Nothing (Dr. GRPO)"},
        advanced=True,
    )
    averaging: str = setting(
        "dapo",
        "Mean over tokens",
        "By tokens, long answers count for more; by answers, each counts the same however long it is.",
        choices={
            "dapo": "All tokens alike (DAPO)",
            "grpo": "Each answer alike (GRPO)",
            "dr_grpo": "By the longest length (Dr. GRPO)",
        },
        advanced=True,
    )


@dataclass(frozen=True)
class Method:
    """A way to train.

    needs: kinds of datasets that it takes (core.records). makes: what comes out of a run. talks: whether what comes out
    writes text, so that it can be talked to and other runs can go on from it. after: methods that usually come before
    it, so that the newest such run is proposed to go on from.
    least_batch: examples that it needs in a pass.
    """

    name: str
    label: str
    about: str
    needs: tuple[str, ...]
    makes: str
    settings: type[TrainSettings]
    talks: bool = True
    after: tuple[str, ...] = ()
    least_batch: int = 1

    @property
    def is_rewarded(self) -> bool:
        """Whether it learns from a reward (core.rewards), which a recipe must name."""
        return issubclass(self.settings, RewardedSettings)


# What prompts can be taken from; answers in it are left aside.
WITH_PROMPTS = ("prompts", "examples", "pairs", "labels", "ratings", "rankings")

METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        Method(
            "sft",
            "Teach by example (SFT)",
            "Learns to answer as the examples do. The usual first step.",
            ("examples",),
            "an adapter to talk to beside its base model",
            SftSettings,
        ),
        Method(
            "pretrain",
            "Read plain text (continued pretraining)",
            "Learns the language of a text, every token of it. Needs much text; some of how to answer is forgotten.",
            ("passages",),
            "an adapter to talk to beside its base model",
            PretrainSettings,
        ),
        Method(
            "dpo",
            "Learn from preferences (DPO)",
            "Shifts a model towards the answers that people preferred, from pairs alone. Best after fine-tuning; "
            "a pair costs about twice the time of an example.",
            ("pairs",),
            "an adapter to talk to beside its base model",
            DpoSettings,
            after=("sft",),
        ),
        Method(
            "kto",
            "Learn from thumbs up and down (KTO)",
            "Shifts a model towards good answers and away from bad ones; no pairs are needed. Best after fine-tuning; "
            "an answer costs about twice the time of an example.",
            ("labels",),
            "an adapter to talk to beside its base model",
            KtoSettings,
            after=("sft",),
            least_batch=2,
        ),
        Method(
            "reward",
            "Learn to judge (reward model)",
            "Learns to score answers from pairs, rankings or ratings. A pair costs about twice the time of an example; "
            "the report says how well it judges.",
            ("pairs", "rankings", "ratings"),
            "a judge that scores answers; it can't be talked to",
            RewardSettings,
            talks=False,
            after=("sft",),
        ),
        Method(
            "ppo",
            "Learn from a reward (PPO)",
            "Writes answers, has them scored by a reward model or rules, and learns to write what scores well. Needs "
            "prompts and a reward; the slowest way, in the memory of one model.",
            WITH_PROMPTS,
            "an adapter to talk to beside its base model",
            PpoSettings,
            after=("sft",),
        ),
        Method(
            "rloo",
            "PPO without a value model (RLOO)",
            "Writes several answers to each prompt and learns from those that are rewarded more than their siblings. "
            "Simpler than PPO, with less to set.",
            WITH_PROMPTS,
            "an adapter to talk to beside its base model",
            RlooSettings,
            after=("sft",),
        ),
        Method(
            "grpo",
            "PPO without a value model (GRPO)",
            "Like RLOO, with the rewards of each prompt's answers brought to one scale. Known from models that learn "
            "to reason; suits answers that are right or wrong.",
            WITH_PROMPTS,
            "an adapter to talk to beside its base model",
            GrpoSettings,
            after=("sft",),
        ),
    )
}


def method_named(name: str, where: str = "The recipe") -> Method:
    """The method of that name. Raises StudioError for an unknown one."""
    if name not in METHODS:
        known = did_you_mean(str(name), METHODS) or f"Known methods are {', '.join(METHODS)}."
        raise StudioError(f"{where} asks for the method {name!r}.", known)
    return METHODS[name]

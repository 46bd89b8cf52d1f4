"""Learning from what people preferred: reward models, DPO and its variants, KTO."""

from __future__ import annotations

from dataclasses import dataclass

from studio.core.fields import setting
from studio.core.samples import SampledSettings
from studio.core.training_settings import KEEP_JUDGED, BudgetedSettings, TrainSettings, an_adapter, keep_setting


@dataclass(frozen=True)
class RewardSettings(BudgetedSettings, TrainSettings):
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
    doubt: bool = setting(
        False,
        "Read the least likely word",
        "The score also weighs how likely the model itself finds the answer's least likely word. Knows wrong answers "
        "much better, where it goes on from an adapter that was fine-tuned on such answers.",
        advanced=True,
        only_if=(an_adapter,),
    )
    centre: float = setting(
        0.01,
        "Centre rewards",
        "Keeps rewards near zero: weight of the squared sum of each pair's rewards (Eisenstein et al. 2023).",
        low=0.0,
        high=1.0,
        advanced=True,
    )

    @property
    def doubts(self) -> bool:
        """Whether the head reads the model's doubt. A whole model is saved as a common classifier, without the output
        layer that tells it."""
        return self.doubt and not self.full


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
class DpoSettings(BudgetedSettings, PreferenceSettings):
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
    chosen_weight: float = setting(
        0.0,
        "Learn the chosen answers too",
        "How much fine-tuning on the chosen answers counts beside their preference; 0 leaves it out.",
        low=0.0,
        high=10.0,
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

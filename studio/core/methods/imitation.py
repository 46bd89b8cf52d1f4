"""Learning from text as it is: supervised fine-tuning and continued pretraining."""

from __future__ import annotations

from dataclasses import dataclass

from studio.core.fields import OnlyIf, setting
from studio.core.samples import SampledSettings
from studio.core.training_settings import BudgetedSettings, TrainSettings

_NOT_EVERYTHING = OnlyIf("train_on", lambda value: value != "everything", "when not everything is learned anyway")


@dataclass(frozen=True)
class SftSettings(BudgetedSettings, SampledSettings, TrainSettings):
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

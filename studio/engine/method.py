"""What the engine asks of a method of training. Each is one module with these three functions; nothing else knows them.

The settings that they get are of the class that the method's card declares (core.methods).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from studio.core.errors import StudioError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, TrainerState

    from studio.engine.encoding import Encoder
    from studio.engine.examples import EncodedRows, Reading
    from studio.engine.supervision import Supervision
    from studio.engine.trainers import Place


class Trainer(Protocol):
    """What trains: one of TRL's with `engine.trainers.Supervised`, or our own. It tells `Supervision` what it does.

    slower_because: why a model is read with padding (“it has ...”), or None.
    """

    slower_because: str | None
    state: TrainerState

    def train(self, resume_from_checkpoint: str | None = None) -> Any:
        """Train to the last step, from a checkpoint's folder if one is given."""
        ...

    def evaluate_checkpoint(self, folder: Path) -> None:
        """Measure what a checkpoint holds, without training."""
        ...


class TrainingMethod(Protocol):
    """A module of a method. All of its functions raise StudioError for what a person can put right."""

    def encode(self, reading: Reading, encoder: Encoder, settings: Any) -> EncodedRows[Any]:
        """Turn the dataset's records into rows of its own."""
        ...

    def load(self, base: Path, place: Place, settings: Any) -> PreTrainedModel:
        """Load the base model in the form that it trains."""
        ...

    def build_trainer(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        train: Sequence[Any],
        held_out: Sequence[Any],
        settings: Any,
        place: Place,
        supervision: Supervision,
    ) -> Trainer:
        """A trainer with a new adapter on the model, ready to train, evaluate and save checkpoints."""
        ...


def method_module(name: str) -> TrainingMethod:
    """A method's module, imported when it is needed. Named one by one, so that a packaged program has them all."""
    match name:
        case "sft":
            from studio.engine import sft as module
        case "pretrain":
            from studio.engine import pretrain as module
        case "dpo":
            from studio.engine import dpo as module
        case "reward":
            from studio.engine import reward as module
        case "kto":
            from studio.engine import kto as module
        case "rloo":
            from studio.engine import rloo as module
        case "grpo":
            from studio.engine import grpo as module
        case "ppo":
            from studio.engine.ppo import method as module
        case _:
            raise StudioError(f"This Plumbline can't train with the method {name!r}.", "Update Plumbline.")
    return cast("TrainingMethod", module)

"""A step's loss as the mean over its rows, however unequally its passes are filled.

TRL's losses of preferences are means over a pass, and its trainers take the mean of those: a row would count more the
fewer others share its pass, as in the last step of an epoch, or with a token budget. Each pass is weighed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import Trainer

from studio.engine.budget import parts_of

if TYPE_CHECKING:
    _Trainer = Trainer
else:
    _Trainer = object


class StepMean(_Trainer):
    """Mixed in before one of TRL's trainers. What computes its loss ends with `weighed`."""

    _fill = 0.0  # rows that a pass of this step holds, on average
    _noted: Mapping[str, int] = {}  # how many figures of each name this step's passes have noted so far

    def rows_in(self, inputs: dict[str, Any]) -> int:
        """How many rows a batch holds."""
        raise NotImplementedError

    def get_batch_samples(self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device) -> Any:
        """The passes of a step."""
        batches, items = super().get_batch_samples(epoch_iterator, num_batches, device)
        rows = sum(self.rows_in(part) for batch in batches for part in parts_of(batch))
        self._fill, self._noted = rows / max(len(batches), 1), {}
        return batches, items

    def weighed(self, loss: Tensor, inputs: dict[str, Any]) -> Tensor:
        """The mean over a pass, in proportion to the rows that the pass holds; so are the figures noted with it."""
        model: Any = self.model
        if not model.training:
            return loss
        share = self.rows_in(inputs) / self._fill if self._fill else 1.0
        figures: dict[str, list[float]] = self._metrics["train"]  # type: ignore[attr-defined]  # TRL's trainers have it
        for name, values in figures.items():
            if name != "num_tokens" and len(values) > self._noted.get(name, 0):
                values[-1] *= share
        self._noted = {name: len(values) for name, values in figures.items()}
        return loss * share

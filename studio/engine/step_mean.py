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
    _sums: Mapping[str, tuple[float, float]] = {}  # of each figure in this step: weight times value, and weight

    def rows_in(self, inputs: dict[str, Any]) -> int:
        """How many rows a batch holds."""
        raise NotImplementedError

    def get_batch_samples(self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device) -> Any:
        """The passes of a step."""
        batches, items = super().get_batch_samples(epoch_iterator, num_batches, device)
        rows = sum(self.rows_in(part) for batch in batches for part in parts_of(batch))
        self._fill, self._sums = rows / max(len(batches), 1), {}
        return batches, items

    def weighed(self, loss: Tensor, inputs: dict[str, Any], figures_of: int | None = None) -> Tensor:
        """The mean over a pass or a part of one, in proportion to its rows. The figures noted with it are taken into
        those of the step, in proportion to figures_of: its rows, if nothing else is said; with 0 none were noted."""
        model: Any = self.model
        if not model.training:
            return loss
        rows = self.rows_in(inputs)
        weight = rows if figures_of is None else figures_of
        figures: dict[str, list[float]] = self._metrics["train"]  # type: ignore[attr-defined]  # TRL's trainers have it
        for name in figures if weight else ():
            if name != "num_tokens":
                total, all_weights = self._sums.get(name, (0.0, 0.0))
                total, all_weights = total + weight * figures[name][-1], all_weights + weight
                self._sums = {**self._sums, name: (total, all_weights)}
                figures[name] = [total / all_weights]  # of which TRL takes the mean
        return loss * (rows / self._fill) if self._fill else loss

"""The fast way inside TRL's SFTTrainer: its loop, optimiser, checkpoints and figures, with our batches and loss.

Mixed in before SFTTrainer. It answers for batches that `packing.EndToEnd` made and leaves all others to TRL, so which
way a run goes is decided by its collator. TRL's entropy figure is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from studio.engine.fast.forward import fast_loss

if TYPE_CHECKING:
    from trl.trainer.sft_trainer import SFTTrainer

    _Trainer = SFTTrainer
else:
    _Trainer = object


class FastLoss(_Trainer):
    """Overrides `compute_loss`: a mean over all trained tokens of a step, however they are divided into passes."""

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Tensor | int | None = None
    ) -> Any:
        if "packed" not in inputs:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        if return_outputs:
            raise ValueError("Logits are never made, so they can't be returned.")
        result = fast_loss(model, inputs["packed"])
        count = len(inputs["packed"].targets)
        items = count if num_items_in_batch is None else num_items_in_batch
        mode = "train" if model.training else "eval"
        figures = self._metrics[mode]
        figures["mean_token_accuracy"].append(int(result.correct) / max(count, 1))
        if mode == "train":
            self._total_train_tokens += inputs["packed"].layout.total
        figures["num_tokens"] = [self._total_train_tokens]
        return result.loss / torch.as_tensor(items, device=result.loss.device).clamp(min=1)

"""Batches: encoded rows laid side by side and padded to the longest, with the padding masked everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from studio.engine.examples import IGNORED


@dataclass(frozen=True, slots=True)
class PaddedBatch:
    """Makes `input_ids`, `labels` and `attention_mask`, each [rows, longest], out of rows with ids and labels.

    Which token pads is of no account: its places are in neither the attention nor the loss.
    """

    pad: int

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        longest = max(len(row["input_ids"]) for row in rows)
        ids = torch.full((len(rows), longest), self.pad, dtype=torch.long)
        labels = torch.full((len(rows), longest), IGNORED, dtype=torch.long)
        attention = torch.zeros((len(rows), longest), dtype=torch.long)
        for place, row in enumerate(rows):
            length = len(row["input_ids"])
            ids[place, :length] = torch.as_tensor(row["input_ids"])
            labels[place, :length] = torch.as_tensor(row["labels"])
            attention[place, :length] = 1
        return {"input_ids": ids, "labels": labels, "attention_mask": attention}

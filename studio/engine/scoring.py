"""Scoring: the rewards that a trained reward model gives to answers.

The prompt template is the one that it was trained with, and answers are read as in training: to the end of their turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from studio.core.errors import StudioError
from studio.core.messages import Message
from studio.core.templates import MODELS_OWN
from studio.engine.adapters import check_base
from studio.engine.batches import PaddedBatch
from studio.engine.loading import load_adapter, load_encoder, load_scorer, pick_device, pick_precision
from studio.engine.pairs import encode_answer
from studio.engine.reward import scores_of
from studio.engine.trainers import padding_of
from studio.storage.models import check_model, is_whole_model, writes_no_text

Answered = tuple[Sequence[Message], str]  # a prompt and an answer to it


class Scorer:
    """A reward model in memory: an adapter on its base, or a whole model, which `adapter` may also be; then the base is
    of no account. Raises StudioError when it can't be loaded, or doesn't fit its base."""

    def __init__(self, base: Path, adapter: Path | None, *, precision: str = "auto") -> None:
        if adapter is not None and is_whole_model(adapter):
            base, adapter = adapter, None
        info, device = check_model(base), pick_device()
        self.encoder = load_encoder(info.folder, MODELS_OWN, adapter)
        picked = pick_precision(precision, device, info.parameters, training=False)
        if adapter is None and not writes_no_text(info.folder):
            raise StudioError(f"“{info.name}” isn't a reward model.", "Choose another run.")
        self.model: Any = load_scorer(info.folder, picked, device)
        if adapter is not None:
            check_base(adapter, info.folder)
            self.model = load_adapter(self.model, adapter)
        self._pad = padding_of(self.encoder.tokenizer)

    def score(self, answers: Sequence[Answered], *, batch_size: int = 16) -> list[float]:
        """The reward of each answer. Raises StudioError for one that the model can't read whole."""
        longest = self.encoder.context or 1 << 20
        ids: list[Sequence[int]] = []
        for place, (prompt, answer) in enumerate(answers, start=1):
            row, cut = encode_answer(self.encoder, prompt, answer, longest)
            if cut:
                raise StudioError(
                    f"Answer {place:,} is longer than the {longest:,} tokens that this reward model can read.",
                    "Leave it out, or shorten it.",
                )
            ids.append(row.ids.tolist())
        return self.score_ids(ids, batch_size=batch_size).tolist()

    @torch.no_grad()
    def score_ids(self, sequences: Sequence[Sequence[int]], *, batch_size: int = 16) -> torch.Tensor:
        """The rewards [sequences] of token ids, prompt and answer with its end of turn."""
        model: Any = self.model
        order = sorted(range(len(sequences)), key=lambda place: len(sequences[place]))
        rewards = torch.zeros(len(sequences))
        for first in range(0, len(order), batch_size):
            places = order[first : first + batch_size]
            batch = PaddedBatch(self._pad)([{"input_ids": sequences[p], "labels": sequences[p]} for p in places])
            ids, mask = batch["input_ids"].to(model.device), batch["attention_mask"].to(model.device)
            rewards[places] = scores_of(model, ids, mask).float().cpu()
        return rewards

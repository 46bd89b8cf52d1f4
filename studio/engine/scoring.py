"""Scoring: the rewards that a trained reward model gives to answers.

The prompt template is the one that it was trained with, and answers are read as in training: to the end of their turn.
Where the model allows it answers are laid end to end, and a prompt that several of them have is read once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from studio.core.errors import StudioError
from studio.core.messages import Message
from studio.core.templates import MODELS_OWN
from studio.engine.adapters import check_base
from studio.engine.batches import PaddedBatch
from studio.engine.doubt import is_read_by
from studio.engine.fast.forward import enable_hidden
from studio.engine.fast.packing import ROUND, alike
from studio.engine.loading import load_adapter, load_encoder, load_scorer, pick_device, pick_precision
from studio.engine.pairs import encode_answer
from studio.engine.reward import fast_scores_of, pack_answers, scores_of
from studio.engine.trainers import padding_of
from studio.storage.model_shapes import read_shape
from studio.storage.models import check_model, is_whole_model, writes_no_text

Answered = tuple[Sequence[Message], str]  # a prompt and an answer to it


class Scorer:
    """A reward model in memory: an adapter on its base, or a whole model, which `adapter` may also be; then the base is
    of no account. Raises StudioError when it can't be loaded, or doesn't fit its base. slower_because: why answers are
    padded (“it has ...”), or None when they aren't."""

    def __init__(self, base: Path, adapter: Path | None, *, precision: str = "auto") -> None:
        if adapter is not None and is_whole_model(adapter):
            base, adapter = adapter, None
        info, device = check_model(base), pick_device()
        self.encoder = load_encoder(info.folder, MODELS_OWN, adapter)
        picked = pick_precision(precision, device, info.parameters, training=False)
        if adapter is None and not writes_no_text(info.folder):
            raise StudioError(f"“{info.name}” isn't a reward model.", "Choose another run.")
        doubting = adapter is not None and is_read_by(adapter, read_shape(info.folder).hidden)
        self.model: Any = load_scorer(info.folder, picked, device, doubting=doubting)
        if adapter is not None:
            check_base(adapter, info.folder)
            self.model = load_adapter(self.model, adapter)
        self._pad = padding_of(self.encoder.tokenizer)
        self._longest = self.encoder.context or 1 << 20
        self.slower_because = enable_hidden(self.model, self._longest)
        self._round = ROUND if device == "cpu" and picked.name == "bf16" else 1

    def score(self, answers: Sequence[Answered], *, batch_size: int = 16) -> list[float]:
        """The reward of each answer. Raises StudioError for one that the model can't read whole."""
        longest = self._longest
        ids: list[Sequence[int]] = []
        lengths: list[int] = []
        for place, (prompt, answer) in enumerate(answers, start=1):
            row, cut = encode_answer(self.encoder, prompt, answer, longest)
            if cut:
                raise StudioError(
                    f"Answer {place:,} is longer than the {longest:,} tokens that this reward model can read.",
                    "Leave it out, or shorten it.",
                )
            ids.append(row.ids.tolist())
            lengths.append(row.trained)
        return self.score_ids(ids, lengths, batch_size=batch_size).tolist()

    @torch.no_grad()
    def score_ids(
        self, sequences: Sequence[Sequence[int]], lengths: Sequence[int], *, batch_size: int = 16
    ) -> torch.Tensor:
        """The rewards [sequences] of token ids, prompt and answer with its end of turn. lengths: of the answers."""
        # Padded, alike lengths go together; end to end, what begins alike.
        padded = self.slower_because is not None
        order = sorted(range(len(sequences)), key=lambda place: (len(sequences[place]) * padded, sequences[place]))
        rewards = torch.zeros(len(sequences))
        for first in range(0, len(order), batch_size):
            places = order[first : first + batch_size]
            some, theirs = [sequences[place] for place in places], [lengths[place] for place in places]
            rewards[places] = (self._padded(some, theirs) if padded else self._end_to_end(some, theirs)).float().cpu()
        return rewards

    def _end_to_end(self, sequences: Sequence[Sequence[int]], lengths: Sequence[int]) -> torch.Tensor:
        ids = [np.asarray(sequence, dtype=np.int64) for sequence in sequences]
        roots: list[int] = []
        for place, sequence in enumerate(ids):
            root = roots[-1] if roots else 0
            roots.append(root if 2 * alike(ids[root], sequence) >= len(sequence) else place)
        return fast_scores_of(self.model, pack_answers(ids, lengths, roots, self._round))

    def _padded(self, sequences: Sequence[Sequence[int]], lengths: Sequence[int]) -> torch.Tensor:
        model: Any = self.model
        batch = PaddedBatch(self._pad)([{"input_ids": one, "labels": one} for one in sequences])
        ids, mask = batch["input_ids"].to(model.device), batch["attention_mask"].to(model.device)
        return scores_of(model, ids, mask, torch.tensor(lengths, device=model.device))

"""Beam search: one answer as the likeliest whole among several that are followed at once, by transformers' `generate`.

It is known only when all beams have ended, so its text comes at once. Nothing is drawn by chance: of the sampling
controls those count that forbid or lower tokens.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from studio.core.conversation import Sampling
from studio.engine.generation import END_OF_TURN, LENGTH, STOP_TEXT, STOPPED


class BeamAnswer:
    """One answer; used as `generation.Answer` is."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        prompt: Sequence[int],
        sampling: Sampling,
        *,
        stop_tokens: frozenset[int],
        context: int,
        held: Sequence[int] = (),
    ) -> None:
        self._held = list(held)
        self._model, self._tokenizer, self._sampling = model, tokenizer, sampling
        self._prompt, self._stop_tokens = list(prompt), stop_tokens
        self._limit = min(sampling.max_new_tokens, context - len(prompt) if context else sampling.max_new_tokens)
        self.tokens: list[int] = []
        self.seconds = 0.0
        self.ended: str | None = None

    @torch.inference_mode()
    def write(self, _seconds: float) -> str:
        """The whole answer."""
        began = time.perf_counter()
        ids = torch.tensor([self._prompt], device=self._model.device)
        known: Any = self._model
        how = {}
        if self._sampling.repetition_penalty != 1.0:
            how["repetition_penalty"] = self._sampling.repetition_penalty
        try:
            output = known.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=False,
                num_beams=self._sampling.beams,
                length_penalty=self._sampling.length_penalty,
                no_repeat_ngram_size=self._sampling.no_repeat_ngram,
                min_new_tokens=min(self._sampling.min_new_tokens, self._limit),
                max_new_tokens=self._limit,
                eos_token_id=sorted(self._stop_tokens) or None,
                pad_token_id=min(self._stop_tokens, default=0),
                **how,
            )
        finally:
            self.seconds += time.perf_counter() - began
        tokens: list[int] = output[0, len(self._prompt) :].tolist()
        end = next((place for place, token in enumerate(tokens) if token in self._stop_tokens), len(tokens))
        self.tokens, self.ended = tokens[:end], END_OF_TURN if end < len(tokens) else LENGTH
        before = str(self._tokenizer.decode(self._held, skip_special_tokens=True))
        text = str(self._tokenizer.decode([*self._held, *self.tokens], skip_special_tokens=True))[len(before) :]
        met = [place for stop in self._sampling.stops if (place := text.find(stop)) >= 0]
        if met:
            text, self.ended = text[: min(met)], STOP_TEXT
        return text

    def stop(self) -> str:
        """End it here: nothing was written."""
        self.ended = self.ended or STOPPED
        return ""

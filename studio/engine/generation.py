"""Generation: one answer written token by token with a key-value cache, and its text as it becomes readable.

Greedy decoding gives what transformers' `generate` gives for the same model. The loop is ours so that two answers can
take turns on one model, and so that a stop is heard between any two matrix products.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedModel, PreTrainedTokenizerBase, RepetitionPenaltyLogitsProcessor

from studio.core.conversation import Sampling

END_OF_TURN, LENGTH, STOPPED = "end of turn", "length", "stopped"


def choose(logits: Tensor, sampling: Sampling, generator: torch.Generator) -> int:
    """The next token out of float32 logits [vocabulary] on the CPU. Temperature 0 takes the likeliest.

    Top-k keeps the k likeliest (Fan et al. 2018), then top-p the fewest that together reach p (Holtzman et al. 2020).
    """
    if sampling.temperature == 0:
        return int(logits.argmax())
    scaled = logits / sampling.temperature
    if sampling.top_k and sampling.top_k < scaled.numel():
        least = scaled.topk(sampling.top_k).values[-1]
        scaled = scaled.masked_fill(scaled < least, -torch.inf)
    odds = scaled.softmax(-1)
    if sampling.top_p < 1:
        ordered, places = odds.sort(descending=True, stable=True)
        before = ordered.cumsum(-1) - ordered
        odds = torch.zeros_like(odds).scatter(0, places, ordered.where(before < sampling.top_p, 0.0))
    return int(torch.multinomial(odds, 1, generator=generator))


class Streamer:
    """Turns tokens into text as they come: what is given out, end to end, is what decoding all of them at once gives.

    Half a character is held back. Tokens are decoded in a window that begins at a token whose text is complete, so
    that a leading space is neither lost nor doubled and the work per token stays small. One exception: tokenizers that
    fall back to bytes give up a whole run of bytes when one in it is broken; what was given out before stays.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._window = self._read = 0  # decoded from here; given out up to here

    def add(self, token: int) -> str:
        """Take a token; the text that has become readable, often empty."""
        self._ids.append(token)
        return self._give(last=False)

    def finish(self) -> str:
        """What was held back."""
        return self._give(last=True)

    def _give(self, *, last: bool) -> str:
        known = self._decode(self._ids[self._window : self._read])
        text = self._decode(self._ids[self._window :])
        if len(text) <= len(known) or (text.endswith("\ufffd") and not last):
            return ""
        self._window, self._read = self._read, len(self._ids)
        return text[len(known) :]

    def _decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))


class Answer:
    """One answer in the making. `ended` is None until it is complete."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        prompt: Sequence[int],
        sampling: Sampling,
        *,
        stop_tokens: frozenset[int],
        context: int,
    ) -> None:
        self._model, self._sampling, self._stop_tokens = model, sampling, stop_tokens
        room = context - len(prompt) if context else sampling.max_new_tokens
        self._limit = min(sampling.max_new_tokens, room)
        self._prompt = list(prompt)
        self._cache = DynamicCache(config=model.config.get_text_config(decoder=True))
        self._generator = torch.Generator().manual_seed(sampling.seed)
        penalty = getattr(model.generation_config, "repetition_penalty", None)
        self._penalty = RepetitionPenaltyLogitsProcessor(penalty) if penalty and penalty != 1.0 else None
        self._streamer = Streamer(tokenizer)
        self.tokens: list[int] = []
        self.seconds = 0.0
        self.ended: str | None = None

    @torch.inference_mode()
    def write(self, seconds: float) -> str:
        """Go on for about so long, at least by one token; the text that was added."""
        began = time.perf_counter()
        text = ""
        try:
            while self.ended is None:
                text += self._one_token()
                if time.perf_counter() - began >= seconds:
                    break
        finally:
            self.seconds += time.perf_counter() - began
        return text

    @torch.no_grad()
    def write_out(self, interrupted: Callable[[], bool]) -> str | None:
        """Write the whole answer; None when it was interrupted. Nothing it makes is an inference tensor, so the model
        can go on training."""
        text = ""
        while self.ended is None:
            if interrupted():
                return None
            text += self._one_token()
        return text

    def stop(self) -> str:
        """End it here; the text that was held back."""
        self.ended = self.ended or STOPPED
        return self._streamer.finish()

    def _one_token(self) -> str:
        fed = self.tokens[-1:] if self.tokens else self._prompt
        seen = len(self._prompt) + len(self.tokens)
        device = self._model.device
        output: Any = self._model(
            input_ids=torch.tensor([fed], device=device),
            attention_mask=torch.ones((1, seen), dtype=torch.long, device=device),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits = output.logits[:, -1, :].float().cpu()
        if self._penalty is not None:
            logits = self._penalty(torch.tensor([self._prompt + self.tokens]), logits)  # type: ignore[arg-type]
        token = choose(logits[0], self._sampling, self._generator)
        if token in self._stop_tokens:
            self.ended = END_OF_TURN
            return self._streamer.finish()
        self.tokens.append(token)
        text = self._streamer.add(token)
        if len(self.tokens) >= self._limit:
            self.ended = LENGTH
            text += self._streamer.finish()
        return text


def stop_tokens_of(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, end_of_turn: int | None
) -> frozenset[int]:
    """The tokens that end an answer: the model's, the tokenizer's, and the template's end-of-turn."""
    own: Any = getattr(model.generation_config, "eos_token_id", None)
    tokens: list[Any] = [*own] if isinstance(own, (list, tuple)) else [own]
    tokens += [tokenizer.eos_token_id, end_of_turn]
    return frozenset(token for token in tokens if isinstance(token, int))


def interrupt_when(model: PreTrainedModel, check: Callable[[], None]) -> None:
    """Call `check` before every matrix product of a model, so that it can raise in the middle of a long prompt."""

    def before(_module: nn.Module, _inputs: Any) -> None:
        check()

    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.register_forward_pre_hook(before)

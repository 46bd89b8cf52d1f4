"""Generation: one answer written token by token with a key-value cache, and its text as it becomes readable.

Greedy decoding gives what transformers' `generate` gives for the same model. The loop is ours so that answers can take
turns on one model, and so that a stop is heard between any two matrix products. Several answers that are written
together are `engine.chorus`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedModel, PreTrainedTokenizerBase

from studio.core.conversation import Sampling
from studio.engine.sampling import NextToken

_BEFORE = 16
END_OF_TURN, LENGTH, STOPPED, STOP_TEXT = "end of turn", "length", "stopped", "stop text"


class Streamer:
    """Turns tokens into text as they come: what is given out, end to end, is what decoding all of them at once gives.

    Half a character is held back. Tokens are decoded in a window that begins at a token whose text is complete, so
    that a leading space is neither lost nor doubled and the work per token stays small. One exception: tokenizers that
    fall back to bytes give up a whole run of bytes when one in it is broken; what was given out before stays.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, before: Sequence[int] = ()) -> None:
        self._tokenizer = tokenizer
        self._ids = list(before)[-_BEFORE:]  # of the text that is gone on with
        self._window, self._read = 0, len(self._ids)  # decoded from here; given out up to here

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


class Stops:
    """Texts before which an answer ends. What may become one of them is held back."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._held = ""

    def add(self, text: str) -> tuple[str, bool]:
        """Take text; what can be given out, and whether one of the texts was met."""
        if not self._stops:
            return text, False
        self._held += text
        met = [place for stop in self._stops if (place := self._held.find(stop)) >= 0]
        if met:
            given, self._held = self._held[: min(met)], ""
            return given, True
        keep = max((_overlap(self._held, stop) for stop in self._stops), default=0)
        given, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return given, False

    def finish(self) -> str:
        """What was held back."""
        given, self._held = self._held, ""
        return given


def _overlap(text: str, stop: str) -> int:
    """The length of the longest end of `text` that `stop` begins with."""
    return next((size for size in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:size])), 0)


class Writing:
    """What becomes of one answer as its tokens are chosen; it knows no model. `ended` is None until it is complete.

    context: tokens that the model can read, 0 when that is not known. held: the tokens at the prompt's end that are of
    the answer already.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        prompt: Sequence[int],
        sampling: Sampling,
        *,
        stop_tokens: frozenset[int],
        context: int,
        penalty: float | None = None,
        held: Sequence[int] = (),
    ) -> None:
        self.prompt = list(prompt)
        self.tokens: list[int] = []
        self.ended: str | None = None
        room = context - len(prompt) if context else sampling.max_new_tokens
        self._limit = min(sampling.max_new_tokens, room)
        self._stop_tokens = stop_tokens
        self._next = NextToken(sampling, prompt, stop_tokens, penalty)
        self._streamer = Streamer(tokenizer, held)
        self._stops = Stops(sampling.stops)

    def take(self, logits: Tensor) -> str:
        """Choose a token out of the scores [vocabulary] that follow all tokens so far; the text that was added."""
        token = self._next.choose(logits.float().cpu(), self.tokens)
        if token in self._stop_tokens:
            return self.finish(END_OF_TURN)
        self.tokens.append(token)
        text, met = self._stops.add(self._streamer.add(token))
        if met:
            self.ended = STOP_TEXT
        elif len(self.tokens) >= self._limit:
            text += self.finish(LENGTH)
        return text

    def finish(self, ended: str = STOPPED) -> str:
        """End it here; the text that was held back."""
        self.ended = self.ended or ended
        text, met = self._stops.add(self._streamer.finish())
        return text if met else text + self._stops.finish()


class Answer:
    """One answer by one model, in the making."""

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
        penalty = own_penalty(model)
        self._model = model
        self._writing = Writing(
            tokenizer, prompt, sampling, stop_tokens=stop_tokens, context=context, penalty=penalty, held=held
        )
        self._cache = DynamicCache(config=model.config.get_text_config(decoder=True))
        self.seconds = 0.0

    @property
    def tokens(self) -> list[int]:
        """Those chosen so far, without the one that ended it."""
        return self._writing.tokens

    @property
    def ended(self) -> str | None:
        """Why it is complete; None while it is not."""
        return self._writing.ended

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
        return self._writing.finish()

    def _one_token(self) -> str:
        fed = self.tokens[-1:] if self.tokens else self._writing.prompt
        seen = len(self._writing.prompt) + len(self.tokens)
        device = self._model.device
        output: Any = self._model(
            input_ids=torch.tensor([fed], device=device),
            attention_mask=torch.ones((1, seen), dtype=torch.long, device=device),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return self._writing.take(output.logits[0, -1])


def own_penalty(model: PreTrainedModel) -> float | None:
    """The repetition penalty that comes with a model."""
    return getattr(model.generation_config, "repetition_penalty", None)


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

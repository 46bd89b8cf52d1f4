"""Several answers written together, a token of each at a time, though each may have an adapter of its own on the one
base: two together take little longer than one alone. How a token becomes text is `engine.generation`.

Models that are built like Llama are written with in the light way (`engine.decoding`), others through transformers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from studio.engine.fast.losses import all_logits
from studio.engine.generation import Writing
from studio.engine.passes import Passes
from studio.engine.passes import Writing as Rows
from studio.engine.voices import NO_ADAPTER, adapter_layers

_ROOM = 256  # tokens of an answer that are made room for at first


@dataclass(slots=True)
class Part:
    """One answer of a chorus, and PEFT's name of the adapter that writes it; None for the base alone."""

    writing: Writing
    adapter: str | None
    seconds: float = 0.0


class Way(Protocol):
    """How rows of tokens go through a model."""

    def begin(self) -> Tensor:
        """Read the prompts. Returns the logits [rows, vocabulary] that follow them."""
        ...

    def go_on(self, tokens: Tensor) -> Tensor:
        """Put one token [rows] behind each; the logits [rows, vocabulary] that follow."""
        ...

    def keep(self, rows: Sequence[int]) -> None:
        """Let go of all rows but these."""
        ...

    def remember(self, row: int, written: Sequence[int]) -> None:
        """A row's answer has ended, after these tokens."""
        ...


class Chorus:
    """The answers by the names of their panes, in the order of the way's rows."""

    def __init__(self, way: Way, parts: Mapping[str, Part], device: torch.device) -> None:
        self._way, self._device = way, device
        self.parts = dict(parts)
        self._open = list(self.parts)  # in the order of the rows
        self._begun = False

    @property
    def is_over(self) -> bool:
        """All are complete."""
        return not self._open

    @torch.inference_mode()
    def write(self, seconds: float) -> dict[str, str]:
        """Go on for about so long, at least by one token each; the texts that were added."""
        began = time.perf_counter()
        writing, texts = list(self._open), dict.fromkeys(self._open, "")
        try:
            while self._open:
                for name, text in self._one_token_each().items():
                    texts[name] += text
                if time.perf_counter() - began >= seconds:
                    break
        finally:
            for name in writing:
                self.parts[name].seconds += time.perf_counter() - began
        return texts

    @torch.inference_mode()
    def stop(self) -> dict[str, str]:
        """End all here; the texts that were held back."""
        held_back = {name: self.parts[name].writing.finish() for name in self._open}
        for row, name in enumerate(self._open):
            self._way.remember(row, self.parts[name].writing.tokens)
        self._open = []
        return held_back

    def _one_token_each(self) -> dict[str, str]:
        parts = [self.parts[name] for name in self._open]
        if self._begun:
            tokens = torch.tensor([part.writing.tokens[-1] for part in parts], device=self._device)
            logits = self._way.go_on(tokens)
        else:
            logits = self._way.begin()
            self._begun = True
        texts = {name: part.writing.take(row) for name, part, row in zip(self._open, parts, logits, strict=True)}
        stay = [place for place, part in enumerate(parts) if part.writing.ended is None]
        if len(stay) < len(parts):
            for place in set(range(len(parts))) - set(stay):
                self._way.remember(place, parts[place].writing.tokens)
            if stay:
                self._way.keep(stay)
        self._open = [self._open[place] for place in stay]
        return texts


class HeavyWriting:
    """Through transformers and PEFT, for models that can't be taken apart."""

    def __init__(
        self, passes: Passes, model: Any, prompts: Sequence[Sequence[int]], adapters: Sequence[str | None]
    ) -> None:
        self._passes, self._model, self._prompts, self._adapters = passes, model, prompts, list(adapters)
        self._rows: Rows | None = None

    def begin(self) -> Tensor:
        """Read the prompts. Returns the logits [rows, vocabulary] that follow them."""
        of_tokens = [adapter for prompt, adapter in zip(self._prompts, self._adapters, strict=True) for _ in prompt]
        with self._singing(of_tokens):
            self._rows, hidden = self._passes.begin(self._prompts, _ROOM)
        return self._logits(hidden)

    def go_on(self, tokens: Tensor) -> Tensor:
        """Put one token [rows] behind each; the logits [rows, vocabulary] that follow."""
        assert self._rows is not None
        with self._singing(self._adapters):
            return self._logits(self._rows.go_on(tokens))

    def keep(self, rows: Sequence[int]) -> None:
        """Let go of all rows but these."""
        assert self._rows is not None
        self._rows.keep(torch.tensor(list(rows), device=self._passes.device))
        self._adapters = [self._adapters[row] for row in rows]

    def remember(self, row: int, written: Sequence[int]) -> None:
        """Nothing is kept this way: the next message reads the whole conversation."""

    def _logits(self, hidden: Tensor) -> Tensor:
        return all_logits(hidden, self._passes.head(hidden, 1.0))

    @contextmanager
    def _singing(self, adapters: Sequence[str | None]) -> Iterator[None]:
        """Each token of the row goes through its own adapter."""
        layers = adapter_layers(self._model)
        for module in self._model.modules():
            if hasattr(module, "modules_to_save"):  # of an adapter that writes through the whole model
                module.enable_adapters(False)
        different = set(adapters)
        for layer in layers:
            layer.enable_adapters(different != {None})
        if not layers or different == {None}:
            yield
            return
        if len(different) == 1:
            for layer in layers:
                layer.set_adapter([adapters[0]], inference_mode=True)
            yield
            return
        names = [name or NO_ADAPTER for name in adapters]

        # PEFT mixes adapters along the first dimension; here that is the row, and the tokens are the second.
        def before(_layer: Any, inputs: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any]:
            rows = inputs[0].transpose(0, 1)
            filled_up = names + [NO_ADAPTER] * (len(rows) - len(names))  # a row is rounded up with tokens of nobody
            return (rows, *inputs[1:]), {**named, "adapter_names": filled_up}

        def after(_layer: Any, _inputs: Any, output: Any) -> Any:
            return output.transpose(0, 1)

        hooks = [layer.register_forward_pre_hook(before, with_kwargs=True) for layer in layers]
        hooks += [layer.register_forward_hook(after) for layer in layers]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def can_be_mixed(model: Any, adapter: str) -> bool:
    """Whether an adapter can be one of several in a pass: PEFT can't mix those that split directions and sizes
    (DoRA)."""
    return not any(getattr(layer, "use_dora", {}).get(adapter, False) for layer in adapter_layers(model))


def reaches_further(model: Any, adapter: str) -> bool:
    """Whether whole copies of layers came with an adapter, or it hangs on the output layer: passes go through the
    base's own, so such a one writes through the whole model."""
    if any(adapter in getattr(module, "modules_to_save", ()) for module in model.modules()):
        return True
    return adapter in getattr(model.get_output_embeddings(), "r", ())

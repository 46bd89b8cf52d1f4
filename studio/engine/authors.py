"""Authors in memory: base models and adapters that write candidates; those on one base share its weights.

Bases take turns: only one is in memory at a time, and prompts are written base by base.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from studio.core.candidates import Author
from studio.core.conversation import Sampling
from studio.core.errors import StudioError
from studio.core.messages import Message
from studio.engine.batch_generation import Written, write_batch
from studio.engine.encoding import Encoder
from studio.engine.failures import is_out_of_memory
from studio.engine.generation import interrupt_when, stop_tokens_of
from studio.engine.loading import device_name, load_adapter, load_encoder, load_model, pick_device, pick_precision
from studio.storage.models import check_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_ROWS = {"cuda": 32, "mps": 8, "cpu": 16}  # answers at a time; halved when memory runs out


class Authors:
    """Who writes. `use` brings one author to the fore; `write` then answers with it."""

    def __init__(self, authors: Sequence[Author], said: Callable[[str], None], check: Callable[[], None]) -> None:
        """`said` is told what is loaded; `check` may raise in the middle of any work. Raises StudioError."""
        self.authors = tuple(authors)
        self._said, self._check = said, check
        self._base = ""
        self._model: PreTrainedModel | None = None
        self._adapters: dict[str, str] = {}  # folder -> name in memory
        self._tuned: Any = None
        self._encoders: dict[tuple[str, str], Encoder] = {}
        self._rows = _ROWS[pick_device()]
        self.precision = ""
        for author in self.authors:
            check_model(Path(author.base))
        if self.authors:
            self.use(self.authors[0])

    @property
    def device(self) -> str:
        """Where they write, in words."""
        return device_name(pick_device())

    def use(self, author: Author) -> Encoder:
        """Bring an author to the fore, loading what is missing; how prompts are encoded for it. Raises StudioError."""
        if self._base != author.base or self._model is None:
            self._load_base(author)
        if author.adapter:
            self._use_adapter(author)
        elif self._tuned is not None:
            self._tuned.base_model.disable_adapter_layers()
        key = (author.base, author.adapter)
        if key not in self._encoders:
            folder = Path(author.adapter) if author.adapter else None
            self._encoders[key] = load_encoder(Path(author.base), "model", folder)
        return self._encoders[key]

    def write(self, encoder: Encoder, asked: Sequence[tuple[Sequence[Message], Sampling]]) -> list[Written | None]:
        """Answers in the order of what is asked, by the author at the fore; None for a prompt that is too long."""
        assert self._model is not None
        ids = [encoder.prompt(prompt) for prompt, _ in asked]
        found: list[Written | None] = [None] * len(asked)
        fits = [n for n, prompt in enumerate(ids) if not encoder.context or len(prompt) < encoder.context]
        stops = stop_tokens_of(self._model, encoder.tokenizer, encoder.end_of_turn)
        order = sorted(fits, key=lambda number: len(ids[number]))  # of one length together: little padding
        first = 0
        while first < len(order):
            part = order[first : first + self._rows]
            try:
                answers = write_batch(
                    self._model,
                    [ids[number] for number in part],
                    [asked[number][1] for number in part],
                    stop_tokens=stops,
                    context=encoder.context,
                    check=self._check,
                )
            except RuntimeError as error:
                if self._rows == 1 or not is_out_of_memory(error):
                    raise
                self._rows //= 2
                gc.collect()
                if torch.cuda.is_available():
                    torch.cuda.empty_cache()
                continue
            for number, answer in zip(part, answers, strict=True):
                found[number] = answer
            first += len(part)
        return found

    def _load_base(self, author: Author) -> None:
        self._model = self._tuned = None
        self._base, self._adapters = "", {}
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        info, device = check_model(Path(author.base)), pick_device()
        precision = pick_precision("auto", device, info.parameters, training=False)
        self._said(info.name)
        self._model = load_model(info.folder, precision, device)
        self._base, self.precision = author.base, precision.name
        interrupt_when(self._model, self._check)

    def _use_adapter(self, author: Author) -> None:
        if self._tuned is None:
            assert self._model is not None
            self._said(author.name)
            self._tuned = load_adapter(self._model, Path(author.adapter))
            self._adapters[author.adapter] = str(self._tuned.active_adapter)
        elif author.adapter not in self._adapters:
            self._said(author.name)
            name = f"author {len(self._adapters)}"
            try:
                self._tuned.load_adapter(author.adapter, adapter_name=name, local_files_only=True)
            except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
                raise StudioError(
                    f"The adapter “{author.name}” can't be loaded beside the others ({error}).",
                    "Choose fewer models, or have it write alone.",
                ) from error
            self._tuned.eval()
            self._adapters[author.adapter] = name
        self._tuned.base_model.enable_adapter_layers()
        self._tuned.set_adapter(self._adapters[author.adapter])

"""Many answers at once, each row with sampling and seed of its own, by the same writers that stream in chat.

A row depends on its own seed and never on its neighbours; up to rounding it is what it would get alone. How rows go
through a model is `engine.chorus` and `engine.decoding`, how the next token is chosen `engine.generation`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from studio.core.conversation import Sampling
from studio.core.messages import Message
from studio.engine.chorus import Chorus, Part, reaches_further
from studio.engine.encoding import Encoder
from studio.engine.failures import is_out_of_memory
from studio.engine.generation import Answer, Writing, own_penalty, stop_tokens_of
from studio.engine.voices import Base
from studio.engine.writers import way_of

_ROWS = {"cuda": 32, "mps": 8, "cpu": 16}  # answers at a time; halved when memory runs out


@dataclass(slots=True)
class Written:
    """An answer, and why it ended."""

    text: str
    ended: str


def write_all(
    base: Base,
    adapter: str | None,
    encoder: Encoder,
    asked: Sequence[tuple[Sequence[Message], Sampling]],
    check: Callable[[], None] = lambda: None,
) -> list[Written | None]:
    """Answers in the order of what is asked, in batches; None for a prompt that the model can't read whole.

    adapter: PEFT's name of the one that writes; `Voices.switch_to` has switched it on. `check` is called before each
    token and may raise to end the work.
    """
    stops = stop_tokens_of(base.model, encoder.tokenizer, encoder.end_of_turn)
    found: list[Written | None] = [None] * len(asked)
    ids = [encoder.prompt(prompt) for prompt, _ in asked]
    fits = [number for number, prompt in enumerate(ids) if not encoder.context or len(prompt) < encoder.context]
    order = sorted(fits, key=lambda number: len(ids[number]))  # of one length together: little is padded
    if adapter is not None and reaches_further(base.model, adapter):
        for number in fits:
            sampling, context = asked[number][1], encoder.context
            alone = Answer(base.model, encoder.tokenizer, ids[number], sampling, stop_tokens=stops, context=context)
            found[number] = _alone(alone, check)
        return found
    rows, first = _ROWS[base.model.device.type], 0
    while first < len(order):
        part = order[first : first + rows]
        writings = [
            Writing(
                encoder.tokenizer,
                ids[number],
                asked[number][1],
                stop_tokens=stops,
                context=encoder.context,
                penalty=own_penalty(base.model),
            )
            for number in part
        ]
        try:
            texts = _together(base, adapter, writings, check)
        except RuntimeError as error:
            if rows == 1 or not is_out_of_memory(error):
                raise
            rows //= 2
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            continue
        for number, writing, text in zip(part, writings, texts, strict=True):
            found[number] = Written(text, writing.ended or "")
        first += len(part)
    return found


def _together(base: Base, adapter: str | None, writings: Sequence[Writing], check: Callable[[], None]) -> list[str]:
    """Write several answers to their ends; their texts."""
    parts = {str(row): Part(writing, adapter) for row, writing in enumerate(writings)}
    chorus = Chorus(way_of(base, parts, light=base.is_light(adapter), kept=None), parts, base.model.device)
    texts = dict.fromkeys(parts, "")
    while not chorus.is_over:
        check()
        for row, text in chorus.write(0.0).items():
            texts[row] += text
    return list(texts.values())


def _alone(answer: Answer, check: Callable[[], None]) -> Written:
    text = ""
    while answer.ended is None:
        check()
        text += answer.write(0.0)
    return Written(text, answer.ended)

"""Many answers at once: prompts padded at the left, one key-value cache, each row with sampling and seed of its own.

A row depends on its own seed and never on its neighbours; up to rounding it is what it would get alone. One answer that
streams is `engine.generation`, where the next token is chosen, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel

from studio.core.conversation import Sampling
from studio.core.messages import Message
from studio.engine.encoding import Encoder
from studio.engine.failures import is_out_of_memory
from studio.engine.generation import Writing, own_penalty, stop_tokens_of

_ROWS = {"cuda": 32, "mps": 8, "cpu": 16}  # answers at a time; halved when memory runs out


@dataclass(slots=True)
class Written:
    """An answer, and why it ended."""

    text: str
    ended: str


def write_all(
    model: PreTrainedModel,
    encoder: Encoder,
    asked: Sequence[tuple[Sequence[Message], Sampling]],
    check: Callable[[], None] = lambda: None,
) -> list[Written | None]:
    """Answers in the order of what is asked, in batches; None for a prompt that the model can't read whole.

    `check` is called before each token and may raise to end the work.
    """
    stops = stop_tokens_of(model, encoder.tokenizer, encoder.end_of_turn)
    found: list[Written | None] = [None] * len(asked)
    ids = [encoder.prompt(prompt) for prompt, _ in asked]
    fits = [number for number, prompt in enumerate(ids) if not encoder.context or len(prompt) < encoder.context]
    order = sorted(fits, key=lambda number: len(ids[number]))  # of one length together: little is padded
    rows, first = _ROWS[model.device.type], 0
    while first < len(order):
        part = order[first : first + rows]
        writings = [
            Writing(
                encoder.tokenizer,
                ids[number],
                asked[number][1],
                stop_tokens=stops,
                context=encoder.context,
                penalty=own_penalty(model),
            )
            for number in part
        ]
        try:
            texts = write_together(model, writings, check)
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


@torch.inference_mode()
def write_together(
    model: PreTrainedModel, writings: Sequence[Writing], check: Callable[[], None] = lambda: None
) -> list[str]:
    """Write several answers to their ends in one batch; their texts."""
    device, longest = model.device, max(len(writing.prompt) for writing in writings)
    fed = torch.zeros((len(writings), longest), dtype=torch.long)
    mask = torch.zeros((len(writings), longest), dtype=torch.long)
    for row, writing in enumerate(writings):
        fed[row, longest - len(writing.prompt) :] = torch.tensor(writing.prompt)
        mask[row, longest - len(writing.prompt) :] = 1
    fed, mask = fed.to(device), mask.to(device)
    cache = DynamicCache(config=model.config.get_text_config(decoder=True))
    texts = [""] * len(writings)
    rows = list(range(len(writings)))  # that are still being written, in the order of the cache
    forward: Any = model
    while True:
        check()
        output = forward(
            input_ids=fed,
            attention_mask=mask,
            position_ids=(mask.cumsum(-1) - 1).clamp(min=0)[:, -fed.shape[1] :],
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        for place, row in enumerate(rows):
            texts[row] += writings[row].take(output.logits[place, -1])
        stay = [place for place, row in enumerate(rows) if writings[row].ended is None]
        if not stay:
            return texts
        if len(stay) < len(rows):  # what is finished costs nothing more
            kept = torch.tensor(stay, device=device)
            cache.batch_select_indices(kept)
            mask, rows = mask[kept], [rows[place] for place in stay]
        fed = torch.tensor([[writings[row].tokens[-1]] for row in rows], device=device)
        mask = torch.cat([mask, mask.new_ones((len(rows), 1))], dim=-1)

"""Many answers at once: prompts padded at the left, one key-value cache, each row with sampling of its own.

A row's tokens depend on its own seed and never on its neighbours; up to rounding they are what it would get alone. One
answer that streams is `engine.generation`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from studio.core.conversation import Sampling
from studio.engine.generation import END_OF_TURN, LENGTH


@dataclass(slots=True)
class Written:
    """The tokens of one answer without its end, and why it ended."""

    tokens: list[int]
    ended: str


@torch.inference_mode()
def write_batch(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    samplings: Sequence[Sampling],
    *,
    stop_tokens: frozenset[int],
    context: int,
    check: Callable[[], None] = lambda: None,
) -> list[Written]:
    """Answer each prompt by its own sampling. `check` is called before each token and may raise to end the work."""
    device = model.device
    longest = max(map(len, prompts))
    ids = torch.zeros((len(prompts), longest), dtype=torch.long)
    mask = torch.zeros((len(prompts), longest), dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.tensor(list(prompt))
        mask[row, longest - len(prompt) :] = 1
    room = [context - len(prompt) if context else 1 << 30 for prompt in prompts]
    limits = [min(known.max_new_tokens, left) for known, left in zip(samplings, room, strict=True)]
    written = [Written([], LENGTH) for _ in prompts]
    generators = [torch.Generator().manual_seed(known.seed) for known in samplings]
    rows = list(range(len(prompts)))  # that are still being written, in the order of the cache
    cache = DynamicCache(config=model.config.get_text_config(decoder=True))
    fed, mask = ids.to(device), mask.to(device)
    forward: Any = model
    while rows:
        check()
        positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -fed.shape[1] :]
        output = forward(
            input_ids=fed,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits = output.logits[:, -1, :].float()
        chosen = choose_batch(logits, [samplings[row] for row in rows], [generators[row] for row in rows])
        stay: list[int] = []
        for place, (row, token) in enumerate(zip(rows, chosen, strict=True)):
            if token in stop_tokens:
                written[row].ended = END_OF_TURN
                continue
            written[row].tokens.append(token)
            if len(written[row].tokens) < limits[row]:
                stay.append(place)
        if not stay:
            break
        fed = torch.tensor([[chosen[place]] for place in stay], device=device)
        if len(stay) < len(rows):  # what is finished costs nothing more
            kept = torch.tensor(stay, device=device)
            cache.batch_select_indices(kept)
            mask = mask[kept]
            rows = [rows[place] for place in stay]
        mask = torch.cat([mask, mask.new_ones((len(rows), 1))], dim=-1)
    return written


def choose_batch(logits: Tensor, samplings: Sequence[Sampling], generators: Sequence[torch.Generator]) -> list[int]:
    """The next token of each row out of float32 logits [rows, vocabulary]. Temperature 0 takes the likeliest.

    As `generation.choose`: top-k (Fan et al. 2018), then top-p (Holtzman et al. 2020) over what is left. Chosen by
    inverting the cumulative distribution at one number a row, so that a row needs nothing but its own generator.
    """
    device = logits.device
    drawn = torch.stack([torch.rand((), generator=generator) for generator in generators]).to(device)
    greedy = torch.tensor([known.temperature == 0 for known in samplings], device=device)
    heat = torch.tensor([known.temperature or 1.0 for known in samplings], device=device)
    top_k = torch.tensor([known.top_k or logits.shape[-1] for known in samplings], device=device)
    top_p = torch.tensor([known.top_p for known in samplings], device=device)
    ordered, places = (logits / heat[:, None]).sort(dim=-1, descending=True, stable=True)
    rank = torch.arange(logits.shape[-1], device=device)
    odds = ordered.masked_fill(rank[None, :] >= top_k[:, None], -torch.inf).softmax(-1)
    before = odds.cumsum(-1) - odds
    kept = odds.where((before < top_p[:, None]) | (rank[None, :] == 0), 0.0)
    summed = kept.cumsum(-1)
    at = torch.searchsorted(summed, (drawn * summed[:, -1])[:, None], right=True).squeeze(-1)
    count = (kept > 0).sum(-1)
    at = torch.minimum(at, count - 1).where(~greedy, 0)
    return places.gather(-1, at[:, None]).squeeze(-1).tolist()

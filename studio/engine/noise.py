"""NEFTune (Jain et al. 2023): uniform noise on the embeddings while training, alpha / sqrt(length x width) large.

The length is that of the sequence that a token belongs to, also where many lie end to end in one row, for which
transformers' own hook would count the row. Nothing is added in evaluation mode.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def add_noise(model: Any, alpha: float) -> None:
    """Hook the noise into a model with or without an adapter, for as long as it lives."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    lengths: list[Tensor] = []  # of the pass that is under way: each token's, [rows, tokens]

    def look(_module: Any, _arguments: Any, named: dict[str, Any]) -> None:
        lengths[:] = [_lengths(named)]

    def shake(module: Any, _arguments: Any, output: Tensor) -> Tensor:
        if not module.training or not lengths:
            return output
        size = alpha / (lengths.pop().to(output.device) * output.shape[-1]).sqrt()[..., None]
        return output + torch.empty_like(output).uniform_(-1, 1) * size.to(output.dtype)

    base.base_model.register_forward_pre_hook(look, with_kwargs=True)
    base.get_input_embeddings().register_forward_hook(shake)


def _lengths(named: dict[str, Any]) -> Tensor:
    ids: Tensor = named["input_ids"]
    layout, mask = named.get("layout"), named.get("attention_mask")
    if layout is not None:
        rest = ids.shape[1] - layout.total
        pieces = torch.tensor([*layout.lengths, *([rest] if rest else [])])
        return pieces.repeat_interleave(pieces)[None].float()
    if mask is not None and mask.dim() == 2:
        return mask.sum(1, keepdim=True).expand(ids.shape).float()
    return torch.full(ids.shape, float(ids.shape[1]))

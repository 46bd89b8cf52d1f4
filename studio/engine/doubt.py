"""Doubt: what a reward model may read beside the end of an answer: how likely the model finds its least likely word.

A model that writes well knows wrong words by their odds, but only its output layer tells them; a head that reads the
last hidden state alone would have to learn that anew from pairs. The largest surprise in an answer is a known sign of
made-up facts (Manakul et al., “SelfCheckGPT”, 2023, Max(-log p)). A scorer that reads it keeps its output layer, and
its head has one weight more than a hidden state has numbers: that is how it is told from others.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from studio.engine.fast.forward import head_of
from studio.engine.fast.losses import Head, token_log_probs
from studio.storage.models import tensors_of_file

_WEIGHTS = "adapter_model.safetensors"
_OUTPUT = "foretells"  # the attribute that a scorer has its output layer under
_FIRST = 0.3  # the weight to begin with: that more likely answers are better is worth assuming


def add_head(model: Any, name: str) -> None:
    """Give a model that writes a new head of one number, which reads its doubt too."""
    width = width_of(model)
    head = nn.Linear(width + 1, 1, bias=False, device=model.device, dtype=torch.float32)
    with torch.no_grad():
        head.weight.normal_(0.0, getattr(model.config.get_text_config(), "initializer_range", None) or 0.02)
        head.weight[:, -1] = _FIRST
    setattr(model, name, head)
    setattr(model, _OUTPUT, head_of(model))
    model.config.num_labels = 1  # as of any scorer


def width_of(model: Any) -> int:
    """Of hidden states."""
    return model.get_input_embeddings().weight.shape[1]


def foretelling(model: Any) -> Callable[[Tensor], Head] | None:
    """The output layer of a scorer that reads its doubt; None for one that doesn't, and has none."""
    return getattr(model, _OUTPUT, None)


def is_read_by(adapter: Path, width: int) -> bool:
    """Whether a reward model on a base of that width reads it."""
    tensors = tensors_of_file(adapter / _WEIGHTS)
    return any(found.shape[-1] == width + 1 for name, found in tensors.items() if name.endswith("score.weight"))


def with_doubt(last: Tensor, foretold: Tensor, head: Head, targets: Tensor, owners: Tensor) -> Tensor:
    """The hidden states at the ends of answers [answers, width], and as one number more the log-probability of each
    answer's least likely token. foretold: [tokens, width], from which `targets` [tokens] of the answers `owners`
    [tokens] are foretold."""
    known = token_log_probs(foretold, head, targets)
    least = known.new_zeros(len(last)).scatter_reduce(0, owners, known, "amin")
    return torch.cat([last.float(), least[:, None]], 1)

"""The fast way through a causal language model, built into its forward: one row of sequences in, losses out.

A call without a layout goes on as before, so adapters, autocast and TRL around the model notice nothing. Whether a
model can take the fast way is proved, not looked up: a few tokens go both ways, and must come out alike.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from studio.engine.fast.attention import PER_SEQUENCE, Layout, NotSupported, register
from studio.engine.fast.losses import Head, LossSum, cross_entropy, token_log_probs
from studio.engine.fast.packing import Packed, Piece, pack

_LAYERS = {"full_attention", "sliding_attention"}
_PROBES = (7, 1, 4)  # tokens of the sequences that go both ways


def enable(model: Any, longest: int) -> str | None:
    """Build the fast way into a model with or without a PEFT adapter, for sequences of up to `longest` tokens.

    Returns None, or why it can't be taken, as “it …” (“it has a sliding window of …”); then the model is unchanged.
    """
    base: PreTrainedModel = model.get_base_model() if hasattr(model, "get_base_model") else model
    reason = _unfit(model, base, longest)
    if reason is not None:
        return reason
    register()
    head, before, attention = _head_of(base), base.forward, base.config._attn_implementation
    base.forward = types.MethodType(_fast_forward(base, head), base)
    base.config._attn_implementation = PER_SEQUENCE
    try:
        reason = _differs(model)
    except NotSupported as refusal:
        reason = f"has {refusal}"
    except (TypeError, ValueError, RuntimeError, AttributeError, KeyError, IndexError) as error:
        reason = f"is of an architecture that doesn't take it ({type(error).__name__})"
    if reason is not None:
        base.config._attn_implementation = attention
        base.forward = before
    return reason


def _unfit(model: Any, base: PreTrainedModel, longest: int) -> str | None:
    config: Any = base.config.get_text_config()
    if config.is_encoder_decoder or not base._supports_attention_backend:
        return "is of an architecture with attention of its own"
    if getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False):
        return "has an adapter that puts tokens of its own before the text"
    head = base.get_output_embeddings()
    if type(head) is not nn.Linear:
        return f"has an adapter or a number format of its own on its output layer ({type(head).__name__})"
    if getattr(config, "output_router_logits", False):
        return "balances experts with a loss of their own"
    kinds = set(getattr(config, "layer_types", None) or ()) - _LAYERS
    if kinds:
        return f"has layers of another kind ({', '.join(sorted(kinds))})"
    window = getattr(config, "sliding_window", None)
    if window and getattr(config, "use_sliding_window", True) and window < longest:
        return f"has a sliding window of {window:,} tokens, and examples may be longer"
    return None


def _head_of(base: PreTrainedModel) -> Callable[[Tensor], Head]:
    """Makes the output layer's `Head` for hidden states; how logits are scaled has a name in each family."""
    config: Any = base.config.get_text_config()
    scale = 1.0
    for name in ("logit_scale", "output_multiplier", "lm_head_multiplier"):
        scale *= getattr(config, name, None) or 1.0
    scale /= getattr(config, "logits_scaling", None) or 1.0
    softcap = getattr(config, "final_logit_softcapping", None)

    def head(hidden: Tensor) -> Head:
        layer: Any = base.get_output_embeddings()
        kind = hidden.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else layer.weight.dtype
        return Head(layer.weight, dtype, layer.bias, scale, softcap)

    return head


def _fast_forward(base: PreTrainedModel, head: Callable[[Tensor], Head]) -> Callable[..., Any]:
    before = base.forward

    @functools.wraps(type(base).forward)  # generation looks up which arguments a model takes
    def forward(
        self: Any,
        *arguments: Any,
        layout: Layout | None = None,
        rows: Tensor | None = None,
        targets: Tensor | None = None,
        per_token: bool = False,
        **named: Any,
    ) -> Any:
        """With a layout: the summed loss at `rows`, or the log-probability of each target. Else as ever."""
        if layout is None:
            return before(*arguments, **named)
        ids: Tensor = named["input_ids"]
        body = self.base_model(
            input_ids=ids,
            position_ids=named["position_ids"],
            # A mask of four dimensions is taken as complete: none is made of the whole row, and ours isn't read.
            attention_mask=torch.empty((1, 1, 0, 0), dtype=torch.bool, device=ids.device),
            layout=layout,
            use_cache=False,
        )
        assert rows is not None and targets is not None
        picked = body.last_hidden_state[0].index_select(0, rows)
        if per_token:
            return token_log_probs(picked, head(picked), targets)
        return cross_entropy(picked, head(picked), targets)

    return forward


def fast_loss(model: Any, batch: dict[str, Any]) -> LossSum:
    """The summed loss of a batch that `packing.EndToEnd` made."""
    return model(**{name: batch[name] for name in ("input_ids", "position_ids", "layout", "rows", "targets")})


def fast_log_probs(model: Any, packed: Packed) -> Tensor:
    """The log-probability of each of `packed.targets`."""
    device = model.device
    return model(
        input_ids=packed.input_ids.to(device),
        position_ids=packed.position_ids.to(device),
        layout=packed.layout,
        rows=packed.rows.to(device),
        targets=packed.targets.to(device),
        per_token=True,
    )


def _differs(model: Any) -> str | None:
    """Send a few tokens both ways. Draws no random numbers."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            vocabulary = model.get_input_embeddings().weight.shape[0]
            ids = [(np.arange(count, dtype=np.int64) * 37 + count) % vocabulary for count in _PROBES]
            fast = fast_log_probs(model, pack([Piece(piece, piece) for piece in ids]))
            plain = torch.cat([_plain_log_probs(model, torch.from_numpy(piece)) for piece in ids])
    finally:
        model.train(training)
    # Numbers of 16 bits, or fewer, come out a little differently in another order of summing up.
    exact = all(weight.dtype == torch.float32 for weight in model.parameters())
    tolerance = 1e-3 if exact else 0.1
    if torch.allclose(fast, plain, rtol=tolerance, atol=tolerance):
        return None
    worst = float((fast - plain).abs().max())
    return f"is of an architecture that computes something else with it (off by {worst:.2g})"


def _plain_log_probs(model: Any, ids: Tensor) -> Tensor:
    ids = ids.to(model.device)
    logits = model(input_ids=ids[None], use_cache=False).logits[0, :-1].float()
    return logits.log_softmax(-1).gather(1, ids[1:, None])[:, 0]

"""The fast way through a language model: one row of sequences in; losses, log-probabilities or hidden states out.

It is built into the forward of a model that writes, so adapters, autocast and TRL around it notice nothing; a call
without a row goes on as before. Whether a model can take the fast way is proved, not looked up: a few tokens go both
ways, and must come out alike.
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
from trl.trainer.utils import FusedCausalLMOutput

from studio.engine.examples import IGNORED
from studio.engine.fast.attention import PER_SEQUENCE, NotSupported, register
from studio.engine.fast.losses import Head, LossSum, cross_entropy, token_log_probs
from studio.engine.fast.low_rank import fuse
from studio.engine.fast.norms import fuse_norms
from studio.engine.fast.packing import Packed, pack, sharing
from studio.engine.fast.rotary import fuse_rotary

# What TRL logs and this way doesn't make; `_as_trl_has_it` fills in zeros, which whoever logs should drop.
NOT_MADE = ("entropy", "mean_token_accuracy", "logits/chosen", "logits/rejected")
_LAYERS = {"full_attention", "sliding_attention"}
_PROBES = (7, 1, 4)  # tokens of the sequences that go both ways
_PROMPT = 5  # and of a beginning that two more have in common


def enable(model: Any, longest: int) -> str | None:
    """Build the fast way into a model that writes, with or without a PEFT adapter, for sequences of up to `longest`
    tokens. It then answers `fast_loss` and `fast_log_probs`, and TRL's losses when a batch has a row, as `packed`.

    Returns None, or why it can't be taken, as “it …” (“it has a sliding window of …”); then the model is unchanged but
    for its adapters, which compute in one step either way.
    """
    base = _base_of(model)
    fuse(model)
    reason = _unfit(model, base, longest) or _unfit_head(base)
    if reason is not None:
        return reason
    before = base.forward
    base.forward = types.MethodType(_fast_forward(base, head_of(base)), base)
    reason = _tried(model, base, fast_log_probs, _plain_log_probs)
    if reason is not None:
        base.forward = before
    return reason


def enable_hidden(model: Any, longest: int) -> str | None:
    """The same for a model without an output layer; it then answers `fast_last_hidden`."""
    base = _base_of(model)
    fuse(model)
    reason = _unfit(model, base, longest)
    return reason or _tried(model, base, fast_last_hidden, _plain_last_hidden)


def _base_of(model: Any) -> PreTrainedModel:
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _tried(
    model: Any, base: PreTrainedModel, fast: Callable[[Any, Packed], Tensor], plain: Callable[[Any, Tensor], Tensor]
) -> str | None:
    """Switch to attention for each sequence alone, and to norms and rotary embeddings with gradients of their own; and
    back if that is not the same: why not."""
    register()
    fused = [*fuse_norms(base), *fuse_rotary(base)]
    attention = base.config._attn_implementation
    base.config._attn_implementation = PER_SEQUENCE
    try:
        reason = _differs(model, fast, plain)
    except NotSupported as refusal:
        reason = f"has {refusal}"
    except (TypeError, ValueError, RuntimeError, AttributeError, KeyError, IndexError) as error:
        reason = f"is of an architecture that doesn't take it ({type(error).__name__})"
    if reason is not None:
        base.config._attn_implementation = attention
        for module in fused:
            del module.forward
    return reason


def _unfit(model: Any, base: PreTrainedModel, longest: int) -> str | None:
    config: Any = base.config.get_text_config()
    if config.is_encoder_decoder or not base._supports_attention_backend:
        return "is of an architecture with attention of its own"
    if getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False):
        return "has an adapter that puts tokens of its own before the text"
    if getattr(config, "output_router_logits", False):
        return "balances experts with a loss of their own"
    kinds = set(getattr(config, "layer_types", None) or ()) - _LAYERS
    if kinds:
        return f"has layers of another kind ({', '.join(sorted(kinds))})"
    window = getattr(config, "sliding_window", None)
    if window and getattr(config, "use_sliding_window", True) and window < longest:
        return f"has a sliding window of {window:,} tokens, and examples may be longer"
    return None


def _unfit_head(base: PreTrainedModel) -> str | None:
    head = base.get_output_embeddings()
    if type(head) is not nn.Linear:
        return f"has an adapter or a number format of its own on its output layer ({type(head).__name__})"
    return None


def head_of(base: PreTrainedModel) -> Callable[[Tensor], Head]:
    """Makes the output layer's `Head` for hidden states; how logits are scaled has a name in each family."""
    config: Any = base.config.get_text_config()
    scale = 1.0
    for name in ("logit_scale", "output_multiplier", "lm_head_multiplier"):
        scale *= getattr(config, name, None) or 1.0
    scale /= getattr(config, "logits_scaling", None) or 1.0
    softcap = getattr(config, "final_logit_softcapping", None)
    turned = _Turned()

    def head(hidden: Tensor) -> Head:
        layer: Any = base.get_output_embeddings()
        kind = hidden.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else layer.weight.dtype
        return Head(layer.weight, dtype, layer.bias, scale, softcap, turned=turned.of(layer.weight, dtype))

    return head


class _Turned:
    """A frozen output layer in the format that is computed in: turned once, not in every pass."""

    def __init__(self) -> None:
        self._kept: Tensor | None = None
        self._of: tuple[Any, ...] = ()

    def of(self, weight: Tensor, dtype: torch.dtype) -> Tensor | None:
        """None for a layer that is trained, or computes as it is."""
        if weight.requires_grad or weight.dtype == dtype:
            return None
        now = (weight.data_ptr(), weight._version, dtype)
        if now != self._of:
            self._kept, self._of = weight.detach().to(dtype), now
        return self._kept


def _fast_forward(base: PreTrainedModel, head: Callable[[Tensor], Head]) -> Callable[..., Any]:
    before = base.forward

    @functools.wraps(type(base).forward)  # generation looks up which arguments a model takes
    def forward(self: Any, *arguments: Any, packed: Packed | None = None, per_token: bool = False, **named: Any) -> Any:
        """With a row: its summed loss, the log-probability of each target, or what TRL asks for. Else as ever."""
        if packed is None:
            return before(*arguments, **named)
        packed = packed.to(self.device)
        picked = _hidden(self, packed).index_select(0, packed.rows)
        if named.get("fused_lm_head"):
            return _as_trl_has_it(token_log_probs(picked, head(picked), packed.targets), named["labels"])
        if per_token:
            return token_log_probs(picked, head(picked), packed.targets)
        return cross_entropy(picked, head(picked), packed.targets)

    return forward


def _hidden(base: Any, packed: Packed) -> Tensor:
    """The last hidden states of a row: [tokens, width]."""
    return hidden_states(base, packed.input_ids, packed.position_ids, layout=packed.layout)


def hidden_states(base: Any, input_ids: Tensor, position_ids: Tensor, **how: Any) -> Tensor:
    """The last hidden states [tokens, width] of tokens in one row [1, tokens]. how: what `per_sequence_attention` is to
    know of them, a `layout` or `writing`."""
    body = base.base_model(
        input_ids=input_ids,
        position_ids=position_ids,
        # A mask of four dimensions is taken as complete: none is made of the whole row, and ours isn't read.
        attention_mask=torch.empty((1, 1, 0, 0), dtype=torch.bool, device=input_ids.device),
        use_cache=False,
        **how,
    )
    return body.last_hidden_state[0]


def _as_trl_has_it(known: Tensor, labels: Tensor) -> FusedCausalLMOutput:
    """What a fused output layer of TRL's gives for `labels` [sequences, longest], the sequences of the row in its
    order. Figures that are not made (entropy, mean logits, first choices) are zero."""
    trained = labels[:, 1:] != IGNORED
    log_probs = known.new_zeros(trained.shape).masked_scatter(trained, known)
    nothing = torch.zeros_like(log_probs, requires_grad=False)
    return FusedCausalLMOutput(
        log_probs=log_probs,
        entropy=nothing,
        mean_logits=nothing,
        is_top1=torch.zeros_like(trained),
        label_mask=trained,
    )


def fast_loss(model: Any, packed: Packed) -> LossSum:
    """The loss summed over the row's targets."""
    return model(packed=packed)


def fast_log_probs(model: Any, packed: Packed) -> Tensor:
    """The log-probability of each of the row's targets."""
    return model(packed=packed, per_token=True)


def fast_last_hidden(model: Any, packed: Packed) -> Tensor:
    """The last hidden state of each of the row's pieces: [pieces, width]."""
    packed = packed.to(model.device)
    return _hidden(_base_of(model), packed).index_select(0, packed.last)


def _differs(model: Any, fast: Callable[[Any, Packed], Tensor], plain: Callable[[Any, Tensor], Tensor]) -> str | None:
    """Send a few tokens both ways. Draws no random numbers."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            vocabulary = model.get_input_embeddings().weight.shape[0]
            ids = [(np.arange(count, dtype=np.int64) * 37 + count) % vocabulary for count in _PROBES]
            ids += [np.append(np.arange(_PROMPT), answer) % vocabulary for answer in ([7, 3], [2, 4, 9])]
            first = [*range(len(_PROBES)), len(_PROBES), len(_PROBES)]
            ours = fast(model, pack(sharing([(piece, piece) for piece in ids], first)))
            theirs = torch.cat([plain(model, torch.from_numpy(piece).to(model.device)) for piece in ids])
    finally:
        model.train(training)
    # Numbers of 16 bits, or fewer, come out a little differently in another order of summing up.
    exact = all(weight.dtype == torch.float32 for weight in model.parameters())
    tolerance = 1e-3 if exact else 0.1
    usual = max(1.0, float(theirs.float().square().mean().sqrt()))
    worst = float((ours - theirs).abs().max())
    if worst <= tolerance * usual:
        return None
    return f"is of an architecture that computes something else with it (off by {worst:.2g})"


def _plain_log_probs(model: Any, ids: Tensor) -> Tensor:
    logits = model(input_ids=ids[None], use_cache=False).logits[0, :-1].float()
    return logits.log_softmax(-1).gather(1, ids[1:, None])[:, 0]


def _plain_last_hidden(model: Any, ids: Tensor) -> Tensor:
    return _base_of(model).base_model(input_ids=ids[None], use_cache=False).last_hidden_state[:, -1]

"""A model's measures for the forecast, read from its config.json and the headers of its weights, without torch.

What linear layers there are is counted in the headers, so it is exact for any architecture; the rest comes from the
config, under the names that the families use. A model of another family is a guess and says so (`rough`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from studio.core.forecast import ModelShape
from studio.storage.models import Tensor, config_of, tensors_of

# Families whose layers are of the kind that the formulas were checked with; each has rotary or learned positions,
# one attention and one block of two or three linear layers after it.
_KNOWN = {
    "llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "gemma3_text", "phi", "phi3", "gpt2",
    "gpt_neox", "smollm3", "granite", "cohere", "olmo2", "stablelm", "starcoder2",
}  # fmt: skip
_TRANSPOSED = {"gpt2", "openai-gpt"}  # they keep [in, out], everyone else [out, in]
_POST_NORMS = {"gemma2", "gemma3", "gemma3_text"}
# Written out in single operations, which keep three tensors more for the way back than the fused ones.
_UNFUSED = {"gelu_new", "gelu_fast", "quick_gelu"}
# What the configs don't say, of families that are built otherwise than Llama.
_UNGATED = {"gpt2", "gpt_neox", "phi", "starcoder2"}
_FUSED = {"gpt2", "gpt_neox"}  # queries, keys and values come out of one linear layer
_BIASED = {"gpt2", "gpt_neox", "phi", "starcoder2"}
_NORMED_HEADS = {"qwen3", "gemma3", "gemma3_text", "olmo2"}
_TIED_UNLESS_SAID = {"gpt2", "gemma", "gemma2", "gemma3", "gemma3_text"}
_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_HIDDEN = ("hidden_size", "n_embd", "d_model")
_HEADS = ("num_attention_heads", "n_head", "n_heads")
_INNER = ("intermediate_size", "n_inner", "ffn_dim")
# A config comes from whoever made it: beyond these a model is no model.
_MOST, _LARGEST = 10_000, 100_000_000
_IN_LAYER = re.compile(r"\.(\d+)\.")


def read_shape(folder: Path) -> ModelShape:
    """The measures of a model in a folder that `check_model` passes. Raises StudioError for a damaged one."""
    config = _of_text(config_of(folder))
    tensors = tensors_of(folder)
    family = str(config.get("model_type", ""))
    linears = [
        tensor.shape[::-1] if family in _TRANSPOSED else tensor.shape
        for name, tensor in tensors.items()
        if len(tensor.shape) == 2 and name.endswith(".weight") and _IN_LAYER.search(name)
    ]
    layers = _number(config, *_LAYERS)
    hidden = _number(config, *_HIDDEN)
    heads = _number(config, *_HEADS)
    vocabulary = _number(config, "vocab_size") or _rows_of_embedding(tensors)
    rough = family not in _KNOWN or not (layers and hidden and heads and vocabulary and linears)
    layers = layers or len({match[1] for name in tensors if (match := _IN_LAYER.search(name))}) or 1
    hidden = hidden or _most_common_width(linears)
    return _shape(
        config,
        layers=layers,
        hidden=hidden,
        heads=heads or max(1, hidden // 64),
        vocabulary=vocabulary,
        tied=not any(name.startswith(("lm_head.", "embed_out.")) for name in tensors),
        parameters=sum(tensor.count for tensor in tensors.values()),
        linears=linears,
        gated=any("gate" in name for name in tensors),
        normed=any(re.search(r"\bq_norm\b", name) for name in tensors),
        rough=rough,
    )


def foretold_shape(whole: Mapping[str, Any]) -> ModelShape | None:
    """The measures of a model that isn't here, from its config alone; None when that doesn't tell enough.

    Linear layers and parameters are counted as the families build them, so a family that isn't known is a guess.
    """
    config = _of_text(whole)
    family = str(config.get("model_type", ""))
    layers, hidden, heads = _number(config, *_LAYERS), _number(config, *_HIDDEN), _number(config, *_HEADS)
    vocabulary = _number(config, "vocab_size")
    if (
        not (layers and hidden and heads and vocabulary)
        or max(layers, heads) > _MOST
        or max(hidden, vocabulary) > _LARGEST
    ):
        return None
    head = _number(config, "head_dim") or hidden // heads
    queries, keys = heads * head, (_number(config, "num_key_value_heads") or heads) * head
    inner = _number(config, *_INNER) or 4 * hidden
    gated = family not in _UNGATED
    up = [(inner, hidden)] * (2 if gated else 1)
    if family in _FUSED:
        attention = [(queries + 2 * keys, hidden), (hidden, queries)]
    else:
        attention = [(queries, hidden), (keys, hidden), (keys, hidden), (hidden, queries)]
    linears = [*attention, *up, (hidden, inner)] * layers
    tied = bool(config.get("tie_word_embeddings", family in _TIED_UNLESS_SAID))
    normed = family in _NORMED_HEADS
    parameters = (
        sum(rows * columns for rows, columns in linears)
        + vocabulary * hidden * (1 if tied else 2)
        + layers * _small_weights(family, hidden, queries, keys, head, linears[: len(linears) // layers])
        + hidden * (2 if family in _BIASED else 1)
        + (_number(config, "n_positions") * hidden if family == "gpt2" else 0)
    )
    return _shape(
        config,
        layers=layers,
        hidden=hidden,
        heads=heads,
        vocabulary=vocabulary,
        tied=tied,
        parameters=parameters,
        linears=linears,
        gated=gated,
        normed=normed,
        rough=family not in _KNOWN,
    )


def _small_weights(
    family: str, hidden: int, queries: int, keys: int, head: int, linears: Sequence[tuple[int, ...]]
) -> int:
    """A layer's norms and biases."""
    norms = (4 if family in _POST_NORMS else 2) * hidden
    if family in _BIASED:  # norms have a bias too, as has each linear layer
        return 2 * norms + sum(rows for rows, _ in linears)
    if family == "qwen2":
        return norms + queries + 2 * keys
    if family == "olmo2":
        return norms + queries + keys
    if family in _NORMED_HEADS:
        return norms + 2 * head
    return norms


def _shape(
    config: Mapping[str, Any],
    *,
    layers: int,
    hidden: int,
    heads: int,
    vocabulary: int,
    tied: bool,
    parameters: int,
    linears: Sequence[tuple[int, ...]],
    gated: bool,
    normed: bool,
    rough: bool,
) -> ModelShape:
    activation = str(config.get("hidden_act") or config.get("activation_function") or config.get("hidden_activation"))
    return ModelShape(
        layers=layers,
        hidden=hidden,
        inner=_number(config, *_INNER) or 4 * hidden,
        heads=heads,
        kv_heads=_number(config, "num_key_value_heads") or heads,
        head_dim=_number(config, "head_dim") or hidden // heads,
        vocabulary=vocabulary,
        tied=tied,
        parameters=parameters,
        linears=len(linears),
        linear_in=sum(shape[1] for shape in linears),
        linear_out=sum(shape[0] for shape in linears),
        linear_weights=sum(shape[0] * shape[1] for shape in linears),
        context=_number(config, "max_position_embeddings", "n_positions"),
        inner_kept=(4 if gated else 2) + (3 if activation in _UNFUSED else 0),
        norms=4 if str(config.get("model_type", "")) in _POST_NORMS else 2,
        normed_heads=normed,
        dropout=config.get("attn_pdrop", config.get("attention_dropout")) not in (None, 0),
        rough=rough,
    )


def _of_text(whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a config that is about the language model."""
    text = whole.get("text_config")
    return cast("dict[str, Any]", text) if isinstance(text, dict) else whole


def _number(config: Mapping[str, Any], *names: str) -> int:
    """The first of these entries that is a whole number above 0; else 0."""
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return 0


def _rows_of_embedding(tensors: Mapping[str, Tensor]) -> int:
    found = [tensor.shape[0] for name, tensor in tensors.items() if "embed" in name and len(tensor.shape) == 2]
    return max(found, default=0)


def _most_common_width(linears: Sequence[tuple[int, ...]]) -> int:
    widths = [shape[1] for shape in linears]
    return max(set(widths), key=widths.count) if widths else 0

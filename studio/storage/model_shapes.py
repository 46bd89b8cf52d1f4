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
_IN_LAYER = re.compile(r"\.(\d+)\.")


def read_shape(folder: Path) -> ModelShape:
    """The measures of a model in a folder that `check_model` passes. Raises StudioError for a damaged one."""
    whole = config_of(folder)
    config: Mapping[str, Any] = cast("dict[str, Any]", whole["text_config"]) if _has_text(whole) else whole
    tensors = tensors_of(folder)
    family = str(config.get("model_type", ""))
    linears = [
        tensor.shape[::-1] if family in _TRANSPOSED else tensor.shape
        for name, tensor in tensors.items()
        if len(tensor.shape) == 2 and name.endswith(".weight") and _IN_LAYER.search(name)
    ]
    layers = _number(config, "num_hidden_layers", "n_layer", "n_layers", "num_layers")
    hidden = _number(config, "hidden_size", "n_embd", "d_model")
    heads = _number(config, "num_attention_heads", "n_head", "n_heads")
    vocabulary = _number(config, "vocab_size") or _rows_of_embedding(tensors)
    rough = family not in _KNOWN or not (layers and hidden and heads and vocabulary and linears)
    layers = layers or len({match[1] for name in tensors if (match := _IN_LAYER.search(name))}) or 1
    hidden = hidden or _most_common_width(linears)
    heads = heads or max(1, hidden // 64)
    activation = str(config.get("hidden_act") or config.get("activation_function") or config.get("hidden_activation"))
    gated = any("gate" in name for name in tensors)
    return ModelShape(
        layers=layers,
        hidden=hidden,
        inner=_number(config, "intermediate_size", "n_inner", "ffn_dim") or 4 * hidden,
        heads=heads,
        kv_heads=_number(config, "num_key_value_heads") or heads,
        head_dim=_number(config, "head_dim") or hidden // heads,
        vocabulary=vocabulary,
        tied=not any(name.startswith(("lm_head.", "embed_out.")) for name in tensors),
        parameters=sum(tensor.count for tensor in tensors.values()),
        linears=len(linears),
        linear_in=sum(shape[1] for shape in linears),
        linear_out=sum(shape[0] for shape in linears),
        linear_weights=sum(shape[0] * shape[1] for shape in linears),
        context=_number(config, "max_position_embeddings", "n_positions"),
        inner_kept=(4 if gated else 2) + (3 if activation in _UNFUSED else 0),
        norms=4 if family in _POST_NORMS else 2,
        normed_heads=any(re.search(r"\bq_norm\b", name) for name in tensors),
        dropout=float(config.get("attn_pdrop", config.get("attention_dropout", 0.0)) or 0.0) > 0,
        rough=rough,
    )


def _has_text(config: Mapping[str, Any]) -> bool:
    return isinstance(config.get("text_config"), dict)


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

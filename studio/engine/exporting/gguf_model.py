"""Which architectures can be written as GGUF, and how: the figures that llama.cpp wants, and each tensor's name there.

Names come from the `gguf` package, which llama.cpp keeps. What differs from architecture to architecture is one small
entry: rows that rotate are reordered for Llama, Gemma's norms are stored plus one. Left out: mixtures of experts, and
models that also see or hear.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import torch
from torch import Tensor

from studio.core.errors import StudioError, did_you_mean
from studio.storage.models import config_of

_LLAMA3 = "llama3"
_ROPES = ("default", "linear", _LLAMA3, "yarn")


@dataclass(frozen=True, slots=True)
class Kind:
    """An architecture as llama.cpp has it. halves: rotated rows are stored as two halves there and here alike, so
    nothing is reordered. plus_one: norms are stored less one here. heads: the size of a head is told."""

    arch: gguf.MODEL_ARCH
    halves: bool = True
    plus_one: bool = False
    heads: bool = False


KINDS = {
    "LlamaForCausalLM": Kind(gguf.MODEL_ARCH.LLAMA, halves=False, heads=True),
    "MistralForCausalLM": Kind(gguf.MODEL_ARCH.LLAMA, halves=False, heads=True),
    "Qwen2ForCausalLM": Kind(gguf.MODEL_ARCH.QWEN2),
    "Qwen3ForCausalLM": Kind(gguf.MODEL_ARCH.QWEN3, heads=True),
    "GemmaForCausalLM": Kind(gguf.MODEL_ARCH.GEMMA, plus_one=True, heads=True),
    "Gemma2ForCausalLM": Kind(gguf.MODEL_ARCH.GEMMA2, plus_one=True, heads=True),
    "Gemma3ForCausalLM": Kind(gguf.MODEL_ARCH.GEMMA3, plus_one=True, heads=True),
}


class Shape:
    """A model's configuration, read the way transformers reads it."""

    def __init__(self, base: Path) -> None:
        """Raises StudioError for a model that can't be written as GGUF, in a sentence that says why."""
        from transformers import AutoConfig

        names = config_of(base).get("architectures") or ["unknown"]
        if names[0] not in KINDS:
            known = sorted(name.removesuffix("ForCausalLM") for name in KINDS)
            raise StudioError(
                f"“{base.name}” is a {names[0]}, which Plumbline can't write as GGUF yet.",
                did_you_mean(str(names[0]), KINDS)
                or f"It can write {', '.join(known)}. Take the whole model away, and use llama.cpp's converter.",
            )
        self.kind = KINDS[names[0]]
        self.config: Any = AutoConfig.from_pretrained(base, local_files_only=True, trust_remote_code=False)
        self.arch = gguf.MODEL_ARCH_NAMES[self.kind.arch]
        self.layers = int(self.config.num_hidden_layers)
        self.heads = int(self.config.num_attention_heads)
        self.groups = int(getattr(self.config, "num_key_value_heads", None) or self.heads)
        self.head = int(getattr(self.config, "head_dim", None) or self.config.hidden_size // self.heads)
        self.vocabulary = int(self.config.vocab_size)
        ropes: dict[str, Any] = dict(getattr(self.config, "rope_parameters", None) or {})
        self.local_rope: dict[str, Any] = ropes.get("sliding_attention") or {}
        self.rope: dict[str, Any] = ropes.get("full_attention") or ropes
        odd = self._oddity()
        if odd:
            raise StudioError(
                f"“{base.name}” {odd}, which llama.cpp computes otherwise: it would answer differently there.",
                "Take the whole model away instead.",
            )

    @property
    def _rope_type(self) -> str:
        return str(self.rope.get("rope_type") or "default").lower()

    def _oddity(self) -> str:
        """What of the model llama.cpp takes for granted, and is not so; empty when all is as it expects."""
        config, usual = self.config, "gelu_pytorch_tanh" if self.kind.plus_one else "silu"
        activation = getattr(config, "hidden_activation", None) or getattr(config, "hidden_act", usual)
        if self._rope_type not in _ROPES:
            return f"stretches its context by “{self._rope_type}”"
        if activation != usual:
            return f"has the activation “{activation}”"
        scale = getattr(config, "query_pre_attn_scalar", None)
        if scale is not None and scale not in (self.head, config.hidden_size / self.heads):
            return f"scales attention by {scale:g}"
        every = {gguf.MODEL_ARCH.GEMMA2: 2, gguf.MODEL_ARCH.GEMMA3: 6}.get(self.kind.arch)
        kinds = getattr(config, "layer_types", None)
        if every and kinds:
            expected = ["sliding_attention" if (k + 1) % every else "full_attention" for k in range(self.layers)]
            if list(kinds) != expected:
                return "has its local and global layers in another order"
        return ""

    def write_figures(self, writer: gguf.GGUFWriter) -> None:
        """The model's figures, under the keys that llama.cpp reads."""
        config = self.config
        writer.add_context_length(int(config.max_position_embeddings))
        writer.add_embedding_length(int(config.hidden_size))
        writer.add_block_count(self.layers)
        writer.add_feed_forward_length(int(config.intermediate_size))
        writer.add_head_count(self.heads)
        writer.add_head_count_kv(self.groups)
        writer.add_layer_norm_rms_eps(float(config.rms_norm_eps))
        writer.add_vocab_size(self.vocabulary)
        if self.kind.heads:
            writer.add_key_length(self.head)
            writer.add_value_length(self.head)
        if not self.kind.halves:
            writer.add_rope_dimension_count(self.head)
        self._write_rope(writer)
        for name, add in (
            ("attn_logit_softcapping", writer.add_attn_logit_softcapping),
            ("final_logit_softcapping", writer.add_final_logit_softcapping),
        ):
            value = getattr(config, name, None)
            if value is not None:
                add(float(value))
        if self.kind.plus_one and getattr(config, "sliding_window", None):
            writer.add_sliding_window(int(config.sliding_window))

    def _write_rope(self, writer: gguf.GGUFWriter) -> None:
        rope = self.rope
        writer.add_rope_freq_base(float(rope.get("rope_theta") or 10_000.0))
        if self.local_rope.get("rope_theta"):
            writer.add_rope_freq_base_swa(float(self.local_rope["rope_theta"]))
        if self._rope_type == "linear":
            writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
            writer.add_rope_scaling_factor(float(rope["factor"]))
        elif self._rope_type == "yarn":
            writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
            writer.add_rope_scaling_factor(float(rope["factor"]))
            trained = rope.get("original_max_position_embeddings") or self.config.max_position_embeddings
            writer.add_rope_scaling_orig_ctx_len(int(trained))

    def names(self, stored: Iterator[str]) -> dict[str, str]:
        """llama.cpp's name for each tensor that it reads. Raises StudioError for one that it has no name for."""
        known = gguf.get_tensor_name_map(self.kind.arch, self.layers)
        found: dict[str, str] = {}
        for name in stored:
            if name == "lm_head.weight" and self.config.tie_word_embeddings:
                continue  # the input embeddings serve; a copy would be read as another matrix
            if name.endswith("rotary_emb.inv_freq"):
                continue
            there = known.get_name(name, try_suffixes=(".weight", ".bias"))
            if there is None:
                raise StudioError(
                    f"llama.cpp has no place for this model's “{name}”, so it can't be written as GGUF.",
                    "Take the whole model away instead.",
                )
            found[name] = there
        return found

    def converted(self, name: str, value: Tensor) -> Tensor:
        """A tensor in the order and with the offset that llama.cpp wants."""
        if not self.kind.halves and ".q_proj." in name:
            return _interleaved(value, self.heads)
        if not self.kind.halves and ".k_proj." in name:
            return _interleaved(value, self.groups)
        if self.kind.plus_one and name.endswith("norm.weight"):
            return value.float() + 1.0
        return value

    def rope_factors(self) -> Tensor | None:
        """Llama 3's stretched frequencies, as factors [head / 2] that llama.cpp divides by; None for other models."""
        if self._rope_type != _LLAMA3:
            return None
        rope = self.rope
        factor, low, high = (
            float(rope.get(name, usual))
            for name, usual in (("factor", 8.0), ("low_freq_factor", 1.0), ("high_freq_factor", 4.0))
        )
        trained = float(rope.get("original_max_position_embeddings", 8192))
        base = float(rope.get("rope_theta") or 10_000.0)
        found: list[float] = []
        for k in range(0, self.head, 2):
            wave = 2 * math.pi * base ** (k / self.head)
            smooth = min(1.0, max(0.0, (trained / wave - low) / (high - low)))
            found.append(1.0 / ((1.0 - smooth) / factor + smooth))
        return torch.tensor(found)


def _interleaved(value: Tensor, heads: int) -> Tensor:
    """Rows that rotate together side by side instead of half a head apart, as llama.cpp's Llama has them."""
    half = value.shape[0] // heads // 2
    return value.reshape(heads, 2, half, *value.shape[1:]).swapaxes(1, 2).reshape(value.shape)

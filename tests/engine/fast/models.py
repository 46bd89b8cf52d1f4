"""Random models of two layers, one of each family that differs in what matters here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from transformers import (
    CohereConfig,
    Gemma2Config,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GemmaConfig,
    GPT2Config,
    GPT2LMHeadModel,
    GraniteConfig,
    LlamaConfig,
    MistralConfig,
    PhiConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen3Config,
)
from transformers.models.auto.modeling_auto import AutoModelForCausalLM

VOCABULARY = 97
_SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
    "initializer_range": 0.2,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": None,
}


def _made(config: Any) -> PreTrainedModel:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32)


def llama(**changed: Any) -> PreTrainedModel:
    return _made(LlamaConfig(**{**_SIZES, "num_key_value_heads": 2, **changed}))


def gpt2(dropout: float = 0.0) -> PreTrainedModel:
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=128, initializer_range=0.2,
        attn_pdrop=dropout, resid_pdrop=dropout, embd_pdrop=dropout, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    return GPT2LMHeadModel(config)


def gemma3(window: int) -> PreTrainedModel:
    torch.manual_seed(0)
    return Gemma3ForCausalLM(
        Gemma3TextConfig(**{**_SIZES, "num_key_value_heads": 1, "head_dim": 8, "sliding_window": window})
    )


def gemma2() -> PreTrainedModel:
    return _made(Gemma2Config(**{**_SIZES, "num_key_value_heads": 2, "head_dim": 8, "sliding_window": 64}))


def mistral(window: int | None) -> PreTrainedModel:
    return _made(MistralConfig(**{**_SIZES, "num_key_value_heads": 2, "sliding_window": window}))


# Families that take the fast way.
FITTING: dict[str, Callable[[], PreTrainedModel]] = {
    "llama, grouped heads": llama,
    "llama, one group each, tied": lambda: llama(num_key_value_heads=4, tie_word_embeddings=True),
    "qwen2, biases": lambda: _made(Qwen2Config(**{**_SIZES, "num_key_value_heads": 2})),
    "qwen3, normed heads": lambda: _made(Qwen3Config(**{**_SIZES, "num_key_value_heads": 2, "head_dim": 8})),
    "gemma, wide heads": lambda: _made(GemmaConfig(**{**_SIZES, "num_key_value_heads": 1, "head_dim": 16})),
    "gemma3, long windows": lambda: gemma3(64),
    "mistral": lambda: mistral(64),
    "gpt2, learned positions": gpt2,
    "granite, logits divided": lambda: _made(
        GraniteConfig(**{**_SIZES, "num_key_value_heads": 2, "logits_scaling": 4.0, "attention_multiplier": 0.3})
    ),
    "cohere, logits multiplied": lambda: _made(CohereConfig(**{**_SIZES, "num_key_value_heads": 2})),
    "phi, bias on the output layer": lambda: _made(PhiConfig(**{**_SIZES, "num_key_value_heads": 4})),
}

"""Rotary embeddings with a gradient of their own against transformers' function and autograd's gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, LlamaConfig, LlamaForCausalLM
from transformers.models.cohere import modeling_cohere
from transformers.models.llama import modeling_llama
from transformers.models.olmo2 import modeling_olmo2

from studio.engine.fast.forward import enable
from studio.engine.fast.rotary import _Rotary, _turned, fuse_rotary

SMALL: dict[str, Any] = {
    "vocab_size": 60, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
}  # fmt: skip


def llama(**more: Any) -> Any:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**{**SMALL, "num_key_value_heads": 2, **more}))


def given(dtype: torch.dtype, angles: torch.dtype = torch.float32) -> list[torch.Tensor]:
    """Queries and keys as attention hands them over, and angles of seven places."""
    seeded = torch.Generator().manual_seed(0)
    q, k = (torch.randn(1, 7, heads, 16, generator=seeded).to(dtype).transpose(1, 2) for heads in (4, 2))
    turns = torch.arange(7)[None, :, None] * 0.3 ** torch.arange(8).repeat(2)
    return [q.requires_grad_(), k.requires_grad_(), turns.cos().to(angles), turns.sin().to(angles)]


def with_gradients(turn: Any, tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    q, k = turn(*tensors)
    factors = [torch.linspace(-1, 2, one.numel()).reshape(one.shape).bfloat16() for one in (q, k)]  # as gradients are
    return [q, k, *torch.autograd.grad((q * factors[0]).sum() + (k * factors[1]).sum(), tensors[:2])]


@pytest.mark.parametrize("angles", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_values_and_gradients_are_those_of_transformers(dtype: torch.dtype, angles: torch.dtype) -> None:
    """In 16 bits those of its arithmetic in 32, rounded once."""
    tensors = given(dtype, angles)
    wide = [tensor.detach().float().requires_grad_(tensor.requires_grad) for tensor in tensors]
    known = with_gradients(modeling_llama.apply_rotary_pos_emb, wide)
    formats = [torch.promote_types(dtype, angles)] * 2 + [dtype] * 2
    for ours, theirs, expected in zip(with_gradients(_turned, tensors), known, formats, strict=True):
        assert ours.dtype == expected
        rounded = 1e-6 if expected == torch.float32 else 2**-8
        torch.testing.assert_close(ours.float(), theirs, rtol=rounded, atol=1e-6)


def test_the_gradient_is_that_of_differences() -> None:
    x, cos, sin = (torch.randn(1, 2, 3, 8).double() for _ in range(3))  # halves that differ
    assert torch.autograd.gradcheck(_Rotary.apply, (x.requires_grad_(), cos[:, :1], sin[:, :1]))


def test_a_model_computes_the_same_with_it_and_its_module_stays_as_it_is() -> None:
    model, ids = llama(), torch.arange(24).view(2, 12)
    theirs, forward = modeling_llama.apply_rotary_pos_emb, modeling_llama.LlamaAttention.forward
    known = model(input_ids=ids, labels=ids)
    known.loss.backward()
    gradients = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad()
    attention = [layer.self_attn for layer in model.model.layers]
    assert (fuse_rotary(model), fuse_rotary(model)) == (attention, [])  # once is enough
    made = model(input_ids=ids, labels=ids)
    made.loss.backward()
    torch.testing.assert_close(made.logits, known.logits, rtol=1e-5, atol=1e-6)
    for name, weight in model.named_parameters():
        torch.testing.assert_close(weight.grad, gradients[name], rtol=1e-4, atol=1e-6)
    assert modeling_llama.apply_rotary_pos_emb is theirs and modeling_llama.LlamaAttention.forward is forward
    assert "forward" not in vars(llama().model.layers[0].self_attn)


def test_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    model = llama()
    fuse_rotary(model)
    seen: list[torch.Size] = []
    before = _Rotary.forward

    def counted(ctx: Any, x: torch.Tensor, *angles: torch.Tensor) -> torch.Tensor:
        seen.append(x.shape)
        return before(ctx, x, *angles)

    monkeypatch.setattr(_Rotary, "forward", staticmethod(counted))
    model(input_ids=torch.arange(5)[None])
    assert seen == [(1, 4, 5, 8), (1, 2, 5, 8)] * 2


def test_what_turns_otherwise_stays_theirs() -> None:
    """Neighbours that are turned together; results of 16 bits for angles of 32; heads that are turned in part."""
    neighbours = modeling_cohere.CohereAttention(modeling_cohere.CohereConfig(**SMALL), 0)
    assert fuse_rotary(nn.ModuleList([neighbours])) == [] and "forward" not in vars(neighbours)
    olmo = modeling_olmo2.Olmo2ForCausalLM(modeling_olmo2.Olmo2Config(**SMALL, pad_token_id=0)).bfloat16()
    assert fuse_rotary(olmo) == [] and enable(olmo, 50) is None
    torch.manual_seed(0)
    in_part = GPTNeoXForCausalLM(GPTNeoXConfig(**SMALL, rotary_pct=0.25)).eval()
    known = in_part(input_ids=torch.arange(9)[None]).logits
    fuse_rotary(in_part)
    torch.testing.assert_close(in_part(input_ids=torch.arange(9)[None]).logits, known, rtol=1e-5, atol=1e-6)


def test_a_function_of_a_models_own_that_fails_otherwise_stays_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def other(*_: Any) -> Any:
        raise KeyError("angles")

    monkeypatch.setattr(modeling_llama, "apply_rotary_pos_emb", other)
    assert fuse_rotary(llama()) == []

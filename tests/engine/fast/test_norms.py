"""Norms with a gradient of their own against transformers' forward and autograd's gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from transformers.models.gemma.modeling_gemma import GemmaRMSNorm
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from studio.engine.fast.norms import _RmsNorm, fuse_norms


def made(dtype: torch.dtype = torch.float32, eps: float = 1e-5) -> Any:
    torch.manual_seed(0)
    norm = LlamaRMSNorm(48, eps)
    norm.weight.data.uniform_(0.5, 2.0)
    return norm.to(dtype)


def through(norm: Any, x: torch.Tensor, factors: torch.Tensor) -> tuple[torch.Tensor, ...]:
    x = x.clone().requires_grad_(True)
    norm.weight.grad = None
    out = norm(x)
    (out * factors).sum().backward()
    return out.detach(), x.grad, norm.weight.grad


@pytest.mark.parametrize("size", [1e-4, 1.0, 300.0])
def test_values_and_gradients_are_those_of_transformers(size: float) -> None:
    norm, x, factors = made(), size * torch.randn(2, 7, 48), torch.randn(2, 7, 48)
    known = through(norm, x, factors)
    assert fuse_norms(nn.Sequential(norm)) == [norm]
    for ours, theirs in zip(through(norm, x, factors), known, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5 * float(theirs.abs().max()))


def test_the_gradient_is_that_of_differences() -> None:
    norm = made(torch.float64)
    fuse_norms(norm)
    assert torch.autograd.gradcheck(_RmsNorm.apply, (torch.randn(3, 48).double().requires_grad_(), norm.weight, 1e-5))


def test_in_16_bits_it_is_a_rounding_apart() -> None:
    norm, x, factors = made(torch.bfloat16), torch.randn(5, 48).bfloat16(), torch.randn(5, 48).bfloat16()
    known = through(norm, x, factors)
    assert fuse_norms(norm) == [norm]
    for ours, theirs in zip(through(norm, x, factors), known, strict=True):
        assert ours.dtype == theirs.dtype == torch.bfloat16
        torch.testing.assert_close(ours.float(), theirs.float(), rtol=0.02, atol=0.02 * float(theirs.abs().max()))


def test_frozen_weights_get_no_gradient_and_without_gradients_nothing_changes() -> None:
    norm, x = made(), torch.randn(4, 48)
    known = norm(x)
    fuse_norms(norm)
    with torch.no_grad():
        assert torch.equal(norm(x), known)
    norm.weight.requires_grad_(False)
    x.requires_grad_(True)
    norm(x).sum().backward()
    assert norm.weight.grad is None and x.grad is not None


def test_norms_of_another_kind_are_left_alone() -> None:
    others = nn.Sequential(GemmaRMSNorm(48), nn.LayerNorm(48), nn.Linear(48, 48))
    assert fuse_norms(others) == [] and not any("forward" in vars(module) for module in others)
    norm = made()
    assert (fuse_norms(norm), fuse_norms(norm)) == ([norm], [])  # once is enough

"""LoRA layers in one step: the same numbers and gradients as PEFT's, and PEFT's way wherever it isn't plain."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.lora.layer import Linear
from torch import Tensor, nn

from studio.engine.fast import low_rank
from studio.engine.fast.low_rank import adds_nothing, fuse

SHAPE = (2, 5, 12)


class Block(nn.Module):
    """Two layers that read the same, and one that reads what they make."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(12, 20), nn.Linear(12, 20, bias=False)
        self.last = nn.Linear(20, 12)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.tanh(self.first(x)) * self.second(x))


def adapted(dtype: torch.dtype = torch.float32, **changed: Any) -> Any:
    torch.manual_seed(0)
    given = {"r": 3, "lora_alpha": 7, "target_modules": ["first", "second", "last"], "init_lora_weights": False}
    model: Any = get_peft_model(Block().to(dtype), LoraConfig(**{**given, **changed}))  # type: ignore[arg-type]
    for weight in model.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()
    return model


def both(model: Any) -> tuple[Any, Any]:
    """The same model PEFT's way and ours."""
    ours = copy.deepcopy(model)
    assert fuse(ours) == 3
    return model, ours


def passed(model: Any, *, autocast: bool = False, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """What comes out, and the gradients of the input and of all that is trained."""
    torch.manual_seed(1)
    x = torch.randn(SHAPE, dtype=dtype, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        out = model(x)
    out.float().sin().sum().backward()
    assert x.grad is not None
    return [out.detach(), x.grad, *(weight.grad for weight in model.parameters() if weight.requires_grad)]


def apart(left: list[Tensor], right: list[Tensor]) -> float:
    assert [(a.shape, a.dtype) for a in left] == [(b.shape, b.dtype) for b in right]
    return max(float((a.float() - b.float()).norm() / b.float().norm()) for a, b in zip(left, right, strict=True))


def test_same_numbers_and_gradients():
    plain, ours = both(adapted())
    assert apart(passed(ours), passed(plain)) < 1e-6


def test_without_gradients_the_same():
    plain, ours = both(adapted())
    x = torch.randn(SHAPE)
    with torch.no_grad():
        assert torch.allclose(ours(x), plain(x), atol=1e-6)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(ours(x), ours(x.clone()))


@pytest.mark.parametrize("base", [torch.float32, torch.bfloat16])
def test_under_autocast_no_further_from_the_exact_ones(base: torch.dtype):
    plain, ours = both(adapted(base))
    exact = copy.deepcopy(plain).float()
    wanted = passed(exact)
    told: Any = {"autocast": True, "dtype": base}
    ours_found, plain_found = ([v.float() for v in passed(model, **told)] for model in (ours, plain))
    assert apart(ours_found, wanted) <= 1.1 * apart(plain_found, wanted) + 1e-3


def test_all_layers_that_read_an_input_share_what_it_was_turned_to():
    _, ours = both(adapted())
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with hooks, torch.autocast("cpu", torch.bfloat16):
        ours(torch.randn(SHAPE, requires_grad=True))
    inputs = [tensor for tensor in kept if tensor.dtype == torch.bfloat16 and tensor.shape == (10, 12)]
    assert len(inputs) == 2 and len({tensor.data_ptr() for tensor in inputs}) == 1


def test_an_input_that_was_changed_in_place_is_turned_again():
    _, ours = both(adapted())
    x = torch.randn(SHAPE)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        ours.base_model.model.first(x)
        x.add_(1)
        found = ours.base_model.model.second(x)
        assert torch.equal(found, ours.base_model.model.second(x.clone()))


OTHERS: dict[str, dict[str, Any]] = {
    "dropout": {"lora_dropout": 0.5},
    "DoRA": {"use_dora": True},
    "biases": {"lora_bias": True},
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_not_plain_goes_pefts_way(kind: str, monkeypatch: pytest.MonkeyPatch):
    plain, ours = both(adapted(**OTHERS[kind]))
    monkeypatch.setattr(low_rank, "_summed_up", lambda *_: pytest.fail("not plain LoRA"))
    assert apart(passed(ours), passed(plain)) == 0


def test_two_adapters_none_and_merged_ones():
    model = adapted()
    model.add_adapter("other", LoraConfig(r=2, target_modules=["first"], init_lora_weights=False))
    plain, ours = both(model)
    x = torch.randn(SHAPE)
    with torch.no_grad():
        for each in (plain, ours):
            each.base_model.set_adapter(["default", "other"])
        assert torch.allclose(ours(x), plain(x), atol=1e-6)
        for each in (plain, ours):
            each.set_adapter("other")
        assert torch.allclose(ours(x), plain(x), atol=1e-6)
        with plain.disable_adapter(), ours.disable_adapter():
            assert torch.equal(ours(x), plain(x))
        for each in (plain, ours):
            each.merge_adapter()
        assert torch.equal(ours(x), plain(x))


def test_rows_with_adapters_of_their_own_go_pefts_way():
    model = adapted()
    model.add_adapter("other", LoraConfig(r=2, target_modules=["first"], init_lora_weights=False))
    plain, ours = (each.eval() for each in both(model))
    layers = [next(m for m in each.modules() if type(m) is Linear) for each in (plain, ours)]
    x = torch.randn(SHAPE)
    theirs, found = (layer(x, adapter_names=["default", "other"]) for layer in layers)
    assert torch.equal(found, theirs)


def test_lora_as_it_begins_adds_nothing():
    model, x = adapted(init_lora_weights=True), torch.randn(SHAPE)
    assert adds_nothing(model)
    with torch.no_grad():
        made = model(x)
        with model.disable_adapter():
            assert torch.equal(model(x), made)
        model.base_model.last.lora_B["default"].weight[0, 0] = 1e-9
    assert not adds_nothing(model)


@pytest.mark.parametrize("changed", [OTHERS["DoRA"], OTHERS["biases"], {"modules_to_save": ["last"]}])
def test_others_may_add_something(changed: dict[str, Any]):
    named = {"target_modules": ["first", "second"]} if "modules_to_save" in changed else {}
    assert not adds_nothing(adapted(init_lora_weights=True, **changed, **named))


def test_neither_trained_nor_merged_nor_absent_adapters_add_nothing():
    assert not adds_nothing(Block()) and not adds_nothing(adapted())
    model = adapted(init_lora_weights=True)
    model.add_adapter("other", LoraConfig(r=2, target_modules=["first"], init_lora_weights=False))
    assert adds_nothing(model)  # the other is not on
    model.merge_adapter()
    assert not adds_nothing(model)

"""Attention per sequence against SDPA over the whole row with the mask that says the same."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from studio.engine.fast import attention, short_attention
from studio.engine.fast.attention import Layout, NotSupported, Prefix, per_sequence_attention

MODULE = SimpleNamespace(is_causal=True, num_key_value_groups=1)
LAYOUTS = {
    "one token": Layout((1,)),
    "one sequence": Layout((9,)),
    "unequal, some of one token": Layout((5, 1, 12, 1, 3)),
    "some of one length": Layout((4, 4, 4, 1, 1, 6)),
    "pairs that share prompts": Layout((9, 4, 6, 1), (None, Prefix(0, 5), None, Prefix(2, 6))),
    "three answers to one prompt": Layout((9, 4, 2), (None, Prefix(0, 5), Prefix(0, 3))),
}


def row(layout, heads=4, groups=2, rest=3, dtype=torch.float32, width=8):
    torch.manual_seed(0)
    tokens = layout.total + rest
    shapes = (heads, heads // groups, heads // groups)
    return [torch.randn(1, count, tokens, width, dtype=dtype, requires_grad=True) for count in shapes]


def block_mask(layout, tokens):
    """[tokens, tokens], true where a token sees another one; what belongs to no sequence sees itself."""
    mask = torch.eye(tokens, dtype=torch.bool)
    starts = [0, *torch.tensor(layout.lengths).cumsum(0).tolist()]
    for place, length in enumerate(layout.lengths):
        here = slice(starts[place], starts[place] + length)
        mask[here, here] = torch.ones(length, length, dtype=torch.bool).tril()
        prefix = layout.prefixes[place] if layout.prefixes else None
        if prefix:
            mask[here, starts[prefix.place] : starts[prefix.place] + prefix.length] = True
    return mask


def plain(query, key, value, layout, scale=None):
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    mask = block_mask(layout, query.shape[2])
    return F.scaled_dot_product_attention(query, key, value, mask, scale=scale).transpose(1, 2)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_values_and_gradients_are_those_of_one_masked_row(layout, groups):
    tensors = row(layout, groups=groups)
    ours, _ = per_sequence_attention(MODULE, *tensors, None, scaling=0.3, layout=layout)
    theirs = plain(*tensors, layout, scale=0.3)
    ours, theirs = ours[:, : layout.total], theirs[:, : layout.total]
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    factors = torch.randn_like(ours)
    for a, b in zip(
        torch.autograd.grad((ours * factors).sum(), tensors),
        torch.autograd.grad((theirs * factors).sum(), tensors),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("short", [False, True])
def test_bf16_is_32_bit_arithmetic_on_bf16_numbers(autocast, short, monkeypatch):
    monkeypatch.setattr(short_attention, "SHORTEST", 1 if short else 99)
    layout = LAYOUTS["pairs that share prompts"]
    tensors = row(layout, dtype=torch.bfloat16)
    with torch.autocast("cpu", enabled=autocast):
        ours, _ = per_sequence_attention(MODULE, *tensors, None, layout=layout)
    assert ours.dtype == torch.bfloat16
    theirs = plain(*(tensor.float() for tensor in tensors), layout)
    # The result is rounded, to 8 bits, and the odds of short sequences before.
    rounded = {"rtol": 2**-7, "atol": 2**-8} if short else {"rtol": 2**-8, "atol": 1e-6}
    torch.testing.assert_close(ours[:, : layout.total].float(), theirs[:, : layout.total], **rounded)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_gradients_in_bf16_are_those_in_32_bits_up_to_rounding(layout, groups, monkeypatch):
    monkeypatch.setattr(short_attention, "SHORTEST", 1)
    tensors = row(layout, groups=groups, dtype=torch.bfloat16, width=16)
    exact = [tensor.detach().float().requires_grad_() for tensor in tensors]
    ours, _ = per_sequence_attention(MODULE, *tensors, None, layout=layout)
    theirs = plain(*exact, layout)[:, : layout.total]
    factors = torch.randn_like(theirs)
    for a, b in zip(
        torch.autograd.grad((ours[:, : layout.total].float() * factors).sum(), tensors),
        torch.autograd.grad((theirs * factors).sum(), exact),
        strict=True,
    ):
        assert (a.float() - b).norm() <= 0.01 * b.norm() + 1e-6


@pytest.fixture
def taken(monkeypatch):
    """How many tokens were seen each time that the way for short sequences was taken."""
    seen = []

    def counted(query, key, value, scaling):
        seen.append(key.shape[2])
        return short_attention.short_attention(query, key, value, scaling)

    monkeypatch.setattr(attention, "short_attention", counted)
    monkeypatch.setattr(short_attention, "SHORTEST", 1)
    return seen


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_short_sequences_in_bf16_take_their_way_to_learn(layout, taken):
    per_sequence_attention(MODULE, *row(layout, dtype=torch.bfloat16), None, layout=layout)
    assert len(taken) == len(layout.runs)


def test_the_way_of_short_sequences_is_theirs_alone(taken, monkeypatch):
    monkeypatch.setattr(short_attention, "SHORTEST", 4)
    monkeypatch.setattr(short_attention, "LONGEST", 9)
    layout = Layout((3, 4, 9, 10, 5), (None, None, None, None, Prefix(1, 4)))
    tensors = row(layout, dtype=torch.bfloat16)
    with torch.no_grad():
        per_sequence_attention(MODULE, *tensors, None, layout=layout)
    per_sequence_attention(MODULE, *tensors, None, layout=layout, dropout=0.1)
    per_sequence_attention(MODULE, *row(layout), None, layout=layout)
    per_sequence_attention(MODULE, *(tensor.float() for tensor in tensors[:2]), tensors[2], None, layout=layout)
    assert taken == []
    per_sequence_attention(MODULE, *tensors, None, layout=layout)
    assert taken == [4, 9, 9]  # with its beginning, the last one is as long


def test_what_belongs_to_no_sequence_gets_zeros_and_no_gradient():
    layout = Layout((4, 2))
    tensors = row(layout, rest=5)
    out, _ = per_sequence_attention(MODULE, *tensors, None, layout=layout)
    assert out.shape == (1, 11, 4, 8) and not out[:, 6:].any()
    for gradient in torch.autograd.grad(out.sum(), tensors):
        assert not gradient[:, :, 6:].any()


def test_dropout_leaves_out_about_its_share():
    layout = Layout((64,))
    query, key, value = row(layout, rest=0)
    out, _ = per_sequence_attention(
        MODULE, torch.zeros_like(query), key, torch.ones_like(value), None, dropout=0.5, layout=layout
    )
    assert float((out == 0).float().mean()) < 0.1  # rows of few tokens
    out = out.detach()
    assert float(out[:, 32:].mean()) == pytest.approx(1.0, abs=0.1) and float(out[:, 32:].std()) > 0.05


@pytest.mark.parametrize(
    "others",
    [{"softcap": 50.0}, {"s_aux": torch.zeros(4)}, {"position_bias": torch.zeros(1)}, {"sliding_window": 8}],
    ids=lambda others: next(iter(others)),
)
def test_other_kinds_of_attention_are_refused(others):
    layout = Layout((9, 4))
    with pytest.raises(NotSupported):
        per_sequence_attention(MODULE, *row(layout), None, layout=layout, **others)


def test_a_window_that_holds_every_sequence_makes_no_difference():
    layout = Layout((9, 4))
    tensors = row(layout)
    free, _ = per_sequence_attention(MODULE, *tensors, None, layout=layout)
    windowed, _ = per_sequence_attention(MODULE, *tensors, None, layout=layout, sliding_window=9, softcap=None)
    assert torch.equal(free, windowed)


def test_attention_that_looks_ahead_is_refused():
    layout = Layout((3,))
    with pytest.raises(NotSupported):
        per_sequence_attention(SimpleNamespace(is_causal=False), *row(layout), None, layout=layout)


def test_without_a_layout_it_is_the_ordinary_attention():
    tensors = row(Layout((7,)), groups=1, rest=0)
    ours, _ = per_sequence_attention(MODULE, *tensors, None)
    theirs = F.scaled_dot_product_attention(*tensors, is_causal=True).transpose(1, 2)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(
    "arguments",
    [((),), ((3, 0),), ((3, 2), (None,)), ((3, 2), (None, Prefix(1, 1))), ((3, 2), (None, Prefix(0, 4)))],
    ids=str,
)
def test_layouts_that_mean_nothing_are_refused(arguments):
    with pytest.raises(ValueError):  # noqa: PT011
        Layout(*arguments)

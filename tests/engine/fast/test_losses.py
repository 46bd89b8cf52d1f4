"""The output layer's loss and gradients against the plain way: all logits at once, torch's own cross-entropy."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from studio.engine.fast import losses
from studio.engine.fast.losses import Head, all_logits, cross_entropy, token_log_probs, token_log_probs_and_entropies

ROWS, WIDTH, VOCABULARY = 150, 24, 301


def tensors(rows=ROWS, *, dtype=torch.float32, bias=False, seed=0):
    torch.manual_seed(seed)
    hidden = torch.randn(rows, WIDTH, dtype=dtype, requires_grad=True)
    weight = (torch.randn(VOCABULARY, WIDTH) * 0.5).to(dtype).requires_grad_()
    extra = torch.randn(VOCABULARY, requires_grad=True) if bias else None
    return hidden, weight, extra, torch.randint(0, VOCABULARY, (rows,))


def plain_logits(hidden, weight, bias, scale=1.0, softcap=None):
    logits = hidden.float() @ weight.float().T
    if bias is not None:
        logits = logits + bias
    logits = logits * scale
    return softcap * torch.tanh(logits / softcap) if softcap else logits


def gradients(value, tensors):
    return torch.autograd.grad(value, [tensor for tensor in tensors if tensor is not None])


def assert_alike(ours, theirs, tolerance=1e-5):
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.float(), b.float(), rtol=tolerance, atol=tolerance * float(b.detach().abs().max()))


KINDS = [{}, {"bias": True}, {"scale": 0.25}, {"softcap": 3.0}, {"bias": True, "scale": 2.0, "softcap": 5.0}]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Several parts, the last one not full, of several strips, the last of each not full."""
    monkeypatch.setattr(losses, "_PRODUCT", 64 * VOCABULARY)
    monkeypatch.setattr(losses, "_FEWEST", 64)
    monkeypatch.setattr(losses, "_STRIP", 24 * VOCABULARY)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_cross_entropy_and_its_gradients_are_the_plain_ones(kind):
    hidden, weight, bias, targets = tensors(bias=kind.get("bias", False))
    scale, softcap = kind.get("scale", 1.0), kind.get("softcap")
    logits = plain_logits(hidden, weight, bias, scale, softcap)
    plain = F.cross_entropy(logits, targets, reduction="sum")
    result = cross_entropy(hidden, Head(weight, torch.float32, bias, scale, softcap), targets)
    torch.testing.assert_close(result.loss, plain, rtol=1e-6, atol=0)
    assert int(result.correct) == int((logits.argmax(1) == targets).sum())
    assert_alike(gradients(result.loss / 7, (hidden, weight, bias)), gradients(plain / 7, (hidden, weight, bias)))


@pytest.mark.parametrize("frozen", [False, True], ids=["trained layer", "frozen layer"])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_token_log_probs_and_their_gradients_are_the_plain_ones(kind, frozen):
    hidden, weight, bias, targets = tensors(bias=kind.get("bias", False))
    scale, softcap = kind.get("scale", 1.0), kind.get("softcap")
    if frozen:
        weight = weight.detach()
        bias = bias.detach() if bias is not None else None
    plain = plain_logits(hidden, weight, bias, scale, softcap).log_softmax(1).gather(1, targets[:, None])[:, 0]
    ours = token_log_probs(hidden, Head(weight, torch.float32, bias, scale, softcap), targets)
    torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-5)
    factors = torch.randn(ROWS)
    trained = (hidden,) if frozen else (hidden, weight, bias)
    assert_alike(gradients((ours * factors).sum(), trained), gradients((plain * factors).sum(), trained))


def test_a_frozen_layer_gives_the_hidden_states_the_same_gradient():
    hidden, weight, _, targets = tensors()
    for loss in (
        lambda w: cross_entropy(hidden, Head(w, torch.float32), targets).loss,
        lambda w: token_log_probs(hidden, Head(w, torch.float32), targets).sum(),
    ):
        (trained,) = torch.autograd.grad(loss(weight), [hidden])
        (frozen,) = torch.autograd.grad(loss(weight.detach()), [hidden])
        torch.testing.assert_close(frozen, trained, rtol=1e-6, atol=1e-6)


def test_a_trained_layer_under_frozen_hidden_states():
    hidden, weight, _, targets = tensors()
    plain = F.cross_entropy(hidden.detach() @ weight.T, targets, reduction="sum")
    ours = cross_entropy(hidden.detach(), Head(weight, torch.float32), targets).loss
    assert_alike(gradients(ours, [weight]), gradients(plain, [weight]))


def test_bf16_is_within_what_its_eight_bits_can_tell_apart():
    # A bf16 number is known to 2**-9 of itself; logits, probabilities and products are rounded once each, and the
    # errors of many rows partly cancel. Twice 2**-8 of the largest gradient is the room for that.
    hidden, weight, _, targets = tensors(dtype=torch.bfloat16)
    plain = F.cross_entropy(plain_logits(hidden, weight, None), targets, reduction="sum")
    result = cross_entropy(hidden, Head(weight, torch.bfloat16), targets)
    torch.testing.assert_close(result.loss, plain, rtol=2**-8, atol=0)
    assert_alike(gradients(result.loss, (hidden, weight)), gradients(plain, (hidden, weight)), tolerance=2**-7)


def test_gradients_have_the_types_of_their_tensors():
    hidden, weight, bias, targets = tensors(dtype=torch.bfloat16, bias=True)
    made = gradients(cross_entropy(hidden, Head(weight, torch.bfloat16, bias), targets).loss, (hidden, weight, bias))
    assert [gradient.dtype for gradient in made] == [torch.bfloat16, torch.bfloat16, torch.float32]


@pytest.mark.parametrize("rows", [1, 64, 65])
def test_any_number_of_rows(rows):
    hidden, weight, _, targets = tensors(rows)
    plain = F.cross_entropy(hidden @ weight.T, targets, reduction="sum")
    ours = cross_entropy(hidden, Head(weight, torch.float32), targets).loss
    assert_alike([ours, *gradients(ours, (hidden, weight))], [plain, *gradients(plain, (hidden, weight))])


def test_nothing_selected_is_a_loss_of_zero_that_can_be_trained_on():
    hidden, weight, _, targets = tensors(0)
    result = cross_entropy(hidden, Head(weight, torch.float32), targets)
    assert float(result.loss.detach()) == 0 and int(result.correct) == 0
    by_hidden, by_weight = gradients(result.loss, (hidden, weight))
    assert by_hidden.shape == (0, WIDTH) and not by_weight.any()
    assert token_log_probs(hidden, Head(weight, torch.float32), targets).shape == (0,)


def test_without_gradients_none_are_made():
    hidden, weight, _, targets = tensors()
    with torch.no_grad():
        result = cross_entropy(hidden, Head(weight, torch.float32), targets)
    assert not result.loss.requires_grad
    assert not token_log_probs(hidden.detach(), Head(weight.detach(), torch.float32), targets).requires_grad


def test_the_gradient_is_handed_out_once():
    hidden, weight, _, targets = tensors()
    loss = cross_entropy(hidden, Head(weight, torch.float32), targets).loss
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="handed out"):
        loss.backward()


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_log_probs_and_entropies_at_a_temperature_are_the_plain_ones(kind, frozen, temperature):
    hidden, weight, bias, targets = tensors(bias=kind.get("bias", False))
    if frozen:
        weight.requires_grad_(False)
        bias = bias.detach() if bias is not None else None
    scale, softcap = kind.get("scale", 1.0), kind.get("softcap")
    head = Head(weight, torch.float32, bias, scale, softcap, temperature)
    logits = plain_logits(hidden, weight, bias, scale, softcap) / temperature
    torch.testing.assert_close(all_logits(hidden, head), logits.detach(), rtol=1e-5, atol=1e-5)
    plain = logits.log_softmax(1)
    at_target, entropy = plain.gather(1, targets[:, None])[:, 0], -(plain.exp() * plain).sum(1)
    ours = token_log_probs_and_entropies(hidden, head, targets)
    assert_alike(ours, (at_target, entropy))
    assert_alike([token_log_probs(hidden, head, targets)], [at_target])
    factors = torch.linspace(-1, 2, ROWS)
    leaves = [leaf for leaf in (hidden, weight, bias) if leaf is not None and leaf.requires_grad]
    for choose in (
        lambda pair: pair[0] @ factors,
        lambda pair: pair[1] @ factors,
        lambda pair: (pair[0] + pair[1]) @ factors,
    ):
        values = choose(token_log_probs_and_entropies(hidden, head, targets)), choose((at_target, entropy))
        assert_alike(*(torch.autograd.grad(value, leaves, retain_graph=True) for value in values), 2e-5)

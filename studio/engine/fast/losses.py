"""The output layer and its loss in one step: logits for a few rows at a time, of the rows that are trained alone.

`cross_entropy` makes the gradient on the way forward, while the logits are in the cache; `token_log_probs` does so when
the layer is frozen and computes the logits again on the way back when it is trained. No tensor is rows x vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F  # noqa: N812

_CACHE = 2**22  # logits at a time on a processor: 16 MB, half of a usual third-level cache
_CARD = 2**26  # and on a card, where large products are what is fast
_FEWEST = 256  # rows: below, summing up the weight's gradient costs more than the products
_WORDS = 4096  # of the weight's gradient at a time on a processor: what is added stays in the cache
_ROUND = 64  # oneDNN compiles a bf16 product for each new shape, so there are few shapes


@dataclass(frozen=True)
class Head:
    """The output layer: logits = cap(scale * (hidden @ weight.T + bias)) / temperature, computed in `dtype`, summed up
    in fp32.

    softcap: logits are squeezed to softcap * tanh(logits / softcap), as in some Gemmas. turned: the weight in `dtype`,
    where whoever asks has it already.
    """

    weight: Tensor
    dtype: torch.dtype
    bias: Tensor | None = None
    scale: float = 1.0
    softcap: float | None = None
    temperature: float = 1.0
    turned: Tensor | None = None


class LossSum(NamedTuple):
    """The loss summed over all rows, and for how many the model's first choice was right."""

    loss: Tensor
    correct: Tensor


def cross_entropy(hidden: Tensor, head: Head, targets: Tensor) -> LossSum:
    """-log p(target), summed. hidden: [rows, width]; targets: [rows]. Its gradient can be taken once."""
    arguments = hidden, head.weight, head.bias, targets, head, torch.is_grad_enabled()
    return LossSum(*_CrossEntropy.apply(*arguments))  # type: ignore[misc]


def token_log_probs(hidden: Tensor, head: Head, targets: Tensor) -> Tensor:
    """log p(target) of each row, in fp32: [rows]."""
    return _TokenLogProbs.apply(hidden, head.weight, head.bias, targets, head, torch.is_grad_enabled(), False)[0]  # type: ignore[index]


def token_log_probs_and_entropies(hidden: Tensor, head: Head, targets: Tensor) -> tuple[Tensor, Tensor]:
    """log p(target) of each row, and the entropy of what could stand there, in nats and fp32: [rows], [rows]."""
    return _TokenLogProbs.apply(hidden, head.weight, head.bias, targets, head, torch.is_grad_enabled(), True)  # type: ignore[return-value]


def all_logits(hidden: Tensor, head: Head) -> Tensor:
    """The logits [rows, vocabulary] in fp32, without a gradient: for few rows, as when one token of each is chosen."""
    with torch.no_grad(), torch.autocast(hidden.device.type, enabled=False):
        product = _Product(head, hidden, head.weight, head.bias)
        rows = [product.logits(product.rows(part), len(hidden[part])).clone() for part in product.parts()]
        return torch.cat(rows) if len(rows) > 1 else rows[0]


class _Product:
    """The layer's product in its computing type, a part of the rows at a time, forward and back."""

    def __init__(self, head: Head, hidden: Tensor, weight: Tensor, bias: Tensor | None) -> None:
        self.head, self.hidden = head, hidden
        self.weight = weight.to(head.dtype) if head.turned is None else head.turned
        self.bias = bias.float() if bias is not None else None
        self._exact = head.dtype == torch.float32
        self._round = _ROUND if hidden.device.type == "cpu" and not self._exact else 1
        vocabulary = self.weight.shape[0]
        room = (_CACHE if hidden.device.type == "cpu" else _CARD) // vocabulary
        self._step = max(_FEWEST, room // _ROUND * _ROUND)
        # The largest tensors of a step, made once: freed and made again they would leave holes in the memory.
        rows = min(self._step, -(-hidden.shape[0] // _ROUND) * _ROUND)
        self._raw = torch.empty(rows, vocabulary, dtype=head.dtype, device=hidden.device)
        self._wide = self._raw if self._exact else torch.empty_like(self._raw, dtype=torch.float32)

    def parts(self) -> Iterator[slice]:
        """Slices that together are all rows, each small enough for the cache."""
        return (slice(start, start + self._step) for start in range(0, self.hidden.shape[0], self._step))

    def rows(self, part: slice) -> Tensor:
        """The hidden states of a part, rounded up with rows of zeros."""
        rows = self.hidden[part].to(self.head.dtype)
        missing = -rows.shape[0] % self._round
        return F.pad(rows, (0, 0, 0, missing)) if missing else rows

    def logits(self, rows: Tensor, count: int) -> Tensor:
        """[count, vocabulary] in fp32, to be overwritten; the next call does so too."""
        raw = torch.mm(rows, self.weight.T, out=self._raw[: len(rows)])[:count]
        logits = raw if self._exact else self._wide[:count].copy_(raw)
        if self.bias is not None:
            logits.add_(self.bias)
        if self.head.scale != 1.0:
            logits.mul_(self.head.scale)
        if self.head.softcap:
            logits.div_(self.head.softcap).tanh_().mul_(self.head.softcap)
        if self.head.temperature != 1.0:
            logits.div_(self.head.temperature)
        return logits

    def slope(self, logits: Tensor) -> Tensor | None:
        """What the cap multiplies gradients with: to be asked for before `logits` are overwritten."""
        cap = self.head.softcap
        return 1 - (logits * (self.head.temperature / cap)).square_() if cap else None

    def back(self, gradient: Tensor, slope: Tensor | None) -> Tensor:
        """The gradient before scale, cap and temperature, in the computing type, rounded up like the rows. Overwrites
        `gradient`."""
        if slope is not None:
            gradient.mul_(slope)
        if self.head.scale != self.head.temperature:
            gradient.mul_(self.head.scale / self.head.temperature)
        if self._exact:
            return gradient
        count = len(gradient)
        raw = self._raw[: count + -count % self._round]
        raw[:count].copy_(gradient)
        raw[count:].zero_()
        return raw


class _Gradients:
    """Where gradients are summed up: in fp32, and only those that are asked for."""

    def __init__(self, product: _Product, hidden: bool, weight: bool, bias: bool) -> None:
        device = product.hidden.device
        self.product = product
        self.hidden = torch.empty(product.hidden.shape, dtype=torch.float32, device=device) if hidden else None
        make = torch.empty if len(product.hidden) else torch.zeros  # the first part of the rows is copied in, not added
        self.weight = make(product.weight.shape, dtype=torch.float32, device=device) if weight else None
        self.bias = torch.zeros(product.weight.shape[0], dtype=torch.float32, device=device) if bias else None
        self._exact = product.weight.dtype == torch.float32

    def add(self, part: slice, rows: Tensor, gradient: Tensor, count: int) -> None:
        if self.hidden is not None:
            self.hidden[part] = (gradient @ self.product.weight)[:count]
        if self.weight is not None:
            first = part.start == 0
            if self._exact:
                torch.addmm(self.weight, gradient.T, rows, beta=0 if first else 1, out=self.weight)
            else:
                self._add_turned(self.weight, gradient.T, rows, first)
        if self.bias is not None:
            self.bias += gradient.sum(0, dtype=torch.float32)

    @staticmethod
    def _add_turned(total: Tensor, left: Tensor, right: Tensor, first: bool) -> None:
        """Add a 16-bit product to a 32-bit sum, some words of the vocabulary at a time: the product of all, turned to
        32 bits, would go through the memory twice more than the sum itself."""
        words = _WORDS if total.device.type == "cpu" else len(total)
        for start in range(0, len(total), words):
            some = slice(start, start + words)
            product = torch.mm(left[some], right)
            if first:
                total[some].copy_(product)
            else:
                total[some].add_(product)


def _minus_one_at(targets: Tensor, probabilities: Tensor) -> Tensor:
    """The gradient of -log p(target) to the logits, made in place of the probabilities."""
    return probabilities.scatter_add_(1, targets[:, None], torch.full_like(probabilities[:, :1], -1.0))


class _CrossEntropy(Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, head: Head, train: bool
    ) -> tuple[Tensor, Tensor]:
        wanted = [train and needed for needed in ctx.needs_input_grad[:3]]
        product = _Product(head, hidden, weight, bias)
        gradients = _Gradients(product, *wanted)
        loss = torch.zeros((), dtype=torch.float32, device=hidden.device)
        correct = torch.zeros((), dtype=torch.long, device=hidden.device)
        with torch.autocast(hidden.device.type, enabled=False):
            for part in product.parts():
                rows, here = product.rows(part), targets[part]
                logits = product.logits(rows, len(here))
                at_target = logits.gather(1, here[:, None])
                top = logits.amax(1, keepdim=True)
                correct += (at_target >= top).sum()
                slope = product.slope(logits) if any(wanted) else None
                total = logits.sub_(top).exp_().sum(1, keepdim=True)
                loss += (total.log() + top - at_target).sum()
                if any(wanted):
                    gradient = _minus_one_at(here, logits.div_(total))
                    gradients.add(part, rows, product.back(gradient, slope), len(here))
        ctx.gradients = gradients.hidden, gradients.weight, gradients.bias  # and not what they were made with
        ctx.dtypes = hidden.dtype, weight.dtype, bias.dtype if bias is not None else None
        ctx.mark_non_differentiable(correct)
        return loss, correct

    @staticmethod
    def backward(ctx: Any, loss: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        if ctx.gradients is None:
            raise RuntimeError("The gradient of this loss was made on the way forward and has been handed out.")
        made, ctx.gradients = ctx.gradients, None  # handed out, not copied: the weight's is as large as the weight
        scaled = (
            part.mul_(loss).to(dtype) if part is not None else None
            for part, dtype in zip(made, ctx.dtypes, strict=True)
        )
        return (*scaled, None, None, None)


class _TokenLogProbs(Function):
    """Log-probabilities, and entropies where they are asked for; else those are empty."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        head: Head,
        train: bool,
        entropies: bool,
    ) -> tuple[Tensor, Tensor]:
        wanted = [train and needed for needed in ctx.needs_input_grad[:3]]
        product = _Product(head, hidden, weight, bias)
        # With a frozen layer the gradient of each row is known up to a factor, which comes on the way back.
        frozen = wanted == [True, False, False]
        gradients = _Gradients(product, *wanted) if frozen else None
        of_entropy = _Gradients(product, *wanted) if frozen and entropies else None
        out = torch.empty(len(targets), dtype=torch.float32, device=hidden.device)
        spread = torch.empty(len(targets) if entropies else 0, dtype=torch.float32, device=hidden.device)
        with torch.autocast(hidden.device.type, enabled=False):
            for part in product.parts():
                rows, here = product.rows(part), targets[part]
                logits = product.logits(rows, len(here))
                slope = product.slope(logits) if gradients else None
                at_target = logits.gather(1, here[:, None])
                probabilities, log_probs, total = _softmax(logits, entropies)
                out[part] = (at_target - total)[:, 0]
                if log_probs is not None:
                    spread[part] = entropy = -(probabilities * log_probs).sum(1)
                    if of_entropy:
                        gradient = _of_entropy(probabilities, log_probs, entropy)
                        of_entropy.add(part, rows, product.back(gradient, slope), len(here))
                if gradients:
                    gradient = _minus_one_at(here, probabilities).neg_()
                    gradients.add(part, rows, product.back(gradient, slope), len(here))
        ctx.wanted, ctx.head, ctx.entropies, ctx.dtype = wanted, head, entropies, hidden.dtype
        if not entropies:
            ctx.mark_non_differentiable(spread)
        if gradients:
            ctx.save_for_backward(gradients.hidden, of_entropy.hidden if of_entropy else None)
        else:
            ctx.save_for_backward(hidden, weight, bias, targets)
        return out, spread

    @staticmethod
    def backward(ctx: Any, out: Tensor, spread: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        if len(ctx.saved_tensors) == 2:
            unit, of_entropy = ctx.saved_tensors
            made = unit * out[:, None]
            if of_entropy is not None:
                made = made.addcmul_(of_entropy, spread[:, None])
            return made.to(ctx.dtype), None, None, None, None, None, None
        hidden, weight, bias, targets = ctx.saved_tensors
        product = _Product(ctx.head, hidden, weight, bias)
        gradients = _Gradients(product, *ctx.wanted)
        with torch.autocast(hidden.device.type, enabled=False):
            for part in product.parts():
                rows, here = product.rows(part), targets[part]
                logits = product.logits(rows, len(here))
                slope = product.slope(logits)
                probabilities, log_probs, _ = _softmax(logits, ctx.entropies)
                of_entropy = None
                if log_probs is not None:
                    entropy = -(probabilities * log_probs).sum(1)
                    of_entropy = _of_entropy(probabilities, log_probs, entropy).mul_(spread[part, None])
                gradient = _minus_one_at(here, probabilities).mul_(-out[part, None])
                if of_entropy is not None:
                    gradient.add_(of_entropy)
                gradients.add(part, rows, product.back(gradient, slope), len(here))
        tensors = (hidden, weight, bias)
        made = (gradients.hidden, gradients.weight, gradients.bias)
        typed = (g.to(t.dtype) if g is not None else None for g, t in zip(made, tensors, strict=True))
        return (*typed, None, None, None, None)


def _softmax(logits: Tensor, with_logs: bool) -> tuple[Tensor, Tensor | None, Tensor]:
    """Probabilities, their logarithms if wanted, and the logits' log-sum-exp [rows, 1]. Overwrites `logits`."""
    top = logits.amax(1, keepdim=True)
    shifted = logits.sub_(top)
    exponents = shifted.exp() if with_logs else shifted.exp_()
    total = exponents.sum(1, keepdim=True)
    logs = total.log()
    return exponents.div_(total), shifted.sub_(logs) if with_logs else None, logs.add_(top)


def _of_entropy(probabilities: Tensor, log_probs: Tensor, entropy: Tensor) -> Tensor:
    """The gradient of the entropy H = -sum p log p to the logits: -p (log p + H)."""
    return (log_probs + entropy[:, None]).mul_(probabilities).neg_()

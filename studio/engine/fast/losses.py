"""The output layer and its loss in one step: logits for a few rows at a time, of the rows that are trained alone.

A product takes many rows, as it must to be fast; what is made of its logits takes a strip of them at a time, which
stays in the cache from the first look at it to the last. `cross_entropy` makes the gradient on the way forward;
`token_log_probs` does so when the layer is frozen and computes the logits again on the way back when it is trained. No
tensor is rows x vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F  # noqa: N812

_STRIP = 2**20  # logits at a time on a processor: 4 MB, less than a usual third-level cache
_PRODUCT = 2**22  # logits of a product there
_CARD = 2**26  # and of both on a card, where large products are what is fast
_FEWEST = (
    1024  # bytes that a product has for each word: with fewer, summing up the weight's gradient costs more than it
)
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
        strips = (strip for part in product.parts() for strip in product.strips(part, product.rows(part)))
        logits = [found.clone() for _, found in strips]
        return torch.cat(logits) if len(logits) > 1 else logits[0]


class _Product:
    """The layer's product in its computing type, a part of the rows at a time, forward and back; in between its logits
    in fp32, a strip of the part at a time."""

    def __init__(self, head: Head, hidden: Tensor, weight: Tensor, bias: Tensor | None) -> None:
        self.head, self.hidden = head, hidden
        self.weight = weight.to(head.dtype) if head.turned is None else head.turned
        self.bias = bias.float() if bias is not None else None
        self.exact = head.dtype == torch.float32
        on_processor = hidden.device.type == "cpu"
        self._round = _ROUND if on_processor and not self.exact else 1
        vocabulary = self.weight.shape[0]
        room = (_PRODUCT if on_processor else _CARD) // vocabulary
        self._step = max(_FEWEST // self.weight.element_size(), room // _ROUND * _ROUND)
        # The largest tensors of a step, made once: freed and made again they would leave holes in the memory.
        rows = min(self._step, -(-hidden.shape[0] // _ROUND) * _ROUND)
        self._strip = min(rows, max(1, _STRIP // vocabulary)) if on_processor else max(1, rows)
        self.raw = torch.empty(rows, vocabulary, dtype=head.dtype, device=hidden.device)
        self._wide = self.raw[:0] if self.exact else self.raw.new_empty(self._strip, vocabulary, dtype=torch.float32)

    def parts(self) -> Iterator[slice]:
        """Slices that together are all rows, each small enough for one product."""
        return (slice(start, start + self._step) for start in range(0, self.hidden.shape[0], self._step))

    def rows(self, part: slice) -> Tensor:
        """The hidden states of a part, rounded up with rows of zeros."""
        rows = self.hidden[part].to(self.head.dtype)
        missing = -rows.shape[0] % self._round
        return F.pad(rows, (0, 0, 0, missing)) if missing else rows

    def strips(self, part: slice, rows: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """The logits of a part, strip by strip: [its rows, vocabulary] in fp32, to be overwritten before the next."""
        raw = torch.mm(rows, self.weight.T, out=self.raw[: len(rows)])
        end = min(part.stop, len(self.hidden))
        for start in range(part.start, end, self._strip):
            strip = slice(start, min(start + self._strip, end))
            yield strip, self._logits(raw[strip.start - part.start : strip.stop - part.start])

    def _logits(self, raw: Tensor) -> Tensor:
        logits = raw if self.exact else self._wide[: len(raw)].copy_(raw)
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
        """The gradient before scale, cap and temperature. Overwrites `gradient`."""
        if slope is not None:
            gradient.mul_(slope)
        if self.head.scale != self.head.temperature:
            gradient.mul_(self.head.scale / self.head.temperature)
        return gradient


class _Gradients:
    """Where gradients are summed up: in fp32, and only those that are asked for. Strip by strip they stand in place of
    the logits, or beside them, until a part is whole."""

    def __init__(self, product: _Product, hidden: bool, weight: bool, bias: bool, *, beside: bool = False) -> None:
        device = product.hidden.device
        self.product = product
        self.hidden = torch.empty(product.hidden.shape, dtype=torch.float32, device=device) if hidden else None
        make = torch.empty if len(product.hidden) else torch.zeros  # the first part of the rows is copied in, not added
        self.weight = make(product.weight.shape, dtype=torch.float32, device=device) if weight else None
        self.bias = torch.zeros(product.weight.shape[0], dtype=torch.float32, device=device) if bias else None
        self._part = torch.empty_like(product.raw) if beside else product.raw

    def put(self, part: slice, strip: slice, of_logits: Tensor, slope: Tensor | None) -> None:
        """The gradient of a strip's logits, which is overwritten."""
        place = self._part[strip.start - part.start : strip.stop - part.start]
        gradient = self.product.back(of_logits, slope)
        if gradient.data_ptr() != place.data_ptr():
            place.copy_(gradient)
        if self.bias is not None:
            self.bias += gradient.sum(0)

    def add(self, part: slice, rows: Tensor) -> None:
        """Sum up a part whose strips have all been put. rows: the hidden states of its product."""
        count = len(self.product.hidden[part])
        gradient = self._part[: len(rows)]
        gradient[count:].zero_()
        if self.hidden is not None:
            self.hidden[part] = (gradient @ self.product.weight)[:count]
        if self.weight is not None:
            first = part.start == 0
            if self.product.exact:
                torch.addmm(self.weight, gradient.T, rows, beta=0 if first else 1, out=self.weight)
            else:
                self._add_turned(self.weight, gradient.T, rows, first)

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
                rows = product.rows(part)
                for strip, logits in product.strips(part, rows):
                    here = targets[strip]
                    at_target = logits.gather(1, here[:, None])
                    top = logits.amax(1, keepdim=True)
                    correct += (at_target >= top).sum()
                    slope = product.slope(logits) if any(wanted) else None
                    total = logits.sub_(top).exp_().sum(1, keepdim=True)
                    loss += (total.log() + top - at_target).sum()
                    if any(wanted):
                        gradients.put(part, strip, _minus_one_at(here, logits.div_(total)), slope)
                if any(wanted):
                    gradients.add(part, rows)
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
        of_entropy = _Gradients(product, *wanted, beside=True) if frozen and entropies else None
        out = torch.empty(len(targets), dtype=torch.float32, device=hidden.device)
        spread = torch.empty(len(targets) if entropies else 0, dtype=torch.float32, device=hidden.device)
        with torch.autocast(hidden.device.type, enabled=False):
            for part in product.parts():
                rows = product.rows(part)
                for strip, logits in product.strips(part, rows):
                    here = targets[strip]
                    slope = product.slope(logits) if gradients else None
                    at_target = logits.gather(1, here[:, None])
                    probabilities, log_probs, total = _softmax(logits, entropies)
                    out[strip] = (at_target - total)[:, 0]
                    if log_probs is not None:
                        spread[strip] = entropy = -(probabilities * log_probs).sum(1)
                        if of_entropy:
                            of_entropy.put(part, strip, _of_entropy(probabilities, log_probs, entropy), slope)
                    if gradients:
                        gradients.put(part, strip, _minus_one_at(here, probabilities).neg_(), slope)
                for found in filter(None, (gradients, of_entropy)):
                    found.add(part, rows)
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
                rows = product.rows(part)
                for strip, logits in product.strips(part, rows):
                    slope = product.slope(logits)
                    probabilities, log_probs, _ = _softmax(logits, ctx.entropies)
                    of_entropy = None
                    if log_probs is not None:
                        entropy = -(probabilities * log_probs).sum(1)
                        of_entropy = _of_entropy(probabilities, log_probs, entropy).mul_(spread[strip, None])
                    gradient = _minus_one_at(targets[strip], probabilities).mul_(-out[strip, None])
                    if of_entropy is not None:
                        gradient.add_(of_entropy)
                    gradients.put(part, strip, gradient, slope)
                gradients.add(part, rows)
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

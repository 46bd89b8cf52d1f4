"""The forecast: how much memory a run will need at its peak, part by part, told before anything is loaded.

Each part has a function with its formula and where it comes from. Nothing is measured here: what the machine has is
`storage.machine`, a model's measures are read by `storage.model_shapes`, smaller settings are `core.fitting`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from studio.core.methods import TrainSettings

_FP32, _HALF = 4, 2  # bytes of a number

# The engine's own: a batch is laid end to end and rounded up to so many tokens, ...
_ROW = 64
# ... the output layer is computed so many logits at a time, but at least for so many rows of them, ...
_LOGITS_ON_PROCESSOR, _LOGITS_ON_CARD, _FEWEST_ROWS = 2**22, 2**26, 256
# ... and models below this many parameters are trained in 32 bits on a processor.
_WORTH_BF16 = 1_000_000

# A token of a usual vocabulary holds three to four bytes of English, and two of the densest texts; of a small one, one.
_BYTES_OF_TOKEN, _USUAL_VOCABULARY = 2, 8000

# Measured, and the same for all models: a worker that has imported torch, transformers, trl and peft.
_LIBRARIES = 485_000_000
# Taken from what NVIDIA and PyTorch tell, not measured: the card's context, the kernels and cuBLAS's workspace.
_ON_CARD = 700_000_000
# Blocks of many sizes come and go in a step and leave holes. Measured with tests/bench/forecast.py: where activations
# are most of it, the process grows by 1.65 to 1.72 times the tensors that live at the same time. PyTorch's allocator
# for cards, with segments that can grow, leaves fewer; that figure is not measured.
_HOLES_ON_PROCESSOR, _HOLES_ON_CARD = 1.68, 1.1

# Sequences in an example: a preference has two answers.
_SEQUENCES = {"dpo": 2, "reward": 2}
# Methods whose logits the engine makes in parts. Reward models have none; for all others TRL makes them as a whole.
_IN_PARTS, _WITHOUT_LOGITS = {"sft", "pretrain"}, {"reward"}
# What the formulas were checked with; for others a forecast is rough.
_CHECKED = {"sft", "pretrain"}

_PARTS = {
    "weights": ("Weights", "the model itself, and 16-bit copies of it where a step computes with them"),
    "adapters": ("Adapter", "the small layers that are trained"),
    "gradients": ("Gradients", "in which direction each weight of the adapter should move"),
    "optimiser": ("Optimiser", "two running means for each weight of the adapter"),
    "activations": ("Activations", "what a pass keeps of every layer for the way back; grows with batch and length"),
    "logits": ("Logits", "scores of all words for some tokens at a time; grows with the vocabulary"),
    "overhead": ("Libraries", "the training program before it has loaded anything"),
}


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What a model's memory depends on.

    linears, linear_in, linear_out, linear_weights: of all linear layers but the output layer, how many there are, their
    widths and weights added up. inner_kept: tensors of the inner width that a layer keeps. norms: of a layer's stream.
    normed_heads: queries and keys pass norms. dropout: attention is dropped out. rough: some of it is a guess.
    """

    layers: int
    hidden: int
    inner: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    tied: bool
    parameters: int
    linears: int
    linear_in: int
    linear_out: int
    linear_weights: int
    context: int = 0
    inner_kept: int = 4
    norms: int = 2
    normed_heads: bool = False
    dropout: bool = False
    rough: bool = False


@dataclass(frozen=True, slots=True)
class Device:
    """Where a run would compute, and its memory in bytes. swap: what the system may lend beyond it."""

    kind: Literal["cpu", "cuda", "mps"]
    name: str
    total: int
    free: int
    bf16: bool = False
    swap: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A share of the memory, in bytes. The names stay the same; the label and `about` are for a person."""

    name: str
    label: str
    about: str
    size: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run needs at its peak. rough: the model or the method is not one that the formulas were checked with."""

    parts: tuple[Part, ...]
    tokens: int
    rough: bool = False

    @property
    def total(self) -> int:
        """Bytes in all."""
        return sum(part.size for part in self.parts)

    def part(self, name: str) -> Part:
        """The part of that name."""
        return next(part for part in self.parts if part.name == name)


def forecast_memory(
    shape: ModelShape, settings: TrainSettings, device: Device, *, method: str = "sft", longest: int = 0
) -> Forecast:
    """The peak of training an adapter, when the longest examples that can come up come together.

    longest: bytes of the dataset's longest example; 0 when it isn't known, or examples are made as long as is allowed.
    """
    length = longest_example(shape, settings, longest)
    tokens = rounded(settings.batch_size * length * _SEQUENCES.get(method, 1))
    half = computes_in_half(shape, settings, device)
    holes = _HOLES_ON_PROCESSOR if device.kind == "cpu" else _HOLES_ON_CARD
    adapter = adapter_weights(shape, settings.lora_rank) * _FP32
    sizes: dict[str, float] = {
        "weights": weights(shape, device, half) + holes * copies(shape, device, half),
        "adapters": adapter,
        "gradients": holes * adapter,
        "optimiser": holes * 2 * adapter,  # Adam's two running means (Kingma and Ba 2015), in 32 bits
        "activations": holes * activations(shape, device, half, tokens, length, settings.lora_rank),
        "logits": logits(shape, device, half, tokens) if method in _IN_PARTS else all_logits(shape, tokens),
        "overhead": _LIBRARIES if device.kind != "cuda" else _ON_CARD,
    }
    if method in _WITHOUT_LOGITS:
        sizes["logits"] = 0
    parts = tuple(Part(name, label, about, round(sizes[name])) for name, (label, about) in _PARTS.items())
    return Forecast(parts, tokens, shape.rough or method not in _CHECKED)


def longest_example(shape: ModelShape, settings: TrainSettings, longest: int = 0) -> int:
    """Tokens of the longest example that can come up: what the settings, the model and the data (in bytes) allow."""
    of_data = -(-longest // _BYTES_OF_TOKEN) if shape.vocabulary >= _USUAL_VOCABULARY else longest
    return min(limit for limit in (settings.max_length, shape.context, of_data) if limit)


def computes_in_half(shape: ModelShape, settings: TrainSettings, device: Device) -> bool:
    """Whether a run computes with 16-bit numbers: the engine's choice (`engine.loading.pick_precision`), foretold."""
    if settings.precision != "auto":
        return settings.precision != "fp32"
    if device.kind == "cpu":
        return device.bf16 and shape.parameters > _WORTH_BF16
    return device.kind == "cuda"  # in bf16, or in fp16 on a card without it


def rounded(tokens: int) -> int:
    """The tokens of a row as the engine makes it."""
    return -(-tokens // _ROW) * _ROW


def adapter_weights(shape: ModelShape, rank: int) -> int:
    """LoRA (Hu et al. 2021) adds to each linear layer a matrix in x rank and one rank x out."""
    return rank * (shape.linear_in + shape.linear_out)


def weights(shape: ModelShape, device: Device, half: bool) -> int:
    """Every weight once. On a processor they stay in 32 bits, elsewhere a frozen model is kept as it computes."""
    return shape.parameters * (_HALF if half and device.kind != "cpu" else _FP32)


def copies(shape: ModelShape, device: Device, half: bool) -> int:
    """Autocast makes 16-bit copies of 32-bit weights, and keeps each that the way back needs: of every linear layer."""
    if not half or device.kind != "cpu":
        return 0
    return (shape.linear_weights + shape.vocabulary * shape.hidden) * _HALF


def activations(shape: ModelShape, device: Device, half: bool, tokens: int, length: int, rank: int) -> int:
    """What autograd saves of all layers for the way back, and what one layer's way back works with.

    Counted tensor by tensor with torch's saved-tensor hooks, per token and layer; a: queries' width, k: keys'.
    - Inputs of linear layers, saved for the adapter: h (queries, keys, values), a (output), h (gate, up), inner (down).
      Under autocast each layer casts its own copy.
    - rank for every linear layer, between the adapter's two matrices.
    - Gate, its activation and up; a block without a gate saves its activation's input alone, unless that is unfused.
    - In 32 bits: the stream before each norm; queries, keys, values and what attention makes of them (the engine
      computes it so on a processor), before and after norms of their own; a sum for each head.
    - With dropout a processor's attention is unfused and saves three tables of length x length for each head.
    The way back through a block holds three tensors of its inner width and three of the stream.
    """
    number = _HALF if half else _FP32
    attention = _FP32 if device.kind == "cpu" else number
    queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    if half:
        inputs = shape.linear_in * number
    else:
        inputs = shape.layers * (2 * shape.hidden + queries + shape.inner) * number
    layer = (
        (shape.inner_kept - 1) * shape.inner * number
        + shape.norms * shape.hidden * _FP32
        + (2 * queries + 2 * keys) * attention
        + (queries + keys) * _FP32 * shape.normed_heads
        + shape.heads * _FP32
    )
    if shape.dropout and device.kind == "cpu":
        layer += 3 * shape.heads * length * _FP32
    way_back = 3 * shape.inner * number + 3 * shape.hidden * _FP32
    return (inputs + shape.linears * rank * number + shape.layers * layer + way_back) * tokens


def logits(shape: ModelShape, device: Device, half: bool, tokens: int) -> int:
    """A part of the rows at a time, in 32 bits, in which the gradient is made too; before it in 16 where a step
    computes so. These are made once and leave no holes. For all rows: hidden states and their gradient, in 32 bits."""
    room = _LOGITS_ON_PROCESSOR if device.kind == "cpu" else _LOGITS_ON_CARD
    rows = min(tokens, max(_FEWEST_ROWS, room // max(shape.vocabulary, 1)))
    return rows * shape.vocabulary * (_FP32 + (_HALF if half else 0)) + 2 * tokens * shape.hidden * _FP32


def all_logits(shape: ModelShape, tokens: int) -> int:
    """Logits of every token as TRL's losses make them: in 16 bits, then in 32 with a log-softmax, its gradient and one
    more. Blocks of this size are given back at once, so they leave no holes."""
    return tokens * shape.vocabulary * (_HALF + 4 * _FP32)

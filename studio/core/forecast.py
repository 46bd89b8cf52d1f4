"""The forecast: how much memory a run will need at its peak, part by part, told before anything is loaded.

Each part has a function with its formula and where it comes from. Nothing is measured here: what the machine has is
`storage.machine`, a model's measures are read by `storage.model_shapes`, smaller settings are `core.fitting`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from studio.core.forecast_rewards import ROLE_PARTS, Roles, logits_of_answers, odds_of_next_tokens, role_sizes
from studio.core.methods import RewardedSettings, TrainSettings
from studio.core.training_settings import ALL_LINEAR, AUTO, OFF, ON

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

# bitsandbytes, loaded.
_BITSANDBYTES = 40_000_000
# Scales of NF4: one byte for each 64 weights, and four for each 256 of those (QLoRA's double quantisation).
_SCALES_OF_4_BITS = 1 / 64 + 4 / (64 * 256)
# Of all inner linear layers' rows and columns, what is attention's in a usual block; a little more, to be safe.
_ATTENTION_SHARE = 0.5
# Of what is free, so much may be planned with: the forecast is not exact, and other programs want something too.
_USABLE = 0.9

# Sequences in an example: a preference has two answers.
_SEQUENCES = {"dpo": 2, "reward": 2}
# Methods whose logits the engine makes in parts. Reward models have none; for all others TRL makes them as a whole.
_IN_PARTS, _WITHOUT_LOGITS = {"sft", "pretrain", "dpo", "kto"}, {"reward"}

_PARTS = {
    "weights": ("Weights", "the model itself, and 16-bit copies of it where a step computes with them"),
    "adapters": ("Adapter", "the small layers that are trained"),
    "gradients": ("Gradients", "in which direction each weight that is trained should move"),
    "optimiser": ("Optimiser", "running means for each weight that is trained"),
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
    """What a run needs at its peak. rough: the model is not one that the formulas were checked with.

    recomputes: activations are computed again on the way back instead of kept.
    """

    parts: tuple[Part, ...]
    tokens: int
    rough: bool = False
    recomputes: bool = False

    @property
    def total(self) -> int:
        """Bytes in all."""
        return sum(part.size for part in self.parts)

    def part(self, name: str) -> Part:
        """The part of that name."""
        return next(part for part in self.parts if part.name == name)


def usable(device: Device) -> int:
    """Bytes that a run may plan with."""
    return int(device.free * _USABLE)


def recomputes(
    shape: ModelShape, settings: TrainSettings, device: Device, *, method: str = "sft", longest: int = 0
) -> bool:
    """Whether activations are computed again on the way back: as the settings say, or when the run needs it to fit."""
    if settings.checkpointing != AUTO:
        return settings.checkpointing == ON
    kept = replace(settings, checkpointing=OFF)
    return forecast_memory(shape, kept, device, method=method, longest=longest).total > usable(device)


def forecast_memory(
    shape: ModelShape,
    settings: TrainSettings,
    device: Device,
    *,
    method: str = "sft",
    longest: int = 0,
    roles: Roles | None = None,
) -> Forecast:
    """The peak of training, when the longest examples that can come up come together.

    longest: bytes of the dataset's longest example; 0 when it isn't known, or examples are made as long as is allowed.
    roles: models beside the policy, for a method that learns from a reward.
    """
    if method in _WITHOUT_LOGITS:
        shape = without_output(shape)
    length = longest_example(shape, settings, longest)
    tokens = rounded(tokens_of_pass(settings, length * _SEQUENCES.get(method, 1)))
    half = computes_in_half(shape, settings, device)
    again = recomputes(shape, settings, device, method=method, longest=longest)
    holes = _HOLES_ON_PROCESSOR if device.kind == "cpu" else _HOLES_ON_CARD
    trained = trained_weights(shape, settings)
    # The engine keeps PPO's frozen base as it computes, and with it the stream between the layers.
    in_half = method == "ppo" and half and device.kind == "cpu" and settings.bits is None
    kept = 1.0 if settings.full else holes  # of all weights they are few large blocks, which stay where they are
    sizes: dict[str, float] = {
        "weights": weights(shape, settings, device, half)
        + holes * copies(shape, settings, device, half, output=method not in _WITHOUT_LOGITS),
        "adapters": 0 if settings.full else trained * _FP32,
        "gradients": kept * trained * _FP32,
        "optimiser": kept * optimiser(shape, settings, trained, device),
        "activations": holes
        * activations(shape, settings, device, half, tokens, length, again, stream=_HALF if in_half else _FP32),
        "logits": logits(shape, device, half, tokens) if method in _IN_PARTS else all_logits(shape, tokens),
        "overhead": (_LIBRARIES if device.kind != "cuda" else _ON_CARD) + _BITSANDBYTES * settings.needs_bitsandbytes,
    }
    labels = _PARTS
    if method in _WITHOUT_LOGITS:
        sizes["logits"] = 0
    if isinstance(settings, RewardedSettings):
        if in_half:
            sizes["weights"] = shape.parameters * _HALF
        learned = logits(shape, device, half, tokens) if method == "ppo" else logits_of_answers(shape, settings)
        sizes["logits"] = max(learned, odds_of_next_tokens(shape, settings))
        length = min(limit for limit in (settings.max_length, shape.context) if limit)  # answers are as long as may be
        sizes |= role_sizes(
            shape, settings, roles or Roles(), adapter=sizes["adapters"], length=length, half=half, holes=holes
        )
        labels = {**_PARTS, **ROLE_PARTS}
    parts = tuple(Part(name, label, about, round(sizes[name])) for name, (label, about) in labels.items())
    return Forecast(parts, tokens, shape.rough, again)


def forecast_chat(shape: ModelShape, device: Device, tokens: int = 2048) -> int:
    """Bytes to talk to a model: its weights as the engine keeps them to answer, keys and values of a conversation of so
    many tokens, and the libraries."""
    half = device.kind == "cuda" or (device.kind == "cpu" and device.bf16 and shape.parameters > _WORTH_BF16)
    number = _HALF if half else _FP32
    remembered = 2 * shape.layers * shape.kv_heads * shape.head_dim * tokens
    return (shape.parameters + remembered) * number + (_LIBRARIES if device.kind != "cuda" else _ON_CARD)


def tokens_of_pass(settings: TrainSettings, length: int) -> int:
    """Tokens that pass through the model at a time when the longest examples, of so many tokens, come together."""
    return max(settings.budget, length) if settings.budget else settings.batch_size * length


def trained_weights(shape: ModelShape, settings: TrainSettings) -> int:
    """How many numbers are trained: all of the model's, or an adapter's; DoRA has a magnitude for each output too."""
    if settings.full:
        return shape.parameters
    share = _ATTENTION_SHARE if settings.lora_targets != ALL_LINEAR else 1.0
    magnitudes = shape.linear_out if settings.dora else 0
    return round(share * (adapter_weights(shape, settings.lora_rank) + magnitudes))


def optimiser(shape: ModelShape, settings: TrainSettings, trained: int, device: Device) -> int:
    """Adam's two running means (Kingma and Ba 2015) in 32 bits, or in 8 with a scale for each 256 of them (Dettmers et
    al. 2022), embeddings always in 32; Adafactor (Shazeer and Stern 2018) keeps sums of rows and columns. What isn't
    fused works with tensors as large as the one that is being changed: on a processor 8 bits with five (both means in
    32, the gradient, and two for the quotient), Adafactor anywhere with three."""
    words = shape.vocabulary * shape.hidden
    largest = words if settings.full else settings.lora_rank * shape.inner
    match settings.optimiser:
        case "adamw8bit" | "paged_adamw8bit":
            whole = words if settings.full else 0
            kept = whole * 2 * _FP32 + (trained - whole) * 2 * (1 + _FP32 / 256)
            return round(kept + (5 * largest * _FP32 if device.kind == "cpu" else 0))
        case "adafactor":
            rows = shape.linear_in + shape.linear_out + shape.vocabulary + shape.hidden
            return rows * _FP32 + 3 * largest * _FP32
        case _:
            return trained * 2 * _FP32


def without_output(shape: ModelShape) -> ModelShape:
    """The same without an output layer of its own, as a model that only scores."""
    of_output = 0 if shape.tied else shape.vocabulary * shape.hidden
    return replace(shape, parameters=shape.parameters - of_output, tied=True)


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


def weights(shape: ModelShape, settings: TrainSettings, device: Device, half: bool) -> int:
    """Every weight once. On a processor, and when all are trained, they stay in 32 bits; elsewhere a frozen model is
    kept as it computes. In 8 or 4 bits are the blocks' linear layers alone, with scales for each row, or each 64."""
    kept = _HALF if half and device.kind != "cpu" and not settings.full else _FP32
    if settings.bits is None:
        return shape.parameters * kept
    scales = shape.linear_out * _FP32 if settings.bits == 8 else shape.linear_weights * _SCALES_OF_4_BITS
    few = shape.linear_weights * settings.bits / 8 + scales
    return round((shape.parameters - shape.linear_weights) * kept + few)


def copies(shape: ModelShape, settings: TrainSettings, device: Device, half: bool, *, output: bool = True) -> int:
    """16-bit copies of 32-bit weights. Autocast keeps each that the way back needs, so of every layer that is trained;
    of a frozen one the engine makes it there and back. The output layer's is kept, where there is one. Of weights in
    few bits one layer at a time is made whole, the largest, there and back."""
    of_output = shape.vocabulary * shape.hidden * _HALF if output else 0
    largest = 2 * shape.inner * shape.hidden
    if settings.bits is not None:
        return largest * _FP32 + (of_output if half and device.kind == "cpu" else 0)
    if not half or (device.kind != "cpu" and not settings.full):
        return 0
    return (shape.linear_weights * _HALF if settings.full or not _fused(settings) else largest * _HALF) + of_output


def _fused(settings: TrainSettings) -> bool:
    """Whether the engine computes an adapter's layers in one step, which share what their input was turned to."""
    return not (settings.full or settings.bits or settings.dora or settings.lora_dropout)


def activations(
    shape: ModelShape,
    settings: TrainSettings,
    device: Device,
    half: bool,
    tokens: int,
    length: int,
    again: bool,
    *,
    stream: int = _FP32,
) -> int:
    """What autograd saves of all layers for the way back, and what one layer's way back works with. stream: bytes of a
    number between layers.

    Counted tensor by tensor with torch's saved-tensor hooks, per token and layer; a: queries' width, k: keys'.
    - Inputs of linear layers, saved for what is trained: h (queries, keys, values), a (output), h (gate, up), inner
      (down). Under autocast each layer casts its own copy, unless the engine computes the adapters itself; a layer in
      4 bits keeps one more, one in 8 bits keeps its own in 32 bits and in 8.
    - rank for every linear layer, between the adapter's two matrices.
    - Gate, its activation and up; a block without a gate saves its activation's input alone, unless that is unfused.
    - The stream before each norm. In 32 bits: queries, keys, values and what attention makes of them (the engine
      computes it so on a processor), before and after norms of their own; a sum for each head.
    - With dropout a processor's attention is unfused and saves three tables of length x length for each head.
    The way back through a block holds three tensors of its inner width and three of the stream. Computed again, only
    the stream before each layer is kept, and all of this for one layer at a time, while that of the layer after it is
    still being let go.
    """
    number = _HALF if half else _FP32
    attention = _FP32 if device.kind == "cpu" else number
    queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    if settings.bits and half:
        inputs = shape.linear_in * (2 * number if settings.bits == 4 else number + _FP32 + 1)
    elif half and not _fused(settings):
        inputs = shape.linear_in * number
    else:
        inputs = shape.layers * (2 * shape.hidden + queries + shape.inner) * number
    layer = (
        (shape.inner_kept - 1) * shape.inner * number
        + shape.norms * shape.hidden * stream
        + (2 * queries + 2 * keys) * attention
        + (queries + keys) * _FP32 * shape.normed_heads
        + shape.heads * _FP32
    )
    if shape.dropout and device.kind == "cpu":
        layer += 3 * shape.heads * length * _FP32
    ranks = 0 if settings.full else shape.linears * settings.lora_rank * number
    if settings.dora:  # each layer's own output, and the base's, which the magnitude scales
        ranks += 2 * shape.linear_out * number
    way_back = 3 * shape.inner * number + 3 * shape.hidden * _FP32
    kept = inputs + ranks + shape.layers * layer
    if again:
        kept = 2 * kept // shape.layers + shape.layers * shape.hidden * (_FP32 if device.kind == "cpu" else number)
    return (kept + way_back) * tokens


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

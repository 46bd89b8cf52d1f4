"""What this computer can train, in plain words: the largest usual model of each way that the forecast says fits.

Measures of the models are those of common families at each size (Qwen2.5, Llama 3); nothing is loaded or fetched.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from studio.core.fitting import Verdict, judge
from studio.core.forecast import Device, ModelShape, forecast_memory
from studio.core.methods import SftSettings
from studio.core.training_settings import ON
from studio.core.ways import unavailable


def _shape(name: str, layers: int, hidden: int, inner: int, heads: int, kv_heads: int, vocabulary: int) -> ModelShape:
    head = hidden // heads
    ins = layers * (3 * hidden + heads * head + 2 * hidden + inner)
    outs = layers * (heads * head + 2 * kv_heads * head + hidden + 2 * inner + hidden)
    each = hidden * heads * head * 2 + 2 * hidden * kv_heads * head + 3 * hidden * inner
    tied = name in ("0.5 B", "1.5 B", "3 B")
    parameters = layers * each + vocabulary * hidden * (1 if tied else 2)
    return ModelShape(
        layers, hidden, inner, heads, kv_heads, head, vocabulary, tied, parameters, 7 * layers, ins, outs, layers * each
    )


SIZES = {
    "0.5 B": _shape("0.5 B", 24, 896, 4864, 14, 2, 151_936),
    "1.5 B": _shape("1.5 B", 28, 1536, 8960, 12, 2, 151_936),
    "3 B": _shape("3 B", 36, 2048, 11_008, 16, 2, 151_936),
    "8 B": _shape("8 B", 32, 4096, 14_336, 32, 8, 128_256),
    "14 B": _shape("14 B", 48, 5120, 13_824, 40, 8, 152_064),
    "32 B": _shape("32 B", 64, 5120, 27_648, 40, 8, 152_064),
}


@dataclass(frozen=True, slots=True)
class Ability:
    """What was found, a sentence each. good: whether a model of half a billion parameters can be trained."""

    where: str
    memory: str
    trains: str
    good: bool


def ability_of(device: Device, knows_cuda: bool) -> Ability:
    """What a machine can train. knows_cuda: the torch that is installed was built for NVIDIA cards."""
    if device.kind == "cuda":
        where = f"{device.name}: training runs on this graphics card."
    elif device.kind == "mps":
        where = "Apple GPU: training runs on it."
    elif knows_cuda:
        where = "No NVIDIA card with a working driver was found, so training runs on the processor, which is slower."
    else:
        where = "Training runs on the processor. That is slow for large models, and fine for small ones."
    memory = f"{_gigabytes(device.total)} of memory, {_gigabytes(device.free)} of it free now."
    lora, fewer = largest(device, "lora"), largest(device, "qlora")
    return Ability(where, memory, _in_words(device, lora, fewer), bool(lora or fewer))


def largest(device: Device, way: str) -> str:
    """The largest size whose adapter can be trained on conversations of 512 tokens; empty for none."""
    if way in unavailable(device.kind).get("way", {}):
        return ""
    settings = replace(SftSettings(), way=way, batch_size=1, max_length=512, checkpointing=ON)
    fitting = [
        name
        for name, shape in SIZES.items()
        if judge(forecast_memory(shape, settings, device), device) is not Verdict.TOO_MUCH
    ]
    return fitting[-1] if fitting else ""


def _in_words(device: Device, lora: str, fewer: str) -> str:
    if not lora and not fewer:
        return "Enough for the starter model and others of up to a few hundred million parameters."
    if device.kind == "cpu":
        return (
            f"Models of up to about {lora or fewer} parameters fit into memory. Without a graphics card, one below 1 B "
            "takes hours rather than minutes; the starter model takes minutes."
        )
    if fewer and fewer != lora:
        return f"Adapters of models of up to about {lora or '0.5 B'} parameters, or {fewer} in 4 bits (QLoRA)."
    return f"Adapters of models of up to about {lora} parameters."


def _gigabytes(count: int) -> str:
    return f"{count / 2**30:.0f} GB"

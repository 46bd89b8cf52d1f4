"""A LoRA adapter as the decoder takes it: for each of a layer's joined products, one pair of matrices.

Products that are computed as one have their adapters as one: the first matrices above each other, the second ones
along a diagonal. What PEFT has beyond plain LoRA (DoRA, biases, whole copies of layers) is not taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from studio.engine.decoding.products import LowRank

JOINED = {
    "q_k_v": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "out": ("self_attn.o_proj",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
}


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """What an adapter adds to each layer's products, by their names in the decoder."""

    layers: Sequence[Mapping[str, LowRank]]


def adapter_of(model: Any, name: str) -> Adapter | None:
    """The adapter that PEFT calls `name` on a base model; None when it is of a kind that isn't taken."""
    from peft.tuners.lora import Linear
    from peft.tuners.tuners_utils import BaseTunerLayer

    if any(name in getattr(module, "modules_to_save", ()) for module in model.modules()):
        return None
    there = {module for module in model.modules() if isinstance(module, BaseTunerLayer) and name in _adapters(module)}
    layers: list[dict[str, LowRank]] = []
    for layer in model.model.layers:
        found: dict[str, LowRank] = {}
        for joined, places in JOINED.items():
            modules: list[Any] = [layer.get_submodule(place) for place in places]
            if any(module in there and not _is_plain(module, name, Linear) for module in modules):
                return None
            if any(module in there for module in modules):
                found[joined] = _low_rank([(module, module in there) for module in modules], name)
            there -= set(modules)
        layers.append(found)
    return None if there else Adapter(layers)  # what is left hangs elsewhere: on the output layer, say


def _adapters(module: Any) -> Any:
    return getattr(module, "r", ())


def _is_plain(module: Any, name: str, kind: type[Any]) -> bool:
    if type(module) is not kind or getattr(module, "fan_in_fan_out", False) or module.lora_B[name].bias is not None:
        return False
    return not getattr(module, "use_dora", {}).get(name, False) and name not in getattr(module, "lora_variant", {})


def _low_rank(modules: Sequence[tuple[Any, bool]], name: str) -> LowRank:
    downs: list[Tensor] = []
    ups: list[Tensor] = []
    for module, tuned in modules:
        if tuned:
            downs.append(module.lora_A[name].weight.detach())
            ups.append(module.lora_B[name].weight.detach() * module.scaling[name])
        else:
            weight = getattr(module, "base_layer", module).weight
            ups.append(torch.zeros(weight.shape[0], 0))
    like = downs[0]
    ups = [one.t().to(like) for one in ups]
    blocks = torch.stack(ups) if len({one.shape for one in ups}) == 1 else torch.block_diag(*ups)[None]
    return LowRank(torch.cat(downs).t().contiguous(), blocks.contiguous())

"""The catalogue: good small open models to start from, out of a data file that comes along, with what each would need
on this machine. It is there without a network; what a download brings is asked when somebody wants one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from studio.core.errors import StudioError
from studio.core.forecast import Device, ModelShape, forecast_chat, forecast_memory, usable
from studio.core.methods import SftSettings
from studio.core.training_settings import LORA, ON, QLORA
from studio.storage.model_shapes import foretold_shape
from studio.storage.resources import carried


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """A model of the catalogue. name: as the Hub has it. answers: whether it was taught to; otherwise it is a base."""

    name: str
    title: str
    parameters: int
    licence: str
    gated: bool
    answers: bool
    about: str
    config: Mapping[str, Any]

    @property
    def context(self) -> int:
        """Tokens of its context."""
        shape = foretold_shape(self.config)
        return shape.context if shape else 0


@dataclass(frozen=True, slots=True)
class Needs:
    """Bytes of memory that a model would take: to talk to it, and to train an adapter with its weights in 16 or 4 bits.

    free: what may be planned with. where: the device in words.
    """

    chat: int
    lora: int
    qlora: int
    free: int
    where: str

    @property
    def verdict(self) -> str:
        """What that means, in words."""
        if self.lora <= self.free:
            return "trains here"
        if self.qlora <= self.free:
            return "trains here in 4 bits"
        return "talks here, too large to train" if self.chat <= self.free else "too large for this computer"


def read_catalogue() -> list[CatalogueModel]:
    """The models of the catalogue, in its order. Raises StudioError when the file is missing or damaged."""
    file = carried("resources", "models.json")
    try:
        listed = json.loads(file.read_text(encoding="utf-8"))["models"]
        return [CatalogueModel(**entry) for entry in cast("list[dict[str, Any]]", listed)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudioError(f"The catalogue of models can't be read ({error}).", "Install Plumbline again.") from error


def needs_of(shape: ModelShape, device: Device) -> Needs:
    """What a model would need on a device at least: usual settings, activations computed again on the way back."""
    return Needs(
        forecast_chat(shape, device),
        forecast_memory(shape, SftSettings(way=LORA, checkpointing=ON), device).total,
        forecast_memory(shape, SftSettings(way=QLORA, checkpointing=ON), device).total,
        usable(device),
        device.name,
    )

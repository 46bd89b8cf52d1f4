"""Voices: the models that are talked to. A base is in memory once, whatever number of adapters are switched on it.

Bases that don't fit into memory together take turns: the one that is needed is loaded and the others are let go.
Writing answers is `engine.chat`.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.core.conversation import Voice
from studio.core.errors import StudioError
from studio.engine.loading import (
    adapter_name,
    load_adapter,
    load_encoder,
    load_model,
    pick_device,
    pick_precision,
)
from studio.storage.machine import read_device
from studio.storage.models import ModelInfo, check_model, is_whole_model

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

    from studio.engine.decoding.decoder import Decoder
    from studio.engine.decoding.low_rank import Adapter
    from studio.engine.decoding.rows import Kept
    from studio.engine.encoding import Encoder
    from studio.engine.loading import Precision
    from studio.engine.ppo.passes import Passes

_ROOM = 1.25  # a base's weights, and what a conversation needs beside them
_SPARE = 0.25  # share of the free memory that a second copy of the weights, in a faster order, may take
# How PEFT calls a row of a batch that no adapter touches.
NO_ADAPTER = "__base__"


@dataclass(slots=True)
class Base:
    """A base model in memory, and the adapters on it by PEFT's name for each.

    passes: in which several write at once. decoder: the light way to write, None for a model that is built in another
    way; kept: the conversations that it knows, by their panes.
    """

    info: ModelInfo
    model: PreTrainedModel
    precision: Precision
    passes: Passes
    tuned: PeftModel | None = None
    adapters: dict[Path, str] = field(default_factory=dict[Path, str])
    decoder: Decoder | None = None
    kept: dict[str, Kept] = field(default_factory=dict[str, "Kept"])
    lights: dict[str, Adapter | None] = field(default_factory=dict[str, "Adapter | None"])

    def is_light(self, adapter: str | None) -> bool:
        """Whether it can be written with in the light way, through the adapter of that name or none."""
        return self.decoder is not None and (adapter is None or self.light(adapter) is not None)

    def light(self, adapter: str | None) -> Adapter | None:
        """The adapter that PEFT calls so, as the decoder takes it; None where it doesn't, and for none."""
        if adapter is None:
            return None
        if adapter not in self.lights:
            from studio.engine.decoding.low_rank import adapter_of

            self.lights[adapter] = adapter_of(self.model, adapter)
        return self.lights[adapter]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A voice with what is known of it. name: what it is called before it has answered."""

    wanted: Voice
    info: ModelInfo
    encoder: Encoder
    name: str


class Voices:
    """Loads voices and switches between them. tell: called with what is being loaded; check: called between the
    matrix products of every pass, and may raise to end it."""

    def __init__(self, tell: Callable[[str], None], check: Callable[[], None]) -> None:
        self._tell, self._check = tell, check
        self._bases: dict[Path, Base] = {}
        self._voices: dict[str, Loaded] = {}
        self.in_turns = False

    def __getitem__(self, name: str) -> Loaded:
        """The voice of that name. Raises StudioError when none was loaded."""
        if name not in self._voices:
            raise StudioError("No model is loaded for this pane.", "Choose a model first.")
        return self._voices[name]

    def __iter__(self) -> Any:
        return iter(self._voices)

    def load(self, wanted: Mapping[str, Voice]) -> None:
        """Have these voices and no others. Raises StudioError, and then there are none."""
        self._voices = {}
        found = {name: self._voice(one) for name, one in wanted.items()}
        infos = {voice.info.folder: voice.info for voice in found.values()}
        for folder in [folder for folder in self._bases if folder not in infos]:
            self._let_go(folder)
        self.in_turns = len(infos) > 1 and not _fit_together([i for f, i in infos.items() if f not in self._bases])
        for voice in found.values():
            self.base_of(voice)
        for base in self._bases.values():
            base.kept.clear()  # another model may be in a pane now
        self._voices = found

    def base_of(self, voice: Loaded) -> Base:
        """Its base, in memory, with its adapter on hand. Raises StudioError."""
        folder = voice.info.folder
        base = self._bases.get(folder)
        if base is None:
            if self.in_turns:
                for other in list(self._bases):
                    self._let_go(other)
            base = self._bases[folder] = self._load(voice.info)
        adapter = voice.wanted.adapter
        if adapter is not None and adapter not in base.adapters:
            self._put_on(base, adapter)
        return base

    def switch_to(self, voice: Loaded) -> Base:
        """Its base in memory with its adapter on, or with all adapters off. Raises StudioError."""
        base = self.base_of(voice)
        if base.tuned is not None:
            layers: Any = base.tuned.base_model
            if voice.wanted.adapter is None:
                layers.disable_adapter_layers()
            else:
                layers.enable_adapter_layers()
                base.tuned.set_adapter(base.adapters[voice.wanted.adapter], inference_mode=True)
        return base

    def running(self, base: Base, adapters: set[str] | None = None) -> str:
        """The name of what answers now, told by the layers themselves and never by what was asked for.

        adapters: PEFT's names of the adapters that a row of a batch is given, where the layers mix several.
        """
        layers = adapter_layers(base.model)
        on = [(_active(layer) if adapters is None else adapters) & set(layer.r) for layer in layers]
        names = set().union(*on)
        if not names:
            return base.info.name
        known = {name: folder for folder, name in base.adapters.items()}
        whole = all(names & set(layer.r) == here for layer, here in zip(layers, on, strict=True))
        if len(names) > 1 or not whole or not names <= known.keys():
            raise StudioError("The adapter is switched on in some layers only.", "Load the model again.")
        return f"{base.info.name} + {adapter_name(known[names.pop()])}"

    # -------------------------------------------------------------------------------------------------

    def _voice(self, wanted: Voice) -> Loaded:
        info = check_model(wanted.base)
        encoder = load_encoder(info.folder, wanted.template, wanted.adapter or wanted.asked_like)
        name = info.name if wanted.adapter is None else f"{info.name} + {adapter_name(wanted.adapter)}"
        return Loaded(wanted, info, encoder, name)

    def _load(self, info: ModelInfo) -> Base:
        from studio.engine.generation import interrupt_when
        from studio.engine.ppo.passes import Passes

        device = pick_device()
        precision = pick_precision("auto", device, info.parameters, training=False)
        self._tell(info.name)
        model = load_model(info.folder, precision, device)
        passes = Passes(model, info.context or 1 << 20, precision)
        decoder = self._decoder(model, device)
        interrupt_when(model, self._check)
        return Base(info, model, precision, passes, decoder=decoder)

    def _decoder(self, model: PreTrainedModel, device: str) -> Decoder | None:
        from studio.engine.decoding.decoder import Decoder, NotTaken

        weights = sum(weight.nbytes for weight in model.parameters())
        try:
            return Decoder(model, packed=device == "cpu" and weights <= _SPARE * read_device().free, check=self._check)
        except NotTaken:
            return None

    def _put_on(self, base: Base, adapter: Path) -> None:
        from studio.engine.adapters import check_base

        name = f"adapter{len(base.adapters)}"
        check_base(adapter, base.info.folder)
        self._tell(adapter_name(adapter))
        try:
            base.tuned = load_adapter(base.tuned or base.model, adapter, name)
        except BaseException:
            self._let_go(base.info.folder)  # half an adapter may hang on it
            raise
        base.adapters[adapter] = name

    def _let_go(self, folder: Path) -> None:
        import torch

        self._bases.pop(folder, None)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def adapter_layers(model: Any) -> list[Any]:
    """The layers of a model that adapters hang on."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    return [module for module in model.modules() if isinstance(module, BaseTunerLayer)]


def _active(layer: Any) -> set[str]:
    return set() if layer.disable_adapters else set(layer.active_adapters)


def _fit_together(infos: list[ModelInfo]) -> bool:
    """Whether so many more bases fit into the memory that is free."""
    device = pick_device()
    need = 0
    for info in infos:
        weight = pick_precision("auto", device, info.parameters, training=False).weights
        need += info.parameters * weight.itemsize
    return need * _ROOM <= read_device().free


def voice_of(values: Any) -> Voice:
    """A voice out of a request. Raises StudioError."""
    match values:
        case {"base": str(base)}:
            adapter, like = (
                Path(folder) if (folder := values.get(name)) else None for name in ("adapter", "asked_like")
            )
            if adapter is not None and is_whole_model(adapter):  # all of its weights were trained: it needs no base
                return Voice(adapter, None, str(values.get("template") or "model"), like)
            return Voice(Path(base), adapter, str(values.get("template") or "model"), like)
        case _:
            raise StudioError("The chat process was asked for a model without saying which.")

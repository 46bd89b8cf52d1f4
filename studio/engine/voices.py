"""Voices: the models that are talked to. A base is in memory once, whatever number of adapters are switched on it.

Bases that don't fit into memory together take turns: the one that is needed is loaded and the others are let go.
Writing answers is `engine.chat`.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.core.conversation import Voice
from studio.core.errors import StudioError
from studio.core.training_settings import bits_of
from studio.engine.loading import (
    adapter_name,
    load_adapter,
    load_encoder,
    load_model,
    pick_device,
    pick_precision,
)
from studio.storage.machine import free_on
from studio.storage.models import ModelInfo, check_model, is_whole_model

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

    from studio.engine.decoding.decoder import Decoder
    from studio.engine.decoding.low_rank import Adapter
    from studio.engine.decoding.rows import Kept
    from studio.engine.encoding import Encoder
    from studio.engine.loading import Precision
    from studio.engine.passes import Passes

_ROOM = 1.25  # a base's weights, and what a conversation needs beside them
Key = tuple[Path, int | None]  # a base's folder, and in how many bits it is kept
_SPARE = 0.25  # share of the free memory that a second copy of the weights, in a faster order, may take
# How PEFT calls a row of a batch that no adapter touches.
NO_ADAPTER = "__base__"


@dataclass(slots=True)
class Base:
    """A base model in memory, and the adapters on it by PEFT's name for each.

    tuned_layers: on which adapters hang. passes: in which several write at once. decoder: the light way to write, None
    for a model that is built in another way; kept: the conversations that it knows, by their panes.
    """

    key: Key
    info: ModelInfo
    model: PreTrainedModel
    precision: Precision
    passes: Passes
    tuned: PeftModel | None = None
    tuned_layers: list[Any] = field(default_factory=list[Any])
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
    """A voice with what is known of it. name: what it is called before it has answered. bits: 4 or 8 when an adapter
    learnt over a base of so few."""

    wanted: Voice
    info: ModelInfo
    encoder: Encoder
    name: str
    bits: int | None

    @property
    def key(self) -> Key:
        """What its base is known by."""
        return self.info.folder, self.bits


class Voices:
    """Loads voices and switches between them. tell: called with what is being loaded; check: called between the
    matrix products of every pass, and may raise to end it."""

    def __init__(self, tell: Callable[[str], None], check: Callable[[], None]) -> None:
        self._tell, self._check = tell, check
        self._bases: dict[Key, Base] = {}
        self._voices: dict[str, Loaded] = {}
        self.in_turns = False
        self.device = ""

    def __getitem__(self, name: str) -> Loaded:
        """The voice of that name. Raises StudioError when none was loaded."""
        if name not in self._voices:
            raise StudioError("No model is loaded for this pane.", "Choose a model first.")
        return self._voices[name]

    def __iter__(self) -> Any:
        return iter(self._voices)

    def load(self, wanted: Mapping[str, Voice], device: str = "") -> None:
        """Have these voices and no others, on a device or on the best one. Raises StudioError, and then there are
        none."""
        self._voices = {}
        device = device or pick_device()
        if device != self.device:
            for key in list(self._bases):
                self._let_go(key)
        self.device = device
        found = {name: self._voice(one) for name, one in wanted.items()}
        wanted_bases = {voice.key: voice for voice in found.values()}
        for key in [key for key in self._bases if key not in wanted_bases]:
            self._let_go(key)
        missing = [voice for key, voice in wanted_bases.items() if key not in self._bases]
        self.in_turns = len(wanted_bases) > 1 and not _fit_together(missing, device)
        for voice in found.values():
            self.base_of(voice)
        for base in self._bases.values():
            base.kept.clear()  # another model may be in a pane now
        self._voices = found

    def base_of(self, voice: Loaded) -> Base:
        """Its base, in memory, with its adapter on hand. Raises StudioError."""
        base = self._bases.get(voice.key)
        if base is None:
            if self.in_turns:
                for other in list(self._bases):
                    self._let_go(other)
            base = self._bases[voice.key] = self._load(voice)
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
        layers = base.tuned_layers
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
        return Loaded(wanted, info, encoder, name, _bits_of(wanted.adapter or wanted.asked_like))

    def _load(self, voice: Loaded) -> Base:
        from studio.engine.generation import interrupt_when
        from studio.engine.passes import Passes
        from studio.engine.quantised import allow_quantised

        info, device = voice.info, self.device
        precision = pick_precision("auto", device, info.parameters, training=False)
        self._tell(info.name)
        if voice.bits is not None:
            allow_quantised()
        model = load_model(info.folder, precision, device, bits=voice.bits)
        passes = Passes(model, info.context or 1 << 20, precision)
        decoder = self._decoder(model, device)
        interrupt_when(model, self._check)
        return Base(voice.key, info, model, precision, passes, decoder=decoder)

    def _decoder(self, model: PreTrainedModel, device: str) -> Decoder | None:
        from studio.engine.decoding.decoder import Decoder, NotTaken

        weights = sum(weight.nbytes for weight in model.parameters())
        try:
            return Decoder(model, packed=device == "cpu" and weights <= _SPARE * free_on("cpu"), check=self._check)
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
            self._let_go(base.key)  # half an adapter may hang on it
            raise
        base.adapters[adapter], base.tuned_layers = name, adapter_layers(base.model)

    def _let_go(self, key: Key) -> None:
        import torch

        self._bases.pop(key, None)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def adapter_layers(model: Any) -> list[Any]:
    """The layers of a model that adapters hang on."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    return [module for module in model.modules() if isinstance(module, BaseTunerLayer)]


def _active(layer: Any) -> set[str]:
    return set() if layer.disable_adapters else set(layer.active_adapters)


def _fit_together(voices: list[Loaded], device: str) -> bool:
    """Whether the bases of so many more fit into the memory that is free."""
    need = 0
    for voice in voices:
        weight = pick_precision("auto", device, voice.info.parameters, training=False).weights
        need += voice.info.parameters * (voice.bits / 8 if voice.bits else weight.itemsize)
    return need * _ROOM <= free_on(device)


def _bits_of(adapter: Path | None) -> int | None:
    """In how many bits the base was kept while an adapter learnt over it; None for its own number format."""
    try:
        about = json.loads((adapter / "plumbline.json").read_text(encoding="utf-8")) if adapter else {}
        return bits_of(str(about.get("way", "")))
    except (OSError, ValueError, AttributeError):
        return None


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

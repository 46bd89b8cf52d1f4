"""Writers: who writes which panes' answers. Panes that share a base write together where it allows that; else each
writes alone when it is its turn."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Protocol

from studio.core.conversation import Sampling
from studio.engine.beams import BeamAnswer
from studio.engine.chorus import Chorus, HeavyWriting, Part, Way, can_be_mixed, reaches_further
from studio.engine.decoding.rows import Kept
from studio.engine.decoding.writing import Asked, LightWriting
from studio.engine.generation import Answer, Writing, own_penalty, stop_tokens_of
from studio.engine.voices import Base, Loaded, Voices


@dataclass(slots=True)
class Pane:
    """What one pane is asked: which voice, the tokens of what was said, how to choose more. held: those at the prompt's
    end that are of the answer already, which goes on behind them. left_out: the
    oldest messages that found no room."""

    voice: Loaded
    prompt: list[int]
    held: list[int]
    sampling: Sampling
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """How an answer went."""

    tokens: int
    seconds: float
    why: str


class Writer(Protocol):
    """Writes the answers of some panes. running: what really writes each of them."""

    running: dict[str, str]

    @property
    def is_over(self) -> bool:
        """All are complete."""
        ...

    def write(self, seconds: float) -> dict[str, str]:
        """Go on for about so long; the texts that were added."""
        ...

    def stop(self) -> dict[str, str]:
        """End all here; the texts that were held back."""
        ...

    def ended(self, pane: str) -> Ended | None:
        """How an answer went; None while it is written."""
        ...


def writers_of(voices: Voices, panes: Mapping[str, Pane]) -> list[Writer]:
    """Those who write these panes' answers. Raises StudioError when a model can't be loaded."""
    found: list[Writer] = []
    together: dict[tuple[int, str], dict[str, Pane]] = {}
    for name, pane in panes.items():
        base = voices.base_of(pane.voice)
        adapter = _adapter_of(base, pane)
        if pane.sampling.beams == 1 and base.is_light(adapter):
            together.setdefault((id(base), "light"), {})[name] = pane
            continue
        further = adapter is not None and reaches_further(base.model, adapter)
        if pane.sampling.beams > 1 or base.passes.slower_because is not None or further:
            found.append(_Alone(voices, name, pane))
            continue
        # What can't be mixed still writes together with others of its own kind.
        apart = adapter if adapter is not None and not can_be_mixed(base.model, adapter) else ""
        together.setdefault((id(base), apart), {})[name] = pane
    return [*found, *(_Together(voices, some, light=kind == "light") for (_, kind), some in together.items())]


class _Together:
    def __init__(self, voices: Voices, panes: Mapping[str, Pane], *, light: bool) -> None:
        base = voices.base_of(next(iter(panes.values())).voice)
        parts: dict[str, Part] = {}
        # Those with the same adapter stand side by side, so that their rows go through it together.
        for name, pane in sorted(panes.items(), key=lambda item: _adapter_of(base, item[1]) or ""):
            encoder = pane.voice.encoder
            stops = stop_tokens_of(base.model, encoder.tokenizer, encoder.end_of_turn)
            writing = Writing(
                encoder.tokenizer,
                pane.prompt,
                pane.sampling,
                stop_tokens=stops,
                context=encoder.context,
                penalty=own_penalty(base.model),
                held=pane.held,
            )
            parts[name] = Part(writing, _adapter_of(base, pane))
        way = way_of(base, parts, light=light, kept=base.kept)
        self._chorus = Chorus(way, parts, base.model.device)
        self.running = {
            name: voices.running(base, {part.adapter} if part.adapter else set()) for name, part in parts.items()
        }

    @property
    def is_over(self) -> bool:
        return self._chorus.is_over

    def write(self, seconds: float) -> dict[str, str]:
        return self._chorus.write(seconds)

    def stop(self) -> dict[str, str]:
        return self._chorus.stop()

    def ended(self, pane: str) -> Ended | None:
        part = self._chorus.parts[pane]
        why = part.writing.ended
        return Ended(len(part.writing.tokens), part.seconds, why) if why is not None else None


def way_of(base: Base, parts: Mapping[str, Part], *, light: bool, kept: MutableMapping[str, Kept] | None) -> Way:
    """How the rows of these answers go through a base. kept: conversations that the light way knows and remembers, if
    it should."""
    if light and base.decoder is not None:
        asked = [Asked(name, part.writing.prompt, base.light(part.adapter)) for name, part in parts.items()]
        return LightWriting(base.decoder, asked, kept)
    prompts = [part.writing.prompt for part in parts.values()]
    return HeavyWriting(base.passes, base.model, prompts, [part.adapter for part in parts.values()])


class _Alone:
    def __init__(self, voices: Voices, name: str, pane: Pane) -> None:
        self._voices, self._name, self._pane = voices, name, pane
        base, encoder = voices.switch_to(pane.voice), pane.voice.encoder
        stops = stop_tokens_of(base.model, encoder.tokenizer, encoder.end_of_turn)
        kind = BeamAnswer if pane.sampling.beams > 1 else Answer
        self._answer = kind(
            base.model,
            encoder.tokenizer,
            pane.prompt,
            pane.sampling,
            stop_tokens=stops,
            context=encoder.context,
            held=pane.held,
        )
        self.running = {name: voices.running(base)}

    @property
    def is_over(self) -> bool:
        return self._answer.ended is not None

    def write(self, seconds: float) -> dict[str, str]:
        self._voices.switch_to(self._pane.voice)
        return {self._name: self._answer.write(seconds)}

    def stop(self) -> dict[str, str]:
        return {self._name: self._answer.stop()}

    def ended(self, pane: str) -> Ended | None:
        answer = self._answer
        return Ended(len(answer.tokens), answer.seconds, answer.ended) if answer.ended is not None else None


def _adapter_of(base: Base, pane: Pane) -> str | None:
    """PEFT's name of a pane's adapter."""
    return base.adapters[pane.voice.wanted.adapter] if pane.voice.wanted.adapter is not None else None

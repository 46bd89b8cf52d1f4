"""What was found on this computer, looked at in a thread, and how that is said."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from studio.core.torch_builds import Card, Choice, Computer, TorchBuild, builds_for, choose
from studio.gui.language import tr, translated
from studio.processes.probing import probe
from studio.storage.files import free_bytes, in_bytes
from studio.storage.runtimes import has_lock, runtimes_home


@dataclass(frozen=True, slots=True)
class Found:
    """The computer, what suits it, what else there is for it, and how much is free at the usual place."""

    computer: Computer
    choice: Choice
    builds: tuple[TorchBuild, ...]
    place: Path
    free: int | None


def look() -> Found:
    """Look at this computer; takes up to ten seconds when NVIDIA's tool does not answer."""
    computer = probe()
    choice = choose(computer)
    builds = tuple(build for build in builds_for(computer) if has_lock(build.key))
    place = runtimes_home()
    return Found(computer, choice, builds, place, free_bytes(place))


def lines_about(computer: Computer) -> list[str]:
    """The computer in words, a line a card."""
    lines = [_of_card(card) for card in computer.cards]
    lines += [tr("AMD card of the generation {name}", name=name) for name in computer.amd]
    if computer.system == "macos" and computer.machine == "arm64":
        lines.append(tr("Apple GPU"))
    return lines or [translated(computer.note) or tr("No graphics card that torch can compute on.")]


def _of_card(card: Card) -> str:
    known = {"name": card.name, "driver": card.driver, "capability": ".".join(map(str, card.capability))}
    if not card.memory:
        return tr("{name}, driver {driver}, compute capability {capability}", **known)
    return tr(
        "{name}, {memory} of memory, driver {driver}, compute capability {capability}",
        memory=in_bytes(card.memory),
        **known,
    )

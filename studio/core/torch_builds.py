"""Which build of torch serves a computer: a pure choice from what was found on it, with the reason in words.

The driver alone does not decide: a GTX 1080 with the newest driver needs the older CUDA build, because the newer one
has no kernels for it. Figures: NVIDIA's CUDA release notes and the architectures that torch's wheels are built for;
look at them again whenever torch's version changes. Asking the computer is `processes.probing`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

GIGABYTE = 1000**3
System = Literal["linux", "windows", "macos"]
Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """An NVIDIA card. capability: CUDA's name for its generation, such as (8, 9). memory: bytes, 0 when unknown."""

    name: str
    driver: str
    capability: tuple[int, int]
    memory: int = 0


@dataclass(frozen=True, slots=True)
class Computer:
    """What matters here of a computer. amd: the names of its AMD GPUs' generations, such as “gfx1100”. note: why
    nothing was found where something may be, in words."""

    system: System
    machine: str = "x86_64"
    cards: tuple[Card, ...] = ()
    amd: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class TorchBuild:
    """A build of torch. key: its name in file names and for uv. downloads, for each system that it is for, and disk:
    bytes, roughly, with all that comes with torch. python: the one it is for; empty where any will do."""

    key: str
    label: str
    downloads: tuple[tuple[System, int], ...]
    disk: int
    drivers: tuple[tuple[System, str], ...] = ()  # the lowest that works
    capabilities: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))  # lowest and highest
    amd: tuple[str, ...] = ()
    python: str = ""

    @property
    def systems(self) -> tuple[System, ...]:
        """The systems that it is for."""
        return tuple(system for system, _size in self.downloads)

    def download_on(self, system: System) -> int:
        """The bytes that come over the network on a system."""
        return dict(self.downloads)[system]

    def driver_for(self, system: System) -> str:
        """The lowest driver that works on a system; empty where any or none does."""
        return dict(self.drivers).get(system, "")


def _sizes(**gigabytes: float) -> tuple[tuple[System, int], ...]:
    order: tuple[System, ...] = ("windows", "linux", "macos")
    return tuple((system, int(gigabytes[system] * GIGABYTE)) for system in order if system in gigabytes)


# Newest first: the first that serves a card is taken.
CUDA_13 = TorchBuild(
    "cu130", "NVIDIA, CUDA 13.0", _sizes(windows=2.3, linux=3.3), int(6.5 * GIGABYTE),
    (("linux", "580.65"), ("windows", "580.65")), ((7, 5), (12, 1)),
)  # fmt: skip
CUDA_12 = TorchBuild(
    "cu126", "NVIDIA, CUDA 12.6", _sizes(windows=3.0, linux=3.8), int(6.8 * GIGABYTE),
    (("linux", "525.60"), ("windows", "528.33")), ((5, 0), (9, 0)),
)  # fmt: skip
# Of what torch is compiled for, the cards that ROCm's own libraries are known to serve. The Python is the one whose
# file's hash is known: torch's index tells none of its builds for ROCm.
ROCM = TorchBuild(
    "rocm7.1", "AMD, ROCm 7.1", _sizes(linux=6.8), int(20 * GIGABYTE),
    amd=("gfx908", "gfx90a", "gfx942", "gfx950", "gfx1030", "gfx1100", "gfx1101", "gfx1102", "gfx1150", "gfx1151",
         "gfx1200", "gfx1201"),
    python="3.12",
)  # fmt: skip
APPLE = TorchBuild("mps", "Apple GPU", _sizes(macos=0.4), int(1.3 * GIGABYTE))
CPU = TorchBuild("cpu", "Processor only", _sizes(windows=0.5, linux=0.5), int(1.5 * GIGABYTE))
BUILDS = {build.key: build for build in (CUDA_13, CUDA_12, ROCM, APPLE, CPU)}


@dataclass(frozen=True, slots=True)
class Choice:
    """A build and why it was chosen, as sentences."""

    build: TorchBuild
    reason: str


def builds_for(computer: Computer) -> tuple[TorchBuild, ...]:
    """Every build that there is for the computer's system: what a person may choose instead."""
    return tuple(build for build in BUILDS.values() if computer.system in build.systems)


def choose(computer: Computer) -> Choice:
    """The build that serves the computer best. Any computer gets one; the reason says what would make it a better."""
    if computer.system == "macos":
        if computer.machine == "arm64":
            return Choice(APPLE, "This Mac's GPU shares the computer's memory; one build serves all of them.")
        return Choice(CPU, "torch is no longer made for Macs with an Intel processor, so this can't be set up.")
    if computer.machine not in ("x86_64", "AMD64", "amd64"):
        return Choice(CPU, f"For {computer.machine} processors there is only the build that computes on them.")
    if computer.cards:
        return _for_nvidia(computer, best_card(computer.cards))
    if computer.amd:
        return _for_amd(computer)
    found_none = computer.note or "No graphics card was found that torch can compute on."
    return Choice(CPU, f"{found_none} Training works on the processor, only slower.")


def best_card(cards: tuple[Card, ...]) -> Card:
    """The card that CUDA counts first, which is the one that a run takes: the fastest, as far as it can be told."""
    return max(cards, key=lambda card: (card.capability, card.memory))


def _for_nvidia(computer: Computer, card: Card) -> Choice:
    driver = version_of(card.driver)
    named = f"The {card.name} (compute capability {card.capability[0]}.{card.capability[1]})"
    suited = [
        build
        for build in (CUDA_13, CUDA_12)
        if build.capabilities[0] <= card.capability <= build.capabilities[1]
    ]  # fmt: skip
    if not suited:
        oldest, newest = CUDA_12.capabilities[0], CUDA_13.capabilities[1]
        which = "older" if card.capability < oldest else "newer" if card.capability > newest else "other"
        return Choice(CPU, f"{named} is {which} than what torch's builds have kernels for, so the processor computes.")
    for build in suited:
        if driver >= version_of(build.driver_for(computer.system)):
            older = " It is too old for CUDA 13, whichever driver it has." if card.capability < (7, 5) else ""
            return Choice(build, f"{named} with driver {card.driver} runs {build.label.split(', ')[-1]}.{older}")
    wanted = min((build.driver_for(computer.system) for build in suited), key=version_of)
    has = f"Its driver is {card.driver}" if driver else "Its driver's version could not be read"
    return Choice(
        CPU,
        f"{named} needs driver {wanted} or newer. {has}. Update it and look again; until then the processor computes.",
    )


def _for_amd(computer: Computer) -> Choice:
    served = next((name for name in computer.amd if name in ROCM.amd), "")
    if computer.system != "linux":
        return Choice(CPU, "For AMD cards torch is built for Linux only, so on this system the processor computes.")
    if not served:
        known = ", ".join(computer.amd)
        return Choice(CPU, f"torch has no kernels for this AMD card ({known}), so the processor computes.")
    return Choice(ROCM, f"An AMD card was found ({served}), which ROCm 7.1 serves.")


def version_of(text: str) -> Version:
    """The numbers of a version, such as (581, 29) of “581.29”; empty when there is none."""
    found = re.match(r"\s*(\d+(?:\.\d+)*)", text)
    return tuple(int(number) for number in found[1].split(".")) if found else ()

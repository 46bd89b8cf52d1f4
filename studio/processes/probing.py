"""What this computer has to train on, asked of the system: NVIDIA's own tool, and what Linux says of AMD cards.

Nothing here is trusted: a tool can be missing, silent or broken, and then the answer says so in words. It takes up to
`TIMEOUT` seconds, so a window asks in a thread. Choosing by the answer is `core.torch_builds`.
"""

from __future__ import annotations

import csv
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from studio.core.torch_builds import Card, Computer
from studio.storage.runtimes import system

TIMEOUT = 10.0  # seconds; a card that wakes up takes two or three
_ASKED = "name,driver_version,compute_cap,memory.total"
_MIB = 1024**2
_DRIVER_IS_LOADED = Path("/proc/driver/nvidia/version")
_KFD = Path("/sys/class/kfd/kfd/topology/nodes")


def probe(tool: str | None = None, timeout: float = TIMEOUT) -> Computer:
    """Look at this computer. tool: NVIDIA's, where it isn't in its usual places. Never raises."""
    on = system()
    cards, note = ((), "") if on == "macos" else ask_nvidia(tool or nvidia_tool(), timeout)
    return Computer(on, platform.machine(), cards, amd_generations(), note)


def nvidia_tool() -> str | None:
    """Where nvidia-smi is; None when it isn't."""
    found = shutil.which("nvidia-smi")
    if found or sys.platform != "win32":
        return found
    places = (
        Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "nvidia-smi.exe"),
        Path(os.environ.get("PROGRAMFILES", r"C:\Program Files"), "NVIDIA Corporation", "NVSMI", "nvidia-smi.exe"),
    )
    return next((str(place) for place in places if place.is_file()), None)


def ask_nvidia(tool: str | None, timeout: float) -> tuple[tuple[Card, ...], str]:
    """The NVIDIA cards that the tool names; or none, and why in words when there may be one all the same."""
    if tool is None:
        if _DRIVER_IS_LOADED.exists():
            return (), "An NVIDIA driver is loaded, but its tool nvidia-smi is missing, so the card is not known."
        return (), ""
    words = [tool, f"--query-gpu={_ASKED}", "--format=csv,noheader,nounits"]
    flags = subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False, creationflags=flags
        )
    except subprocess.TimeoutExpired:
        return (), f"nvidia-smi did not answer within {timeout:.0f} seconds, so the NVIDIA card is not known."
    except OSError as error:
        return (), f"nvidia-smi can't be started ({error.strerror or error}), so the NVIDIA card is not known."
    said = done.stdout.decode("utf-8", "replace")
    cards = tuple(read_cards(said))
    if cards or "no devices were found" in said.lower():
        return cards, ""
    first = (said + done.stderr.decode("utf-8", "replace")).strip().partition("\n")[0]
    complaint = "".join(letter for letter in first if letter.isascii() and letter.isprintable())[:120]
    if done.returncode:
        return (), f"nvidia-smi ended with an error (“{complaint}”), so the NVIDIA card is not known."
    return (), f"nvidia-smi said nothing that could be read (“{complaint}”), so the NVIDIA card is not known."


def read_cards(said: str) -> list[Card]:
    """The cards in the lines of nvidia-smi; a line that isn't one is left out."""
    cards: list[Card] = []
    for row in csv.reader(said.splitlines(), skipinitialspace=True):
        if len(row) < 4:
            continue
        # A name could hold commas; the three figures come last.
        name, (driver, capability, memory) = ", ".join(row[:-3]), [part.strip() for part in row[-3:]]
        generation = re.fullmatch(r"(\d{1,2})\.(\d)", capability)
        if not name.strip() or generation is None or not re.fullmatch(r"\d{2,4}(\.\d+)*", driver):
            continue
        size = int(memory) * _MIB if memory.isdecimal() and len(memory) < 10 else 0  # “[N/A]” where it is shared
        cards.append(Card(name.strip(), driver, (int(generation[1]), int(generation[2])), size))
    return cards


def amd_generations(topology: Path = _KFD) -> tuple[str, ...]:
    """The generations of the AMD GPUs that Linux's driver for computing sees, such as “gfx1100”."""
    found: list[str] = []
    for node in sorted(topology.glob("*/properties")):
        try:
            told = re.search(r"^gfx_target_version (\d{1,7})$", node.read_text(), re.MULTILINE)
        except (OSError, ValueError):
            continue
        number = int(told[1]) if told else 0  # 0 is the processor
        if number:
            major, minor, stepping = number // 10000, number // 100 % 100, number % 100
            found.append(f"gfx{major}{minor:x}{stepping:x}")
    return tuple(found)

"""What is in use of the machine now: of the processor and a process's memory by psutil, of a card by NVIDIA's library.

What the machine does not tell is left out. A look takes about a millisecond, and is not for the thread that trains.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable
from typing import Any

import psutil

from studio.storage.machine import torch_knows_cuda

_CHIPS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "acpitz")  # of processors, the most telling first


class MachineMeter:
    """Reads the figures of `core.machine_use`, for this process and the card that it would compute on."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._nvml: Any = None
        self._card: Any = None
        if torch_knows_cuda():
            self._nvml, self._card = _card()
        psutil.cpu_percent()  # the first answer means nothing: it is of the time since the one before

    def read(self) -> dict[str, float]:
        """The figures now."""
        found = {"cpu": float(psutil.cpu_percent())}
        with contextlib.suppress(psutil.Error, OSError):
            found["memory"] = float(self._process.memory_info().rss)
        found |= self._of_card() if self._card is not None else _heat()
        return found

    def _of_card(self) -> dict[str, float]:
        nvml, card, found = self._nvml, self._card, dict[str, float]()
        asked: tuple[tuple[str, Callable[[], Any]], ...] = (
            ("gpu", lambda: nvml.nvmlDeviceGetUtilizationRates(card).gpu),
            ("gpu_memory", lambda: nvml.nvmlDeviceGetMemoryInfo(card).used),
            ("temperature", lambda: nvml.nvmlDeviceGetTemperature(card, nvml.NVML_TEMPERATURE_GPU)),
            ("power", lambda: nvml.nvmlDeviceGetPowerUsage(card) / 1000),  # from milliwatts
        )
        for name, ask in asked:
            with contextlib.suppress(nvml.NVMLError):  # laptops' cards don't tell all of it
                found[name] = float(ask())
        return found


def _card() -> tuple[Any, Any]:
    """NVIDIA's library and the first card, as the worker takes it; None twice where there is none."""
    try:
        nvml: Any = importlib.import_module("pynvml")
        nvml.nvmlInit()
    except Exception:  # no library, no driver, or none that fits: then there are no figures of a card
        return None, None
    try:
        return nvml, nvml.nvmlDeviceGetHandleByIndex(0)
    except nvml.NVMLError:
        return None, None


def _heat() -> dict[str, float]:
    """The processor's temperature, where the system tells it (Linux)."""
    read: Any = getattr(psutil, "sensors_temperatures", None)
    if read is None:
        return {}
    with contextlib.suppress(OSError, ValueError):
        chips: dict[str, list[Any]] = read()
        for name in _CHIPS:
            if chips.get(name):
                return {"temperature": float(chips[name][0].current)}
    return {}

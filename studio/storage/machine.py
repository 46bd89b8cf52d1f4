"""The machine: where a run would compute, how much memory there is and how much of it is free now.

Answers come without torch: from psutil for the processor, from NVIDIA's own library for a card when it is installed.
They take a few milliseconds, the first about 50, so a window asks in a thread.
"""

from __future__ import annotations

import importlib
import platform
import sys
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from studio.core.forecast import Device

# Limits of a container, which psutil doesn't know: bytes, or "max" for none. The second is cgroup version 1.
_LIMITS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
_BF16_UNITS = {"avx512_bf16", "amx_bf16"}  # as `engine.loading` asks for
_BF16_SINCE = (8, 0)  # compute capability of the first NVIDIA cards with bf16


def read_device() -> Device:
    """Where a run would compute: the first NVIDIA card that torch can use, Apple's GPU, or the processor."""
    card = _nvidia_card() if torch_knows_cuda() else None
    return card or _processor()


def free_on(kind: str) -> int:
    """Bytes of memory that are free on a card, or for the processor."""
    return (_processor() if kind == "cpu" else read_device()).free


def _processor() -> Device:
    memory = psutil.virtual_memory()
    total, free = int(memory.total), int(memory.available)
    limit, used = _container_limit()
    if 0 < limit < total:
        total, free = limit, min(free, max(0, limit - used))
    swap = int(psutil.swap_memory().total)
    if sys.platform == "darwin" and platform.machine() == "arm64":  # one memory for processor and GPU
        return Device("mps", "Apple GPU", total, free, swap=swap)
    return Device("cpu", "processor", total, free, bf16=_processor_has_bf16(), swap=swap)


def _container_limit() -> tuple[int, int]:
    """The limit and what is used of it; (0, 0) without one."""
    for limit, used in _LIMITS:
        try:
            return int(Path(limit).read_text()), int(Path(used).read_text())
        except (OSError, ValueError):  # not Linux, or "max"
            continue
    return 0, 0


@cache
def _processor_has_bf16() -> bool:
    """Where only torch could tell it is taken as no, which forecasts a little more than is needed."""
    try:
        flags = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    except (OSError, StopIteration):
        return False
    return not _BF16_UNITS.isdisjoint(flags.split())


@cache
def torch_knows_cuda() -> bool:
    """Whether the torch that is installed was built for NVIDIA cards; it is looked at, not imported."""
    found = find_spec("torch")
    if found is None or not found.submodule_search_locations:
        return False
    libraries = Path(next(iter(found.submodule_search_locations))) / "lib"
    return any((libraries / name).is_file() for name in ("libtorch_cuda.so", "torch_cuda.dll"))


def torch_build() -> str:
    """Which torch is installed and what it was built for; it is looked at, not imported."""
    try:
        version = metadata.version("torch")
    except metadata.PackageNotFoundError:
        return "torch is not installed, so nothing can be trained"
    number, _, build = version.partition("+")
    kind = build or ("CUDA" if torch_knows_cuda() else "cpu")
    return f"torch {number}, built for {'the processor' if kind == 'cpu' else kind}"


def driver_version() -> str:
    """The version of the NVIDIA driver; empty without one."""
    try:
        nvml: Any = importlib.import_module("pynvml")
        nvml.nvmlInit()
    except Exception:  # no library, or its own error for no driver
        return ""
    try:
        version = nvml.nvmlSystemGetDriverVersion()
        return version.decode() if isinstance(version, bytes) else str(version)
    except nvml.NVMLError:
        return ""
    finally:
        nvml.nvmlShutdown()


def _nvidia_card() -> Device | None:
    """The first card, as the worker takes it; None without a card, its driver or its library (nvidia-ml-py)."""
    try:
        nvml: Any = importlib.import_module("pynvml")
    except ImportError:
        return None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    try:
        card = nvml.nvmlDeviceGetHandleByIndex(0)
        memory = nvml.nvmlDeviceGetMemoryInfo(card)
        name = nvml.nvmlDeviceGetName(card)
        capability = tuple(nvml.nvmlDeviceGetCudaComputeCapability(card))
        text = name.decode() if isinstance(name, bytes) else str(name)
        return Device("cuda", text, int(memory.total), int(memory.free), bf16=capability >= _BF16_SINCE)
    except nvml.NVMLError:
        return None
    finally:
        nvml.nvmlShutdown()

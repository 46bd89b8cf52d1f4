"""Which process works on a run: known by its pid and its start time, never by the pid alone.

Starting, watching and ending one is `studio.processes`; where this is kept is the run's `process.json`.
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

# Two readings of one process's start time differ by less than this; a new process with an old pid is further away.
_SAME_START = 0.1
_KERNEL_COUNTS = Path("/proc/vmstat")


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """The worker of a run: its pid, and its start time in seconds (on Linux since boot, elsewhere since the epoch).

    heard_before: bytes of events that there were when it was started, which earlier attempts said. memory_kills: how
    many processes the kernel had killed for memory by then; -1 where that isn't known.
    """

    pid: int
    created: float
    heard_before: int = 0
    memory_kills: int = -1

    def find(self) -> psutil.Process | None:
        """The process while it lives; None once it is gone. A zombie is gone."""
        if not psutil.pid_exists(self.pid):  # so much faster than asking for more, and a project has a thousand runs
            return None
        try:
            process = psutil.Process(self.pid)
            same = abs(_start_of(process) - self.created) < _SAME_START
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


def worker_of(pid: int, heard_before: int) -> WorkerProcess | None:
    """The worker with that pid as it is now; None when it is gone already."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return WorkerProcess(pid, _start_of(psutil.Process(pid)), heard_before, memory_kills())
    return None


def memory_kills() -> int:
    """How many processes the kernel has killed since boot because memory ran out; -1 where it doesn't tell (only Linux
    does, since 4.13)."""
    try:
        for line in _KERNEL_COUNTS.read_text().splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    except (OSError, ValueError):
        pass
    return -1


def _start_of(process: psutil.Process) -> float:
    """When it started. Linux knows that since boot, and its boot moves whenever the clock is set: it is left out."""
    return process.create_time() - (psutil.boot_time() if sys.platform == "linux" else 0.0)

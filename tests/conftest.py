"""What all tests share: no screen, a home of their own, child processes that find the package, a small disk, patience,
and garbage that is collected on the main thread."""

from __future__ import annotations

import gc
import os
import subprocess
import warnings
from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
ROOT = Path(__file__).resolve().parents[1]
_TESTS = 100  # after which everything is looked through
_PATIENCE = 30_000  # ms; only what never comes takes that long


@pytest.fixture(autouse=True)
def collects_here() -> Iterator[None]:
    """Widgets that a test leaves in cycles end between tests and on this thread, as in the program: see
    studio/gui/collector.py."""
    gc.disable()
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # from here it can't be told whose it is
        gc.collect(2 if gc.get_count()[2] > _TESTS else 1)


class PatientBot(QtBot):
    """Waits longer than pytest-qt does before it gives up: the machines that test may have much else to do."""

    waitUntil = partialmethod(QtBot.waitUntil, timeout=_PATIENCE)  # noqa: N815
    waitSignal = partialmethod(QtBot.waitSignal, timeout=_PATIENCE)  # noqa: N815
    waitSignals = partialmethod(QtBot.waitSignals, timeout=_PATIENCE)  # noqa: N815
    waitActive = partialmethod(QtBot.waitActive, timeout=_PATIENCE)  # noqa: N815
    waitExposed = partialmethod(QtBot.waitExposed, timeout=_PATIENCE)  # noqa: N815


@pytest.fixture
def qtbot(qapp, request) -> QtBot:
    """pytest-qt's, with patience."""
    return PatientBot(request)


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    """A fresh home for settings and logs, and the checkout on the path of every child process."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("PLUMBLINE_HOME", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return folder


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 512 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)], capture_output=True)
    if made.returncode:
        pytest.skip("only the system's administrator can mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)

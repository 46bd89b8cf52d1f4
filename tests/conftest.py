"""What all tests share: no screen, a home of their own, child processes that find the package, a small disk, and
garbage that is collected on the main thread."""

from __future__ import annotations

import gc
import os
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
ROOT = Path(__file__).resolve().parents[1]
_TESTS = 100  # after which everything is looked through


@pytest.fixture(autouse=True)
def collects_here() -> Iterator[None]:
    """Widgets that a test leaves in cycles end between tests and on this thread, as in the program: see
    studio/gui/collector.py."""
    gc.disable()
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # from here it can't be told whose it is
        gc.collect(2 if gc.get_count()[2] > _TESTS else 1)


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

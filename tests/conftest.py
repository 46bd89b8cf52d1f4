"""What all tests share: no screen, a home of their own, child processes that find the package, and a small disk."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
ROOT = Path(__file__).resolve().parents[1]


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

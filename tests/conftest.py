"""What all tests share: no screen, a home of their own, and child processes that find the package."""

from __future__ import annotations

import os
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

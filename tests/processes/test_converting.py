"""Having a model converted by a worker that is waited for. What the worker does is in tests/engine."""

import sys

import pytest

from studio.core.errors import Cancelled
from studio.processes import converting


def test_it_ends_soon_when_it_is_cancelled_and_leaves_nothing(tmp_path, monkeypatch):
    making, there = tmp_path / ".new", []
    sleeps = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).mkdir(); time.sleep(60)"
    monkeypatch.setattr(converting, "worker_command", lambda *words: [sys.executable, "-c", sleeps, str(making)])

    def cancelled():
        there.append(making.is_dir())
        return there[-1]

    with pytest.raises(Cancelled):
        converting.convert_model(tmp_path / "old", tmp_path / "new", cancelled)
    assert there[-1] and list(tmp_path.iterdir()) == []

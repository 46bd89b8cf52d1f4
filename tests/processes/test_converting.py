"""Having a model converted by a worker that is waited for. What the worker does is in tests/engine."""

import sys

import pytest

from studio.core.errors import Cancelled, StudioError
from studio.processes import converting


def stand_in(monkeypatch, code):
    """Have this code run as the worker; it is told the source and the folder to fill."""
    monkeypatch.setattr(
        converting, "worker_command", lambda *words: [sys.executable, "-c", code, *words[words.index("convert") + 1 :]]
    )


def test_it_ends_soon_when_it_is_cancelled_and_leaves_nothing_of_its_own(tmp_path, monkeypatch):
    theirs = tmp_path / ".new" / "settings"  # of another program, or what another conversion has so far
    theirs.parent.mkdir()
    theirs.touch()
    stand_in(monkeypatch, "import pathlib, sys, time; pathlib.Path(sys.argv[2], 'half').touch(); time.sleep(60)")
    with pytest.raises(Cancelled):
        converting.convert_model(tmp_path / "old", tmp_path / "new", lambda: bool(list(tmp_path.glob(".*/half"))))
    assert list(tmp_path.iterdir()) == [theirs.parent]
    assert theirs.exists()


def test_a_model_appears_whole_or_not_at_all_beside_what_is_there(tmp_path, monkeypatch):
    theirs = tmp_path / ".new" / "settings"
    theirs.parent.mkdir()
    theirs.touch()
    stand_in(monkeypatch, "import sys; sys.exit('It holds more than numbers.')")
    with pytest.raises(StudioError, match="more than numbers"):
        converting.convert_model(tmp_path / "old", tmp_path / "new")
    assert list(tmp_path.iterdir()) == [theirs.parent]
    stand_in(monkeypatch, "import pathlib, sys; pathlib.Path(sys.argv[2], 'model').touch()")
    assert converting.convert_model(tmp_path / "old", tmp_path / "new") == tmp_path / "new"
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["model"]
    assert theirs.exists()
    with pytest.raises(StudioError, match="is there already"):
        converting.convert_model(tmp_path / "old", tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".new", "new"]

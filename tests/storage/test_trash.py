import errno
import os

import pytest

from studio.core.errors import StudioError
from studio.storage.trash import Trash


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "Läufe" / "erster Lauf 項"
    made.mkdir(parents=True)
    (made / "a.txt").write_text("a")
    return made


def test_what_is_thrown_away_can_be_put_back(tmp_path, folder):
    trash = Trash(tmp_path / "trash")
    thrown = trash.throw(folder, "The run “erster”")
    assert not folder.exists() and trash.things() == [thrown]
    trash.put_back(thrown)
    assert (folder / "a.txt").read_text() == "a" and trash.things() == []


def test_several_of_one_name_are_told_apart(tmp_path, folder):
    trash = Trash(tmp_path / "trash")
    trash.throw(folder, "one")
    folder.mkdir()
    second = trash.throw(folder, "two")
    assert {thrown.what for thrown in trash.things()} == {"one", "two"}
    trash.put_back(second)
    other = next(thrown for thrown in trash.things() if thrown.what == "one")
    with pytest.raises(StudioError, match="something else now"):
        trash.put_back(other)
    assert other.thing.is_dir() and folder.is_dir()  # nothing is lost


def test_emptied_it_is_gone(tmp_path, folder):
    trash = Trash(tmp_path / "trash")
    trash.empty()  # there is none yet
    trash.throw(folder, "x")
    trash.empty()
    assert trash.things() == [] and list(trash.folder.iterdir()) == []


def test_what_cannot_be_moved_stays_whole(tmp_path, folder, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "rename", refuse)
    trash = Trash(tmp_path / "trash")
    with pytest.raises(StudioError, match="cross-device"):
        trash.throw(folder, "x")
    assert (folder / "a.txt").exists() and trash.things() == [] and list(trash.folder.iterdir()) == []


def test_what_is_not_of_the_trash_is_not_listed(tmp_path):
    trash = Trash(tmp_path)
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "thrown.json").write_text('{"from": 3}')
    assert trash.things() == []

import errno
import os
import sys

import pytest

from studio.core.errors import StudioError
from studio.storage.files import disk_trouble, in_bytes, write_whole


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "a.json"
    write_whole(file, "old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StudioError, match="is full"):
        write_whole(file, "new")
    assert file.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="permissions work otherwise there")
def test_others_may_read_what_is_written_as_far_as_the_umask_allows(tmp_path):
    (tmp_path / "plain").write_text("x")
    write_whole(tmp_path / "whole", "x")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_half_of_a_character_is_a_sentence_and_leaves_nothing(tmp_path):
    with pytest.raises(StudioError, match="half of a character"):
        write_whole(tmp_path / "a", "\ud83d")
    assert list(tmp_path.iterdir()) == []


def test_on_windows_a_file_that_is_being_read_is_replaced_a_little_later(tmp_path, monkeypatch):
    write_whole(tmp_path / "a", "old")
    replace, asked = os.replace, []

    def busy(*paths):
        asked.append(paths)
        if len(asked) < 4:
            raise PermissionError(errno.EACCES, "The file is being used by another process")
        replace(*paths)

    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setattr("os.replace", busy)
    write_whole(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "new"


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a file system")
def test_a_really_full_disk(small_disk):
    write_whole(small_disk / "a", "old")
    with pytest.raises(StudioError, match=r"“a” is full \(5\d\d kB free\)"):
        write_whole(small_disk / "a", "x" * 600_000)
    assert (small_disk / "a").read_text() == "old"
    assert [entry.name for entry in small_disk.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "is full"),
        (errno.EACCES, "can't be written"),
        (errno.EROFS, "can't be written"),
        (errno.EIO, "Check the disk"),
    ],
)
def test_disk_trouble_is_said_in_words(tmp_path, code, words):
    assert words in disk_trouble(OSError(code, "why"), tmp_path / "x").sentence


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1500, "1.5 kB"),
        (123_456_789, "123 MB"),
        (2.5e9, "2.5 GB"),
        (3e12, "3.0 TB"),
    ],
)
def test_bytes_in_words(count, text):
    assert in_bytes(count) == text

import errno
import json
import os

import pytest

from studio.storage.project import Project


@pytest.fixture
def project(tmp_path):
    """An open project in a folder with a space and letters that are not ASCII."""
    opened = Project.create(tmp_path / "Mein Küken 项目")
    yield opened
    opened.close()


@pytest.fixture
def alpaca(tmp_path):
    """Writes Alpaca rows to a file and returns its path."""

    def write(count, name="rows.json"):
        rows = [{"instruction": f"Say {n}.", "input": "", "output": f"It is {n} ü."} for n in range(count)]
        file = tmp_path / name
        file.write_text(json.dumps(rows, indent=1), encoding="utf-8")
        return file

    return write


@pytest.fixture
def unreachable(monkeypatch):
    """Makes a path, and all beneath it, one that the system lets nobody look at; for administrators too."""

    def forbid(forbidden):
        def refuse(real):
            def asked(path, *rest, **options):
                if not isinstance(path, int) and os.path.abspath(os.fsdecode(path)).startswith(str(forbidden)):
                    raise PermissionError(errno.EACCES, "Permission denied", str(path))
                return real(path, *rest, **options)

            return asked

        for name in ("stat", "lstat", "listdir", "scandir", "open", "mkdir"):
            monkeypatch.setattr(os, name, refuse(getattr(os, name)))
        return forbidden

    return forbid

import json

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

import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QThread

from studio.core.messages import Example, Message
from studio.storage.datasets import add_dataset
from studio.storage.project import Project

PROCESSES = Path(__file__).resolve().parents[1] / "processes"


@pytest.fixture
def project(tmp_path):
    opened = Project.create(tmp_path / "project ü")
    add_dataset(opened, "data", "data.json", [Example((Message("user", "a"), Message("assistant", "b")))])
    yield opened
    opened.close()


@pytest.fixture
def fake_run():
    """A command factory for runs that needs no model."""

    def command_for(mode, steps=20):
        return lambda run: [sys.executable, str(PROCESSES / "fake_worker.py"), str(run.folder), mode, str(steps)]

    return command_for


@pytest.fixture
def fake_service():
    return [sys.executable, str(PROCESSES / "fake_service.py")]


@pytest.fixture(autouse=True)
def no_thread_left(qapp):
    yield
    assert QThread.currentThread() is qapp.thread()

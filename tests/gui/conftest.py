"""Projects for pages, a preview worker without a model, and failures for windows and threads left behind."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QMimeData, QPoint, QPointF, Qt, QThread, QTranslator, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget

from studio.core.messages import Example, Message
from studio.gui import theme
from studio.gui.language import Sentences, speak, spoken
from studio.jobs.background import BackgroundTask
from studio.jobs.candidates import CandidateWriter, MachineJudge
from studio.jobs.drafting import DraftWriter
from studio.jobs.labelling import LabelDesk
from studio.jobs.run_threads import RunFinder, RunWatch
from studio.jobs.service import WorkerService
from studio.storage.datasets import add_dataset
from studio.storage.project import Project

GUI = Path(__file__).parent


@pytest.fixture(autouse=True)
def nothing_left(qapp, monkeypatch):
    """Every test begins in the light theme, and ends without a running thread or a visible window of its own."""
    started: list[QThread] = []

    def start(thread: QThread, *priority: QThread.Priority) -> None:
        started.append(thread)
        QThread.start(thread, *priority)

    for kind in (
        BackgroundTask,
        CandidateWriter,
        DraftWriter,
        LabelDesk,
        MachineJudge,
        RunFinder,
        RunWatch,
        WorkerService,
    ):
        monkeypatch.setattr(kind, "start", start)
    if not qapp.styleSheet():
        theme.apply(qapp, "light")
    yield
    running = [thread for thread in started if _runs(thread)]
    for thread in running:
        thread.wait(5000)
    shown = [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()]
    for widget in shown:
        widget.close()
    assert not running, f"threads left running: {running}"
    assert not shown, f"windows left open: {shown}"


def _runs(thread: QThread) -> bool:
    try:
        return thread.isRunning()
    except RuntimeError:  # deleted, so it had ended
        return False


@pytest.fixture
def chinese(qapp):
    """The window speaks Chinese, as long as the test takes."""
    assert speak(qapp, "zh_CN") == spoken() == "zh_CN"
    yield
    for kind in (QTranslator, Sentences):
        for made in qapp.findChildren(kind, options=Qt.FindChildOption.FindDirectChildrenOnly):
            if kind is QTranslator:
                QCoreApplication.removeTranslator(made)
            made.setParent(None)
            made.deleteLater()


@pytest.fixture
def empty_project(tmp_path):
    """An open project in a path with a space and an umlaut."""
    project = Project.create(tmp_path / "Mein Projekt ü")
    yield project
    project.close()


@pytest.fixture
def project(empty_project):
    """An open project with a dataset “greetings” of 200 examples."""
    turns = ((Message("user", f"question {n}"), Message("assistant", f"answer {n}\nend")) for n in range(200))
    add_dataset(empty_project, "greetings", "greetings.json", (Example(pair) for pair in turns))
    return empty_project


@pytest.fixture
def model_folder(tmp_path):
    """A folder that passes for a model: config, tokenizer, one weight."""
    folder = tmp_path / "tiny model é"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", "max_position_embeddings": 64}))
    (folder / "tokenizer.json").write_text("{}")
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 8)
    return folder


@pytest.fixture
def preview_command():
    """The command of a preview worker that cuts text at spaces."""
    return [sys.executable, str(GUI / "fake_preview.py")]


@pytest.fixture
def alpaca_file(tmp_path):
    """Writes rows as a JSON file and returns its path."""

    def write(rows: object, name: str = "Meine Daten.json") -> Path:
        path = tmp_path / name
        path.write_text(rows if isinstance(rows, str) else json.dumps(rows), encoding="utf-8")
        return path

    return write


@pytest.fixture
def drop():
    """Drops a file or folder on a widget; whether the widget took it."""

    def on(widget: QWidget, path: Path) -> bool:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        action, button, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        entering = QDragEnterEvent(QPoint(5, 5), action, data, button, keys)
        QApplication.sendEvent(widget, entering)
        if entering.isAccepted():
            QApplication.sendEvent(widget, QDropEvent(QPointF(5, 5), action, data, button, keys))
        return entering.isAccepted()

    return on

"""`kill -9` on the window while it trains: training goes on, and the next window shows all of it and takes over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from studio.core.runs import RunState
from studio.gui.app import Studio
from studio.gui.preferences import Preferences
from studio.processes.training import is_alive, kill_tree
from studio.storage.interchange import import_file
from studio.storage.project import Project
from studio.storage.runs import list_runs

pytestmark = pytest.mark.timeout(300)

# A whole window, which starts a run as the Train page does and then sits in its event loop.
_WINDOW = """
import sys
from PySide6.QtWidgets import QApplication
from studio.core.methods import SftSettings
from studio.core.recipes import Recipe
from studio.gui.app import Studio
from studio.gui.collector import Collector
from studio.gui.preferences import Preferences
app = QApplication([])
Collector(app)
studio = Studio(Preferences())
studio.window.show()
studio.open_folder(sys.argv[1])
settings = SftSettings(epochs=1000, max_steps=400, batch_size=2, accumulate=1, checkpoint_minutes=0.0)
record = studio.runs.start(Recipe(sys.argv[2], "counting", "long", "alpaca", settings=settings))
studio.show_page("runs")
print(record.id, flush=True)
app.exec()
"""


@pytest.fixture
def project_folder(tmp_path, alpaca_file):
    project = Project.create(tmp_path / "project ü")
    import_file(project, alpaca_file)
    project.close()
    yield project.folder
    for run in list_runs(project.runs):
        kill_tree(run.worker())


@pytest.fixture
def studio(qtbot):
    made = Studio(Preferences())
    qtbot.addWidget(made.window)
    made.window.show()
    yield made
    made.window.close()


def test_training_outlives_the_window_and_the_next_one_takes_over(qtbot, studio, project_folder, base_model):
    window = subprocess.Popen(
        [sys.executable, "-c", _WINDOW, str(project_folder), str(base_model)], stdout=subprocess.PIPE, text=True
    )
    assert window.stdout is not None
    run_id = window.stdout.readline().strip()
    (run,) = list_runs(project_folder / "runs")
    assert run.id == run_id
    qtbot.waitUntil(lambda: run.story().step >= 5, timeout=120_000)
    os.kill(window.pid, signal.SIGKILL)
    window.wait()
    window.stdout.close()
    seen = run.story().step
    qtbot.waitUntil(lambda: run.story().step >= seen + 5, timeout=120_000)
    assert is_alive(run.worker())

    studio.open_folder(str(project_folder))  # the lock died with its window
    assert studio.project is not None
    studio.show_page("runs")
    qtbot.waitUntil(lambda: bool(studio.runs.records()), timeout=60_000)
    record = studio.runs.record(run_id)
    qtbot.waitUntil(lambda: record.story.step >= seen + 5, timeout=60_000)
    assert record.state is RunState.RUNNING
    drawn = list(record.curves.by_name["loss"].steps)
    assert drawn == list(range(1, len(drawn) + 1))

    with qtbot.waitSignal(studio.runs.run_ended, timeout=120_000):
        studio.runs.stop(run_id, save=True)
    assert record.state is RunState.STOPPED
    assert record.outcome is not None
    assert "everything is saved" in record.outcome.sentence
    last = run.last_checkpoint()
    assert last is not None
    assert last.step == record.story.step

    # A killed worker is a sentence in the window, and Resume goes on from its last checkpoint.
    studio.runs.resume(run_id)
    # A checkpoint is saved after its step was told: only then is there a later one to go on from.
    qtbot.waitUntil(lambda: (record.story.checkpoint_step or 0) > last.step, timeout=120_000)
    assert record.state is RunState.RUNNING
    with qtbot.waitSignal(studio.runs.run_ended, timeout=60_000):
        kill_tree(run.worker())
    assert record.state is RunState.INTERRUPTED
    assert record.outcome is not None
    assert "signal 9" in record.outcome.sentence
    assert "Resume" in record.outcome.hint
    studio.runs.resume(run_id)
    qtbot.waitUntil(lambda: record.curves.resumes[-1:] > [last.step], timeout=120_000)
    drawn = list(record.curves.by_name["loss"].steps)
    assert drawn == list(range(1, len(drawn) + 1))

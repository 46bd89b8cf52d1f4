"""How long the window's event loop is kept waiting while a worker trains on all cores and the plots draw themselves.

    python -m tests.bench.event_loop [SECONDS]

A timer asks to fire every millisecond; a delay is how much later than that it fired. The worker is the real one on the
starter model; beside it one busy process a core, at the worker's priority, makes sure that no core is ever idle. The
last line is a JSON object with the delays in milliseconds, and those of the same window with nothing running.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QObject, Qt, QTimer, Slot
from PySide6.QtWidgets import QApplication

from studio.core.methods import SftSettings
from studio.core.recipes import Recipe
from studio.gui import theme
from studio.gui.app import Studio
from studio.gui.collector import Collector
from studio.gui.preferences import Preferences
from studio.processes.training import kill_tree
from studio.storage.interchange import import_file
from studio.storage.project import Project
from studio.storage.resources import carried

SECONDS = 30.0
_WAIT = QEventLoop.ProcessEventsFlag.AllEvents | QEventLoop.ProcessEventsFlag.WaitForMoreEvents
_BURN = "import os\nos.nice(10)\nwhile True: pass"


class Heart(QObject):
    """Beats every millisecond and writes down how late each beat was."""

    def __init__(self) -> None:
        super().__init__()
        self.delays: list[float] = []
        self._last = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)

    @Slot()
    def _beat(self) -> None:
        now = time.perf_counter()
        self.delays.append(max(0.0, now - self._last - 0.001) * 1000)
        self._last = now

    def measure(self, app: QApplication, seconds: float) -> list[float]:
        self.delays = []
        self._last = time.perf_counter()
        self._timer.start(1)
        end = self._last + seconds
        while time.perf_counter() < end:
            app.processEvents(_WAIT, 50)
        self._timer.stop()
        return self.delays


def wait(app: QApplication, seconds: float, until) -> None:
    end = time.monotonic() + seconds
    while not until():
        if time.monotonic() > end:
            raise SystemExit("waited in vain")
        app.processEvents(_WAIT, 50)


def figures(delays: list[float]) -> dict[str, float]:
    ordered = sorted(delays)
    return {
        "median_ms": round(statistics.median(ordered), 2),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)], 2),
        "worst_ms": round(ordered[-1], 2),
        "beats": len(ordered),
    }


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        os.environ["PLUMBLINE_HOME"] = str(Path(name) / "home")
        project = Project.create(Path(name) / "project")
        info = import_file(project, carried("sample_data", "instructions.json"))
        project.close()
        app = QApplication([])
        Collector(app)
        studio = Studio(Preferences())
        theme.apply(app, "light")
        studio.window.show()
        studio.open_folder(str(project.folder))
        studio.show_page("runs")
        wait(app, 10, lambda: True)
        heart = Heart()
        idle = figures(heart.measure(app, min(5.0, seconds)))
        assert studio.runs is not None
        settings = SftSettings(epochs=1000, batch_size=8, accumulate=1, evaluations=1000)
        record = studio.runs.start(Recipe(str(carried("resources", "starter")), info.id, settings=settings))
        studio.pages["runs"].open_run(record.id)
        burners = [subprocess.Popen([sys.executable, "-c", _BURN]) for _ in range(os.cpu_count() or 1)]
        try:
            wait(app, 120, lambda: record.story.step >= 5)
            before = record.story.step
            busy = figures(heart.measure(app, seconds))
            steps = record.story.step - before
        finally:
            for burner in burners:
                burner.kill()
                burner.wait()
            kill_tree(record.folder.worker())
            studio.window.close()
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    print(json.dumps({"bench": "event_loop", "seconds": seconds, "steps_drawn": steps, "busy": busy, "idle": idle}))


if __name__ == "__main__":
    main()

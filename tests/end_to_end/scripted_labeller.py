"""A labeller who never touches a mouse: opens the window on a project, judges one item after the other, and says how
many verdicts were safe whenever the next item is on screen.

    python -m tests.end_to_end.scripted_labeller PROJECT SEED [SECONDS BETWEEN KEYS]
"""

from __future__ import annotations

import os
import random
import sys
import time

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from studio.gui import theme
from studio.gui.app import Studio
from studio.gui.collector import Collector
from studio.gui.preferences import Preferences

KEYS = (Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_4, Qt.Key.Key_S)


def wait(app: QApplication, until, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    tick = QTimer()  # so that a wait for what never comes ends
    tick.start(500)
    while not until():
        if time.monotonic() > end:
            raise SystemExit("waited in vain")
        # Waiting in the loop, as a window does; turning round in it would take the interpreter from the desk's thread.
        # (With a time limit, Qt's processEvents does not wait.)
        app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)


def open_window(app: QApplication, folder: str):
    """The judging screen of the project's newest set, ready for keys."""
    Collector(app)
    studio = Studio(Preferences())
    theme.apply(app, "light")
    studio.window.show()
    studio.open_folder(folder)
    studio.show_page("label")
    studio.window.activateWindow()
    judge = studio.pages["label"].judge
    wait(app, lambda: studio.window.isActiveWindow() and judge._view is not None and not judge._busy)
    return studio, judge


def press(app: QApplication, judge, key: Qt.Key) -> float:
    """One key; seconds from it until the next item is painted."""
    serial, began = judge._view.serial, time.perf_counter()
    QTest.keyClick(judge, key)
    wait(app, lambda: judge._view.serial > serial and not judge._busy)
    judge.repaint()
    return time.perf_counter() - began


def main() -> None:
    folder, seed = sys.argv[1], int(sys.argv[2])
    pause = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0
    app = QApplication([])
    studio, judge = open_window(app, folder)
    rng = random.Random(seed)

    def safe() -> int:
        return judge._view.counts.done + judge._view.counts.skipped

    print(f"safe {safe()}", flush=True)
    while judge._view.item is not None:
        press(app, judge, rng.choice(KEYS))
        print(f"safe {safe()}", flush=True)
        time.sleep(pause)
    print("all judged", flush=True)
    studio.window.close()


if __name__ == "__main__":
    main()

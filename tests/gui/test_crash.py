import sys
import threading

import pytest
from PySide6.QtWidgets import QApplication, QMessageBox, QWidget

from studio.core.errors import Cancelled, StudioError
from studio.gui.crash import CrashReporter


@pytest.fixture
def window(qtbot):
    made = QWidget()
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.fixture
def reporter(window, monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    made = CrashReporter(window)
    made.install()
    return made


def boxes(window):
    return [box for box in window.findChildren(QMessageBox) if box.isVisible()]


def raised(error):
    try:
        raise error
    except type(error) as caught:
        return type(caught), caught, caught.__traceback__


def test_a_crash_is_said_once_can_be_copied_and_is_kept(reporter, window, home, qtbot):
    sys.excepthook(*raised(ZeroDivisionError("by <b>nothing</b>")))
    sys.excepthook(*raised(KeyError("again")))
    (box,) = boxes(window)
    assert "You can go on working" in box.text()
    assert "ZeroDivisionError: by <b>nothing</b>" in box.informativeText()
    next(button for button in box.buttons() if button.text() == "Copy details").click()
    assert box.isVisible()
    assert "Traceback" in QApplication.clipboard().text()
    assert QApplication.clipboard().text().startswith("Plumbline ")
    assert any("ZeroDivisionError" in path.read_text(encoding="utf-8") for path in home.glob("crash-*.txt"))
    box.close()
    qtbot.waitUntil(lambda: not boxes(window))
    sys.excepthook(*raised(KeyError("later")))
    assert len(boxes(window)) == 1
    boxes(window)[0].close()


def test_a_crash_in_a_thread_is_said_in_the_window(reporter, window, qtbot):
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: len(boxes(window)) == 1)
    boxes(window)[0].close()


def test_known_errors_are_sentences_and_cancelling_is_nothing(reporter, window, qtbot):
    error = StudioError("“x” is gone.", "Choose another.")
    with qtbot.waitSignal(reporter.said) as said:
        sys.excepthook(*raised(error))
    assert said.args == [error]
    sys.excepthook(*raised(Cancelled()))
    assert not boxes(window)

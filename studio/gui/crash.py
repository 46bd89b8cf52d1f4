"""What nobody foresaw: said in a dialog with the details to copy, kept as a file, and the program goes on."""

from __future__ import annotations

import contextlib
import platform
import sys
import threading
import traceback
from datetime import datetime
from types import TracebackType

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget

from studio.core.errors import Cancelled, StudioError
from studio.gui.language import tr
from studio.storage.settings import home


class CrashReporter(QObject):
    """Signals: `crashed(str what, str details)` from any thread; `said(object StudioError)`, one that nobody caught."""

    crashed = Signal(str, str)
    said = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._box: QMessageBox | None = None
        self.crashed.connect(self._show)  # queued when another thread crashes

    def install(self) -> None:
        """Take over what Python does with exceptions that nobody caught."""
        sys.excepthook = self.report
        threading.excepthook = self._report_thread

    def report(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Report an exception."""
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        elif isinstance(error, StudioError):
            self.said.emit(error)
        elif not issubclass(kind, (Cancelled, SystemExit)):
            details = "".join(traceback.format_exception(kind, error, trace))
            sys.stderr.write(details)
            _keep(details)
            self.crashed.emit(f"{kind.__name__}: {error}", details)

    def _report_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self.report(args.exc_type, args.exc_value, args.exc_traceback)

    @Slot(str, str)
    def _show(self, what: str, details: str) -> None:
        if self._box is not None:
            return  # one at a time: what fails may fail at every repaint
        parent = self.parent()
        self._box = QMessageBox(parent if isinstance(parent, QWidget) else None)
        self._box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._box.setTextFormat(Qt.TextFormat.PlainText)
        self._box.setWindowTitle(tr("Something went wrong"))
        self._box.setText(tr("Plumbline met an error that it did not expect. You can go on working."))
        self._box.setInformativeText(
            tr("{what}\n\nIf it happens again, copy the details and report them.", what=what[:500])
        )
        self._box.setDetailedText(f"{_about()}\n{details}")
        copy: QPushButton = self._box.addButton(tr("Copy details"), QMessageBox.ButtonRole.ActionRole)
        copy.clicked.disconnect()  # copying does not close
        copy.clicked.connect(self._copy)
        close = self._box.addButton(tr("Close"), QMessageBox.ButtonRole.RejectRole)
        self._box.setDefaultButton(close)
        self._box.setEscapeButton(close)
        self._box.finished.connect(self._closed)
        self._box.open()

    @Slot()
    def _copy(self) -> None:
        if self._box is not None:
            QGuiApplication.clipboard().setText(self._box.detailedText())

    @Slot()
    def _closed(self) -> None:
        self._box = None


def _about() -> str:
    from studio import __version__

    return tr(
        "Plumbline {version}, Python {python_version}, {platform}",
        version=__version__,
        python_version=platform.python_version(),
        platform=platform.platform(),
    )


def _keep(details: str) -> None:
    """Write a crash report beside the settings; a disk that refuses must not crash the report."""
    with contextlib.suppress(OSError):
        home().mkdir(parents=True, exist_ok=True)
        moment = datetime.now().strftime("%Y%m%d-%H%M%S")
        with (home() / f"crash-{moment}.txt").open("a", encoding="utf-8", errors="replace") as file:
            file.write(f"{_about()}\n{details}\n")

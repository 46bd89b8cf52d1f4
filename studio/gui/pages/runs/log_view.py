"""The end of a run's log as plain text with a search, read again every second while it is seen and the run goes on."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import (
    QColor,
    QKeySequence,
    QShowEvent,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from studio.gui import theme
from studio.gui.language import tr
from studio.gui.pages.runs.words import plain_log
from studio.gui.widgets.keys import bind
from studio.storage.runs import RunFolder

_EVERY_MS = 1000
_MOST = 1000  # places that are marked


class LogView(QWidget):
    """Shows the log of the run given to `show_run`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run: RunFolder | None = None
        self._timer = QTimer(self, interval=_EVERY_MS)
        self._timer.timeout.connect(self.read)
        self.text = QPlainTextEdit(readOnly=True, lineWrapMode=QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setAccessibleName(tr("Log of the training process"))
        self.text.setPlaceholderText(tr("The training process has printed nothing."))
        self.text.setTabChangesFocus(True)
        theme.set_role(self.text, "mono")
        self.search = QLineEdit(placeholderText=tr("Search the log"), clearButtonEnabled=True)
        self.search.setAccessibleName(tr("Search the log"))
        self.search.setMaximumWidth(360)
        self.search.textChanged.connect(self._find_first)
        self.search.returnPressed.connect(self.find_next)
        self.found = QLabel()
        theme.set_role(self.found, "muted")
        self.next, self.previous = QPushButton(tr("Next")), QPushButton(tr("Previous"))
        self.next.clicked.connect(self.find_next)
        self.previous.clicked.connect(self.find_previous)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.search, 1)
        for button in (self.previous, self.next):
            theme.set_role(button, "quiet")
            row.addWidget(button)
        row.addWidget(self.found, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(row)
        layout.addWidget(self.text, 1)
        here, keys = Qt.ShortcutContext.WidgetWithChildrenShortcut, QKeySequence.StandardKey
        bind(self, keys.Find, tr("Search the log"), self._begin, context=here)
        bind(self, keys.FindNext, tr("Find the next place in the log"), self.find_next, context=here)
        theme.watcher().theme_changed.connect(self._mark)
        self._mark()

    def show_run(self, run: RunFolder) -> None:
        """Show another run's log."""
        self._run = run
        self.text.clear()
        self.read()

    def follow(self, *, running: bool) -> None:
        """Go on reading, or read once more and rest."""
        if running and not self._timer.isActive():
            self._timer.start()
        elif not running and self._timer.isActive():
            self._timer.stop()
            self.read()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.read()

    @Slot()
    def read(self) -> None:
        """Show the log as it stands; a reader who scrolled up stays there."""
        if self._run is None or not self.isVisible():
            return
        text = plain_log(self._run.log_tail())
        if text == self.text.toPlainText():
            return
        bar = self.text.verticalScrollBar()
        at_end, place = bar.value() >= bar.maximum() - 1, bar.value()
        self.text.setPlainText(text)
        bar.setValue(bar.maximum() if at_end else place)
        self._mark()

    @Slot()
    def _begin(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    def _places(self) -> list[QTextCursor]:
        """Where the words stand."""
        found: list[QTextCursor] = []
        words, at = self.search.text(), QTextCursor(self.text.document())
        while words and len(found) < _MOST:
            at = self.text.document().find(words, at)
            if at.isNull():
                break
            found.append(at)
        return found

    @Slot()
    def _mark(self) -> None:
        """Mark each place, and say how many there are."""
        looks = QTextCharFormat()
        looks.setBackground(QColor(theme.tokens().trained))
        looks.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SingleUnderline)
        marks: list[QTextEdit.ExtraSelection] = []
        places = self._places()
        for place in places:
            mark = QTextEdit.ExtraSelection()
            mark.format, mark.cursor = looks, place  # type: ignore[attr-defined]
            marks.append(mark)
        self.text.setExtraSelections(marks)
        count = len(places)
        found = tr("{count:,} or more found", count=count) if count == _MOST else tr("{count:,} found", count=count)
        self.found.setText(found if self.search.text() else "")
        for button in (self.next, self.previous):
            button.setEnabled(bool(places))
            button.setToolTip("" if places else self.found.text() or tr("Search the log"))

    @Slot()
    def _find_first(self) -> None:
        self._mark()
        self.text.moveCursor(QTextCursor.MoveOperation.Start)
        self.find_next()

    @Slot()
    def find_next(self) -> None:
        """Go to the next place; after the last one comes the first."""
        if self.search.text() and not self.text.find(self.search.text()):
            self.text.moveCursor(QTextCursor.MoveOperation.Start)
            self.text.find(self.search.text())

    @Slot()
    def find_previous(self) -> None:
        """Go to the place before; before the first one comes the last."""
        back = QTextDocument.FindFlag.FindBackward
        if self.search.text() and not self.text.find(self.search.text(), back):
            self.text.moveCursor(QTextCursor.MoveOperation.End)
            self.text.find(self.search.text(), back)

"""Why a run failed, as a card: the cause, what to do, the exit code, and the last telling line of the log."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from studio.core.runs import Outcome
from studio.gui import theme
from studio.gui.language import tr, translated


class FailureCard(QFrame):
    """Hidden until `show_outcome`. copy_requested(), of the diagnostics. log_requested()."""

    copy_requested = Signal()
    log_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "notice-error")
        self.what, self.hint, self.code, self.line = QLabel(), QLabel(), QLabel(), QLabel()
        theme.set_role(self.what, "heading")
        self._rows: list[tuple[QLabel, QLabel]] = []
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        for row, (word, label) in enumerate(
            ((tr("What to do"), self.hint), (tr("Exit code"), self.code), (tr("Last words of the log"), self.line))
        ):
            name = QLabel(word)
            theme.set_role(name, "muted")
            name.setBuddy(label)
            grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(label, row, 1)
            self._rows.append((name, label))
        for label in (self.what, self.hint, self.code, self.line):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.copy, self.log = QPushButton(tr("Copy diagnostics")), QPushButton(tr("Show the log"))
        self.copy.clicked.connect(self.copy_requested)
        self.log.clicked.connect(self.log_requested)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.copy, self.log):
            buttons.addWidget(button)
        buttons.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addWidget(self.what)
        layout.addLayout(grid)
        layout.addLayout(buttons)
        self.hide()

    def show_outcome(self, outcome: Outcome) -> None:
        """Say how a run ended."""
        self.what.setText(translated(outcome.sentence))
        self.hint.setText(translated(outcome.hint))
        self.code.setText("" if outcome.exit_code is None else str(outcome.exit_code))
        self.line.setText(outcome.log_line)
        for name, label in self._rows:
            for part in (name, label):
                part.setVisible(bool(label.text()))
        self.setAccessibleName(f"{translated(outcome.sentence)} {translated(outcome.hint)}".strip())
        self.show()

"""The user's own Python function as a reward: chosen, read, agreed to, and asked about again when the file changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from studio.core.errors import StudioError
from studio.core.rewards import Function
from studio.gui import theme
from studio.gui.language import mark, tr
from studio.gui.widgets.code_consent import CodeConsent
from studio.storage.consent import allow, is_allowed, read_code

_ABOUT = mark(
    "A file with score(prompt, answer) that gives a number. You read it and agree before it runs, and again whenever "
    "it changes."
)


class CodeChoice(QWidget):
    """Signals: `changed()`; `failed(object StudioError)` when a file can't be used."""

    changed = Signal()
    failed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._function: Function | None = None
        self.choose = QPushButton(tr("Use code of your own…"))
        self.choose.clicked.connect(self._ask_file)
        self.weight = QLineEdit("1")
        self.weight.setAccessibleName(tr("Weight of your code"))
        self.weight.setFixedWidth(72)
        self.weight.textChanged.connect(self.changed)
        self._weight_label = QLabel(tr("Weight"))
        self._weight_label.setBuddy(self.weight)
        self.remove = QPushButton(tr("Remove"))
        theme.set_role(self.remove, "quiet")
        self.remove.clicked.connect(self.clear)
        self.about = QLabel()
        self.about.setTextFormat(Qt.TextFormat.PlainText)
        self.about.setWordWrap(True)
        theme.set_role(self.about, "muted")
        row = QHBoxLayout()
        row.addWidget(self.choose)
        row.addStretch()
        for part in (self._weight_label, self.weight, self.remove):
            row.addWidget(part)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self.about)
        self._show()

    def function(self) -> Function | None:
        """What is chosen and agreed to; None otherwise. Its weight is nan while none can be read."""
        if self._function is None:
            return None
        try:
            weight = float(self.weight.text().strip().replace(",", "."))
        except ValueError:
            weight = float("nan")
        return replace(self._function, weight=weight)

    def ask(self, path: Path) -> None:
        """Show what a file holds and ask whether it may run."""
        try:
            function, text = read_code(path)
        except StudioError as error:
            self.failed.emit(error)
            return
        if is_allowed(function.sha256):
            self._take(function)
            return
        question = CodeConsent(function, text, self)
        question.agreed.connect(self._agree)
        question.open()

    def still_agreed(self) -> bool:
        """Whether the file is what was agreed to; when it has changed, it is asked about again."""
        if self._function is None:
            return True
        try:
            now, _ = read_code(Path(self._function.path))
        except StudioError as error:
            self.failed.emit(error)
            return False
        if now.sha256 == self._function.sha256:
            return True
        self.ask(Path(self._function.path))
        return False

    @Slot()
    def clear(self) -> None:
        """Use no code."""
        self._function = None
        self._show()
        self.changed.emit()

    @Slot()
    def _ask_file(self) -> None:
        start = str(Path(self._function.path).parent) if self._function else str(Path.home())
        name, _ = QFileDialog.getOpenFileName(
            self, tr("Choose a Python file with score(prompt, answer)"), start, "*.py"
        )
        if name:
            self.ask(Path(name))

    @Slot(object)
    def _agree(self, function: Function) -> None:
        try:
            allow(function)
        except StudioError as error:
            self.failed.emit(error)
            return
        self._take(function)

    def _take(self, function: Function) -> None:
        self._function = function
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        there = self._function is not None
        self.about.setText(tr("Agreed to run: {path}", path=self._function.path) if self._function else tr(_ABOUT))
        for part in (self._weight_label, self.weight, self.remove):
            part.setVisible(there)

"""A prompt template of one's own, written beside the tokens that it gives: an error is said at its line.

The pane that opens it renders; this asks for what is typed and shows what comes back.
"""

from __future__ import annotations

import re

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QKeySequence, QTextCursor, QTextFormat
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from studio.core.errors import StudioError
from studio.core.preview import TokenPreview
from studio.core.templates import BUILT_IN, PromptTemplate, own_template, without_name
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.pages.data.token_view import TokenView
from studio.storage.project import Project
from studio.storage.templates import delete_template, keep_template

_PAUSE = 250  # ms without a key before it is tried
_LINE = re.compile(r"\bline (\d+):")


class TemplateEditor(QDialog):
    """Signals: `tried()` when another text is to be shown; `kept(str name)`; `forgotten()`."""

    tried = Signal()
    kept = Signal(str)
    forgotten = Signal()

    def __init__(self, project: Project, begin: PromptTemplate, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Prompt template"))
        self._project = project
        built_in, own = begin in BUILT_IN, begin.text == begin.name  # a template of one's own is named by its text
        self.about = QLabel(
            tr(
                "Jinja over messages: each has role and content, perhaps tool_calls. bos_token, eos_token and tools "
                "are there, and add_generation_prompt says that an answer is asked for. End each answer with "
                "eos_token: a model that never saw an end never stops."
            )
        )
        self.about.setWordWrap(True)
        theme.set_role(self.about, "muted")
        self.name = QLineEdit(begin.label if own else tr("My {label}", label=translated(begin.label)))
        self.name.setAccessibleName(tr("Name of the template"))
        self.text = QPlainTextEdit(_in_lines(begin.jinja) if built_in else without_name(begin.text))
        self.text.setAccessibleName(tr("Template in Jinja"))
        self.text.setFont(theme.mono_font())
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.text.setTabStopDistance(4 * self.text.fontMetrics().horizontalAdvance(" "))
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE)
        self._pause.timeout.connect(self.tried)
        self.text.textChanged.connect(self._pause.start)
        self.error = QLabel()
        self.error.setTextFormat(Qt.TextFormat.PlainText)
        self.error.setWordWrap(True)
        theme.set_role(self.error, "error")
        self.error.hide()
        self.counts = QLabel(tr("Choose a base model to see the exact tokens"))
        theme.set_role(self.counts, "muted")
        self.counts.setTextFormat(Qt.TextFormat.PlainText)
        self.counts.setWordWrap(True)
        self.tokens = TokenView()
        self.keep, self.close_button = QPushButton(tr("Keep")), QPushButton(tr("Close"))
        self.keep.setToolTip(tr("Keep it in the project under its name (Ctrl+S)"))
        self.keep.setShortcut(QKeySequence.StandardKey.Save)
        theme.set_role(self.keep, "primary")
        self.keep.clicked.connect(self._keep)
        self.close_button.clicked.connect(self.close)
        self.forget = QPushButton(tr("Delete"))
        self.forget.setVisible(own)
        self.forget.setToolTip(tr("Runs and recipes that use it keep its text"))
        self._kept_name = begin.label if own else ""
        self.forget.clicked.connect(self._forget)
        for button in (self.close_button, self.forget):
            button.setAutoDefault(False)
        self._lay_out()

    def template(self) -> str:
        """What is typed, as a recipe would hold it."""
        return own_template(self.text.toPlainText(), self.name.text().strip() or tr("New")).name

    def open_beside(self) -> None:
        """Show it without holding up the window."""
        self.show()
        self.text.setFocus()

    def show_preview(self, preview: TokenPreview) -> None:
        """Show the tokens that it gives."""
        self.error.hide()
        self._mark_line(0)
        self.tokens.show_preview(preview)
        said = tr("{total:,} tokens, {trained:,} trained.", total=preview.total, trained=preview.trained)
        self.counts.setText(" ".join([said, *preview.warnings]))

    def show_error(self, error: StudioError) -> None:
        """Say why it gives none, and mark the line."""
        found = _LINE.search(error.what)
        self.error.setText(translated(error.what))
        self.error.show()
        self.counts.clear()
        self.tokens.show_preview(None)
        self._mark_line(int(found[1]) if found else 0)

    def _mark_line(self, line: int) -> None:
        marks: list[QTextEdit.ExtraSelection] = []
        if line:
            mark = QTextEdit.ExtraSelection()
            # The stubs know these members of Qt's struct only as descriptors.
            mark.cursor = QTextCursor(self.text.document().findBlockByLineNumber(line - 1))  # type: ignore[misc]
            mark.format.setBackground(QColor(theme.tokens().special))  # type: ignore[attr-defined]
            mark.format.setProperty(QTextFormat.Property.FullWidthSelection, True)  # type: ignore[attr-defined]
            marks.append(mark)
        self.text.setExtraSelections(marks)

    @Slot()
    def _keep(self) -> None:
        try:
            kept = keep_template(self._project, self.name.text(), self.text.toPlainText())
        except StudioError as error:
            self.error.setText(f"{translated(error.what)} {translated(error.hint)}")
            self.error.show()
            return
        self.kept.emit(kept.name)
        self.close()

    @Slot()
    def _forget(self) -> None:
        try:
            delete_template(self._project, self._kept_name)
        except StudioError as error:
            self.error.setText(translated(error.what))
            self.error.show()
            return
        self.forgotten.emit()
        self.close()

    def _lay_out(self) -> None:
        halves = QSplitter(Qt.Orientation.Vertical)
        halves.setChildrenCollapsible(False)
        below = QWidget()
        lower = QVBoxLayout(below)
        lower.setContentsMargins(0, 0, 0, 0)
        lower.addWidget(self.error)
        lower.addWidget(self.counts)
        lower.addWidget(self.tokens, 1)
        halves.addWidget(self.text)
        halves.addWidget(below)
        halves.setSizes([320, 260])
        line = QHBoxLayout()
        name = QLabel(tr("Name"))
        name.setBuddy(self.name)
        line.addWidget(name)
        line.addWidget(self.name, 1)
        line.addWidget(self.forget)
        line.addWidget(self.close_button)
        line.addWidget(self.keep)
        layout = QVBoxLayout(self)
        layout.addWidget(self.about)
        layout.addWidget(halves, 1)
        layout.addLayout(line)
        self.resize(QSize(820, 640).boundedTo(self.screen().availableSize() - QSize(16, 48)))


def _in_lines(jinja: str) -> str:
    """A built-in template, which is one long line, as lines to be changed that give the same text."""
    # A line break after a block is dropped by the renderer; those inside {{ }} or text stay as they are.
    return re.sub(r"(%\})(?=[^\n])", r"\1\n", jinja)

"""Make instructions: labelled rows written as questions and answers in several phrasings, seen as they are typed.

What decides the result is a `core.tasks.Making`; writing is `storage.task_writing`.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.core.tasks import (
    EVERY,
    FREE,
    MOST_SHOTS,
    NATURAL,
    ONE,
    PLAIN,
    TASKS,
    Making,
    free_making,
    making_of,
    task_named,
)
from studio.gui import theme
from studio.gui.language import mark, tr, translated
from studio.gui.pages.data.tools.phrasing_list import PhrasingList
from studio.gui.pages.data.tools.tool import ToolDialog
from studio.gui.widgets.number_box import NumberBox
from studio.storage.project import Project
from studio.storage.task_writing import Written, columns_in, make_instructions, preview_instructions, usual, with_words

_PAUSE = 250  # ms without a change before the preview is made anew
_SHOWN = 4  # examples in the preview


class InstructionsDialog(ToolDialog):
    """Makes a dataset of examples from one of rows."""

    title = mark("Make instructions")

    def __init__(self, project: Project, dataset: DatasetInfo, parent: QWidget | None = None) -> None:
        super().__init__(project, dataset, parent)
        self.about.setText(
            tr(
                "Every row is put into words. {{ name }} stands for a column; several phrasings keep a model from "
                "learning one by heart. The rows stay as they are; the instructions are a new dataset."
            )
        )
        self._names: list[str] = []
        self._making: Making | None = None
        self.task = QComboBox()
        self.task.setAccessibleName(tr("Task"))
        for task in (*TASKS, FREE):
            self.task.addItem(translated(task.label), task.name)
        self.task.activated.connect(self._take_task)
        self.fields: dict[str, QComboBox] = {}
        self.words: dict[str, QLineEdit] = {}
        self.phrasings = PhrasingList()
        self.take = _combo(tr("Of each row"), {ONE: tr("one phrasing, by chance"), EVERY: tr("every phrasing")})
        self.shots = _spin(tr("Demonstrations"), MOST_SHOTS)
        self.shots.setSpecialValueText(tr("none"))
        self.shots.setToolTip(tr("Other rows of the same data, shown with their answers before each row"))
        self.framing = _combo(tr("Style"), {PLAIN: tr("Plain"), NATURAL: tr("Natural Instructions")})
        self.definition, self.emphasis, self.prompt = QLineEdit(), QLineEdit(), QLineEdit()
        self.seed = _spin(tr("Seed"), 2**31 - 1)
        self.name = QLineEdit(tr("{name} as instructions", name=dataset.name))
        self.preview = QPlainTextEdit()
        self.preview.setReadOnly(True)
        self.preview.setTabChangesFocus(True)
        self.preview.setAccessibleName(tr("The first instructions"))
        self.fault = QLabel()
        self.fault.setTextFormat(Qt.TextFormat.PlainText)
        self.fault.setWordWrap(True)
        theme.set_role(self.fault, "error")
        self.fault.hide()
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE)
        self._pause.timeout.connect(self._preview)
        self._lay_out()
        self.go = self.primary(tr("Make instructions"), self._make)
        self.go.setEnabled(False)
        for box in (self.take, self.framing):
            box.currentIndexChanged.connect(self._changed)
        for spin in (self.shots, self.seed):
            spin.valueChanged.connect(self._changed)
        for line, name in (
            (self.definition, tr("Definition")),
            (self.emphasis, tr("Emphasis")),
            (self.prompt, tr("Prompt")),
        ):
            line.setAccessibleName(name)
            line.textChanged.connect(self._changed)
        self.phrasings.changed.connect(self._changed)
        self.take_room(1040, 700)
        self.start(lambda _task: (columns_in(project, dataset), usual(project, dataset)), self._begin)

    def making(self) -> Making:
        """What is chosen."""
        return Making(
            str(self.task.currentData()),
            tuple((name, box.currentText()) for name, box in self.fields.items()),
            self.phrasings.phrasings(),
            tuple((value, line.text().strip()) for value, line in self.words.items()),
            str(self.take.currentData()),
            self.shots.value(),
            str(self.framing.currentData()),
            self.definition.text(),
            self.emphasis.text(),
            self.prompt.text(),
            self.seed.value(),
        )

    @Slot(object)
    def _begin(self, found: tuple[list[str], Making]) -> None:
        self._names, making = found
        self._show(making)

    def _show(self, making: Making) -> None:
        """Show how instructions would be made, and what they would be."""
        self.task.setCurrentIndex(self.task.findData(making.task))
        self._fill_fields(making)
        self._fill_words(making)
        self.phrasings.show_phrasings(making.phrasings)
        for line, text in (
            (self.definition, making.definition),
            (self.emphasis, making.emphasis),
            (self.prompt, making.prompt),
        ):
            blocked = QSignalBlocker(line)
            line.setText(text)
            del blocked
        blocked = QSignalBlocker(self.seed)
        self.seed.setValue(making.seed)
        del blocked
        self._changed()

    def _fill_fields(self, making: Making) -> None:
        while self.columns.rowCount():
            self.columns.removeRow(0)
        self.fields = {}
        chosen = dict(making.columns)
        for field in task_named(making.task).fields:
            box = QComboBox()
            box.addItems(self._names)
            box.setCurrentIndex(max(0, box.findText(chosen.get(field.name, ""))))
            box.setAccessibleName(tr("Column for {name}", name=field.name))
            box.activated.connect(self._take_column)
            self.fields[field.name] = box
            self.columns.addRow(field.name, box)
        said = ", ".join(f"{{{{ {name} }}}}" for name in self._names)
        self.known.setText(tr("Columns: {said}", said=said))

    def _fill_words(self, making: Making) -> None:
        while self.word_rows.rowCount():
            self.word_rows.removeRow(0)
        self.words = {}
        for value, word in making.words:
            line = QLineEdit(word)
            line.setPlaceholderText(tr("left out"))
            line.setAccessibleName(tr("Word for {value}", value=value or tr("no answer")))
            line.textChanged.connect(self._changed)
            self.words[value] = line
            shown = QLabel(tr("“{value}” is called", value=value) if value else tr("Without an answer"))
            shown.setTextFormat(Qt.TextFormat.PlainText)
            shown.setBuddy(line)
            self.word_rows.addRow(shown, line)

    @Slot(int)
    def _take_task(self, _index: int) -> None:
        task = task_named(str(self.task.currentData()))
        if task is FREE:
            self._show(free_making(self._names))
            return
        columns = task.columns_of(self._names) or {field.name: self._names[0] for field in task.fields}
        self._with_words(making_of(task, columns))

    @Slot(int)
    def _take_column(self, _index: int) -> None:
        self._with_words(replace(self.making(), words=()))

    def _with_words(self, making: Making) -> None:
        project, info = self.project, self.dataset
        self.start(lambda _task: (self._names, with_words(project, info, making)), self._begin)

    @Slot()
    def _changed(self) -> None:
        for line in (self.definition, self.emphasis, self.prompt):
            self.rows.setRowVisible(line, self.framing.currentData() == NATURAL)
        self._pause.start()

    @Slot()
    def _preview(self) -> None:
        making, project, info = self.making(), self.project, self.dataset
        self.start(
            # In every phrasing, so that a fault in any is seen, and what is typed shows.
            lambda task: (
                making,
                preview_instructions(project, info, replace(making, take=EVERY), _SHOWN, task.is_cancelled),
            ),
            self._show_preview,
        )

    @Slot(object)
    def _show_preview(self, found: tuple[Making, Written]) -> None:
        making, written = found
        self.fault.setVisible(bool(written.left_out))
        why = "; ".join(translated(reason) for reason in written.left_out)
        self.fault.setText(tr("Left out: {why}.", why=why) if why else "")
        parts = [f"{example.prompt}\n⟶ {example.answer}" for example in written.examples]
        self.preview.setPlainText("\n\n────────\n\n".join(parts))
        each = len(making.used) if making.take == EVERY else 1
        self.go.setEnabled(bool(written.examples))
        self.go.setText(tr("Make about {rows:,} examples", rows=self.dataset.rows * each))

    @Slot()
    def _make(self) -> None:
        making, name, project, info = self.making(), self.name.text(), self.project, self.dataset
        self.go.setEnabled(False)
        self.start(
            lambda task: make_instructions(project, info, making, name, task.report, task.is_cancelled), self._made
        )

    @Slot(object)
    def _made(self, found: tuple[DatasetInfo, Written]) -> None:
        info, written = found
        said = tr("Made {size} as “{name}”.", size=translated(info.size), name=info.name)
        if written.skipped:
            said = tr(
                "{made} {skipped:,} rows gave nothing: {why}.",
                made=said,
                skipped=written.skipped,
                why=translated(written.left_out[0]),
            )
        self.made.emit(info, said)
        self.close()

    def _fail(self, error: Exception) -> None:
        """A fault is said where it is typed; nothing closes."""
        if not isinstance(error, StudioError):
            super()._fail(error)
            return
        self._end()
        self.fault.setText(translated(error.sentence))
        self.fault.show()
        self.preview.clear()
        self.go.setEnabled(False)

    def _lay_out(self) -> None:
        self.columns, self.word_rows, self.rows = QFormLayout(), QFormLayout(), QFormLayout()
        self.known = QLabel()
        self.known.setTextFormat(Qt.TextFormat.PlainText)
        self.known.setWordWrap(True)
        theme.set_role(self.known, "muted")
        task = QFormLayout()
        task.addRow(tr("Task"), self.task)
        for words, editor in (
            (tr("Of each row"), self.take),
            (tr("Demonstrations"), self.shots),
            (tr("Style"), self.framing),
            (tr("Definition"), self.definition),
            (tr("Emphasis"), self.emphasis),
            (tr("Prompt"), self.prompt),
            (tr("Seed"), self.seed),
            (tr("Call it"), self.name),
        ):
            self.rows.addRow(words, editor)
        form = QWidget()
        column = QVBoxLayout(form)
        column.setContentsMargins(0, 0, 12, 0)
        column.setSpacing(12)
        column.addLayout(task)
        column.addLayout(self.columns)
        column.addWidget(self.phrasings)
        column.addWidget(self.known)
        column.addLayout(self.word_rows)
        column.addLayout(self.rows)
        column.addStretch()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(form)
        right = QVBoxLayout()
        heading = QLabel(tr("The first rows, in every phrasing that is ticked"))
        theme.set_role(heading, "muted")
        right.addWidget(heading)
        right.addWidget(self.fault)
        right.addWidget(self.preview, 1)
        halves = QHBoxLayout()
        halves.setSpacing(16)
        halves.addWidget(scroll, 1)
        halves.addLayout(right, 1)
        self.body.addLayout(halves, 1)


def _combo(name: str, choices: dict[str, str]) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    for value, words in choices.items():
        box.addItem(translated(words), value)
    return box


def _spin(name: str, most: int) -> QSpinBox:
    box = NumberBox()
    box.setRange(0, most)
    box.setAccessibleName(name)
    return box

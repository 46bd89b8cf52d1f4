"""A panel beside a model's card: something that can be done with the model that is chosen in the list.

What all panels share is here: the notice above, rows of labelled editors, and work that a worker does, one at a time.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QLabel, QLayout, QVBoxLayout, QWidget

from studio.gui.language import tr
from studio.gui.pages.models.work_line import WorkLine
from studio.gui.widgets.notice import Notice
from studio.jobs.asking import WorkerTask
from studio.jobs.background import end_tasks
from studio.processes.asking import Asking, Report
from studio.processes.service import Kind
from studio.storage.library import LibraryModel
from studio.storage.project import Project


class Panel(QWidget):
    """`title` is what its tab says. It is told of the model when it is shown, and again when another is chosen."""

    title = ""

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._model: LibraryModel | None = None
        self.notice = Notice()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 8, 12, 0)
        self.column.setSpacing(12)
        self.column.addWidget(self.notice)

    def place(self, *parts: QWidget | QLayout) -> None:
        """Put widgets and rows of them below each other."""
        for part in parts:
            if isinstance(part, QLayout):
                self.column.addLayout(part)
            else:
                self.column.addWidget(part)

    def suits(self, model: LibraryModel) -> bool:
        """Whether it has anything to offer for that model; its tab is there only then. Every model that writes."""
        return model.writes and model.folder.is_dir()

    def show_model(self, model: LibraryModel) -> None:
        """Be about another model."""
        raise NotImplementedError

    def close_down(self) -> None:
        """End what it has under way; the project is closed."""
        end_tasks(self)


class WorkPanel(Panel):
    """A panel with a worker's work. Subclasses place `work`, and bring their buttons up to date in `_offer`."""

    def __init__(self, project: Project, what: str, parent: QWidget | None = None) -> None:
        """what: is done, for who listens instead of looking."""
        super().__init__(project, parent)
        self.work = WorkLine(what)
        self.work.over.connect(self._offer)

    def begin(self, kind: Kind, work: Callable[[Asking, Report], object], done: Callable[..., object]) -> None:
        """Have a worker of that kind do something; its answer goes to the slot `done`. Nothing, while it works."""
        if self.work.is_busy:
            return
        self.notice.clear()
        task = WorkerTask(kind, self._project.logs / f"{kind}.log", work, self)
        task.succeeded.connect(done)
        task.failed.connect(self.notice.show_error)
        self.work.follow(task)
        self._offer()

    def why_not(self) -> str:
        """Why nothing else can be begun here now; empty when it can."""
        return tr("Something is under way here: wait for it, or cancel it.") if self.work.is_busy else ""

    @Slot()
    def _offer(self) -> None:
        raise NotImplementedError


def form_rows(*rows: tuple[str, QWidget | QLayout]) -> QFormLayout:
    """Editors below each other, each with its label. A layout's label belongs to the first editor in it."""
    form = QFormLayout()
    form.setHorizontalSpacing(24)
    form.setVerticalSpacing(12)
    for text, field in rows:
        label = QLabel(text)
        first = field.itemAt(0).widget() if isinstance(field, QLayout) else field  # pyright: ignore[reportOptionalMemberAccess]
        if text and first is not None:
            label.setBuddy(first)
        form.addRow(label, field)
    return form


def row_of(*parts: QWidget, stretched: int = -1) -> QHBoxLayout:
    """Widgets beside each other. stretched: which of them takes the room that is left, if any does."""
    row = QHBoxLayout()
    row.setSpacing(8)
    for place, part in enumerate(parts):
        row.addWidget(part, 1 if place == stretched else 0)
    if stretched < 0:
        row.addStretch()
    return row


def choice(name: str, letters: int = 24) -> QComboBox:
    """A choice that is no wider than so many letters need, however long its entries are."""
    combo = QComboBox()
    combo.setAccessibleName(name)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(letters)
    return combo

"""What the verdicts become, seen before it is used, and the buttons that train on it or write it to a file."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QBoxLayout,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from studio.core.conversion import ALL_CRITERIA, Conversion, offered
from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.core.labelling import PAIRWISE, POINTWISE
from studio.core.methods import METHODS
from studio.core.records import KINDS
from studio.gui import theme
from studio.gui.language import mark, paragraph, tr, translated
from studio.gui.widgets.empty_state import EmptyState
from studio.gui.widgets.flow_layout import FlowLayout
from studio.gui.widgets.form import SettingsForm
from studio.gui.widgets.notice import Notice
from studio.jobs.background import BackgroundTask, end_tasks
from studio.storage.label_datasets import Converted, convert_set, make_dataset
from studio.storage.label_export import EXPORTS, export_set
from studio.storage.labels import LabelSet
from studio.storage.project import Project

_SHOWN = 50  # rows of the preview
_BESIDE = 760  # logical pixels that settings and preview need beside each other
_TRAINS = {"reward": mark("Train a reward model"), "dpo": mark("Train DPO"), "kto": mark("Train KTO")}


class UseView(QWidget):
    """Signals: `train_requested(str dataset_id, str method)`: a dataset was made, to be trained on by that method;
    `dataset_made(object DatasetInfo)`; `judging_requested()`: there is nothing to use yet.
    """

    train_requested = Signal(str, str)
    dataset_made = Signal(object)
    judging_requested = Signal()

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._known: LabelSet | None = None
        self._preview: BackgroundTask | None = None
        self._work: BackgroundTask | None = None
        self._again = False
        self._method = ""
        self._folder = Path.home()
        self.notice = Notice()
        self.form = SettingsForm(Conversion)
        self.form.changed.connect(self.refresh)
        self.criterion = QComboBox()
        self.criterion.setAccessibleName(tr("Criterion"))
        self.criterion.currentIndexChanged.connect(self.refresh)
        self.criterion_label = QLabel(tr("Judged by"))
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.table = QTableWidget()
        self.table.setAccessibleName(tr("What the verdicts become"))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.verticalHeader().hide()
        self.table.setMinimumHeight(120)
        self.empty = EmptyState(
            tr("Nothing to use yet"),
            tr("What you judge shows here as what a model will learn from it, before anything is trained."),
            tr("Judge"),
        )
        self.empty.action_requested.connect(self.judging_requested)
        self.shown = QStackedWidget()
        self.shown.addWidget(self.table)
        self.shown.addWidget(self.empty)
        self.train: dict[str, QPushButton] = {}
        for method, label in _TRAINS.items():
            button = QPushButton(tr(label))
            button.setObjectName(method)
            button.clicked.connect(self._train)
            self.train[method] = button
        self.keep = QPushButton(tr("Only make the dataset"))
        self.keep.clicked.connect(self._keep)
        self.export = QPushButton(tr("Export…"))
        self.export.setToolTip(tr("Writes the verdicts to a file that other programs read"))
        self.export.clicked.connect(self._ask_export)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(80)
        self._later.timeout.connect(self._look)
        self._lay_out()

    # --------------------------------------------------------------------------------------------- what others ask for

    def open_set(self, known: LabelSet | None) -> None:
        """Show what another set's verdicts become."""
        before, self._known = self._known, known
        if known is None:
            return
        if before is None or before.id != known.id:
            self.notice.clear()
            wanted = offered(known.plan)
            combo = self.form.rows["make"].editor
            assert isinstance(combo, QComboBox)
            combo.blockSignals(True)
            combo.clear()
            choices = self.form.rows["make"].known.choices or {}
            for name in wanted:
                combo.addItem(translated(choices[name]), name)
            combo.blockSignals(False)
            self.criterion.blockSignals(True)
            self.criterion.clear()
            self.criterion.addItem(tr("All criteria together"), ALL_CRITERIA)
            for name in known.plan.criterion_names:
                self.criterion.addItem(name, name)
            self.criterion.blockSignals(False)
            several = len(known.plan.criterion_names) > 1
            self.criterion.setVisible(several)
            self.criterion_label.setVisible(several)
        self.refresh()

    def close_down(self) -> None:
        """Wait for what is under way."""
        self._later.stop()
        end_tasks(self)

    @Slot()
    def refresh(self) -> None:
        """Convert again, soon."""
        self._suit()
        if self.isVisible():
            self._later.start()

    def showEvent(self, event: object) -> None:
        """Know what was judged meanwhile."""
        super().showEvent(event)  # type: ignore[arg-type]
        self._later.start()

    # ------------------------------------------------------------------------------------------------------ the preview

    def conversion(self) -> Conversion:
        """What is asked for. Raises StudioError for a value that can't be used."""
        return self.form.values()

    def _suit(self) -> None:
        """Show the settings that matter."""
        if self._known is None:
            return
        way, make = self._known.plan.way, self.form.rows["make"].value()
        pairs = make == "pairs"
        for name, shown in {
            "which": pairs and way != PAIRWISE,
            "gap": (pairs and way != PAIRWISE) or (make == "labels" and way == POINTWISE),
            "ties": make in ("pairs", "labels"),
            "margins": pairs and way != PAIRWISE,
            "edited": make != "ratings",
        }.items():
            self.form.rows[name].set_visible(shown)
        kind = str(make)
        for method, button in self.train.items():
            fits = kind in METHODS[method].needs
            button.setVisible(fits)
        first = next((method for method in self.train if kind in METHODS[method].needs), "")
        for method, button in self.train.items():
            theme.set_role(button, "primary" if method == first else "")

    @Slot()
    def _look(self) -> None:
        if self._known is None:
            return
        if self._preview is not None and not self._preview.is_over:
            self._again = True
            return
        try:
            conversion = self.conversion()
        except StudioError as error:
            self.words.setText(translated(error.sentence))
            return
        project, known, criterion = self._project, self._known, self.criterion.currentData() or ALL_CRITERIA

        def work(_task: BackgroundTask) -> Converted:
            with project.connect() as connection:
                return convert_set(connection, known, conversion, criterion)

        self._preview = BackgroundTask.begin(self, work, self._show, self._fail)

    @Slot(object)
    def _show(self, found: Converted) -> None:
        self.words.setText(paragraph(*map(translated, found.sentences)))
        kind = KINDS[found.kind]
        carried = any(getattr(record, "margin", None) is not None for record in found.records)
        columns = [*kind.columns, *([mark("Margin")] if carried else [])]
        self.table.setColumnCount(len(columns))
        self.table.setHorizontalHeaderLabels([translated(name) for name in columns])
        rows = found.records[:_SHOWN]
        self.table.setRowCount(len(rows))
        for row, record in enumerate(rows):
            cells = list(record.cells)
            if carried:
                margin = getattr(record, "margin", None)
                cells.append("" if margin is None else f"{margin:g}")
            for column, text in enumerate(cells):
                self.table.setItem(row, column, QTableWidgetItem(text[:300].replace("\n", " ")))
        header = self.table.horizontalHeader()
        for column, name in enumerate(columns):
            narrow = name in ("Margin", "Verdict", "Rating", "Answers")
            mode = QHeaderView.ResizeMode.ResizeToContents if narrow else QHeaderView.ResizeMode.Stretch
            header.setSectionResizeMode(column, mode)
        self.shown.setCurrentWidget(self.table if found.records else self.empty)
        for button in (*self.train.values(), self.keep):
            button.setEnabled(bool(found.records))
            button.setToolTip("" if found.records else tr("There is no verdict to learn from yet."))
        self._go_on()

    @Slot(object)
    def _fail(self, error: Exception) -> None:
        self.notice.show_error(error)
        self._go_on()

    def _go_on(self) -> None:
        """Convert what was asked for meanwhile."""
        if self._again:
            self._again = False
            self._look()

    # --------------------------------------------------------------------------------------------------------- actions

    @Slot()
    def _train(self) -> None:
        self._make(self.sender().objectName())  # pyright: ignore[reportAttributeAccessIssue]

    @Slot()
    def _keep(self) -> None:
        self._make("")

    def _make(self, method: str) -> None:
        if self._known is None or (self._work is not None and not self._work.is_over):
            return
        self.notice.clear()
        try:
            conversion = self.conversion()
        except StudioError as error:
            self.notice.show_error(error)
            return
        project, known, criterion = self._project, self._known, self.criterion.currentData() or ALL_CRITERIA
        self._method = method
        self._work = BackgroundTask.begin(
            self,
            lambda _task: make_dataset(project, known, conversion, criterion),
            self._made,
            self.notice.show_error,
        )

    @Slot(object)
    def _made(self, made: tuple[DatasetInfo, Converted]) -> None:
        info, _ = made
        self.dataset_made.emit(info)
        if self._method:
            self.train_requested.emit(info.id, self._method)
        else:
            self.notice.show_note(
                tr("The dataset “{name}” is in Data now ({size}).", name=info.name, size=translated(info.size))
            )

    @Slot()
    def _ask_export(self) -> None:
        if self._known is None:
            return
        filters = {f"{label} (*.{ending})": name for name, (label, ending, _) in EXPORTS.items()}
        path, chosen = QFileDialog.getSaveFileName(
            self, tr("Export the verdicts"), str(self._folder / f"{self._known.name}.jsonl"), ";;".join(filters)
        )
        if path:
            self._folder = Path(path).parent
            self.write_file(Path(path), filters.get(chosen, next(iter(EXPORTS))))

    def write_file(self, path: Path, form: str) -> None:
        """Write the verdicts to a file, in the background."""
        if self._known is None:
            return
        project, known = self._project, self._known
        try:
            conversion = self.conversion()
        except StudioError as error:
            self.notice.show_error(error)
            return
        self._work = BackgroundTask.begin(
            self,
            lambda _task: export_set(project, known, conversion, path, form),
            self._exported,
            self.notice.show_error,
        )

    @Slot(object)
    def _exported(self, count: int) -> None:
        self.notice.show_note(tr("{count:,} rows are written.", count=count))

    def _lay_out(self) -> None:
        settings = QWidget()
        left = QVBoxLayout(settings)
        left.setContentsMargins(0, 0, 0, 0)
        row = QHBoxLayout()
        row.addWidget(self.criterion_label)
        row.addWidget(self.criterion, 1)
        left.addLayout(row)
        left.addWidget(self.form)
        left.addStretch()
        buttons = FlowLayout()
        for button in (*self.train.values(), self.keep, self.export):
            buttons.addWidget(button)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(self.notice)
        right.addWidget(self.words)
        right.addWidget(self.shown, 1)
        right.addLayout(buttons)
        inside = QWidget()
        self._halves = QBoxLayout(QBoxLayout.Direction.LeftToRight, inside)
        self._halves.setContentsMargins(0, 8, 8, 0)
        self._halves.setSpacing(16)
        self._halves.addWidget(settings, 2)
        self._halves.addLayout(right, 3)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Side by side where there is room, else what comes of it below what is asked."""
        super().resizeEvent(event)
        direction = QBoxLayout.Direction
        self._halves.setDirection(direction.LeftToRight if self.width() >= _BESIDE else direction.TopToBottom)

"""Where the project's models come from: the way of the lecture with what is done, over the family tree of its runs."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from studio.core.errors import StudioError
from studio.core.guide import Facts, RunFact
from studio.core.lineage import Family, Node, RunFacts, family_of
from studio.core.pipeline import STATIONS, Progress, Station, method_for, progress_of
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.pages.runs import words
from studio.gui.pages.runs.family_tree import FamilyTree
from studio.gui.widgets.flow_layout import FlowLayout
from studio.gui.widgets.notice import Notice
from studio.jobs.background import BackgroundTask, end_tasks
from studio.jobs.runs import ProjectRuns
from studio.storage.guide import read_facts
from studio.storage.lineage import data_facts, evaluation_facts
from studio.storage.project import Project

_SOON_MS = 400
_LEAST = 260  # pixels of the tree that are always shown: with less, the page scrolls


class LineageView(QWidget):
    """run_requested(run_id). data_requested(dataset id). labels_requested(). model_requested(folder).
    evaluation_requested(folder of the model, evaluation id). train_requested(method): with a method of the way.
    chat_requested(): to compare.
    """

    run_requested = Signal(str)
    data_requested = Signal(str)
    labels_requested = Signal()
    model_requested = Signal(str)
    evaluation_requested = Signal(str, str)
    train_requested = Signal(str)
    chat_requested = Signal()

    def __init__(self, project: Project, runs: ProjectRuns, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project, self._runs = project, runs
        self._task: BackgroundTask | None = None
        self._stale, self._facts = True, Facts()
        self._evaluated: dict[str, str] = {}  # of an evaluation, the model's folder
        self._soon = QTimer(self, interval=_SOON_MS, singleShot=True)
        self._soon.timeout.connect(self.refresh)
        self.notice = Notice()
        self.said = QLabel()
        self.said.setWordWrap(True)
        self.said.setTextFormat(Qt.TextFormat.PlainText)
        self.stations = {station.key: StationCard(number, station) for number, station in enumerate(STATIONS, 1)}
        way = FlowLayout(spacing=8)
        for card in self.stations.values():
            card.begun.connect(self._begin)
            way.addWidget(card)
        heading = QLabel(tr("Family tree"))
        theme.set_role(heading, "heading")
        about = QLabel(
            tr("What went into what, from left to right. Press a card to open it. Dashed: rewarded, judged, evaluated.")
        )
        about.setWordWrap(True)
        theme.set_role(about, "muted")
        self.tree = FamilyTree()
        self.tree.node_opened.connect(self._open)
        self.area = TreeArea()
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setWidget(self.tree)
        self.area.setAccessibleName(tr("Family tree of the project"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.notice)
        layout.addWidget(self.said)
        layout.addLayout(way)
        layout.addSpacing(8)
        layout.addWidget(heading)
        layout.addWidget(about)
        layout.addWidget(self.area, 1)
        runs.list_changed.connect(self._take_news)
        runs.run_ended.connect(self._take_news)

    @Slot()
    def _take_news(self) -> None:
        self._stale = True
        if self.isVisible():
            self._soon.start()

    def showEvent(self, event: QShowEvent) -> None:
        """Know what other pages imported, labelled or deleted."""
        super().showEvent(event)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Look at the project again, in a thread."""
        if self._task is not None:
            return
        self._stale = False
        project = self._project
        runs = [
            RunFacts(
                record.id,
                record.name,
                " · ".join(filter(None, (words.state_of(record), words.result_of(record)))),
                record.recipe,
            )
            for record in reversed(self._runs.records())
            if record.recipe is not None
        ]

        told = tuple(
            RunFact(record.id, record.recipe.method, record.state)
            for record in self._runs.records()
            if record.recipe is not None
        )

        def look(_task: BackgroundTask) -> tuple[Family, Facts, dict[str, str]]:
            evaluated = evaluation_facts(project)
            family = family_of(runs, data_facts(project), evaluated)
            return family, replace(read_facts(project), runs=told), {known.id: known.folder for known in evaluated}

        self._task = BackgroundTask(look, self)
        self._task.succeeded.connect(self._show)
        self._task.failed.connect(self._fail)
        self._task.finished.connect(self._over)
        self._task.start()

    @Slot(object)
    def _show(self, found: tuple[Family, Facts, dict[str, str]]) -> None:
        family, self._facts, self._evaluated = found
        progress = progress_of(self._facts)
        self.said.setText(translated(progress.sentence))
        for card in self.stations.values():
            card.show_progress(progress)
        self.tree.show_family(family)

    @Slot(object)
    def _fail(self, error: Exception) -> None:
        self.notice.show_error(error)

    @Slot()
    def _over(self) -> None:
        self._task = None
        if self._stale and self.isVisible():
            self._soon.start()

    def close_down(self) -> None:
        """Wait for a look that is under way."""
        self._soon.stop()
        end_tasks(self)

    @Slot(object)
    def _begin(self, station: Station) -> None:
        if station.verb == "train":
            self.train_requested.emit(method_for(station, self._facts))
        elif station.verb == "label":
            self.labels_requested.emit()
        else:
            self.chat_requested.emit()

    @Slot(object)
    def _open(self, node: Node) -> None:
        match node.kind:
            case "run":
                self.run_requested.emit(node.ref)
            case "dataset" if node.ref:
                self.data_requested.emit(node.ref)
            case "labels":
                self.labels_requested.emit()
            case "evaluation":
                self.evaluation_requested.emit(self._evaluated[node.ref], node.ref)
            case "model":
                self.model_requested.emit(node.ref)
            case _:
                self.notice.show_error(StudioError("This dataset was deleted.", "Its hash is in the run's settings."))


class TreeArea(QScrollArea):
    """Scrolls in what room the page has, however large the tree is; asking for more would make the page scroll too."""

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), _LEAST)

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), _LEAST)


class StationCard(QFrame):
    """A step of the way. begun(station): its button was pressed."""

    begun = Signal(object)

    def __init__(self, number: int, station: Station, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        self._station, self._number = station, number
        self.mark, self.title = QLabel(), QLabel(translated(station.title))
        theme.set_role(self.title, "heading")
        about = QLabel(translated(station.about))
        about.setWordWrap(True)
        theme.set_role(about, "muted")
        self.button = QPushButton({"train": tr("Train…"), "label": tr("Label…"), "chat": tr("Open Chat")}[station.verb])
        self.button.setAccessibleName(f"{translated(station.title)}: {self.button.text()}")
        self.button.clicked.connect(self._begin)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.mark)
        head.addWidget(self.title, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 10)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addWidget(about)
        layout.addStretch()
        layout.addWidget(self.button)
        self.setFixedSize(212, 158)
        self.show_progress(Progress(frozenset(), ""))

    def show_progress(self, progress: Progress) -> None:
        """Say whether this step is done, next, or later; in words and with a mark, not by colour alone."""
        key = self._station.key
        done, upcoming = key in progress.done, key == progress.next
        title = translated(self._station.title)
        if self._station.optional and not done:
            title = tr("{title} (or skip it)", title=title)
        self.mark.setText("✓" if done else "➜" if upcoming else f"{self._number}")
        theme.set_role(self.mark, "success" if done else "accent" if upcoming else "muted")
        theme.set_role(self.button, "primary" if upcoming else "quiet")
        told = tr("done") if done else tr("comes next") if upcoming else tr("not done yet")
        self.setAccessibleName(
            tr(
                "Step {number}, {title}: {told}",
                number=self._number,
                title=title,
                told=told,
            )
        )
        self.mark.setToolTip(told)

    @Slot()
    def _begin(self) -> None:
        self.begun.emit(self._station)

"""The guide of the open project while it is in sight: looks again and again where the project stands, in a thread."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from studio.core.courses import COURSES
from studio.core.errors import StudioError
from studio.core.guide import Course, Facts, RunFact, Standing, standing
from studio.jobs.background import BackgroundTask, end_tasks
from studio.jobs.runs import ProjectRuns
from studio.storage.guide import load_state, read_facts, save_state
from studio.storage.project import Project

_LOOK_EVERY = 1000  # ms


class ProjectGuide(QObject):
    """Where the project stands in its course. Signals: `changed()`; `failed(object StudioError)`: it can't be kept."""

    changed = Signal()
    failed = Signal(object)

    def __init__(self, project: Project, runs: ProjectRuns, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project, self._runs = project, runs
        self._task: BackgroundTask | None = None
        self._known: Facts | None = None  # as it was told last, without runs
        self._told = False
        self.state = load_state(project)
        self.facts = Facts()
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_EVERY)
        self._timer.timeout.connect(self.look)
        runs.list_changed.connect(self._tell)
        runs.run_changed.connect(self._tell)

    @property
    def course(self) -> Course | None:
        """What the project is led through."""
        return COURSES.get(self.state.course)

    def standing(self) -> Standing | None:
        """Where it stands; None without a course."""
        return standing(self.course, self.state, self.facts) if self.course else None

    @property
    def is_read(self) -> bool:
        """Whether it is known where the project stands."""
        return self._known is not None

    def watch(self, wanted: bool) -> None:
        """Look now and from now on, or no longer."""
        if wanted:
            self._timer.start()
            self.look()
        else:
            self._timer.stop()

    def change(self, **values: object) -> None:
        """Take other values, by the names of GuideState, and keep them."""
        state = replace(self.state, **values)  # pyright: ignore[reportArgumentType]
        if state == self.state:
            return
        self.state = state
        try:
            save_state(self._project, state)
        except StudioError as error:
            self.failed.emit(error)
        self.changed.emit()

    @Slot()
    def look(self) -> None:
        """Read where the project stands, unless that is under way."""
        if self._task is not None and not self._task.is_over:
            return
        project = self._project
        self._task = BackgroundTask(lambda _task: read_facts(project), self)
        self._task.succeeded.connect(self._take_facts)
        self._task.start()

    def close(self) -> None:
        """Look no longer."""
        self._timer.stop()
        end_tasks(self)

    @Slot(object)
    def _take_facts(self, facts: Facts) -> None:
        self._known = facts
        self._tell()

    @Slot()
    def _tell(self) -> None:
        if self._known is None:
            return
        runs = tuple(
            RunFact(record.id, record.recipe.method, record.state, record.story.step, record.story.total)
            for record in self._runs.records()
            if record.recipe is not None
        )
        facts = replace(self._known, runs=runs)
        if facts != self.facts or not self._told:
            self._told = True
            self.facts = facts
            self.changed.emit()

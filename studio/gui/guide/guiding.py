"""Joins the guide's panel with the program: does what its button says, and points at what is to be pressed next."""

from __future__ import annotations

import contextlib
from operator import attrgetter

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QAbstractButton, QScrollArea, QWidget

from studio.core.courses import COURSES
from studio.core.errors import StudioError
from studio.core.guide import GuideState, Step
from studio.gui.guide.acts import Pages, perform
from studio.gui.guide.panel import GuidePanel
from studio.gui.guide.pointer import Pointer
from studio.gui.main_window import MainWindow
from studio.gui.widgets.focus import focus_inside
from studio.jobs.guide import ProjectGuide

_LOOK_EVERY = 300  # ms between looks at which control is next


class Guiding(QObject):
    """The guide of whichever project is open. `studio`: the program."""

    def __init__(self, studio: Pages, window: MainWindow, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._studio, self._window = studio, window
        self.guide: ProjectGuide | None = None
        self.panel = GuidePanel()
        self.pointer = Pointer(window)
        self.panel.act_requested.connect(self._perform)
        self.panel.where_requested.connect(self._take_there)
        self.panel.watch_requested.connect(self._watch)
        self.panel.hide_requested.connect(self._hide)
        self.panel.end_requested.connect(self._end)
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_EVERY)
        self._timer.timeout.connect(self._point)
        window.set_side(self.panel)
        window.header.guide_toggled.connect(self._toggle)

    def open(self, course: str = "") -> None:
        """Lead through the open project's course; `course` begins that one."""
        assert self._studio.project is not None
        assert self._studio.runs is not None
        self.guide = ProjectGuide(self._studio.project, self._studio.runs, self)
        self.guide.failed.connect(self._window.notice.show_error)
        if course in COURSES:
            self.guide.change(**_begun(course))
        self.guide.changed.connect(self._show)
        self.panel.follow(self.guide)
        self._show()

    def close(self) -> None:
        """The project is closed."""
        self._timer.stop()
        self.pointer.point_at(None)
        self.panel.follow(None)
        if self.guide is not None:
            self.guide.close()
            self.guide.deleteLater()
            self.guide = None
        self._window.show_side(False, possible=False)

    @Slot()
    def _show(self) -> None:
        guide = self.guide
        if guide is None:
            return
        possible = guide.course is not None
        shown = possible and guide.state.shown
        if shown != self._timer.isActive():
            guide.watch(shown)
            if shown:
                self._timer.start()
            else:
                self._timer.stop()
                self.pointer.point_at(None)
        self._window.show_side(shown, possible=possible)

    @Slot()
    def _point(self) -> None:
        step = self.panel.step
        found = self._next_control(step) if step is not None and self.guide and self.guide.is_read else None
        if found is not self.pointer.target:
            self.pointer.point_at(found)
        self.panel.say_next(found.text().replace("&", "") if isinstance(found, QAbstractButton) else "")
        self.panel.set_compact(self._window.is_narrow)

    def _next_control(self, step: Step) -> QWidget | None:
        """The first of a step's controls that can be pressed on the page that is shown."""
        for control in step.controls:
            widget = self._resolved(control)
            if widget is not None and widget.isVisible() and widget.isEnabled():
                return widget
        return None

    def _resolved(self, control: str) -> QWidget | None:
        page, path = control.split(":")
        with contextlib.suppress(KeyError):
            return attrgetter(path)(self._studio.pages[page])
        return None

    @Slot(object)
    def _perform(self, step: Step) -> None:
        if self.guide is None:
            return
        try:
            perform(step.act, self._studio, self.guide.facts)
        except StudioError as error:
            self._window.notice.show_error(error)

    @Slot(object)
    def _take_there(self, step: Step) -> None:
        self._studio.show_page(step.page)
        widget = self._next_control(step)
        if widget is None:
            return
        around = widget.parentWidget()
        while around is not None:
            if isinstance(around, QScrollArea):
                around.ensureWidgetVisible(widget)
            around = around.parentWidget()
        focus_inside(widget)
        self._point()

    @Slot(str)
    def _watch(self, run: str) -> None:
        self._studio.show_page("runs")
        self._studio.pages["runs"].open_run(run)

    @Slot(bool)
    def _toggle(self, shown: bool) -> None:
        if self.guide is not None:
            self.guide.change(shown=shown)

    @Slot()
    def _hide(self) -> None:
        self._toggle(False)

    @Slot()
    def _end(self) -> None:
        if self.guide is not None:
            self.guide.change(course="", path="", left_out=())


def _begun(course: str) -> dict[str, object]:
    state = GuideState(course)
    return {"course": state.course, "path": state.path, "left_out": state.left_out, "shown": True}

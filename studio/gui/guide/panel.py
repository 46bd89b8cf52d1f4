"""The guide's panel: the course's steps as a checklist, the current one with what to do and what to look at.

It shows where the project stands (`jobs.guide`); a step is done when the project holds what it makes.
"""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from studio.core.guide import Standing, Step
from studio.gui import icons, theme
from studio.gui.language import mark, tr, translated
from studio.gui.widgets.flow_layout import FlowLayout
from studio.jobs.guide import ProjectGuide

_NARROWEST = 260  # logical pixels
_DONE, _NOW, _LATER, _LEFT_OUT = "✓", "→", "○", "–"
_SAID = {_DONE: mark("done"), _NOW: mark("next"), _LATER: mark("later"), _LEFT_OUT: mark("left out")}


class GuidePanel(QWidget):
    """Signals: `act_requested(object Step)`; `where_requested(object Step)`: take me to the control;
    `watch_requested(str run_id)`; `hide_requested()`; `end_requested()`: no guide any more.
    """

    act_requested = Signal(object)
    where_requested = Signal(object)
    watch_requested = Signal(str)
    hide_requested = Signal()
    end_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(tr("Guide"))
        theme.set_role(self, "sidebar")
        self._guide: ProjectGuide | None = None
        self._step: Step | None = None
        self._run = ""
        self.title = _text("heading")
        self.fold = QToolButton()
        icons.put(self.fold, "x")
        self.fold.setAccessibleName(tr("Hide the guide"))
        self.fold.setToolTip(tr("Hide the guide; the button at the top brings it back"))
        theme.set_role(self.fold, "quiet")
        self.fold.clicked.connect(self.hide_requested)
        self.progress = QProgressBar()
        self.progress.setAccessibleName(tr("Steps done"))
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        self._checklist = QWidget()
        self.steps = QVBoxLayout(self._checklist)
        self.steps.setContentsMargins(0, 0, 0, 8)
        self.steps.setSpacing(6)
        self._paths = QWidget()
        self._path_group = QButtonGroup(self)
        self._path_group.idClicked.connect(self._choose_path)
        self._path_rows = QVBoxLayout(self._paths)
        self._path_rows.setContentsMargins(0, 0, 0, 0)
        self._path_rows.setSpacing(0)
        self.heading, self.words, self.look = _text("heading"), _text(""), _text("muted")
        self.state, self.next = _text(""), _text("")
        self.training = QProgressBar()
        self.training.setAccessibleName(tr("Training"))
        self.act = QPushButton()
        theme.set_role(self.act, "primary")
        self.act.clicked.connect(self._act)
        self.where, self.watch = QPushButton(tr("Show me where")), QPushButton(tr("Watch it"))
        self.skip = QPushButton(tr("Leave out"))
        self.where.setToolTip(tr("Goes to what is to be pressed next"))
        self.where.clicked.connect(self._ask_where)
        self.watch.clicked.connect(self._watch)
        self.skip.clicked.connect(self._leave_out)
        self.end = QPushButton(tr("End the guide"))
        self.end.clicked.connect(self.end_requested)
        for button in (self.where, self.watch, self.skip, self.end):
            theme.set_role(button, "quiet")
        self._lay_out()

    def follow(self, guide: ProjectGuide | None) -> None:
        """Show another project's guide, or none."""
        if self._guide is not None:
            self._guide.changed.disconnect(self.refresh)
        self._guide = guide
        if guide is not None:
            guide.changed.connect(self.refresh)
            self._make_paths()
            self.refresh()

    def say_next(self, control: str) -> None:
        """Name the control that is pointed at; empty while there is none to press."""
        self.next.setText(tr("Now press “{control}”.", control=control) if control else "")
        self.next.setVisible(bool(control))

    def set_compact(self, compact: bool) -> None:
        """With little height, only the current step is shown, without the list, and its button stands at the top."""
        if compact == self._checklist.isHidden():
            return
        self._checklist.setVisible(not compact)
        if compact:
            self._head.insertWidget(1, self.act)
        else:
            self._column.insertWidget(self._column.indexOf(self.next) + 1, self.act)

    @property
    def step(self) -> Step | None:
        """The step that is shown."""
        return self._step

    @Slot()
    def refresh(self) -> None:
        """Show where the project stands now."""
        guide = self._guide
        course, now = (guide.course, guide.standing()) if guide else (None, None)
        if guide is None or course is None or now is None:
            return
        if now.current is not self._step:
            self.say_next("")  # it is told anew
        self._step = now.current
        self.title.setText(translated(course.title))
        self.progress.setMaximum(len(now.steps))
        self.progress.setValue(len(now.steps) if now.current is None else now.steps.index(now.current))
        self._list(now)
        self._show_step(now, course.ending)

    def _list(self, now: Standing) -> None:
        while (item := self.steps.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        left_out = self._guide.state.left_out if self._guide else ()
        for step in now.steps:
            mark = _DONE if step.key in now.done else _NOW if step is now.current else _LATER
            mark = _LEFT_OUT if mark == _LATER and step.key in left_out else mark
            line = _text("" if mark == _NOW else "muted")
            line.setText(f"{mark}  {translated(step.title)}")
            line.setAccessibleName(f"{translated(step.title)}: {tr(_SAID[mark])}")
            self.steps.addWidget(line)

    def _show_step(self, now: Standing, ending: str) -> None:
        step, guide = now.current, self._guide
        going = guide.facts.going(*step.methods) if step and guide and step.methods else None
        self._run = going.id if going else ""
        self.heading.setText(translated(step.title) if step else tr("Done"))
        self.words.setText(translated(step.text if step else ending))
        self.look.setText(translated(step.look) if step else "")
        self.look.setVisible(bool(step and step.look))
        self._look_heading.setVisible(self.look.isVisibleTo(self))
        self.act.setText(translated(step.act.label) if step else "")
        self.act.setVisible(step is not None and going is None)
        self.where.setVisible(step is not None and going is None)
        self.skip.setVisible(bool(step and step.optional))
        self.watch.setVisible(going is not None)
        self.state.setText(_going(going.step, going.total) if going else "")
        self.training.setVisible(going is not None)
        if going:
            self.training.setMaximum(going.total)
            self.training.setValue(going.step)
        self.state.setVisible(going is not None)
        forks = bool(step and step.path) and len({one.path for one in now.steps if one.key in now.done} - {""}) == 0
        self._paths.setVisible(forks)
        self.end.setText(tr("End the guide") if step else tr("Close the guide"))

    def _make_paths(self) -> None:
        guide = self._guide
        while (item := self._path_rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        if guide is None or guide.course is None or not guide.course.paths:
            return
        chosen = guide.state.path or next(iter(guide.course.paths))
        for number, (key, name) in enumerate(guide.course.paths.items()):
            choice = QRadioButton(name)
            choice.setObjectName(key)
            choice.setChecked(key == chosen)
            self._path_group.addButton(choice, number)
            self._path_rows.addWidget(choice)

    @Slot(int)
    def _choose_path(self, number: int) -> None:
        if self._guide is not None:
            self._guide.change(path=self._path_group.button(number).objectName())

    @Slot()
    def _act(self) -> None:
        if self._step is not None:
            self.act_requested.emit(self._step)

    @Slot()
    def _ask_where(self) -> None:
        if self._step is not None:
            self.where_requested.emit(self._step)

    @Slot()
    def _watch(self) -> None:
        self.watch_requested.emit(self._run)

    @Slot()
    def _leave_out(self) -> None:
        if self._guide is not None and self._step is not None:
            self._guide.change(left_out=(*self._guide.state.left_out, self._step.key))

    def _lay_out(self) -> None:
        self._head = head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.fold, alignment=Qt.AlignmentFlag.AlignTop)
        self._look_heading = _text("heading")
        self._look_heading.setText(tr("What to look at"))
        self._inside = inside = QWidget()
        self._column = column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(10)
        column.addWidget(self._checklist)
        for part in (self.heading, self.words, self._paths, self.state, self.training, self.next, self.act):
            column.addWidget(part)
        small = FlowLayout(spacing=4)
        for button in (self.where, self.watch, self.skip):
            small.addWidget(button)
        column.addLayout(small)
        column.addWidget(self._look_heading)
        column.addWidget(self.look)
        column.addStretch()
        column.addWidget(self.end, alignment=Qt.AlignmentFlag.AlignLeft)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        theme.set_role(inside, "sidebar")
        self._outer = layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 8, 12)
        layout.setSpacing(10)
        layout.addLayout(head)
        bar = QHBoxLayout()
        bar.setContentsMargins(0, 0, column.contentsMargins().right(), 0)  # as wide as what stands below it
        bar.addWidget(self.progress)
        layout.addLayout(bar)
        layout.addWidget(scroll, 1)

    def minimumSizeHint(self) -> QSize:
        """As wide as its longest button, which can't break in two as texts do."""
        margins = self.contentsMargins() + self._outer.contentsMargins()
        needed = self._inside.minimumSizeHint().width() + margins.left() + margins.right()
        return QSize(max(_NARROWEST, needed), super().minimumSizeHint().height())


def _going(step: int, total: int) -> str:
    return (
        tr("Training: step {step} of {total}.", step=step, total=total)
        if total and step
        else tr("Training is about to begin…")
    )


def _text(role: str) -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    if role:
        theme.set_role(label, role)
    return label

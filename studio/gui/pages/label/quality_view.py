"""How far the verdicts can be trusted, each figure with the sentence that says what it means."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QFrame, QLabel, QListWidget, QListWidgetItem, QScrollArea, QVBoxLayout, QWidget

from studio.core.agreement import about_kappa, about_length, about_position, about_self
from studio.gui import theme
from studio.gui.language import mark, tr, translated, trn
from studio.gui.widgets.notice import Notice
from studio.jobs.background import BackgroundTask, end_tasks
from studio.storage.label_quality import Quality, quality_of
from studio.storage.labels import LabelSet
from studio.storage.project import Project

_TITLES = {
    "who": mark("Who judged"),
    "self": mark("Agreement with yourself"),
    "between": mark("Agreement between labellers"),
    "position": mark("Does the side decide?"),
    "length": mark("Does the length decide?"),
    "authors": mark("Whose answers win"),
    "circles": mark("Contradictions"),
}


class QualityView(QWidget):
    """Signal: `item_requested(int item)`: one that a contradiction names is to be judged again."""

    item_requested = Signal(int)

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._known: LabelSet | None = None
        self._task: BackgroundTask | None = None
        self._again = False
        self.notice = Notice()
        self.criterion = QComboBox()
        self.criterion.setAccessibleName(tr("Criterion"))
        self.criterion.currentIndexChanged.connect(self.refresh)
        self.words: dict[str, QLabel] = {}
        self.circles = QListWidget()
        self.circles.setAccessibleName(tr("Contradictions"))
        self.circles.setFixedHeight(140)
        self.circles.setWordWrap(True)
        self.circles.itemActivated.connect(self._open_item)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 8, 0, 16)
        column.setSpacing(12)
        column.addWidget(self.notice)
        column.addWidget(self.criterion)
        for key, title in _TITLES.items():
            column.addWidget(self._card(key, tr(title)))
        column.addStretch()
        inside.setMaximumWidth(860)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)

    def open_set(self, known: LabelSet | None) -> None:
        """Show how far another set's verdicts can be trusted."""
        before, self._known = self._known, known
        if known is not None and (before is None or before.id != known.id):
            self.criterion.blockSignals(True)
            self.criterion.clear()
            for name in known.plan.criterion_names:
                self.criterion.addItem(name or tr("Overall"), name)
            self.criterion.blockSignals(False)
            self.criterion.setVisible(len(known.plan.criterion_names) > 1)
        self.refresh()

    def close_down(self) -> None:
        """Wait for what is under way."""
        end_tasks(self)

    @Slot()
    def refresh(self) -> None:
        """Measure again."""
        if self._known is None or not self.isVisible():
            return
        if self._task is not None and not self._task.is_over:
            self._again = True
            return
        project, known, criterion = self._project, self._known, str(self.criterion.currentData() or "")

        def work(_task: BackgroundTask) -> Quality:
            with project.connect() as connection:
                return quality_of(connection, known, criterion)

        self._task = BackgroundTask.begin(self, work, self._show, self._fail)

    def showEvent(self, event: QShowEvent) -> None:
        """Know what was judged meanwhile."""
        super().showEvent(event)
        self.refresh()

    @Slot(object)
    def _show(self, found: Quality) -> None:
        who = [f"{_called(name, machine)}: {count:,}" for name, machine, count in found.labellers]
        taken = found.taken
        if taken.count:
            who.append(
                tr("Suggestions taken as they stood: {count:,} of {n:,} verdicts.", count=taken.count, n=taken.n)
            )
        machines = {name for name, machine, _ in found.labellers if machine}
        pairs = [
            f"{_both(*(_called(name, name in machines) for name in names))}: {translated(about_kappa(kappa))}"
            for names, kappa in found.between.items()
        ]
        people = [name for name, machine, _ in found.labellers if not machine]
        if len(people) > 2:
            pairs.append(tr("All people together (Fleiss): {people}", people=translated(about_kappa(found.people))))
        wins = [
            tr(
                "{name}: won {count:,} of {n:,} ({value:.0f} %, 95 % interval {interval:.0f} to {interval_2:.0f} %)",
                name=name or tr("unknown"),
                count=share.count,
                n=share.n,
                value=100 * share.value,
                interval=100 * share.interval[0],
                interval_2=100 * share.interval[1],
            )
            for name, share in found.authors.items()
        ]
        told = {
            "who": who or [tr("Nobody yet.")],
            "self": [translated(about_self(found.oneself))],
            "between": pairs
            or [tr("Two labellers must have judged some of the same items; change the name in Judge.")],
            "position": [translated(about_position(found.first_shown))],
            "length": [translated(about_length(found.longer))],
            "authors": wins or [tr("No two authors' answers were compared yet.")],
            "circles": [_circles(found)],
        }
        for key, lines in told.items():
            self.words[key].setText("\n".join(lines))
        self.circles.clear()
        for one in found.contradictions:
            letters = (
                tr("two verdicts against each other")
                if one.is_plain
                else tr("{count} answers in a circle", count=len(one.candidates))
            )
            words = " ".join(found.prompts[one.prompt_id].split())
            item = QListWidgetItem(f"{one.labeller}: {letters}. “{words[:120]}”")
            item.setData(Qt.ItemDataRole.UserRole, one.items[-1])
            self.circles.addItem(item)
        self.circles.setVisible(bool(found.contradictions))
        self._go_on()

    @Slot(object)
    def _fail(self, error: Exception) -> None:
        self.notice.show_error(error)
        self._go_on()

    def _go_on(self) -> None:
        """Measure what was asked for meanwhile."""
        if self._again:
            self._again = False
            self.refresh()

    @Slot(QListWidgetItem)
    def _open_item(self, item: QListWidgetItem) -> None:
        self.item_requested.emit(item.data(Qt.ItemDataRole.UserRole))

    def _card(self, key: str, title: str) -> QFrame:
        card = QFrame()
        theme.set_role(card, "card")
        heading, words = QLabel(title), QLabel()
        theme.set_role(heading, "heading")
        words.setTextFormat(Qt.TextFormat.PlainText)
        words.setWordWrap(True)
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words[key] = words
        layout = QVBoxLayout(card)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.addWidget(heading)
        layout.addWidget(words)
        if key == "circles":
            layout.addWidget(self.circles)
        return card


def _circles(found: Quality) -> str:
    count = len(found.contradictions)
    if not count:
        return tr("None: no labeller prefers A to B, B to C and C to A.")
    return trn(
        "{count:,} prompt with preferences that go round in a circle, so that one of the verdicts must be wrong. "
        "Return opens one.",
        "{count:,} prompts with preferences that go round in a circle, so that one of the verdicts must be wrong. "
        "Return opens one.",
        count,
    )


def _called(name: str, machine: bool) -> str:
    return tr("{name} (machine)", name=name) if machine else name


def _both(one: str, other: str) -> str:
    return tr("{one} and {other}", one=one, other=other)

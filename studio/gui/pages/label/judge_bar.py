"""Above the judging screen: which queue in which order, how far one is and how fast, and who is labelling."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.pages.label.line import Line
from studio.gui.widgets.elided_label import ElidedLabel
from studio.gui.widgets.narrow_combo import NarrowCombo
from studio.gui.widgets.visible_text import plain_tip
from studio.storage.label_log import ORDERS, QUEUES, Counts
from studio.storage.settings import labeller_name


class JudgeBar(QWidget):
    """Signals: `queue_chosen(str show, str order)`; `labeller_named(str)`."""

    queue_chosen = Signal(str, str)
    labeller_named = Signal(str)

    def __init__(self, labeller: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.show_choice, self.order_choice = NarrowCombo(10, roomy=True), NarrowCombo(8, roomy=True)
        for combo, words, name in (
            (self.show_choice, QUEUES, tr("Queue")),
            (self.order_choice, ORDERS, tr("Order of the queue")),
        ):
            combo.setAccessibleName(name)
            for key, label in words.items():
                combo.addItem(translated(label), key)
            combo.activated.connect(self._chosen)
        self.order_choice.setToolTip(
            tr(
                "Hardest first: where a reward model finds the best two answers closest. "
                "Disagreement first: where labellers or machine judges differ."
            )
        )
        self.name = Line(labeller or labeller_name())
        self.name.setAccessibleName(tr("Labeller"))
        self.name.setToolTip(tr("Verdicts are kept under this name"))
        self.name.setMaximumWidth(150)
        self.name.editingFinished.connect(self._named)
        self._named_last = self.labeller()
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(tr("Judged"))
        self.words, self.item_words = ElidedLabel(), QLabel()
        self.item_words.setTextFormat(Qt.TextFormat.PlainText)
        for label in (self.words, self.item_words):
            theme.set_role(label, "muted")
        middle = QVBoxLayout()
        middle.setSpacing(2)
        middle.addWidget(self.words)
        middle.addWidget(self.progress)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.show_choice)
        layout.addWidget(self.order_choice)
        layout.addLayout(middle, 1)
        layout.addWidget(self.item_words)
        layout.addWidget(self.name)

    def labeller(self) -> str:
        """Who is labelling."""
        return self.name.text().strip() or labeller_name()

    def queue(self) -> tuple[str, str]:
        """Which queue, in which order."""
        return self.show_choice.currentData(), self.order_choice.currentData()

    def reset(self) -> None:
        """Back to what is to do."""
        self.show_choice.setCurrentIndex(0)

    def show_counts(self, counts: Counts, pace: str) -> None:
        """Say how far one is."""
        done = counts.done + counts.skipped
        self.progress.setRange(0, max(1, counts.total))
        self.progress.setValue(done)
        words = tr("{done:,} of {total:,}", done=done, total=counts.total) + (f" · {pace}" if pace else "")
        self.words.show_text(words)
        numbers = {"todo": counts.todo, "done": counts.done, "skipped": counts.skipped, "flagged": counts.flagged}
        for index in range(self.show_choice.count()):
            key = self.show_choice.itemData(index)
            count = numbers.get(key, counts.total)
            self.show_choice.setItemText(index, f"{translated(QUEUES[key])} ({count:,})")

    def show_item(self, place: int, length: int, said: list[str], *, flagged: bool) -> None:
        """Say which item it is, and what was said of it."""
        words = [
            tr("#{place:,} of {length:,}", place=place + 1, length=length),
            *said,
            *([tr("flagged")] if flagged else []),
        ]
        text = "  ·  ".join(words)
        self.item_words.setText(text if len(text) < 60 else text[:58] + "…")
        self.item_words.setToolTip(plain_tip(text))

    @Slot()
    def _chosen(self) -> None:
        self.queue_chosen.emit(*self.queue())

    @Slot()
    def _named(self) -> None:
        if self.labeller() != self._named_last:
            self._named_last = self.labeller()
            self.labeller_named.emit(self._named_last)

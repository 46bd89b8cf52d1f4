"""What of a dataset is shown: words to search for; folded away behind a button tag, source, script and length."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from studio.core.filters import FLAGGED, Filter
from studio.core.scripts import SCRIPTS
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.widgets.flow_layout import FlowLayout
from studio.gui.widgets.number_box import NumberBox

_PAUSE = 150  # ms after the last key
_LONGEST = 1_000_000_000


class FilterBar(QWidget):
    """Signal: `filter_changed(object Filter)`."""

    filter_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._said = Filter()
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Search these examples"))
        self.search.setAccessibleName(tr("Search these examples"))
        self.search.setToolTip(tr("All the words; “in quotes” as they stand (Ctrl+F)"))
        self.search.setClearButtonEnabled(True)
        self.count = QLabel()
        theme.set_role(self.count, "muted")
        self.more = QPushButton(tr("Filter"))
        self.more.setCheckable(True)
        self.more.setToolTip(tr("By tag, source, script and length"))
        self.tag, self.source, self.script = QComboBox(), QComboBox(), QComboBox()
        self.script.setAccessibleName(tr("Script"))
        self.script.setToolTip(tr("In which writing most letters are"))
        self.script.addItem(tr("any"), None)
        for name in SCRIPTS:
            self.script.addItem(translated(name), name)
        self.tag.setAccessibleName(tr("Tag"))
        self.source.setAccessibleName(tr("Source"))
        self.shortest, self.longest = NumberBox(), NumberBox()
        for box, name, special in (
            (self.shortest, tr("Fewest characters"), tr("any")),
            (self.longest, tr("Most characters"), tr("any")),
        ):
            box.setRange(0, _LONGEST)
            box.setSingleStep(100)
            box.setGroupSeparatorShown(True)
            box.setSpecialValueText(special)
            box.setAccessibleName(name)
            box.setMaximumWidth(120)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE)
        self._pause.timeout.connect(self._say)
        self.search.textChanged.connect(self._pause.start)
        self.search.returnPressed.connect(self._say)
        for box in (self.tag, self.source, self.script):
            box.setMinimumContentsLength(8)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.currentIndexChanged.connect(self._pause.start)
        for box in (self.shortest, self.longest):
            box.valueChanged.connect(self._pause.start)
        self.line = QHBoxLayout()
        self.line.addWidget(self.search, 1)
        self.line.addWidget(self.count)
        self.line.addWidget(self.more)
        self.fold = QWidget()
        folded = FlowLayout(self.fold, spacing=12)
        for words, part in (
            (tr("Tag"), self.tag),
            (tr("Source"), self.source),
            (tr("Script"), self.script),
            (tr("Characters from"), self.shortest),
        ):
            self._add(folded, words, part)
        self._add(folded, tr("to"), self.longest)
        self.more.toggled.connect(self._unfold)
        self.fold.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self.line)
        layout.addWidget(self.fold)
        self.offer([], [], "")

    @staticmethod
    def _add(layout: FlowLayout, words: str, part: QWidget) -> None:
        label = QLabel(words)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setBuddy(part)
        both = QWidget()
        line = QHBoxLayout(both)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(label)
        line.addWidget(part)
        layout.addWidget(both)

    def offer(self, tags: list[str], sources: list[str], file: str) -> None:
        """Let these be chosen; what was chosen stays so where it still can be."""
        before = self.tag.currentData(), self.source.currentData()
        blocked = QSignalBlocker(self.tag), QSignalBlocker(self.source)
        self.tag.clear()
        self.tag.addItem(tr("any or none"), None)
        self.tag.addItem(tr("⚑ flagged"), FLAGGED)
        for tag in tags:
            if tag != FLAGGED:
                self.tag.addItem(tag, tag)
        self.source.clear()
        self.source.addItem(tr("anywhere"), None)
        self.source.addItem(file or tr("the file"), "")
        for source in sources:
            self.source.addItem(source, source)
        for box, wanted in zip((self.tag, self.source), before, strict=True):
            box.setCurrentIndex(max(0, box.findData(wanted)) if wanted is not None else 0)
        del blocked
        if self.filter() != self._said:
            self._pause.start()

    def filter(self) -> Filter:
        """What is asked for."""
        return Filter(
            self.search.text().strip(),
            self.shortest.value(),
            self.longest.value() or None,
            self.source.currentData(),
            self.tag.currentData(),
            self.script.currentData(),
        )

    def clear(self) -> None:
        """Ask for everything again, without saying so."""
        parts = (self.search, self.tag, self.source, self.script, self.shortest, self.longest)
        blocked = [QSignalBlocker(part) for part in parts]
        self.search.clear()
        self.shortest.setValue(0)
        self.longest.setValue(0)
        self.tag.setCurrentIndex(0)
        self.source.setCurrentIndex(0)
        self.script.setCurrentIndex(0)
        del blocked
        self._pause.stop()
        self._said = Filter()

    def show_count(self, shown: int, everything: int, whole: bool) -> None:
        """Say how much a filter leaves."""
        if not self._said.asks:
            self.count.clear()
        elif whole:
            self.count.setText(tr("{shown:,} of {everything:,}", shown=shown, everything=everything))
        else:
            self.count.setText(tr("{shown:,}… of {everything:,}", shown=shown, everything=everything))

    @Slot(bool)
    def _unfold(self, shown: bool) -> None:
        self.fold.setVisible(shown)
        if not shown:  # what can't be seen filters nothing
            self.tag.setCurrentIndex(0)
            self.source.setCurrentIndex(0)
            self.script.setCurrentIndex(0)
            self.shortest.setValue(0)
            self.longest.setValue(0)

    @Slot()
    def _say(self) -> None:
        self._pause.stop()
        wanted = self.filter()
        if wanted != self._said:
            self._said = wanted
            self.filter_changed.emit(wanted)

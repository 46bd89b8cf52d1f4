"""Which prompts are asked: typed, one a line, or the first ones of a dataset."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QFormLayout, QLabel, QPlainTextEdit, QWidget

from studio.core.errors import StudioError
from studio.core.messages import Example
from studio.gui import theme
from studio.gui.language import tr
from studio.gui.widgets.number_box import NumberBox
from studio.storage.datasets import find_dataset, list_datasets, records_of
from studio.storage.project import Project

_TYPED = ""
_FIXED = (
    "Explain to a child why the sky is blue.",
    "Write a short, friendly note to a neighbour.",
    "What is the difference between a frog and a toad?",
    "Give three tips for a good night's sleep.",
    "Say no, politely, to an invitation.",
    "Tell me a story in four sentences.",
    "How do I boil an egg?",
    "I made a mistake at work. What should I do?",
)


class PromptSource(QWidget):
    """changed(): another choice."""

    changed = Signal()

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self.source = QComboBox()
        self.source.setAccessibleName(tr("Where the prompts come from"))
        self.source.currentIndexChanged.connect(self._tell)
        self.count = NumberBox()
        self.count.setRange(1, 1000)
        self.count.setValue(20)
        self.count.setAccessibleName(tr("How many prompts"))
        self.typed = QPlainTextEdit("\n".join(_FIXED))
        self.typed.setAccessibleName(tr("Prompts, one a line"))
        self.typed.setTabChangesFocus(True)
        self.about = QLabel()
        self.about.setWordWrap(True)
        theme.set_role(self.about, "muted")
        self.form = QFormLayout(self)
        self.form.setContentsMargins(0, 0, 0, 0)
        self.form.addRow(tr("Prompts from"), self.source)
        self.form.addRow(tr("How many"), self.count)
        self.form.addRow(self.about)
        self.form.addRow(self.typed)
        self.list_again()

    def list_again(self) -> None:
        """Know the datasets that there are now."""
        chosen = self.source.currentData()
        self.source.blockSignals(True)
        self.source.clear()
        self.source.addItem(tr("Typed here, one a line"), _TYPED)
        for info in list_datasets(self._project):
            if info.kind.name in ("examples", "prompts"):
                self.source.addItem(f"{info.name} ({info.rows:,})", info.id)
        self.source.setCurrentIndex(max(0, self.source.findData(chosen)))
        self.source.blockSignals(False)
        self._tell()

    def type_in(self, prompts: Sequence[str]) -> None:
        """Ask these, as if they were typed."""
        self.typed.setPlainText("\n".join(prompts))
        self.source.setCurrentIndex(self.source.findData(_TYPED))

    def prompts(self) -> list[str]:
        """Those that are chosen. Raises StudioError when there is none."""
        if self.source.currentData() == _TYPED:
            found = [line.strip() for line in self.typed.toPlainText().splitlines() if line.strip()]
        else:
            found = self._of_dataset(str(self.source.currentData()), self.count.value())
        if not found:
            raise StudioError("There is no prompt to ask.", "Type some, one a line, or choose a dataset.")
        return found

    def _of_dataset(self, identity: str, count: int) -> list[str]:
        found: list[str] = []
        for record in records_of(self._project, find_dataset(self._project, identity)):
            # The first message alone: what was said before an answer is another conversation's.
            text = record.prompt if isinstance(record, Example) else str(getattr(record, "prompt", ""))
            if text.strip() and text not in found:
                found.append(text)
            if len(found) >= count:
                break
        return found

    @Slot()
    def _tell(self) -> None:
        typed = self.source.currentData() == _TYPED
        self.form.setRowVisible(self.typed, typed)
        self.form.setRowVisible(self.count, not typed)
        self.about.setText(
            tr("The same prompts each time make tests comparable.")
            if typed
            else tr("The first message of each of the dataset's first rows, each text once.")
        )
        self.changed.emit()

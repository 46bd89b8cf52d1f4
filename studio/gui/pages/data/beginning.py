"""What the Data page shows while there is no dataset: what one is, and the ways to get one."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from studio.gui import theme
from studio.gui.language import mark, tr
from studio.gui.widgets.empty_state import EmptyState

_HUB = mark("Fetch a dataset from huggingface.co by its name")


class Beginning(QWidget):
    """Signals: `import_requested()` of a file; `hub_requested()`, a dataset by its name."""

    import_requested = Signal()
    hub_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.empty = EmptyState(
            tr("No dataset yet"),
            tr(
                "A dataset is a file of examples to learn from: questions with their answers, two answers of which "
                "one is preferred, rated answers, or plain text.\nDrop a file here (JSON, CSV, Parquet, "
                "Arrow or text, packed or not), or paste rows."
            ),
            tr("Import…"),
            tr("From the Hugging Face Hub…"),
        )
        self.empty.action_requested.connect(self.import_requested)
        self.empty.other_requested.connect(self.hub_requested)
        self.empty.other.setToolTip(tr(_HUB))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.empty)


def hub_button(text: str) -> QPushButton:
    """A quiet button that leads to the Hub."""
    button = QPushButton(text)
    button.setToolTip(tr(_HUB))
    theme.set_role(button, "quiet")
    return button

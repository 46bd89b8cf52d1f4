"""How the next token is chosen, for both panes alike: a form, and two presets."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from studio.core.conversation import Sampling
from studio.gui import theme
from studio.gui.widgets.form import SettingsForm


class SamplingPanel(QFrame):
    """`sampling()` gives the values as typed, or raises StudioError."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        heading = QLabel("Sampling")
        theme.set_role(heading, "heading")
        self.form = SettingsForm(Sampling)
        self.greedy = QPushButton("Greedy")
        self.greedy.setToolTip("Always the likeliest token: temperature 0")
        self.greedy.clicked.connect(self._be_greedy)
        self.usual = QPushButton("Usual")
        self.usual.setToolTip("The values that Plumbline begins with")
        self.usual.clicked.connect(self._be_usual)
        presets = QHBoxLayout()
        presets.addWidget(self.greedy)
        presets.addWidget(self.usual)
        presets.addStretch()
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        inside = QWidget()  # the form at its own height, whatever the panel's
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 8, 0)
        column.addWidget(self.form)
        column.addStretch()
        area.setWidget(inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 8, 12)
        layout.setSpacing(12)
        layout.addWidget(heading)
        layout.addLayout(presets)
        layout.addWidget(area, 1)

    def sampling(self) -> Sampling:
        """The values. Raises StudioError for one that can't be used."""
        return self.form.values()

    def next_seed(self) -> None:
        """Another seed, so that asking again gives another answer."""
        seed = self.form.rows["seed"]
        seed.set_value((int(seed.value()) + 1) % (2**31))

    @Slot()
    def _be_greedy(self) -> None:
        self.form.rows["temperature"].set_value(0.0)

    @Slot()
    def _be_usual(self) -> None:
        self.form.set_values(Sampling())

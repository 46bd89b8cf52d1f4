"""The chosen model: its name, what goes on from it elsewhere, and the panels of what can be done with it here."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.pages.models.panel import Panel
from studio.gui.widgets.elided_label import ElidedLabel
from studio.storage.library import Kind, LibraryModel, Origin


class ModelView(QWidget):
    """Signals: `chat_requested(object LibraryModel)`; `train_requested(object Path)`, with a whole model's folder;
    `forget_requested(object LibraryModel)`, to take a linked one out of the list; `disk_requested()`, to delete one.
    """

    chat_requested = Signal(object)
    train_requested = Signal(object)
    forget_requested = Signal(object)
    disk_requested = Signal()

    def __init__(self, panels: list[Panel], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model: LibraryModel | None = None
        self._panels = panels
        self.name = ElidedLabel()
        theme.set_role(self.name, "title")
        self.about = QLabel()
        self.about.setTextFormat(Qt.TextFormat.PlainText)
        theme.set_role(self.about, "muted")
        self.chat = QPushButton(tr("Talk to it"))
        self.chat.clicked.connect(self._chat)
        self.train = QPushButton(tr("Train on it"))
        self.train.clicked.connect(self._train)
        theme.set_role(self.train, "primary")
        self.forget = QPushButton(tr("Take out of the list"))
        self.forget.setToolTip(tr("Its folder stays where it is"))
        self.forget.clicked.connect(self._forget)
        theme.set_role(self.forget, "quiet")
        self.delete = QPushButton(tr("Delete…"))
        self.delete.setToolTip(tr("Shows it among what takes room on the disk"))
        self.delete.clicked.connect(self.disk_requested)
        theme.set_role(self.delete, "quiet")
        self.tabs = QTabBar()
        self.tabs.setAccessibleName(tr("What to do with the model"))
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.stack = QStackedWidget()
        for panel in panels:
            self.tabs.addTab(tr(panel.title))
            scroll = QScrollArea()
            scroll.setWidgetResizable(True)
            scroll.setFrameShape(QFrame.Shape.NoFrame)
            scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            scroll.setWidget(panel)
            self.stack.addWidget(scroll)
        self.tabs.currentChanged.connect(self._show_panel)
        head = QHBoxLayout()
        head.addWidget(self.name, 1)
        head.addWidget(self.forget)
        head.addWidget(self.delete)
        head.addWidget(self.chat)
        head.addWidget(self.train)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self.about)
        layout.addWidget(self.tabs)
        layout.addWidget(self.stack, 1)
        self.tabs.setVisible(len(panels) > 1)

    def show_model(self, model: LibraryModel) -> None:
        """Be about another model; the panel stays where it suits that one too."""
        self._model = model
        self.name.show_text(model.name)
        self.about.setText(translated(model.about))
        there = model.folder.is_dir()
        self.chat.setVisible(model.writes and there)
        self.forget.setVisible(model.linked and model.origin is Origin.FOLDER)
        self.delete.setVisible(model.origin in (Origin.HUB, Origin.RUN) and there)
        self.train.setVisible(model.kind in (Kind.BASE, Kind.TUNED) and there)
        for number, panel in enumerate(self._panels):
            self.tabs.setTabVisible(number, panel.suits(model))
        if not self.tabs.isTabVisible(self.tabs.currentIndex()):
            self.tabs.setCurrentIndex(0)
        self._show_panel(self.tabs.currentIndex())

    def show_tab(self, title: str) -> None:
        """Go to the panel of that title."""
        for number, panel in enumerate(self._panels):
            if panel.title == title and self.tabs.isTabVisible(number):
                self.tabs.setCurrentIndex(number)

    def close_down(self) -> None:
        """End what the panels have under way."""
        for panel in self._panels:
            panel.close_down()

    @Slot(int)
    def _show_panel(self, number: int) -> None:
        self.stack.setCurrentIndex(number)
        if self._model is not None:
            self._panels[number].show_model(self._model)

    @Slot()
    def _chat(self) -> None:
        self.chat_requested.emit(self._model)

    @Slot()
    def _forget(self) -> None:
        self.forget_requested.emit(self._model)

    @Slot()
    def _train(self) -> None:
        if self._model is not None:
            self.train_requested.emit(self._model.folder)

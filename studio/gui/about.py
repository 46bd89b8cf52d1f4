"""The about box: versions, and every library with its licence, whose text can be read."""

from __future__ import annotations

import platform

from PySide6.QtCore import Qt, Slot, qVersion
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from studio import __version__
from studio.core.errors import StudioError
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.jobs.background import BackgroundTask, end_tasks
from studio.storage.libraries import Library, libraries, licence_text
from studio.storage.machine import torch_build


class AboutDialog(QDialog):
    """Call `open()`. The libraries are listed as soon as they are read."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("About Plumbline"))
        self.resize(760, 560)
        title = QLabel(tr("Plumbline {version}", version=__version__))
        theme.set_role(title, "title")
        self.versions = QLabel(
            tr(
                "Python {python_version}, Qt {qversion}, {torch_build}",
                python_version=platform.python_version(),
                qversion=qVersion(),
                torch_build=translated(torch_build()),
            )
        )
        theme.set_role(self.versions, "muted")
        about = QLabel(
            tr(
                "Apache-2.0. Nothing leaves this computer unless you ask for it; new versions are looked for only "
                "if you turn that on in the settings. It stands on these libraries:"
            )
        )
        for label in (self.versions, about):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        self.table = QTableWidget(0, 3)
        self.table.setAccessibleName(tr("Libraries"))
        self.table.setHorizontalHeaderLabels([tr("Library"), tr("Version"), tr("Licence")])
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        self.table.setTabKeyNavigation(False)
        self.table.setShowGrid(False)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.currentCellChanged.connect(self._show_licence)
        self.text = QPlainTextEdit()
        self.text.setAccessibleName(tr("Text of the licence"))
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setPlaceholderText(tr("Choose a library to read its licence."))
        close = QPushButton(tr("Close"))
        close.clicked.connect(self.accept)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 20)
        layout.setSpacing(10)
        for part in (title, self.versions, about):
            layout.addWidget(part)
        layout.addWidget(self.table, 3)
        layout.addWidget(self.text, 2)
        layout.addLayout(buttons)
        task = BackgroundTask(lambda _task: libraries(), self)
        task.succeeded.connect(self._fill)
        task.start()

    def done(self, result: int) -> None:
        """Wait for the look at the libraries, which is short."""
        end_tasks(self)
        super().done(result)

    @Slot(object)
    def _fill(self, found: list[Library]) -> None:
        self.table.setRowCount(len(found))
        for row, library in enumerate(found):
            for column, text in enumerate((library.name, library.version, library.licence or tr("not told"))):
                item = QTableWidgetItem(text)
                item.setData(Qt.ItemDataRole.UserRole, library)
                self.table.setItem(row, column, item)

    @Slot(int, int, int, int)
    def _show_licence(self, row: int, _column: int, _row_before: int, _column_before: int) -> None:
        item = self.table.item(row, 0)
        if item is None:
            return
        try:
            self.text.setPlainText(licence_text(item.data(Qt.ItemDataRole.UserRole)))
        except StudioError as error:
            self.text.setPlainText(translated(error.sentence))

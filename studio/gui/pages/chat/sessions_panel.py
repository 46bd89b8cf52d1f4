"""The conversations that the project keeps: searched, opened, renamed, exported, deleted."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QFrame,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from studio.gui import theme
from studio.gui.language import mark, tr, trn
from studio.gui.when import when
from studio.gui.widgets.ask import question, text_question
from studio.gui.widgets.flow_layout import FlowLayout
from studio.gui.widgets.visible_text import plain_tip
from studio.jobs.background import BackgroundTask, end_tasks
from studio.storage.chats import ChatEntry, delete_chats, export_chats, list_chats, rename_chat
from studio.storage.project import Project

_SETTLE = 200  # ms
_FORMS = mark("JSON lines (*.jsonl);;Markdown (*.md)")


class SessionsPanel(QFrame):
    """open_requested(int): a conversation. deleted(list): the numbers of those that are gone. failed(object).
    said(str): something to tell."""

    open_requested = Signal(int)
    deleted = Signal(list)
    failed = Signal(object)
    said = Signal(str)

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        self._project = project
        self._task: BackgroundTask | None = None
        self._again = False
        self._current = 0
        self._soon = QTimer(self, singleShot=True, interval=_SETTLE)
        self._soon.timeout.connect(self.list_again)
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Search all that was said"))
        self.search.setAccessibleName(tr("Search conversations"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._soon.start)
        self.list = _List()
        self.list.setAccessibleName(tr("Conversations"))
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.itemActivated.connect(self._open)
        self.list.itemSelectionChanged.connect(self._tell)
        self.list.delete_pressed.connect(self._ask_to_delete)
        self.empty = QLabel(tr("What you say is kept here."))
        self.empty.setWordWrap(True)
        theme.set_role(self.empty, "muted")
        buttons = QWidget()
        row = FlowLayout(buttons, spacing=4)
        self.open_button = _button(tr("Open"), tr("Go on with the chosen conversation"), self._open_chosen, row)
        self.rename_button = _button(
            tr("Rename…"), tr("Give the chosen conversation a title"), self._ask_to_rename, row
        )
        self.export_button = _button(
            tr("Export…"), tr("Write the chosen conversations to a file"), self._ask_where, row
        )
        self.delete_button = _button(tr("Delete"), tr("Remove the chosen conversations"), self._ask_to_delete, row)
        shape = buttons.sizePolicy()
        shape.setHeightForWidth(True)
        buttons.setSizePolicy(shape)
        heading = QLabel(tr("Conversations"))
        theme.set_role(heading, "heading")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(8)
        for widget in (heading, self.search, self.empty):
            layout.addWidget(widget)
        layout.addWidget(self.list, 1)
        layout.addWidget(buttons)
        self._tell()

    @property
    def chosen(self) -> list[int]:
        """The numbers of the chosen conversations."""
        return [int(item.data(Qt.ItemDataRole.UserRole)) for item in self.list.selectedItems()]

    def set_current(self, identity: int) -> None:
        """Which conversation is shown; the list is made anew."""
        self._current = identity
        if self.isVisible():
            self._soon.start()

    @Slot()
    def list_again(self) -> None:
        """List what is kept now."""
        if self._task is not None:
            self._again = True
            return
        project, words = self._project, self.search.text()
        self._task = BackgroundTask(lambda _: list_chats(project, words), self)
        self._task.succeeded.connect(self._show)
        self._task.failed.connect(self.failed)
        self._task.finished.connect(self._end)
        self._task.start()

    def close_down(self) -> None:
        """Let go of threads."""
        self._soon.stop()
        end_tasks(self)

    @Slot(object)
    def _show(self, entries: list[ChatEntry]) -> None:
        chosen = set(self.chosen)
        self.list.blockSignals(True)
        self.list.clear()
        for entry in entries:
            item = QListWidgetItem(f"{entry.heading}\n{_when(entry.changed)}")
            item.setData(Qt.ItemDataRole.UserRole, entry.identity)
            item.setToolTip(plain_tip(entry.heading))
            self.list.addItem(item)
            item.setSelected(entry.identity in chosen)
            if entry.identity == self._current:
                font = item.font()
                font.setBold(True)
                item.setFont(font)
        self.list.blockSignals(False)
        searched = bool(self.search.text().strip())
        self.empty.setText(tr("No conversation holds these words.") if searched else tr("What you say is kept here."))
        self.empty.setVisible(not entries)
        self._tell()

    @Slot()
    def _end(self) -> None:
        self._task = None
        if self._again:
            self._again = False
            self.list_again()

    @Slot()
    def _tell(self) -> None:
        count = len(self.chosen)
        self.open_button.setEnabled(count == 1)
        self.rename_button.setEnabled(count == 1)
        self.export_button.setEnabled(count > 0)
        self.delete_button.setEnabled(count > 0)

    @Slot(QListWidgetItem)
    def _open(self, item: QListWidgetItem) -> None:
        self.open_requested.emit(int(item.data(Qt.ItemDataRole.UserRole)))

    @Slot()
    def _open_chosen(self) -> None:
        self.open_requested.emit(self.chosen[0])

    @Slot()
    def _ask_to_rename(self) -> None:
        heading = self.list.selectedItems()[0].text().rpartition("\n")[0]
        dialog = text_question(
            self, tr("Rename the conversation"), tr("Title; none, and it is called as it begins"), heading
        )
        dialog.textValueSelected.connect(self._rename)
        dialog.open()

    @Slot(str)
    def _rename(self, title: str) -> None:
        if self.chosen:
            self._do(lambda: rename_chat(self._project, self.chosen[0], title))

    @Slot()
    def _ask_where(self) -> None:
        dialog = QFileDialog(self, tr("Export conversations"), str(Path.home() / "conversations.jsonl"), tr(_FORMS))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("jsonl")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.export_to)
        dialog.open()

    @Slot(str)
    def export_to(self, file: str) -> None:
        """Write the chosen conversations to a file; its ending says in which form."""
        chosen = self.chosen
        if self._do(lambda: export_chats(self._project, chosen, Path(file))):
            self.said.emit(
                trn(
                    "{count:,} conversation written to {file}.",
                    "{count:,} conversations written to {file}.",
                    len(chosen),
                    file=file,
                )
            )

    @Slot()
    def _ask_to_delete(self) -> None:
        count = len(self.chosen)
        if count:
            what = tr("It is") if count == 1 else tr("All {count:,} are", count=count)
            title = tr("Delete this conversation?") if count == 1 else tr("Delete these conversations?")
            box = question(
                self, title, tr("{what} gone then; votes and examples made of it stay.", what=what), tr("Delete")
            )
            box.accepted.connect(self._delete)
            box.open()

    @Slot()
    def _delete(self) -> None:
        chosen = self.chosen
        if self._do(lambda: delete_chats(self._project, chosen)):
            self.deleted.emit(chosen)

    def _do(self, work: object) -> bool:
        try:
            work()  # type: ignore[operator]
        except Exception as error:
            self.failed.emit(error)
            return False
        self._soon.start()
        return True


def _when(changed: str) -> str:
    """A moment of the database as a person says it."""
    moment = datetime.fromisoformat(changed).astimezone()
    return when(f"{moment:%Y%m%d-%H%M%S}", date.today())


class _List(QListWidget):
    delete_pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete:
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)


def _button(text: str, about: str, action: object, row: FlowLayout) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(about)
    theme.set_role(button, "quiet")
    button.clicked.connect(action)
    row.addWidget(button)
    return button

"""The list of models: one row each, and a delegate that paints its name and what it is."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from studio.gui import theme
from studio.gui.language import translated
from studio.gui.widgets.visible_text import plain_tip
from studio.storage.library import Kind, LibraryModel

MODEL = int(Qt.ItemDataRole.UserRole)
Index = QModelIndex | QPersistentModelIndex
_MARKS = {Kind.BASE: "●", Kind.TUNED: "◆", Kind.ADAPTER: "◇", Kind.JUDGE: "⚖"}


class ModelList(QAbstractListModel):
    """The models of a project in the order of `storage.library`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._models: list[LibraryModel] = []

    def take(self, models: list[LibraryModel]) -> None:
        """Show these; one that is unchanged keeps its row's selection."""
        if models == self._models:
            return
        self.beginResetModel()
        self._models = models
        self.endResetModel()

    def index_of(self, folder: object) -> QModelIndex:
        """The row of the model in that folder; an invalid index when it isn't listed."""
        row = next((row for row, model in enumerate(self._models) if model.folder == folder), -1)
        return self.index(row) if row >= 0 else QModelIndex()

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._models)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        model = self._models[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return model.name
            case Qt.ItemDataRole.ToolTipRole:
                return plain_tip(str(model.folder))
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{model.name}, {translated(model.about)}"
            case _ if role == MODEL:
                return model
            case _:
                return None


class ModelDelegate(QStyledItemDelegate):
    """Paints a model: its name, and below it a mark and words for what it is."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(200, 2 * option.fontMetrics.height() + 24)  # type: ignore[attr-defined]

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        tokens = theme.tokens()
        self.initStyleOption(option, index)
        option.text = ""  # type: ignore[attr-defined]
        style = option.widget.style()  # type: ignore[attr-defined]
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)  # type: ignore[attr-defined]
        area: QRect = option.rect.adjusted(12, 8, -12, -8)  # type: ignore[attr-defined]
        font = QFont(option.font)  # type: ignore[attr-defined]
        step = area.height() // 2
        model: LibraryModel = index.data(MODEL)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.save()
        bold = QFont(font)
        bold.setWeight(QFont.Weight.DemiBold)
        painter.setFont(bold)
        painter.setPen(QColor(tokens.text))
        name = QFontMetrics(bold).elidedText(model.name, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(QRect(area.x(), area.y(), area.width(), step), left, name)
        font.setPixelSize(tokens.small)
        painter.setFont(font)
        painter.setPen(QColor(tokens.muted))
        told = QFontMetrics(font).elidedText(
            f"{_MARKS[model.kind]}  {translated(model.about)}", Qt.TextElideMode.ElideRight, area.width()
        )
        painter.drawText(QRect(area.x(), area.y() + step, area.width(), step), left, told)
        painter.restore()

"""What takes room as rows of a table, each with its size drawn as a bar, and all of it as one bar by kind."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from studio.gui import theme
from studio.gui.language import mark, tr, translated
from studio.gui.widgets.visible_text import plain_tip
from studio.storage.disk import Kind, Piece
from studio.storage.files import in_bytes

PIECE = int(Qt.ItemDataRole.UserRole)
SHARE = PIECE + 1
_COLUMNS = (mark("What"), mark("Kind"), mark("Size"), "")
Index = QModelIndex | QPersistentModelIndex


class PieceTable(QAbstractTableModel):
    """The pieces, the largest first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pieces: list[Piece] = []

    def take(self, pieces: list[Piece]) -> None:
        """Show these."""
        self.beginResetModel()
        self._pieces = pieces
        self.endResetModel()

    def pieces(self) -> list[Piece]:
        """What is shown."""
        return list(self._pieces)

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._pieces)

    def columnCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(_COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return tr(_COLUMNS[section])
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        piece = self._pieces[index.row()]
        texts = (piece.name, translated(str(piece.kind)), in_bytes(piece.size), translated(piece.note))
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return texts[index.column()]
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{tr(_COLUMNS[index.column()] or mark('Note'))}: {texts[index.column()]}"
            case Qt.ItemDataRole.ToolTipRole:
                return plain_tip(str(piece.folder))
            case _ if role == PIECE:
                return piece
            case _ if role == SHARE:
                return piece.size / max(self._pieces[0].size, 1)
            case _:
                return None


class SizeDelegate(QStyledItemDelegate):
    """Paints a size above a bar that is as long as its share of the largest."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        area: QRect = option.rect.adjusted(8, 0, -8, -4)  # type: ignore[attr-defined]
        width = max(1.0, area.width() * float(index.data(SHARE)))
        painter.fillRect(QRectF(area.left(), area.bottom() - 2, width, 3), QColor(theme.tokens().accent))


class DiskBar(QWidget):
    """All that takes room in one bar, a colour and a word for each kind."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: list[tuple[Kind, int]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.watcher().theme_changed.connect(self.update)

    def take(self, pieces: list[Piece]) -> None:
        """Show these, added up by kind."""
        sums: dict[Kind, int] = {}
        for piece in pieces:
            sums[piece.kind] = sums.get(piece.kind, 0) + piece.size
        self._parts = sorted(sums.items(), key=lambda part: -part[1])
        told = [f"{translated(str(kind))}: {in_bytes(size)}" for kind, size in self._parts]
        self.setAccessibleName("; ".join(told))
        self.setToolTip(plain_tip("\n".join(told)))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(400, 20 + 8 + len(self._lines(self.width())) * self._line_height())

    def minimumSizeHint(self) -> QSize:
        return QSize(200, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tokens = theme.tokens()
        total = sum(size for _, size in self._parts)
        left = 0.0
        for number, (_, size) in enumerate(self._parts):
            width = self.width() * size / max(total, 1)
            painter.fillRect(QRectF(left, 0, max(width - 1, 1), 20), self._colour(number))
            left += width
        font = painter.font()
        font.setPixelSize(tokens.small)
        painter.setFont(font)
        for row, line in enumerate(self._lines(self.width())):
            for number, x, text in line:
                y = 28 + row * self._line_height()
                painter.fillRect(QRectF(x, y + self._line_height() / 2 - 5, 10, 10), self._colour(number))
                painter.setPen(QColor(tokens.text))
                room = QRectF(x + 16, y, self.width(), self._line_height())
                painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)

    def _lines(self, width: int) -> list[list[tuple[int, float, str]]]:
        """The key in as many lines as it needs: the number of each part, where it begins, and its words."""
        font = self.font()
        font.setPixelSize(theme.tokens().small)
        metrics = QFontMetrics(font)
        lines: list[list[tuple[int, float, str]]] = [[]]
        x = 0.0
        for number, (kind, size) in enumerate(self._parts):
            text = f"{translated(str(kind))} {in_bytes(size)}"
            wide = metrics.horizontalAdvance(text) + 16 + 20
            if x and x + wide > width:
                lines.append([])
                x = 0.0
            lines[-1].append((number, x, text))
            x += wide
        return lines

    def _line_height(self) -> int:
        return self.fontMetrics().height() + 2

    def _colour(self, number: int) -> QColor:
        colours = theme.tokens().plot
        return QColor(colours[number]) if number < len(colours) else QColor(theme.tokens().outline)

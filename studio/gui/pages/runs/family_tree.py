"""The family tree as a picture: a card for each model, dataset, labelling set, run and evaluation, with arrows.

Cards are buttons, so that keys and screen readers reach them; what is chosen has its ancestors and descendants marked.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFocusEvent, QFont, QFontMetrics, QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from studio.core.lineage import Family, Node
from studio.core.methods import METHODS
from studio.gui import theme
from studio.gui.language import mark, tr, translated
from studio.gui.pages.runs.words import in_few_words
from studio.gui.widgets.visible_text import plain_tip

_CARD = QSize(256, 72)
_GAP_ACROSS, _GAP_DOWN, _MARGIN = 64, 20, 12
_WORDS = {
    "model": mark("BASE MODEL"),
    "dataset": mark("DATA"),
    "labels": mark("LABELS"),
    "evaluation": mark("EVALUATION"),
}
_COLOURS = {"model": 5, "dataset": 2, "labels": 3, "run": 0}  # places in the theme's colours for plots
_TRAINED = {"reward": 4, "dpo": 1, "kto": 1, "ppo": 1, "rloo": 1, "grpo": 1}


class FamilyTree(QWidget):
    """Shows the family given to `show_family`. node_opened(node): a card was pressed."""

    node_opened = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._family = Family()
        self.cards: dict[str, NodeCard] = {}
        self._near: set[str] = set()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.watcher().theme_changed.connect(self._repaint)

    def show_family(self, family: Family) -> None:
        """Show another tree, or the same one with news; the focus stays on its card."""
        if family == self._family:
            return
        focused = next((key for key, card in self.cards.items() if card.hasFocus()), "")
        for card in self.cards.values():
            card.hide()
            card.deleteLater()
        self._family, self.cards = family, {}
        for node in sorted(family.nodes, key=lambda node: (node.column, node.row)):
            card = NodeCard(node, self)
            card.clicked.connect(self._open)
            card.focused.connect(self._mark)
            card.move(_place(node.column, node.row))
            card.show()
            self.cards[node.key] = card
        self.setFixedSize(self.sizeHint())
        if focused in self.cards:
            self.cards[focused].setFocus()
        self.update()

    def sizeHint(self) -> QSize:
        """Room for all cards."""
        columns = 1 + max((node.column for node in self._family.nodes), default=0)
        rows = 1 + max((node.row for node in self._family.nodes), default=0.0)
        return QSize(
            round(2 * _MARGIN + columns * (_CARD.width() + _GAP_ACROSS) - _GAP_ACROSS),
            round(2 * _MARGIN + rows * (_CARD.height() + _GAP_DOWN) - _GAP_DOWN),
        )

    @Slot()
    def _repaint(self) -> None:
        self.update()

    @Slot()
    def _open(self) -> None:
        card = self.sender()
        if isinstance(card, NodeCard):
            self.node_opened.emit(card.node)

    @Slot(str)
    def _mark(self, key: str) -> None:
        """Mark what led to a card and what came of it."""
        near = {key} if key else set()
        for forwards in (True, False):
            reached = {key}
            while True:
                ends = [(edge.start, edge.end) if forwards else (edge.end, edge.start) for edge in self._family.edges]
                more = {end for start, end in ends if start in reached} - reached
                if not more:
                    break
                reached |= more
            near |= reached if key else set()
        self._near = near
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The arrows; cards paint themselves."""
        tokens = theme.tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for edge in self._family.edges:
            start, end = self.cards[edge.start].geometry(), self.cards[edge.end].geometry()
            marked = edge.start in self._near and edge.end in self._near
            pen = QPen(QColor(tokens.accent if marked else tokens.outline), 2.5 if marked else 1.5)
            if edge.role in ("reward", "judge", "evaluation"):
                pen.setStyle(Qt.PenStyle.DashLine)
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            one, other = QPointF(start.right(), start.center().y()), QPointF(end.left() - 7, end.center().y())
            path = QPainterPath(one)
            for column, row in edge.via:
                area = QRect(_place(column, row), _CARD)
                _curve_to(path, QPointF(area.left(), area.center().y()))
                path.lineTo(QPointF(area.right(), area.center().y()))
            _curve_to(path, other)
            painter.drawPath(path)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(pen.color())
            painter.drawPolygon(QPolygonF([other + QPointF(7, 0), other + QPointF(-2, -4.5), other + QPointF(-2, 4.5)]))


class NodeCard(QAbstractButton):
    """One card. focused(key): it has the focus now; "" when it lost it."""

    focused = Signal(str)

    def __init__(self, node: Node, parent: QWidget) -> None:
        super().__init__(parent)
        self.node = node
        self.setFixedSize(_CARD)
        # A name stays as it is; of data that is gone the title only says so.
        self.title = translated(node.title) if node.kind == "dataset" and not node.ref else node.title
        self.setText(self.title)
        kind, detail = translated(node.sort), translated(node.detail)
        self.setAccessibleName(tr("{kind} {title}, {detail}", kind=kind, title=self.title, detail=detail))
        self.setToolTip(plain_tip(f"{self.title}\n{detail}"))
        self.setCursor(Qt.CursorShape.PointingHandCursor if node.ref else Qt.CursorShape.ArrowCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Tell the tree."""
        super().focusInEvent(event)
        self.focused.emit(self.node.key)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Tell the tree."""
        super().focusOutEvent(event)
        self.focused.emit("")

    def paintEvent(self, event: QPaintEvent) -> None:
        """A bar in the colour of its kind, its kind in a word, its name, and how it stands."""
        tokens, node = theme.tokens(), self.node
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        under = self.underMouse() or self.hasFocus()
        painter.setPen(QPen(QColor(tokens.accent if self.hasFocus() else tokens.border), 2 if self.hasFocus() else 1))
        painter.setBrush(QColor(tokens.raised if under else tokens.surface))
        painter.drawRoundedRect(area, tokens.radius, tokens.radius)
        place = _TRAINED.get(node.method, _COLOURS.get(node.kind))
        colour = QColor(tokens.muted if place is None else tokens.plot[place])
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(QRectF(area.x() + 6, area.y() + 10, 4, area.height() - 20), 2, 2)
        inside = self.rect().adjusted(20, 7, -10, -7)
        kind, detail = _kind_of(node), node.detail
        small = QFont(self.font())
        small.setPixelSize(11)
        small.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, 0.5)
        bold = QFont(self.font())
        bold.setWeight(QFont.Weight.DemiBold)
        plain = QFont(self.font())
        plain.setPixelSize(12)
        heights = (15, 22, 18)
        top = inside.y()
        for font, text, height, ink in (
            (small, kind, heights[0], tokens.muted),
            (bold, self.title, heights[1], tokens.text),
            (plain, detail, heights[2], tokens.muted),
        ):
            painter.setFont(font)
            painter.setPen(QColor(ink))
            words = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, inside.width())
            painter.drawText(QRect(inside.x(), top, inside.width(), height), Qt.AlignmentFlag.AlignVCenter, words)
            top += height


def _kind_of(node: Node) -> str:
    """Its kind in capitals; of a run, how it was trained."""
    method = METHODS.get(node.method)
    return (in_few_words(method) if method else tr(_WORDS.get(node.kind, node.method))).upper()


def _place(column: int, row: float) -> QPoint:
    return QPoint(
        round(_MARGIN + column * (_CARD.width() + _GAP_ACROSS)), round(_MARGIN + row * (_CARD.height() + _GAP_DOWN))
    )


def _curve_to(path: QPainterPath, end: QPointF) -> None:
    start = path.currentPosition()
    bend = QPointF(max(24.0, (end.x() - start.x()) / 2), 0)
    path.cubicTo(start + bend, end - bend, end)

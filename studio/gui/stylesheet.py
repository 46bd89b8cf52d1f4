"""The one stylesheet, written from design tokens, and the few pictures it shows (arrows, a tick), painted from them.

Painting the pictures at start keeps their colours in one place and the program free of picture files.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap, QPolygonF

if TYPE_CHECKING:
    from studio.gui.theme import Tokens

# Points of each picture on a 12 x 12 square.
_SHAPES = {
    "down": ((2.5, 4.5), (6, 8), (9.5, 4.5)),
    "up": ((2.5, 7.5), (6, 4), (9.5, 7.5)),
    "tick": ((2.2, 6.2), (5, 9), (9.8, 3.2)),
}


def write_glyphs(folder: str, look: Tokens) -> dict[str, str]:
    """Paint the pictures into `folder` for 100, 200 and 300 % scaling; the path of each by name."""
    shade = "dark" if look.dark else "light"
    paths: dict[str, str] = {}
    for name, points in _SHAPES.items():
        for scale in (1, 2, 3):
            picture = QPixmap(12 * scale, 12 * scale)
            picture.fill(Qt.GlobalColor.transparent)
            painter = QPainter(picture)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.scale(scale, scale)
            pen = QPen(QColor(look.on_accent if name == "tick" else look.muted), 1.8)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            painter.setPen(pen)
            painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in points]))
            painter.end()
            picture.save(str(Path(folder) / f"{name}-{shade}{'' if scale == 1 else f'@{scale}x'}.png"))
        paths[name] = (Path(folder) / f"{name}-{shade}.png").as_posix()
    return paths


def stylesheet(look: Tokens, pictures: dict[str, str]) -> str:
    """The stylesheet for these tokens."""
    # Focus: a border of 2 px takes the place of 1 px and a pixel less padding, so that nothing moves.
    return f"""
QToolTip {{ color: {look.text}; background: {look.surface}; border: 1px solid {look.outline}; padding: 4px; }}
*[role="title"] {{ font-size: {look.title}px; font-weight: 600; }}
*[role="heading"] {{ font-size: {look.heading}px; font-weight: 600; }}
*[role="muted"] {{ color: {look.muted}; font-size: {look.small}px; }}
*[role="error"] {{ color: {look.danger}; }}
*[role="warning"] {{ color: {look.warning}; }}
*[role="mono"] {{ font-family: monospace; }}
QFrame[role="card"] {{
    background: {look.surface}; border: 1px solid {look.border}; border-radius: {look.radius}px;
}}
QFrame[role="choice"] {{
    background: {look.surface}; border: 1px solid {look.border}; border-radius: {look.radius}px; padding: 1px;
}}
QFrame[role="choice"]:hover {{ border-color: {look.outline}; }}
QFrame[role="choice"][chosen="true"] {{ border: 2px solid {look.accent}; padding: 0; }}
QFrame[role="choice"] QRadioButton {{ font-weight: 600; }}
QWidget[role="sidebar"] {{ background: {look.sidebar}; }}
QLabel[role="chip"] {{
    background: {look.accent_soft}; color: {look.text}; border-radius: 11px; padding: 3px 10px;
    font-size: {look.small}px;
}}
QFrame[role="notice-note"] {{
    background: {look.accent_soft}; border-radius: {look.radius}px;
}}
QFrame[role="notice-error"] {{
    background: {look.danger_soft}; border: 1px solid {look.danger}; border-radius: {look.radius}px;
}}

QPushButton, QToolButton {{
    background: {look.surface}; color: {look.text}; border: 1px solid {look.outline};
    border-radius: 6px; padding: 7px 15px; min-height: 18px;
}}
QToolButton {{ padding: 7px 9px; }}
QPushButton:hover, QToolButton:hover {{ background: {look.raised}; }}
QPushButton:pressed, QToolButton:pressed, QPushButton:checked, QToolButton:checked {{
    background: {look.accent_soft};
}}
QPushButton:focus, QToolButton:focus {{ border: 2px solid {look.accent}; padding: 6px 14px; }}
QToolButton:focus {{ padding: 6px 8px; }}
QPushButton:disabled, QToolButton:disabled {{ color: {look.muted}; border-color: {look.border}; }}
QPushButton[role="primary"] {{
    background: {look.accent}; color: {look.on_accent}; border: 1px solid {look.accent}; font-weight: 600;
}}
QPushButton[role="primary"]:hover, QPushButton[role="primary"]:pressed {{ background: {look.accent_hover}; }}
QPushButton[role="primary"]:focus {{ border: 2px solid {look.text}; padding: 6px 14px; }}
QPushButton[role="primary"]:disabled {{
    background: {look.raised}; color: {look.muted}; border: 1px solid {look.border};
}}
QPushButton[role="danger"] {{ color: {look.danger}; border-color: {look.danger}; }}
QPushButton[role="danger"]:hover, QPushButton[role="danger"]:pressed {{ background: {look.danger_soft}; }}
QPushButton[role="danger"]:focus {{ border: 2px solid {look.danger}; }}
QPushButton[role="quiet"], QToolButton[role="quiet"] {{ background: transparent; border: 1px solid transparent; }}
QPushButton[role="quiet"] {{ color: {look.accent}; padding: 7px 9px; }}
QPushButton[role="quiet"]:hover, QToolButton[role="quiet"]:hover,
QPushButton[role="quiet"]:pressed, QToolButton[role="quiet"]:pressed {{ background: {look.accent_soft}; }}
QPushButton[role="quiet"]:focus, QToolButton[role="quiet"]:focus {{
    border: 2px solid {look.accent}; padding: 6px 8px;
}}
QToolButton[role="small"] {{ background: transparent; border: 1px solid transparent; padding: 4px; min-height: 0; }}
QToolButton[role="small"]:hover, QToolButton[role="small"]:pressed {{ background: {look.accent_soft}; }}
QToolButton[role="small"]:focus {{ border: 2px solid {look.accent}; padding: 3px; }}
QPushButton[role="quiet"]:disabled {{ color: {look.muted}; }}
QToolButton[popupMode="2"] {{ padding-right: 28px; }}
QToolButton[popupMode="2"]:focus {{ padding-right: 27px; }}
QPushButton::menu-indicator, QToolButton::menu-indicator {{
    image: url("{pictures.get("down", "")}"); subcontrol-origin: padding; subcontrol-position: center right;
    right: 6px; width: 12px; height: 12px;
}}

QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QAbstractSpinBox {{
    background: {look.surface}; color: {look.text}; border: 1px solid {look.outline}; border-radius: 6px;
    padding: 6px 9px; min-height: 18px; selection-background-color: {look.accent};
    selection-color: {look.on_accent};
}}
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QComboBox:focus, QAbstractSpinBox:focus {{
    border: 2px solid {look.accent}; padding: 5px 8px;
}}
QLineEdit:disabled, QComboBox:disabled, QAbstractSpinBox:disabled, QPlainTextEdit:disabled {{
    color: {look.muted}; border-color: {look.border};
}}
QLineEdit QToolButton {{ background: transparent; border: none; padding: 0; margin: 0; min-width: 0; min-height: 0; }}
QLineEdit[wrong="true"] {{ border: 2px solid {look.danger}; padding: 5px 8px; }}
QComboBox {{ padding-right: 28px; }}
QComboBox:focus {{ padding-right: 27px; }}
QComboBox::drop-down {{
    border: none; width: 28px; subcontrol-origin: border; subcontrol-position: center right;
}}
QComboBox::down-arrow {{ image: url("{pictures.get("down", "")}"); width: 12px; height: 12px; }}
QComboBox QAbstractItemView {{
    background: {look.surface}; border: 1px solid {look.outline}; padding: 4px; outline: none;
    selection-background-color: {look.accent_soft}; selection-color: {look.text};
}}
QAbstractSpinBox {{ padding-right: 22px; }}
QAbstractSpinBox:focus {{ padding-right: 21px; }}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{
    border: none; width: 22px; subcontrol-origin: border; background: transparent;
}}
QAbstractSpinBox::up-button {{ subcontrol-position: top right; }}
QAbstractSpinBox::down-button {{ subcontrol-position: bottom right; }}
QAbstractSpinBox::up-button:hover, QAbstractSpinBox::down-button:hover {{ background: {look.raised}; }}
QAbstractSpinBox::up-arrow {{ image: url("{pictures.get("up", "")}"); width: 10px; height: 10px; }}
QAbstractSpinBox::down-arrow {{ image: url("{pictures.get("down", "")}"); width: 10px; height: 10px; }}

QCheckBox, QRadioButton {{ spacing: 8px; padding: 3px; border: 2px solid transparent; border-radius: 6px; }}
QCheckBox:focus, QRadioButton:focus {{ border-color: {look.accent}; }}
QCheckBox::indicator, QRadioButton::indicator, QListView::indicator {{
    width: 16px; height: 16px; border: 1px solid {look.outline}; border-radius: 4px; background: {look.surface};
}}
QRadioButton::indicator {{ border-radius: 9px; }}
QCheckBox::indicator:checked, QListView::indicator:checked {{
    background: {look.accent}; border-color: {look.accent}; image: url("{pictures.get("tick", "")}");
}}
QRadioButton::indicator:checked {{ border: 5px solid {look.accent}; width: 8px; height: 8px; }}

QListView, QTableView, QTreeView {{
    background: {look.surface}; border: 1px solid {look.border}; border-radius: {look.radius}px;
    selection-background-color: {look.accent_soft}; selection-color: {look.text}; outline: none;
    gridline-color: {look.border};
}}
QListView:focus, QTableView:focus, QTreeView:focus {{ border: 2px solid {look.accent}; }}
QListView::item {{ padding: 8px; border-radius: 6px; }}
QTableView::item {{ padding: 4px 8px; border: none; }}
QListView::item:hover {{ background: {look.raised}; }}
QListView::item:selected, QTableView::item:selected {{ background: {look.accent_soft}; color: {look.text}; }}
QWidget[role="sidebar"] QListView {{ background: transparent; border: 2px solid transparent; }}
QWidget[role="sidebar"] QListView:focus {{ border-color: {look.accent}; }}
QHeaderView {{
    background: {look.surface}; border: none; qproperty-defaultAlignment: "AlignLeft|AlignVCenter";
}}
QHeaderView::section {{
    background: {look.surface}; color: {look.muted}; border: none; border-bottom: 1px solid {look.border};
    padding: 6px 11px; font-size: {look.small}px; font-weight: 600;
}}
QTableCornerButton::section {{ background: {look.surface}; border: none; }}

QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; button-layout: 3; }}
QProgressBar {{
    background: {look.border}; border: none; border-radius: 4px; min-height: 8px; max-height: 8px;
    color: transparent;
}}
QProgressBar::chunk {{ background: {look.accent}; border-radius: 4px; }}
QSlider:horizontal {{ min-height: 20px; }}
QSlider::groove:horizontal {{ background: {look.border}; height: 4px; border-radius: 2px; }}
QSlider::sub-page:horizontal {{ background: {look.accent}; border-radius: 2px; }}
QSlider::handle:horizontal {{
    background: {look.accent}; width: 16px; height: 16px; margin: -6px 0; border-radius: 8px;
}}
QSlider::handle:horizontal:focus {{ border: 2px solid {look.text}; }}

QScrollArea, QStackedWidget {{ background: transparent; border: none; }}
QScrollArea > QWidget > QWidget {{ background: transparent; }}
QScrollBar:vertical {{ background: transparent; width: 12px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 12px; margin: 0; }}
QScrollBar::handle {{ background: {look.outline}; border-radius: 4px; margin: 2px; }}
QScrollBar::handle:vertical {{ min-height: 32px; }}
QScrollBar::handle:horizontal {{ min-width: 32px; }}
QScrollBar::handle:hover {{ background: {look.muted}; }}
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {{
    background: transparent; border: none; width: 0; height: 0;
}}
QSplitter::handle {{ background: transparent; }}
QSplitter::handle:hover {{ background: {look.accent_soft}; }}

QTabBar {{ background: transparent; border: none; }}
QTabBar::tab {{
    background: transparent; color: {look.muted}; border: 2px solid transparent; border-radius: 6px;
    padding: 7px 16px; margin: 0 2px; font-weight: 600;
}}
QTabBar[role="tight"]::tab {{ padding: 7px 8px; margin: 0 1px; }}
QTabBar::tab:hover {{ background: {look.raised}; color: {look.text}; }}
QTabBar::tab:selected {{ background: {look.accent_soft}; color: {look.text}; }}
QTabBar:focus::tab:selected, QTabBar::tab:selected:focus {{ border-color: {look.accent}; }}

/* Not the labels: a message box measures their texts before they are styled, and would cut them off. */
QMessageBox QDialogButtonBox {{ min-width: 460px; }}
QMessageBox QLabel#qt_msgbox_label {{ font-weight: 600; }}

QMenu {{ background: {look.surface}; border: 1px solid {look.outline}; padding: 4px; }}
QMenu::item {{ padding: 7px 24px; border-radius: 4px; }}
QMenu::item:selected {{ background: {look.accent_soft}; }}
QMenu::item:disabled {{ color: {look.muted}; }}
QMenu::separator {{ height: 1px; background: {look.border}; margin: 4px 8px; }}
"""

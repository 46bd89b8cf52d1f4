"""How a file is read, to be confirmed or changed: its shape, and where names differ which column and speaker is which.

It only asks; reading the file again is the import panel's.
"""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from studio.core.layouts import ROLES, Layout, proposal, proposals
from studio.core.records import KINDS
from studio.core.shapes import SHAPES, shape_named
from studio.gui import theme
from studio.gui.language import mark, tr, translated
from studio.gui.widgets.narrow_combo import NarrowCombo

_NONE = mark("(none)")
_LABELS = {
    "user": mark("the user"),
    "assistant": mark("the model"),
    "system": mark("the system"),
    "tool": mark("a tool"),
    "call": mark("tool calls"),
}


class LayoutForm(QWidget):
    """Signal: `layout_changed(object Layout)` when a person has chosen another way to read the file."""

    layout_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: list[str] = []
        self._layout: Layout | None = None
        self.shape = NarrowCombo(14, roomy=True)
        self.shape.setAccessibleName(tr("How the rows are read"))
        for shape in SHAPES:
            self.shape.addItem(f"{translated(shape.label)} ({translated(KINDS[shape.kind].rows)})", shape.label)
        self.shape.activated.connect(self._take_shape)
        self.more = QPushButton(tr("Columns…"))
        self.more.setCheckable(True)
        self.more.setToolTip(tr("Say which column of the file is which"))
        theme.set_role(self.more, "quiet")
        self.more.toggled.connect(self._unfold)
        self.fields: dict[str, QComboBox] = {}
        self.speakers: dict[str, QComboBox] = {}
        line = QHBoxLayout()
        line.addWidget(self.shape)
        line.addWidget(self.more)
        line.addStretch()
        self._form = QFormLayout()
        self._rows = QWidget()
        self._rows.setLayout(self._form)
        self._form.setContentsMargins(0, 0, 0, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(line)
        layout.addWidget(self._rows)

    def show_layout(self, columns: list[str], layout: Layout) -> None:
        """Show how a file of these columns is read."""
        self._names, self._layout = columns, layout
        self.shape.setCurrentIndex(max(0, self.shape.findData(layout.shape)))
        self.more.setVisible(bool(columns))
        self._fill(layout)
        self.more.setChecked(bool(layout.columns))
        self._unfold(self.more.isChecked())

    def ask_layout(self, columns: list[str]) -> None:
        """Ask for a layout for columns that fit no shape, with a proposal where there is one."""
        proposed = proposals(columns)
        usual = Layout(mark("Prompt and completion"))  # the shape's name, which is looked for: not its translation
        self.show_layout(columns, proposed[0] if proposed else usual)
        self.more.setChecked(True)

    def layout_chosen(self) -> Layout | None:
        """What is chosen; None while a needed column is missing."""
        shape = shape_named(self.shape.currentData())
        pairs = [(name, box.currentText()) for name, box in self.fields.items() if box.currentIndex() > 0]
        if self.more.isChecked():
            missing = {field.name for field in shape.fields if field.needed} - {name for name, _ in pairs}
            if missing:
                return None
        own = all(name == column for name, column in pairs) and {name for name, _ in pairs} <= set(self._names)
        fits = shape.fits(dict.fromkeys(self._names, ""))
        columns = () if own and (fits or not self.more.isChecked()) else tuple(pairs)
        speakers = tuple((name, box.currentData()) for name, box in self.speakers.items())
        return Layout(shape.label, columns, speakers)

    @Slot()
    def _take_shape(self) -> None:
        shape = shape_named(self.shape.currentData())
        layout = Layout(shape.label)
        if not shape.fits(dict.fromkeys(self._names, "")):
            layout = proposal(shape, self._names) or layout
            self.more.setChecked(True)
        self._fill(layout)
        self._say()

    @Slot(bool)
    def _unfold(self, shown: bool) -> None:
        for box in self.fields.values():
            self._form.setRowVisible(box, shown)
        self._rows.setVisible(shown or bool(self.speakers))

    def _fill(self, layout: Layout) -> None:
        while self._form.rowCount():
            self._form.removeRow(0)
        self.fields, self.speakers = {}, {}
        chosen = dict(layout.columns)
        for field in shape_named(layout.shape).fields:
            box = QComboBox()
            box.addItems([tr(_NONE), *self._names])
            wanted = chosen.get(field.name, field.name if not layout.columns else tr(_NONE))
            box.setCurrentIndex(max(0, box.findText(wanted)))
            box.setAccessibleName(tr("Column for {name}", name=field.name))
            about = translated(field.about)
            box.setToolTip(about)
            box.activated.connect(self._say)
            self.fields[field.name] = box
            label = QLabel(
                f"{field.name} — {about}"
                if field.needed
                else tr("{name} — {about} (optional)", name=field.name, about=about)
            )
            label.setBuddy(box)
            self._form.addRow(label, box)
        for name, role in layout.speakers:
            box = QComboBox()
            for known in ROLES:
                box.addItem(tr(_LABELS[known]), known)
            box.setCurrentIndex(box.findData(role))
            box.setAccessibleName(tr("Who “{name}” is", name=name))
            box.activated.connect(self._say)
            self.speakers[name] = box
            self._form.addRow(tr("“{name}” speaks as", name=name), box)
        self._unfold(self.more.isChecked())

    @Slot()
    def _say(self) -> None:
        layout = self.layout_chosen()
        if layout is not None and layout != self._layout:
            self._layout = layout
            self.layout_changed.emit(layout)

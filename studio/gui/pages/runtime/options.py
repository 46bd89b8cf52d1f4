"""Everything about a set-up that a person may want otherwise: which build, where to, where from, whose Python."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QFileDialog, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget

from studio.core.errors import StudioError
from studio.core.torch_builds import CPU, TorchBuild
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.processes.runtimes import Plan, plan_for

_OFFICIAL, _MIRROR, _FOLDER = "official", "mirror", "folder"


class SetUpOptions(QWidget):
    """Signal: `changed()`. `plan()` is what was chosen."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.build = QComboBox()
        self.place, self.place_button = QLineEdit(str(plan_for("cpu").place)), QPushButton(tr("Choose…"))
        self.source = QComboBox()
        for key, words in (
            (_OFFICIAL, tr("The official package indexes")),
            (_MIRROR, tr("Mirrors of them")),
            (_FOLDER, tr("A folder of wheels, without a network")),
        ):
            self.source.addItem(words, key)
        self.packages, self.torch = QLineEdit(), QLineEdit()
        self.packages.setPlaceholderText(tr("Address of a package index; empty for the official one"))
        self.torch.setPlaceholderText(tr("Address of an index with torch, or a folder; empty for the official one"))
        self.wheels, self.wheels_button = QLineEdit(), QPushButton(tr("Choose…"))
        self.wheels.setPlaceholderText(tr("A folder that holds every package of the list"))
        self.python = QLineEdit()
        self._rows: dict[str, tuple[QWidget, ...]] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(1, 1)
        self._add("build", tr("Build of torch"), self.build)
        self._add("place", tr("Folder"), self.place, self.place_button)
        self._add("source", tr("Get it from"), self.source)
        self._add("packages", tr("Package index"), self.packages)
        self._add("torch", tr("Index of torch"), self.torch)
        self._add("wheels", tr("Wheels"), self.wheels, self.wheels_button)
        self._add("python", "Python", self.python)
        self.place_button.clicked.connect(self._choose_place)
        self.wheels_button.clicked.connect(self._choose_wheels)
        self.source.currentIndexChanged.connect(self._arrange)
        self.build.currentIndexChanged.connect(self._name_python)
        for line in (self.place, self.packages, self.torch, self.wheels, self.python):
            line.textChanged.connect(self.changed)
        self._arrange()

    def offer(self, builds: tuple[TorchBuild, ...], chosen: str) -> None:
        """List these builds, with the one that suits first and chosen."""
        self.build.blockSignals(True)
        self.build.clear()
        # Where the suited one is not to be had, the one that works everywhere comes first.
        for build in sorted(builds, key=lambda build: (build.key != chosen, build.key != "cpu")):
            label = translated(build.label)
            suits = tr("{build} (suits this computer)", build=label)
            self.build.addItem(suits if build.key == chosen else label, build.key)
        self.build.setCurrentIndex(0 if builds else -1)
        self.build.blockSignals(False)
        self._name_python()

    def plan(self) -> Plan:
        """What was chosen. Raises StudioError for what cannot be."""
        build = self.build.currentData()
        if build is None:
            raise StudioError("There is no build of torch for this computer.", "Use the build that has it inside.")
        place = Path(self.place.text().strip()).expanduser()
        if not self.place.text().strip() or not place.is_absolute():
            raise StudioError(f"“{self.place.text()}” is not a whole path.", "Choose a folder.")
        plan = replace(plan_for(build), place=place, python=self.python.text().strip())
        source = self.source.currentData()
        if source == _FOLDER:
            wheels = Path(self.wheels.text().strip()).expanduser()
            if not self.wheels.text().strip() or not wheels.is_dir():
                raise StudioError(f"There is no folder “{self.wheels.text()}”.", "Choose the folder with the wheels.")
            return replace(plan, wheels=str(wheels))
        if source == _MIRROR:
            return replace(plan, packages=self.packages.text().strip(), torch=self.torch.text().strip())
        return plan

    def _add(self, key: str, name: str, editor: QWidget, button: QWidget | None = None) -> None:
        label = QLabel(name)
        label.setBuddy(editor)
        editor.setAccessibleName(name)
        row = self._grid.rowCount()
        line = QHBoxLayout()
        line.addWidget(editor, 1)
        parts: list[QWidget] = [label, editor]
        if button is not None:
            button.setAccessibleName(tr("{name}: choose a folder", name=name))
            theme.set_role(button, "quiet")
            line.addWidget(button)
            parts.append(button)
        self._grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignVCenter)
        self._grid.addLayout(line, row, 1)
        self._rows[key] = tuple(parts)

    @Slot()
    def _name_python(self) -> None:
        python = plan_for(self.build.currentData() or CPU.key).asked_python
        words = tr("Empty: Python {python} is fetched. Or the path of one on this computer", python=python)
        self.python.setPlaceholderText(words)
        self.changed.emit()

    @Slot()
    def _arrange(self) -> None:
        source = self.source.currentData()
        for key, wanted in (("packages", _MIRROR), ("torch", _MIRROR), ("wheels", _FOLDER)):
            for part in self._rows[key]:
                part.setVisible(source == wanted)
        self.changed.emit()

    @Slot()
    def _choose_place(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("Where runtimes are kept"), self.place.text())
        if folder:
            self.place.setText(folder)

    @Slot()
    def _choose_wheels(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("The folder with the wheels"), self.wheels.text())
        if folder:
            self.wheels.setText(folder)

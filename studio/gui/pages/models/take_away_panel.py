"""Take a model away: as an adapter, a whole model or GGUF, into a new folder, for other programs or to hand on."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QLineEdit, QPushButton, QWidget

from studio.core.errors import StudioError
from studio.core.exporting import (
    ADAPTER,
    FORMS,
    GGUF,
    MERGED,
    SHARDS,
    ExportPlan,
    default_numbers,
    number_formats,
)
from studio.gui import theme
from studio.gui.language import mark, tr, translated
from studio.gui.pages.models.panel import WorkPanel, choice, form_rows, row_of
from studio.gui.pages.models.upload_dialog import UploadDialog
from studio.gui.widgets.plain_label import plain_label
from studio.processes.asking import Asking, Report
from studio.storage.evaluations import newest_of, table_of
from studio.storage.files import in_bytes, whole_path
from studio.storage.library import Kind, LibraryModel
from studio.storage.new_folder import check_new
from studio.storage.project import Project

_UNSAFE = re.compile(r'[\\/:*?"<>|\x00-\x1f]+')


class TakeAwayPanel(WorkPanel):
    """Writes the chosen model in one of the forms of `core.exporting`."""

    title = mark("Take away")

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(project, tr("writing the model"), parent)
        self._made: Path | None = None
        self._size = 0
        self.form, self.numbers, self.shard = (
            choice(tr("Form")),
            choice(tr("Numbers")),
            choice(tr("Largest file of weights")),
        )
        for gigabytes, words in SHARDS.items():
            self.shard.addItem(translated(words), gigabytes)
        self.about = plain_label("", "muted")
        self.target = QLineEdit()
        self.target.setAccessibleName(tr("New folder to write"))
        self.browse = QPushButton(tr("Choose place…"))
        self.write = QPushButton(tr("Write"))
        theme.set_role(self.write, "primary")
        self.told = plain_label("", "muted", selectable=True)
        self.open = QPushButton(tr("Open the folder"))
        self.upload = QPushButton(tr("Upload to the Hub…"))
        self.rows = form_rows(
            (tr("&Form"), self.form),
            ("", self.about),
            (tr("&Numbers"), self.numbers),
            (tr("&Largest file"), self.shard),
            (tr("New f&older"), row_of(self.target, self.browse, stretched=0)),
        )
        self.place(self.rows, row_of(self.write, self.open, self.upload), self.work, self.told)
        self.column.addStretch()
        self.told.hide()
        self.form.currentIndexChanged.connect(self._take_form)
        self.browse.clicked.connect(self._choose_place)
        self.write.clicked.connect(self._write)
        self.open.clicked.connect(self._open)
        self.upload.clicked.connect(self._ask_upload)
        self._offer()

    def show_model(self, model: LibraryModel) -> None:
        """Offer the forms that this model has."""
        if model == self._model:
            return
        self._model, self._made = model, None
        self.notice.clear()
        self.told.hide()
        self.form.clear()
        for form in [ADAPTER, MERGED, GGUF] if model.kind is Kind.ADAPTER else [MERGED, GGUF]:
            self.form.addItem(translated(FORMS[form][0]), form)
        self._offer()

    @Slot()
    def _take_form(self) -> None:
        form = self.form.currentData()
        if form is None or self._model is None:
            return
        self.about.setText(translated(FORMS[form][1]))
        self.numbers.clear()
        for name, words in number_formats(form).items():
            told = translated(words)
            self.numbers.addItem(told if form != GGUF else f"{name}: {told}", name)
        self.numbers.setCurrentIndex(self.numbers.findData(default_numbers(form)))
        self.numbers.setEnabled(self.numbers.count() > 1)
        self.rows.setRowVisible(self.shard, form == MERGED)
        parent = Path(self.target.text()).parent if self.target.text() else self._project.exports
        self.target.setText(str(_free(parent, f"{_file_name(self._model.name)} {FORMS[form][0]}")))

    @Slot()
    def _choose_place(self) -> None:
        current = Path(self.target.text())
        folder = QFileDialog.getExistingDirectory(self, tr("Choose where the new folder goes"), str(current.parent))
        if folder:
            self.target.setText(str(_free(Path(folder), current.name)))

    @Slot()
    def _write(self) -> None:
        model = self._model
        if model is None or self.work.is_busy:
            return
        project, folder = self._project, model.folder
        base, adapter = model.parts
        form, numbers, typed = self.form.currentData(), self.numbers.currentData(), self.target.text().strip()
        try:  # before a worker is started, which takes a while
            target = (
                str(check_new(project.exports / (whole_path(Path(typed)) if typed.startswith("~") else typed)))
                if typed
                else ""
            )
            shard: float = self.shard.currentData()
            plan = ExportPlan(str(base), target, form, str(adapter or ""), numbers, shard, str(project.folder))
            plan.check()
        except StudioError as error:
            self.notice.show_error(error)
            return

        def write(worker: Asking, report: Report) -> object:
            known = newest_of(project, folder)
            rows = tuple(map(tuple, table_of(known))) if known else ()
            whole = replace(plan, evaluation=rows)
            return worker.ask({"do": "export", "plan": whole.as_dict()}, "exported", report)

        self.told.hide()
        self._made = None
        self.begin("export", write, self._tell)

    @Slot(object)
    def _tell(self, reply: dict[str, object]) -> None:
        self._made = Path(str(reply["folder"]))
        files: list[list[object]] = reply["files"]  # type: ignore[assignment]
        notes: list[str] = reply["notes"]  # type: ignore[assignment]
        self._size = sum(int(str(file[1])) for file in files)
        size, made = in_bytes(self._size), self._made
        lines = [tr("Written: {count} files, {size}, in {made}", count=len(files), size=size, made=made), *notes]
        if any(str(file[0]).endswith(".gguf") for file in files):
            lines.append(tr("In a terminal in that folder: ollama create my-model -f Modelfile"))
        self.told.setText("\n".join(lines))
        self.told.show()
        self.open.show()
        self._take_form()

    @Slot()
    def _offer(self) -> None:
        self.write.setEnabled(not self.work.is_busy)
        self.write.setToolTip(self.why_not())
        for button in (self.open, self.upload):
            button.setVisible(self._made is not None and not self.work.is_busy)

    @Slot()
    def _ask_upload(self) -> None:
        if self._made is not None:
            dialog = UploadDialog(self._made, self._size, self)
            dialog.agreed.connect(self._upload)
            dialog.open()

    @Slot(str, bool)
    def _upload(self, name: str, private: bool) -> None:
        folder = str(self._made)
        request = {"do": "upload", "name": name, "folder": folder, "private": private, "use_token": True}

        def upload(worker: Asking, report: Report) -> object:
            return worker.ask(request, "uploaded", report)

        self.begin("hub", upload, self._tell_uploaded)

    @Slot(object)
    def _tell_uploaded(self, reply: dict[str, object]) -> None:
        self.told.setText(tr("Uploaded: {address}", address=reply["address"]))
        self.told.show()

    @Slot()
    def _open(self) -> None:
        if self._made is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._made)))


def _file_name(name: str) -> str:
    return " ".join(_UNSAFE.sub(" ", name).split()).strip(". ")[:80] or "model"


def _free(parent: Path, name: str) -> Path:
    """A folder of that name that isn't there yet."""
    number, folder = 1, parent / name
    while os.path.lexists(folder):  # unlike Path's, never raises
        number += 1
        folder = parent / f"{name} {number}"
    return folder

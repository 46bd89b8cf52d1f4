"""History: the revisions of a dataset, and for each which runs it names."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from studio.core.datasets import DatasetInfo
from studio.gui.language import mark, paragraph, tr, translated
from studio.gui.pages.data.tools.tool import ToolDialog
from studio.storage.origins import in_words, origin_of
from studio.storage.project import Project
from studio.storage.revisions import history


class HistoryDialog(ToolDialog):
    """Shows what was changed when. Undo and redo are the way back."""

    title = mark("History")

    def __init__(self, project: Project, dataset: DatasetInfo, parent: QWidget | None = None) -> None:
        super().__init__(project, dataset, parent)
        self.about.setText(
            tr(
                "Every state that this dataset has been in, the newest first. A run keeps the fingerprint of what it "
                "was trained on, and finds exactly those examples again whatever is changed here."
            )
        )
        origin = origin_of(project, dataset)
        if origin is not None:
            self.about.setText(paragraph(translated(in_words(origin)), self.about.text()))
        revisions = history(project, dataset)
        self.table = QTableWidget(len(revisions), 4)
        self.table.setAccessibleName(tr("Revisions"))
        self.table.setHorizontalHeaderLabels(
            [tr("When"), tr("What"), translated(dataset.kind.rows).capitalize(), tr("Fingerprint")]
        )
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        for row, revision in enumerate(revisions):
            when = revision.created.replace("T", " ").removesuffix("Z")
            what = translated(revision.what)
            if revision.id == dataset.revision:
                what = tr("{revision} (now)", revision=what)
            for column, text in enumerate((when, what, f"{revision.rows:,}", revision.content_hash[:12])):
                item = QTableWidgetItem(text)
                if column == 2:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, column, item)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.body.addWidget(self.table)
        self.resize(720, 420)

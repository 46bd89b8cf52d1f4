"""Score two answers by hand with a finished reward model, which is in memory only while this can be seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from studio.core.errors import StudioError
from studio.core.judging import REWARD
from studio.core.labelling import PAIRWISE
from studio.core.scoring import verdict
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.widgets.notice import Notice
from studio.jobs.service import WorkerService
from studio.storage.project import Project


class ScoreView(QWidget):
    """Scores with the judge given to `show_judge`. `command` replaces the real worker in tests."""

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self.command: list[str] | None = None
        self._base, self._adapter, self._kind = Path(), Path(), ""
        self._service: WorkerService | None = None
        self._asked = 0
        self._question: dict[str, Any] | None = None
        self.notice = Notice()
        self.prompt, self.first, self.second = (
            _box(name, lines) for name, lines in ((tr("Prompt"), 3), (tr("Answer A"), 7), (tr("Answer B"), 7))
        )
        self.score = QPushButton(tr("Score"))
        theme.set_role(self.score, "primary")
        self.score.clicked.connect(self._ask)
        self.result = QLabel()
        self.result.setTextFormat(Qt.TextFormat.PlainText)
        self.result.setWordWrap(True)
        self.result.setAccessibleName(tr("Scores"))
        self.result.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        card = QFrame()
        theme.set_role(card, "card")
        grid = QGridLayout(card)
        grid.setContentsMargins(16, 12, 16, 16)
        grid.setHorizontalSpacing(12)
        for label, box, row, column, span in (
            (tr("Prompt"), self.prompt, 0, 0, 2),
            (tr("Answer A"), self.first, 2, 0, 1),
            (tr("Answer B"), self.second, 2, 1, 1),
        ):
            heading = QLabel(label)
            heading.setBuddy(box)
            grid.addWidget(heading, row, column, 1, span)
            grid.addWidget(box, row + 1, column, 1, span)
        line = QHBoxLayout()
        line.setSpacing(12)
        line.addWidget(self.score)
        line.addWidget(self.result, 1)
        grid.addLayout(line, 4, 0, 1, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.addWidget(self.notice)
        layout.addWidget(card)
        layout.addStretch()

    def show_judge(self, base: Path, adapter: Path, kind: str) -> None:
        """Score with another reward model. kind: of the dataset that it learned from."""
        if (base, adapter) != (self._base, self._adapter):
            self._end()
            self.result.clear()
            self.notice.clear()
        self._base, self._adapter, self._kind = base, adapter, kind

    def close_down(self) -> None:
        """End the worker, and wait for the threads that read one."""
        self._end()
        for service in self.findChildren(WorkerService):
            service.wait()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._end()

    def _end(self) -> None:
        """End the worker, which gives its memory back."""
        if self._service is not None:
            self._service.close()
            self._service = None
        self._free()

    @Slot()
    def _ask(self) -> None:
        self.notice.clear()
        answers = [self.first.toPlainText(), self.second.toPlainText()]
        for box, name in ((self.prompt, tr("a prompt")), (self.first, tr("answer A")), (self.second, tr("answer B"))):
            if not box.toPlainText().strip():
                self.notice.show_note(tr("Write {name} first.", name=name))
                box.setFocus()
                return
        self._asked += 1
        messages = [{"role": "user", "content": self.prompt.toPlainText()}]
        item = {"id": self._asked, "messages": messages, "answers": answers}
        self._question = {"do": "judge", "way": PAIRWISE, "items": [item]}
        try:
            self._send()
        except StudioError as error:
            self._end()
            self.notice.show_error(error)

    def _send(self) -> None:
        """Ask the worker; start it when there is none. Raises StudioError."""
        if self._service is not None:
            self._wait(tr("Scoring…"))
            self._service.send(self._question or {})
            return
        self._wait(tr("Loading the judge…"))
        service = WorkerService("judge", self._project.logs / "judge.log", self, self.command)
        service.reply_arrived.connect(self._take_reply)
        service.ended.connect(self._take_end)
        service.finished.connect(service.deleteLater)
        self._service = service
        service.start()
        service.send({"do": "load", "kind": REWARD, "base": str(self._base), "adapter": str(self._adapter)})

    def _wait(self, for_what: str) -> None:
        self.score.setEnabled(False)
        self.score.setToolTip(for_what)
        self.result.setText(for_what)

    @Slot(dict)
    def _take_reply(self, reply: dict[str, Any]) -> None:
        if self.sender() is not self._service or self._service is None:
            return
        match reply:
            case {"reply": "loaded"}:
                self._send()
            case {"reply": "judged", "id": number, "scores": dict(scores)} if number == self._asked:
                self._free()
                first, second = next(iter(scores.values()))
                self.result.setText(translated(verdict(first, second, self._kind)))
            case {"reply": "failed"}:
                error = StudioError(*(str(reply.get(name) or "") for name in ("what", "hint", "details")))
                if reply.get("id") is None:  # it could not be loaded
                    self._end()
                self._free()
                self.notice.show_error(error)
            case _:
                pass

    @Slot(object)
    def _take_end(self, error: StudioError | None) -> None:
        if self.sender() is self._service and error is not None:
            self._service = None
            self._free()
            self.notice.show_error(error)

    def _free(self) -> None:
        self.score.setEnabled(True)
        self.score.setToolTip("")
        if self.result.text().endswith("…"):
            self.result.clear()


def _box(name: str, lines: int) -> QPlainTextEdit:
    box = QPlainTextEdit()
    box.setAccessibleName(name)
    box.setTabChangesFocus(True)
    box.setFixedHeight(lines * box.fontMetrics().lineSpacing() + 20)
    return box

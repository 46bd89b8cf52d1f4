"""Ways in for a model that can't be used yet: pickled weights are converted, its own code is read and agreed to."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from studio.core.errors import StudioError
from studio.gui.language import tr
from studio.gui.widgets.code_consent import CodeConsent
from studio.gui.widgets.notice import Notice
from studio.jobs.background import BackgroundTask
from studio.processes.converting import convert_model
from studio.storage.consent import Code, allow
from studio.storage.model_code import NeedsConsent
from studio.storage.models import PickledWeights
from studio.storage.project import Project


class WaysIn(QObject):
    """Says in a notice why a model can't be used, with a button where there is a way.

    Signal: `opened(object Path)`: the model in that folder can be used now.
    """

    opened = Signal(object)

    def __init__(self, project: Project, notice: Notice, parent: QWidget) -> None:
        super().__init__(parent)
        self._project, self._notice, self._widget = project, notice, parent
        self._folder: Path | None = None
        self._error: BaseException | None = None
        notice.action_requested.connect(self._act)

    def show_error(self, error: BaseException, folder: Path) -> None:
        """Say why the model in a folder can't be used."""
        self._error, self._folder = error, folder
        match error:
            case PickledWeights():
                self._notice.show_error(error, tr("Convert"))
            case NeedsConsent():
                self._notice.show_error(error, tr("Read the code…"))
            case _:
                self._notice.show_error(error)

    @Slot()
    def _act(self) -> None:
        match self._error:
            case PickledWeights():
                self._convert()
            case NeedsConsent(code=code):
                asked = tr("Run this code to load the model?")
                question = CodeConsent(code, "", self._widget, asked=asked, files=code.files)
                question.agreed.connect(self._allow)
                question.open()
            case _:
                pass

    @Slot(object)
    def _allow(self, code: Code) -> None:
        try:
            allow(code)
        except StudioError as error:
            self._notice.show_error(error)
            return
        self._notice.clear()
        self.opened.emit(self._folder)

    def _convert(self) -> None:
        """Have pickled weights written as safetensors into the project."""
        source = self._folder
        if source is None:
            return
        target = self._project.models / f"{source.name}-safetensors"

        def convert(task: BackgroundTask) -> Path:
            return target if target.is_dir() else convert_model(source, target, task.is_cancelled)

        self._notice.show_note(tr("Converting {name} into {target}…", name=source.name, target=target))
        BackgroundTask.begin(self._widget, convert, self._converted, self._notice.show_error)

    @Slot(object)
    def _converted(self, target: Path) -> None:
        self._notice.clear()
        self.opened.emit(target)

"""The window's program: opens and closes projects, makes pages when they are first shown, and wires them.

Pages know nothing of each other; what one requests of another passes through here.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Slot
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QWidget

from studio.core.conversation import Voice
from studio.core.courses import FIRST
from studio.core.errors import StudioError
from studio.core.recipes import Recipe
from studio.gui import icons, theme
from studio.gui.around import Around
from studio.gui.check import Check
from studio.gui.collector import Collector
from studio.gui.crash import CrashReporter
from studio.gui.guide.guiding import Guiding
from studio.gui.language import mark, speak, tr
from studio.gui.main_window import MainWindow
from studio.gui.memory import give_back_large_blocks
from studio.gui.new_project import NewProject, free_name
from studio.gui.notify import Notifier
from studio.gui.preferences import Preferences
from studio.gui.updates import Updates
from studio.jobs.runs import ProjectRuns
from studio.storage.project import DATABASE, Project
from studio.storage.resources import carried
from studio.storage.runtimes import current_runtime, is_needed
from studio.storage.settings import projects_home

_TABS = {
    "data": mark("Data"),
    "label": mark("Label"),
    "train": mark("Train"),
    "runs": mark("Runs"),
    "chat": mark("Chat"),
    "models": mark("Models"),
}


class Studio(QObject):
    """The window and the project that is open in it."""

    def __init__(self, preferences: Preferences, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.preferences = preferences
        self.window = MainWindow({key: tr(title) for key, title in _TABS.items()}, preferences)
        self.project: Project | None = None
        self.runs: ProjectRuns | None = None
        self.pages: dict[str, Any] = {}
        self._said_goes_on = False
        window = self.window
        window.restore(self.preferences.values.window)
        window.show_recent(self.preferences.values.recent_projects)
        window.start.first_requested.connect(self._begin_first)
        window.start.new_requested.connect(self.ask_new)
        window.header.new_requested.connect(self.ask_new)
        self.around = Around(window, preferences, self)
        self.updates = Updates(preferences, window.news, self)
        window.open_requested.connect(self.open_folder)
        window.header.close_requested.connect(self.close_project)
        window.header.page_requested.connect(self.show_page)
        self.guiding = Guiding(self, window, self)
        self.notifier = Notifier(preferences, self)
        self.notifier.clicked.connect(self._come_forward)
        window.file_dropped.connect(self._take_dropped)
        window.closing.connect(self._close)
        self.preferences.not_saved.connect(window.notice.show_error)
        self.preferences.changed.connect(self._dress)
        theme.watcher().theme_changed.connect(self._repaint_icons)

    @Slot(str)
    def open_folder(self, folder: str) -> None:
        """Open a project; the one that is open is closed first, unless the new one can't be opened."""
        path = Path(os.path.abspath(os.path.expanduser(folder)))  # unlike Path's, never raise
        if self.project is not None and os.path.realpath(path) == os.path.realpath(self.project.folder):
            return
        try:
            project = Project.open(path)
        except (StudioError, OSError) as error:
            self.window.notice.show_error(error)
            if not os.path.isdir(path):
                self.preferences.forget_project(str(path))
                self.window.show_recent(self.preferences.values.recent_projects)
            return
        self.take_project(project)

    @Slot(object, str)
    def take_project(self, project: Project, course: str = "") -> None:
        """Show an open project; `course` begins to lead through it."""
        self.close_project()
        self.project = project
        self.runs = ProjectRuns(project, self)
        self.notifier.follow(self.runs)
        self.runs.queue.failed.connect(self.window.notice.show_error)
        self.preferences.remember_project(project.folder)
        self.window.show_recent(self.preferences.values.recent_projects)
        self.window.show_project(project.name)
        self.show_page("data")
        self.guiding.open(course)

    @Slot()
    def close_project(self) -> None:
        """Close the project. Its training goes on."""
        if self.project is None or self.runs is None:
            return
        self.guiding.close()
        for page in self.pages.values():
            page.close_down()
        self.runs.close()
        self.window.show_start()
        for page in self.pages.values():
            page.hide()
            page.deleteLater()
        self.pages.clear()
        self.runs.deleteLater()
        self.project.close()
        self.project, self.runs = None, None

    @Slot(str)
    def show_page(self, key: str) -> None:
        """Show a page of the open project."""
        if self.project is not None:
            self.window.notice.clear()  # who goes on has read it
            self.window.show_page(key, self._page(key))

    def _page(self, key: str) -> QWidget:
        if key not in self.pages:
            page = self._make_page(key)
            self.pages[key] = page
            self.window.add_page(page)
        return self.pages[key]

    def _make_page(self, key: str) -> QWidget:
        # Imported when first shown: the window is up sooner, and who never trains never loads the plots.
        assert self.project is not None
        assert self.runs is not None
        match key:
            case "data":
                from studio.gui.pages.data import DataPage

                data = DataPage(self.project)
                data.train_requested.connect(self._train_on)
                data.label_requested.connect(self._label)
                return data
            case "label":
                from studio.gui.pages.label import LabelPage

                label = LabelPage(self.project, self.runs, self.preferences)
                label.train_requested.connect(self._train_by)
                label.data_requested.connect(self._show_data)
                return label
            case "train":
                from studio.gui.pages.train import TrainPage

                train = TrainPage(self.project, self.runs, self.preferences)
                train.run_started.connect(self._show_started)
                train.run_queued.connect(self._show_run)
                train.import_requested.connect(self._show_data)
                return train
            case "runs":
                from studio.gui.pages.runs import RunsPage

                runs = RunsPage(self.project, self.runs, self.preferences)
                runs.chat_requested.connect(self._chat_with)
                runs.evaluate_requested.connect(self._evaluate)
                runs.train_requested.connect(self._show_train)
                runs.recipe_requested.connect(self._train_as)
                runs.method_requested.connect(self._train_with)
                runs.data_requested.connect(self._show_dataset)
                runs.labels_requested.connect(self._show_labels)
                runs.model_requested.connect(self._show_model)
                runs.evaluation_requested.connect(self._show_evaluation)
                return runs
            case "chat":
                from studio.gui.pages.chat import ChatPage

                chat = ChatPage(self.project, self.runs)
                chat.train_requested.connect(self._show_train)
                return chat
            case _:
                from studio.gui.pages.models import ModelsPage

                models = ModelsPage(self.project, self.runs)
                models.chat_requested.connect(self._chat_with)
                models.train_requested.connect(self._train_model)
                models.voice_requested.connect(self._chat_to)
                return models

    @Slot(str)
    def _train_on(self, dataset: str) -> None:
        self.show_page("train")
        self.pages["train"].form.choose_dataset(dataset)

    @Slot(str)
    def _label(self, dataset: str) -> None:
        self.show_page("label")
        self.pages["label"].begin_with(dataset)

    @Slot(str, str)
    def _train_by(self, dataset: str, method: str) -> None:
        self.show_page("train")
        self.pages["train"].form.choose_dataset(dataset, method)

    @Slot(object)
    def _train_as(self, recipe: Recipe) -> None:
        self.show_page("train")
        self.pages["train"].form.show_recipe(recipe)

    @Slot(str)
    def _train_with(self, method: str) -> None:
        self.show_page("train")
        self.pages["train"].form.choose_method(method)

    @Slot(str)
    def _show_dataset(self, dataset: str) -> None:
        self.show_page("data")
        self.pages["data"].refresh(select=dataset)

    @Slot()
    def _show_labels(self) -> None:
        self.show_page("label")

    @Slot(str)
    def _show_model(self, folder: str) -> None:
        self.show_page("models")
        self.pages["models"].open_model(Path(folder))

    @Slot(str, str)
    def _show_evaluation(self, folder: str, evaluation: str) -> None:
        self.show_page("models")
        self.pages["models"].open_evaluation(Path(folder), evaluation)

    @Slot()
    def _show_data(self) -> None:
        self.show_page("data")

    @Slot()
    def _show_train(self) -> None:
        self.show_page("train")

    @Slot(str)
    def _show_run(self, run: str) -> None:
        self.show_page("runs")
        self.pages["runs"].open_run(run)

    @Slot(str)
    def _show_started(self, run: str) -> None:
        self._show_run(run)
        if not self._said_goes_on:
            self._said_goes_on = True
            self.window.notice.show_note(
                tr("Training goes on when you close the window; open the project again to see how it went.")
            )

    @Slot(str)
    def _chat_with(self, run: str) -> None:
        self.show_page("chat")
        if run:
            self.pages["chat"].open_run(run)

    @Slot(object)
    def _chat_to(self, voice: Voice) -> None:
        self.show_page("chat")
        self.pages["chat"].open_voice(voice)

    @Slot(str)
    def _evaluate(self, run: str) -> None:
        self.show_page("models")
        self.pages["models"].evaluate_run(run)

    @Slot(object)
    def _train_model(self, folder: Path) -> None:
        self.show_page("train")
        self.pages["train"].form.choose_model(folder)

    @Slot()
    def ask_new(self) -> None:
        """Ask what a new project is for, its name and its place."""
        dialog = NewProject(projects_home(self.preferences.values.place), self.window)
        dialog.created.connect(self.take_project)
        dialog.open()

    @Slot()
    def _begin_first(self) -> None:
        """Lead through a first alignment, in a project of its own."""
        place = projects_home(self.preferences.values.place)
        try:
            project = Project.create(place / free_name(place, tr("First model")))
        except (StudioError, OSError) as error:
            self.window.notice.show_error(error)
            return
        self.take_project(project, FIRST.key)

    @Slot()
    def _dress(self) -> None:
        """Take the theme that was chosen."""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        if theme.watcher().choice != self.preferences.values.theme:
            theme.apply(app, self.preferences.values.theme)

    @Slot()
    def _repaint_icons(self) -> None:
        icons.repaint_all()

    @Slot()
    def _come_forward(self) -> None:
        """Show the window and its runs, as whoever clicks a notification wants."""
        self.window.showNormal()
        self.window.raise_()
        self.window.activateWindow()
        self.show_page("runs")

    @Slot(object)
    def _take_dropped(self, path: Path) -> None:
        if os.path.isfile(path / DATABASE):  # unlike Path's, never raises
            self.open_folder(str(path))
        elif self.project is not None:
            self.show_page("data")
            self.pages["data"].import_file(path)
        elif os.path.isdir(path):
            self.open_folder(str(path))  # says that it is no project
        else:
            self.window.notice.show_note(tr("Open or make a project first, then drop “{name}” again.", name=path.name))

    @Slot()
    def _close(self) -> None:
        self.preferences.change(window=self.window.geometry_text())
        self.around.close_down()
        self.close_project()


def main(argv: list[str]) -> int:
    """Open the window, with the project of a folder when one is named. The exit status."""
    give_back_large_blocks()
    QApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    app = QApplication([sys.argv[0], *argv])
    Collector(app)
    _close_when_asked_to(app)
    app.setApplicationName("Plumbline")
    app.setDesktopFileName("plumbline")
    with contextlib.suppress(StudioError):  # a window without its icon is a window
        app.setWindowIcon(QIcon(str(carried("packaging", "icon", "plumbline-128.png"))))
    preferences = Preferences(app)
    speak(app, preferences.values.language)
    theme.apply(app, preferences.values.theme)
    studio = Studio(preferences)
    crashes = CrashReporter(studio.window)
    crashes.said.connect(studio.window.notice.show_error)
    crashes.install()
    studio.window.show()
    studio.updates.look()
    for folder in [word for word in app.arguments()[1:] if not word.startswith("-")][:1]:
        studio.open_folder(folder)
    if studio.project is None and is_needed() and current_runtime() is None:
        studio.around.show_runtime()
    if "--check" in argv:
        Check(studio, studio.window, list(_TABS), app)
    return app.exec()


def _close_when_asked_to(app: QApplication) -> None:
    """Close as by the window's button when a terminal (Ctrl+C) or the end of a session asks for it; at once when it is
    asked for again.

    Python looks at signals between its own steps alone, of which the collector's timer makes some each half second.
    """

    def close(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        QTimer.singleShot(0, app.quit)

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), close)

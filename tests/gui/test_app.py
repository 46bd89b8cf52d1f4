"""The program around the pages: projects open and close, errors are sentences, pages find each other."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from studio.core.errors import StudioError
from studio.gui import theme
from studio.gui.app import Studio
from studio.gui.new_project import NewProject
from studio.gui.preferences import Preferences
from studio.gui.settings_dialog import SettingsDialog
from studio.storage.project import Project
from studio.storage.settings import load_settings

OTHER_WINDOW = """
import sys
from pathlib import Path
from studio.storage.project import Project
project = Project.open(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""

UNPRIVILEGED = """
import os, sys
from PySide6.QtWidgets import QApplication
from studio.gui import theme
from studio.gui.app import Studio
from studio.gui.preferences import Preferences
from studio.gui.settings_dialog import SettingsDialog
app = QApplication([])
if os.getuid() == 0:  # permissions mean nothing to root
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
studio = Studio(Preferences())
studio.window.show()
studio.open_folder(sys.argv[1])
print(studio.window.notice.isVisible(), studio.window.notice.what.text())
"""


@pytest.fixture
def studio(qtbot):
    made = Studio(Preferences())
    qtbot.addWidget(made.window)
    made.window.show()
    yield made
    made.window.close()


@pytest.fixture
def folder(project):
    """A project that nobody has open."""
    project.close()
    return project.folder


def said(studio):
    assert studio.window.notice.isVisible()
    return f"{studio.window.notice.what.text()} {studio.window.notice.hint.text()}"


def test_the_first_start_offers_three_doors_and_looks_at_the_machine(studio, qtbot, home):
    start = studio.window.start
    assert start.isVisible()
    assert not studio.window.tabs.isVisible()
    assert not studio.window.header.guide.isVisible()
    assert not start.recent.isVisible()
    assert all(button.isVisible() for button in (start.first_button, start.new_button, start.open_button))
    qtbot.waitUntil(lambda: "free now" in start.machine.lines[1].text() and "free there" in start.place.room.text())
    assert start.place.where.text().replace("\u200b", "") == str(home / "projects")
    assert "torch" in start.machine.lines[3].text()


def test_another_place_for_projects_is_chosen_remembered_and_used(studio, tmp_path, monkeypatch):
    place = tmp_path / "My place"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(place))
    studio.window.start.place.change.click()
    assert load_settings().place == str(place)
    studio.window.start.first_button.click()
    assert studio.project.folder == place / "First model"
    assert studio.guiding.guide.course.key == "first"


def test_a_new_project_is_made_by_keyboard(studio, qtbot, home):
    with qtbot.waitActive(studio.window):
        studio.window.activateWindow()
    qtbot.keyClick(studio.window.start.new_button, Qt.Key.Key_Space)
    dialog = studio.window.findChild(NewProject)
    dialog.name.setText("Küche & Bad")
    dialog.goals.choices["style"].setChecked(True)
    qtbot.keyClick(dialog.name, Qt.Key.Key_Return)
    made = home / "projects" / "Küche & Bad"
    assert studio.project.folder == made
    assert studio.window.windowTitle() == "Küche & Bad – Plumbline"
    assert studio.window.stack.currentWidget() is studio.pages["data"]
    assert studio.guiding.guide.course.key == "style"
    assert load_settings().recent_projects == (str(made),)


@pytest.mark.parametrize(
    ("name", "words"), [("", "has no name"), ("a/b", "can't be the name"), ("taken", "There is already a project")]
)
def test_a_name_that_cannot_be_is_said_in_the_dialog(qtbot, tmp_path, name, words):
    Project.create(tmp_path / "taken").close()
    dialog = NewProject(tmp_path)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
    qtbot.addWidget(dialog)
    dialog.open()
    dialog.name.setText(name)
    dialog.create_button.click()
    assert dialog.isVisible()
    assert words in dialog.notice.what.text()
    dialog.reject()


def test_opening_goes_by_dialog_and_by_the_recent_list(studio, folder, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    studio.window.start.open_button.click()
    assert studio.project.folder == folder
    assert studio.window.tabs.isVisible()
    studio.close_project()
    assert studio.window.start.isVisible()
    studio.window.start.recent.itemActivated.emit(studio.window.start.recent.item(0))
    assert studio.project.folder == folder


def test_what_is_no_project_is_a_sentence(studio, tmp_path):
    studio.open_folder(str(tmp_path))
    assert "is not a Plumbline project" in said(studio)
    studio.open_folder(str(tmp_path / "gone"))
    assert "There is no folder" in said(studio)
    assert studio.project is None


def test_a_project_that_is_gone_leaves_the_recent_list(studio, folder):
    studio.open_folder(str(folder))
    studio.close_project()
    folder.rename(folder.with_name("moved"))
    studio.open_folder(str(folder))
    assert "There is no folder" in said(studio)
    assert load_settings().recent_projects == ()


def test_a_project_that_another_window_holds_is_a_sentence(studio, folder):
    command = [sys.executable, "-c", OTHER_WINDOW, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "open\n"
        studio.open_folder(str(folder))
        assert "already open in another Plumbline window" in said(studio)
        other.stdin.close()
        other.wait()
    studio.open_folder(str(folder))
    assert studio.project is not None
    assert not studio.window.notice.isVisible()


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions are otherwise made on Windows")
def test_a_project_that_cannot_be_written_is_a_sentence(folder, tmp_path_factory):
    home = tmp_path_factory.mktemp("nobody's home")
    home.chmod(0o777)
    for part in {*home.parents, *folder.parents}:  # so that somebody else gets as far as the project
        if part.owner() == folder.owner() and part != part.parent:
            part.chmod(part.stat().st_mode | 0o055)
    folder.chmod(0o555)
    try:
        done = subprocess.run(
            [sys.executable, "-c", UNPRIVILEGED, str(folder)],
            env={**os.environ, "PLUMBLINE_HOME": str(home), "HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        folder.chmod(0o755)
    assert done.stdout.startswith(f"True The project in “{folder}” can't be written"), done.stderr


def test_a_failed_open_keeps_the_project_that_is_open(studio, folder, tmp_path):
    studio.open_folder(str(folder))
    studio.open_folder(str(tmp_path))
    assert studio.project.folder == folder
    assert studio.window.tabs.isVisible()


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="links need a privilege on Windows")
def test_the_open_project_by_another_way_is_no_other_window(studio, folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    studio.open_folder(str(folder))
    studio.open_folder(str(tmp_path / "link"))
    assert not studio.window.notice.isVisible()
    assert studio.project.folder == folder
    studio.open_folder("~nobody-of-that-name/p")
    assert "There is no folder" in said(studio)


def test_another_project_takes_the_place_of_the_first(studio, folder, tmp_path):
    studio.open_folder(str(folder))
    second = Project.create(tmp_path / "second")
    second.close()
    studio.open_folder(str(second.folder))
    assert studio.project.folder == second.folder
    Project.open(folder).close()  # the first is free again


def test_dropping_a_project_opens_it_and_a_file_is_imported(studio, folder, alpaca_file, qtbot, drop):
    file = alpaca_file([{"instruction": "a", "output": "b"}])
    drop(studio.window, file)
    assert "Open or make a project first" in said(studio)
    drop(studio.window, folder)
    assert studio.project.folder == folder
    drop(studio.window, file)
    panel = studio.pages["data"].panel
    qtbot.waitUntil(lambda: panel.steps.currentIndex() == 1)
    panel.question.no.click()


def test_pages_are_made_when_first_shown_and_reached_by_keys(studio, folder, qtbot):
    studio.open_folder(str(folder))
    assert list(studio.pages) == ["data"]
    with qtbot.waitActive(studio.window):
        studio.window.activateWindow()
    for key, name in zip("234561", ("label", "train", "runs", "chat", "models", "data"), strict=True):
        qtbot.keyClick(studio.window, getattr(Qt.Key, f"Key_{key}"), Qt.KeyboardModifier.ControlModifier)
        assert studio.window.stack.currentWidget() is studio.pages[name]
        assert studio.window.tabs.tabText(studio.window.tabs.currentIndex()).lower() == name


def test_train_on_this_opens_train_with_the_dataset(studio, folder, monkeypatch):
    studio.open_folder(str(folder))
    studio.show_page("train")
    chosen: list[str] = []
    monkeypatch.setattr(studio.pages["train"].form, "choose_dataset", chosen.append)
    data = studio.pages["data"]
    studio.show_page("data")
    data.view.head.label.click()
    assert studio.window.stack.currentWidget() is studio.pages["label"]
    assert studio.pages["label"].set_up.chosen().name == "greetings"
    studio.show_page("data")
    data.view.head.train.click()
    assert chosen == [data.dataset().id]
    assert studio.window.stack.currentWidget() is studio.pages["train"]


def test_a_started_run_opens_runs_and_a_run_opens_chat(studio, folder, monkeypatch):
    studio.open_folder(str(folder))
    for key in ("train", "runs", "chat"):
        studio.show_page(key)
    opened: list[tuple[str, str]] = []
    for key in ("runs", "chat"):
        monkeypatch.setattr(studio.pages[key], "open_run", lambda run, key=key: opened.append((key, run)))
    studio.pages["train"].run_started.emit("run-1")
    assert "Training goes on when you close the window" in said(studio)
    assert studio.window.stack.currentWidget() is studio.pages["runs"]
    studio.pages["runs"].chat_requested.emit("run-1")
    assert not studio.window.notice.isVisible()
    assert studio.window.stack.currentWidget() is studio.pages["chat"]
    assert opened == [("runs", "run-1"), ("chat", "run-1")]


def test_the_theme_and_the_place_of_the_window_are_remembered(studio, qapp):
    try:
        studio.window.header.settings.click()
        dialog = studio.window.findChild(SettingsDialog)
        dialog.form.rows["theme"].set_value("dark")
        dialog.save.click()
        assert load_settings().theme == "dark"
        assert theme.tokens().dark
    finally:
        theme.apply(qapp, "light")
    studio.window.resize(720, 600)
    studio.window.close()
    again = Studio(Preferences())
    assert again.window.size() == studio.window.size()
    again.window.deleteLater()


def test_settings_that_cannot_be_saved_are_a_sentence(studio, home, monkeypatch):
    blocked = home / "file"
    blocked.write_text("")
    monkeypatch.setenv("PLUMBLINE_HOME", str(blocked / "below"))
    studio.preferences.change(theme="dark")
    assert "can't be written" in said(studio)


def test_closing_the_window_frees_the_project(studio, folder):
    studio.open_folder(str(folder))
    studio.window.close()
    assert studio.project is None
    Project.open(Path(folder)).close()


@pytest.mark.skipif(sys.platform == "win32", reason="there it is the window that is asked to close")
def test_a_session_that_ends_closes_the_window_as_its_button_does(qtbot, folder, home, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    window = subprocess.Popen([sys.executable, "-m", "studio", str(folder)], env={**os.environ, "TMPDIR": str(scratch)})
    try:
        qtbot.waitUntil(lambda: is_held(folder) and any(scratch.glob("Plumbline-*")))
        window.terminate()
        assert window.wait(60) == 0
    finally:
        window.kill()
    assert not any(scratch.glob("Plumbline-*"))
    assert load_settings().window  # where it stood
    Project.open(folder).close()


def is_held(folder):
    """Whether another process has the project open."""
    try:
        Project.open(folder).close()
    except StudioError:
        return True
    return False

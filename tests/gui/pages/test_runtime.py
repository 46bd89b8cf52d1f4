"""The page that sets up what trains: it tells what it found, does nothing by itself, and survives every ending."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QMessageBox

from studio.core.errors import Cancelled, StudioError
from studio.core.torch_builds import CPU, CUDA_12, CUDA_13, ROCM, Card, Computer, choose
from studio.gui.around import Around
from studio.gui.main_window import MainWindow
from studio.gui.pages.runtime import RuntimePage
from studio.gui.pages.runtime import page as page_module
from studio.gui.pages.runtime.found import Found, lines_about
from studio.gui.preferences import Preferences
from studio.jobs.background import BackgroundTask
from studio.processes.trial import Trial
from studio.storage.runtimes import WINDOW_PYTHON, Runtime, current_runtime, interpreter_in, new_folder, use_runtime

OLD = Computer("linux", cards=(Card("NVIDIA GeForce GTX 1080", "581.29", (6, 1), 8 * 2**30),))


class Heard(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    @Slot()
    def hear(self) -> None:
        self.count += 1


@pytest.fixture
def open_page(qtbot, monkeypatch, tmp_path):
    """Opens the page on a computer, with the builds that there are lists for."""
    made: list[RuntimePage] = []

    def open_it(computer: Computer = OLD, builds=(CUDA_13, CUDA_12, CPU)) -> RuntimePage:
        found = Found(computer, choose(computer), builds, tmp_path, 50 * 10**9)
        monkeypatch.setattr(page_module, "look", lambda: found)
        page = RuntimePage()
        qtbot.addWidget(page)
        page.options.place.setText(str(tmp_path))
        page.show()
        qtbot.waitUntil(lambda: "GTX" in page.computer.text() or "No graphics" in page.computer.text())
        made.append(page)
        return page

    yield open_it
    for page in made:
        page.close_down()


@pytest.fixture
def used(tmp_path) -> Runtime:
    folder = new_folder(tmp_path / "runtimes", "cpu")
    interpreter_in(folder).parent.mkdir(parents=True)
    interpreter_in(folder).touch()
    runtime = Runtime(str(folder), "cpu", "0", "3.11.7", 1.0, "processor")
    use_runtime(runtime)
    return runtime


def test_it_says_what_it_found_and_why(open_page, tmp_path) -> None:
    page = open_page()
    assert "driver 581.29, compute capability 6.1" in page.computer.text()
    assert page.what.text().startswith("NVIDIA, CUDA 12.6. The NVIDIA GeForce GTX 1080")
    assert "About 3.8 GB are downloaded from the official package indexes" in page.where.text()
    assert "50.0 GB are free there" in page.where.text()
    assert current_runtime() is None


def test_a_choice_of_ones_own(open_page) -> None:
    page = open_page()
    page.options.build.setCurrentIndex(page.options.build.findData("cpu"))
    assert page.what.text().startswith("Processor only, chosen by you. Suited would be NVIDIA, CUDA 12.6")
    assert page.options.plan().build == "cpu"


def test_the_python_that_a_build_needs_is_named(open_page) -> None:
    page = open_page(builds=(CUDA_12, CPU, ROCM))
    assert f"Python {WINDOW_PYTHON} is fetched" in page.options.python.placeholderText()
    page.options.build.setCurrentIndex(page.options.build.findData("rocm7.1"))
    assert "Python 3.12 is fetched" in page.options.python.placeholderText()
    assert page.options.plan().asked_python == "3.12"


def test_a_build_without_a_list_is_not_offered(open_page) -> None:
    page = open_page(builds=(CUDA_13, CPU))
    assert page.options.build.currentData() == "cpu"
    assert "no list of files for “NVIDIA, CUDA 12.6”, though; a released copy" in page.what.text()
    assert "With this copy, “Processor only” is set up." in page.what.text()
    nothing = open_page(builds=())
    assert not nothing.start.isEnabled()


def test_places_to_get_it_from(open_page, tmp_path) -> None:
    page = open_page()
    page.options.source.setCurrentIndex(page.options.source.findData("folder"))
    assert not page.options.wheels.isHidden()
    assert page.options.packages.isHidden()
    page.options.wheels.setText(str(tmp_path / "gone"))
    page.start.click()
    assert "There is no folder" in page.notice.what.text()
    page.options.wheels.setText(str(tmp_path))
    assert page.options.plan().wheels == str(tmp_path)
    assert page.where.text().startswith("Installed from the folder")
    page.options.source.setCurrentIndex(page.options.source.findData("mirror"))
    page.options.torch.setText("https://mirror")
    assert (page.options.plan().wheels, page.options.plan().torch) == ("", "https://mirror")
    page.options.place.setText("relative")
    page.start.click()
    assert "not a whole path" in page.notice.what.text()


def test_setting_up_shows_progress_and_says_when_it_is_ready(open_page, used, qtbot, monkeypatch) -> None:
    go_on = threading.Event()

    def set_up(plan, report, cancelled):
        report(10**9, 2 * 10**9, "Downloading and installing packages: Downloading torch (858.1MiB)")
        go_on.wait(10)
        return used

    monkeypatch.setattr(page_module, "set_up", set_up)
    page, heard = open_page(), Heard()
    page.changed.connect(heard.hear)
    page.start.click()
    qtbot.waitUntil(lambda: "1.0 GB of about 2.0 GB" in page.phase.text())
    assert page.bar.value() == 500
    assert page.cancel.isVisible()
    assert not page.start.isVisible()
    go_on.set()
    qtbot.waitUntil(lambda: heard.count == 1)
    assert "Ready" in page.notice.what.text()
    assert page.later.text() == "Done"
    assert "In use: Processor only" in page.present.text()
    assert page.start.text() == "Update"  # it holds what another version wanted


def test_a_card_that_is_not_used_is_said(open_page, used, qtbot, monkeypatch) -> None:
    monkeypatch.setattr(page_module, "set_up", lambda plan, report, cancelled: replace(used, build="cu126"))
    page = open_page()
    page.start.click()
    qtbot.waitUntil(lambda: "trained on the processor. The graphics card was not used" in page.notice.what.text())


def test_cancel_and_failure_leave_things_as_they_were(open_page, used, qtbot, monkeypatch) -> None:
    def wait(plan, report, cancelled):
        while not cancelled():
            pass
        raise Cancelled

    def fail(plan, report, cancelled):
        raise StudioError("The disk is full.", "Free some space.", "details")

    page = open_page()
    monkeypatch.setattr(page_module, "set_up", wait)
    page.start.click()
    page.cancel.click()
    qtbot.waitUntil(lambda: page.start.isVisible())
    assert not page.notice.isVisible()
    monkeypatch.setattr(page_module, "set_up", fail)
    page.start.click()
    qtbot.waitUntil(lambda: "The disk is full." in page.notice.what.text())
    assert current_runtime() == used


def test_check_and_remove(open_page, used, qtbot, monkeypatch) -> None:
    monkeypatch.setattr(page_module, "runtime_worker", lambda folder: [str(folder)])
    monkeypatch.setattr(page_module, "train_two_steps", lambda worker, cancelled: Trial("processor", 1.0, 3.0))
    page = open_page()
    page.check.click()
    qtbot.waitUntil(lambda: "It works" in page.notice.what.text())
    page.remove.click()
    (box,) = page.findChildren(QMessageBox)
    next(button for button in box.buttons() if button.text() == "Remove").click()
    qtbot.waitUntil(lambda: "Removed" in page.notice.what.text())
    assert current_runtime() is None
    assert not Path(used.folder).exists()
    assert not page.check.isVisible()


def test_a_computer_in_words() -> None:
    assert lines_about(Computer("linux")) == ["No graphics card that torch can compute on."]
    assert lines_about(Computer("macos", "arm64")) == ["Apple GPU"]
    assert lines_about(Computer("linux", note="nvidia-smi was silent.")) == ["nvidia-smi was silent."]


def test_a_look_that_something_overtook_is_told_all_the_same(qtbot, used, monkeypatch, tmp_path) -> None:
    go_on = threading.Event()

    def look() -> Found:
        go_on.wait(10)
        return Found(OLD, choose(OLD), (CPU,), tmp_path, None)

    monkeypatch.setattr(page_module, "look", look)
    monkeypatch.setattr(page_module, "runtime_worker", lambda folder: [str(folder)])
    monkeypatch.setattr(page_module, "train_two_steps", lambda worker, cancelled: Trial("processor", 1.0, 3.0))
    page = RuntimePage()
    qtbot.addWidget(page)
    page.show()
    page.check.click()
    qtbot.waitUntil(lambda: "It works" in page.notice.what.text())
    go_on.set()
    qtbot.waitUntil(lambda: "GTX" in page.computer.text() and page.start.isEnabled())
    page.close_down()


def test_a_look_that_fails_is_said_and_may_be_repeated(qtbot, monkeypatch, tmp_path) -> None:
    def look() -> Found:
        raise StudioError("It is dark here.", "Turn on the light.")

    monkeypatch.setattr(page_module, "look", look)
    page = RuntimePage()
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(lambda: "It is dark here." in page.notice.what.text())
    assert "can't be looked at" in page.computer.text() and page.start.toolTip() == page.computer.text()
    monkeypatch.setattr(page_module, "look", lambda: Found(OLD, choose(OLD), (CPU,), tmp_path, None))
    page.again.click()
    qtbot.waitUntil(page.start.isEnabled)
    assert not page.start.toolTip()
    page.close_down()


def test_leaving_and_coming_back_while_it_looks_is_one_look(qtbot, monkeypatch, tmp_path) -> None:
    looks, go_on = [], threading.Event()

    def look() -> Found:
        looks.append(1)
        go_on.wait(10)
        return Found(OLD, choose(OLD), (CPU,), tmp_path, None)

    monkeypatch.setattr(page_module, "look", look)
    page = RuntimePage()
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(lambda: bool(looks))
    page.hide()
    page.show()
    qtbot.wait(50)  # long enough for a second thread to begin
    go_on.set()
    page.close_down()
    assert len(looks) == 1
    assert not any(task.isRunning() for task in page.findChildren(BackgroundTask))


def test_a_look_that_fails_leaves_what_was_begun_meanwhile(open_page, used, qtbot, monkeypatch) -> None:
    looked, worked = threading.Event(), threading.Event()

    def fail() -> Found:
        looked.wait(10)
        raise StudioError("No look.", "", "")

    page = open_page()
    monkeypatch.setattr(page_module, "look", fail)
    monkeypatch.setattr(page_module, "set_up", lambda plan, report, cancelled: worked.wait(10) and used)
    page.again.click()
    look = page._task
    page.start.click()
    looked.set()
    qtbot.waitUntil(lambda: look.is_over)
    assert page.cancel.isVisible() and not page.start.isVisible() and not page.notice.isVisible()
    worked.set()
    qtbot.waitUntil(page.start.isVisible)


def test_the_page_covers_what_is_there_and_gives_it_back(qtbot, monkeypatch, tmp_path) -> None:
    found = Found(OLD, choose(OLD), (CPU,), tmp_path, None)
    monkeypatch.setattr(page_module, "look", lambda: found)
    preferences = Preferences()
    window = MainWindow({"data": "Data"}, preferences)
    qtbot.addWidget(window)
    around = Around(window, preferences)
    window.show()
    around.show_runtime()
    page = window.stack.currentWidget()
    assert isinstance(page, RuntimePage)
    around.show_runtime()  # from Settings, while it is shown
    page.later.click()
    assert window.stack.currentWidget() is window.start
    around.show_runtime()
    assert window.stack.currentWidget() is page
    page.changed.emit()
    around.close_down()
    window.start.close_down()

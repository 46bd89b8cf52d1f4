"""The guide on the real screens: it does the tedious part, points at the deciding control, and knows what is done."""

from operator import attrgetter

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from studio.core.courses import COURSES
from studio.gui.app import Studio
from studio.gui.preferences import Preferences


@pytest.fixture
def studio(qtbot):
    made = Studio(Preferences())
    qtbot.addWidget(made.window)
    made.window.resize(1280, 720)
    made.window.show()
    yield made
    made.window.close()


@pytest.fixture
def begun(studio, qtbot):
    """The first course, begun by its door."""
    studio.window.start.first_button.click()
    qtbot.waitUntil(lambda: studio.guiding.panel.step is not None and studio.guiding.guide.is_read)
    return studio


def test_a_step_is_done_when_the_project_holds_what_it_makes(begun, qtbot):
    guiding, panel = begun.guiding, begun.guiding.panel
    assert panel.isVisible() and panel.step.key == "examples"
    panel.act.click()
    question = begun.pages["data"].panel.question
    qtbot.waitUntil(lambda: guiding.pointer.target is question.go)
    qtbot.waitUntil(lambda: question.go.text() in panel.next.text())
    panel.where.click()
    assert begun.window.focusWidget() is question.go
    qtbot.keyClick(question.go, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: panel.step.key == "sft", timeout=20_000)
    panel.act.click()
    train = begun.pages["train"]
    qtbot.waitUntil(lambda: train.start.text() == "Start training")
    assert guiding.panel.step.key == "sft"  # a form that is filled in is not a model
    assert train.form.recipe().method == "sft" and train.form.recipe().settings.learning_rate == 2e-3
    qtbot.waitUntil(lambda: guiding.pointer.target is train.start)


def test_it_can_be_hidden_left_and_resumed(begun, qtbot):
    panel, header, folder = begun.guiding.panel, begun.window.header, begun.project.folder
    panel.fold.click()
    assert not panel.isVisible() and begun.guiding.pointer.target is None
    begun.close_project()
    assert not header.guide.isVisible()
    begun.open_folder(str(folder))
    assert not panel.isVisible() and header.guide.isVisible()
    header.guide.click()
    qtbot.waitUntil(lambda: panel.isVisible() and panel.step.key == "examples")
    panel.end.click()
    assert not panel.isVisible() and not header.guide.isVisible()


def test_what_cannot_be_done_any_more_is_a_sentence(begun, qtbot):
    guide = begun.guiding.guide
    step = next(step for step in guide.course.steps if step.key == "dpo")
    begun.guiding.panel.act_requested.emit(step)
    assert "The project has no pairs" in begun.window.notice.what.text()


def test_focus_goes_to_the_guide_and_back_by_key(begun, qtbot):
    with qtbot.waitActive(begun.window):
        begun.window.activateWindow()
    qtbot.keyClick(begun.window, Qt.Key.Key_F6)
    assert begun.guiding.panel.isAncestorOf(begun.window.focusWidget())
    qtbot.keyClick(begun.window.focusWidget(), Qt.Key.Key_F6)
    assert begun.pages["data"].isAncestorOf(begun.window.focusWidget())


def test_every_control_that_a_course_points_at_is_there(begun):
    controls = {control for course in COURSES.values() for step in course.steps for control in step.controls}
    for control in sorted(controls):
        page, path = control.split(":")
        begun.show_page(page)
        assert isinstance(attrgetter(path)(begun.pages[page]), QWidget), control

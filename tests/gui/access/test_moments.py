"""A grey button says why, also where it is grey for a moment only: each such moment is held here while one looks."""

import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QAbstractButton, QTabBar, QTabWidget

from studio.core.runs import RunState
from studio.gui.pages.data import import_panel
from studio.gui.pages.label import set_up
from studio.gui.pages.models.panel import WorkPanel
from studio.gui.pages.models.serve_panel import ServePanel
from studio.gui.pages.runtime import page as runtime
from studio.gui.widgets import model_choice
from studio.jobs.background import BackgroundTask


def unexplained(window):
    """The grey buttons that are seen and don't say why."""
    shown = [one for one in window.findChildren(QAbstractButton) if one.isVisible() and not one.isEnabled()]
    return [one.text() or one.accessibleName() for one in shown if not one.toolTip()]


@pytest.fixture
def held(monkeypatch):
    """Makes a function of a module wait while the test looks."""

    @contextmanager
    def hold(module, name):
        real, here, go_on = getattr(module, name), threading.Event(), threading.Event()

        def waiting(*given, **named):
            here.set()
            go_on.wait(30)
            return real(*given, **named)

        with monkeypatch.context() as patch:
            patch.setattr(module, name, waiting)
            yield here
            go_on.set()

    return hold


def test_every_tab_of_every_page(full, every_page):
    for page in every_page():
        shown = full.window.stack.currentWidget()
        for tabs in [*shown.findChildren(QTabWidget), *shown.findChildren(QTabBar)]:
            for place in range(tabs.count() if tabs.isVisible() else 0):
                tabs.setCurrentIndex(place)
                QCoreApplication.processEvents()
                assert (page, place, unexplained(full.window)) == (page, place, [])


def test_while_a_model_is_checked(full, held, model_folder):
    full.show_page("train")
    with held(model_choice, "add_model") as here:
        full.pages["train"].form.model.choose(model_folder)
        assert here.wait(10) and unexplained(full.window) == []


def test_while_a_file_is_read_and_while_its_columns_are_asked_for(full, held, alpaca_file, qtbot):
    full.show_page("data")
    page = full.pages["data"]
    page.import_file(alpaca_file([{"a": "x", "b": "y"}]))
    qtbot.waitUntil(lambda: page.panel.steps.currentIndex() == 1)
    assert not page.panel.question.go.isEnabled() and unexplained(full.window) == []
    page.panel.question.no.click()
    with held(import_panel, "look") as here:
        page.import_file(alpaca_file([{"instruction": "x", "output": "y"}], "other.json"))
        assert here.wait(10) and unexplained(full.window) == []
        assert page.import_button.toolTip().startswith("One import at a time")


def test_while_prompts_are_taken(full, held):
    full.show_page("label")
    page = full.pages["label"]
    page.begin_new()
    page.set_up.answers.setChecked(True)
    with held(set_up, "create_set") as here:
        page.set_up.begin.click()
        assert here.wait(10) and not page.set_up.begin.isEnabled() and unexplained(full.window) == []


def test_while_a_run_is_asked_to_end(full, monkeypatch):
    full.show_page("runs")
    view = full.pages["runs"].view
    record = full.runs.record(view.run_id)
    record.state, record.outcome = RunState.RUNNING, None
    monkeypatch.setattr(full.runs, "is_stopping", lambda run_id: True)
    view.refresh()
    assert not view.buttons.pause.isEnabled() and unexplained(full.window) == []


def test_while_something_is_done_with_a_model(full, qtbot):
    full.show_page("models")
    page, go_on = full.pages["models"], threading.Event()
    qtbot.waitUntil(lambda: page.list.currentIndex().isValid())
    seen = 0
    for panel in page.view.findChildren(WorkPanel):
        page.view.show_tab(panel.title)
        panel.work.follow(BackgroundTask(lambda _task: go_on.wait(30), panel))
        panel._offer()
        assert (panel.title, unexplained(full.window)) == (panel.title, [])
        panel.work.cancel()
        assert (panel.title, unexplained(full.window)) == (panel.title, [])
        seen += panel.isVisible()
    go_on.set()
    assert seen > 1
    serve = page.view.findChild(ServePanel)
    page.view.show_tab(serve.title)
    serve._service = SimpleNamespace(close=lambda: None)
    serve._offer()
    assert unexplained(full.window) == []
    serve.end()
    assert serve.isVisible() and unexplained(full.window) == []
    serve._service = None


def test_while_the_hub_is_asked_and_while_nothing_is_chosen_on_the_disk(full):
    full.show_page("models")
    page = full.pages["models"]
    page.show_get()
    page.get_view.asking._set_busy(True)
    assert not page.get_view.search.isEnabled() and unexplained(full.window) == []
    page.get_view.asking._set_busy(False)
    page.show_disk()
    assert not page.disk_view.throw.isEnabled() and unexplained(full.window) == []


def test_while_it_is_looked_what_trains(full, held):
    full.close_project()
    with held(runtime, "look") as here:
        full.around.show_runtime()
        assert here.wait(10) and unexplained(full.window) == []

"""Runs in a window of 720 x 450, as a laptop has at 200 %: nothing lies sideways out of sight or on other text."""

from dataclasses import replace

import pytest
from PySide6.QtGui import QColor, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QLabel, QScrollArea

from studio.core.events import Event
from studio.core.machine_use import GAUGES
from studio.core.methods import METHODS
from studio.core.recipes import Recipe
from studio.gui import theme
from studio.gui.pages.runs import RunsPage, words
from studio.gui.pages.runs.machine_strip import GaugeMeter
from studio.gui.pages.runs.settings_view import LongValue
from studio.gui.preferences import Preferences
from studio.jobs.runs import ProjectRuns
from studio.storage.runs import EventWriter
from tests.gui.access.test_clipped import cut_off_at_rest
from tests.gui.pages.runs_for_tests import finished_run

SIZE = (720, 398)  # of the page: what the window's head leaves of 450


@pytest.fixture
def rewarded(project, model_folder):
    """A PPO run with samples and answers, which has the most tabs and the most plots."""
    name = "a run whose name is too long to stand beside its buttons"
    settings = METHODS["ppo"].settings()
    recipe = Recipe(str(model_folder), "greetings", name, method="ppo", settings=settings, dataset_hash="f" * 64)
    run = finished_run(project, recipe, 3)
    writer = EventWriter(run.events)
    for step in range(1, 6):
        measured = {"score": 1.0, "score_sd": 0.5, "kl": 0.1 * step, "kl_budget": 10.0, "eval_score": 0.5}
        writer.write(Event("step", 20.0, {"step": step, "total": 5, **measured, "policy_loss": 0.1, "value_loss": 0.1}))
    writer.write(Event("evaluation", 20.0, {"step": 5, "eval_score": 0.5}))
    rows = [{"prompt": "Who?", "answer": "I. " * 40, "score": 1.0, "kl": 0.1, "tokens": 3, "ended": True}]
    writer.write(Event("rollout", 20.0, {"step": 12_345, "rows": rows}))
    for step, answer in ((0, "short"), (5, "words " * 60)):
        said = {"step": step, "number": 0, "prompt": "\n\nWho?", "answer": answer, "ended": True}
        writer.write(Event("sample", 20.0, said))
    writer.close()
    return run


@pytest.fixture
def page(qtbot, project, rewarded):
    runs = ProjectRuns(project)
    sft = rewarded.recipe()
    for number in range(2):
        finished_run(
            project, replace(sft, name=f"another {number}", method="sft", settings=METHODS["sft"].settings()), number
        )
    made = RunsPage(project, runs, Preferences())
    qtbot.addWidget(made)
    made.resize(*SIZE)
    made.show()
    qtbot.waitUntil(lambda: len(runs.records()) == 3)
    made.open_run(rewarded.id)
    yield made
    made.close_down()
    runs.close()


def labels_of(view):
    return [label for label in view.findChildren(QLabel) if label.isVisible()]


def sideways(page):
    """What of a page would have to be scrolled to the right."""
    areas = (area for area in page.findChildren(QScrollArea) if area.isVisible() and area is not page.lineage.area)
    return [area for area in areas if area.widget().width() > area.viewport().width()]


def test_no_part_of_a_run_is_wider_than_the_window(qtbot, page):
    view = page.view
    assert page.list.horizontalScrollBar().maximum() == 0
    for part in ("Plots", "Samples", "Answers", "Log", "Settings"):
        assert view.parts.has(part)
        view.parts.show_part(part)
        qtbot.waitUntil(lambda: not sideways(page))
        assert cut_off_at_rest(page, qtbot) == []
    assert view.buttons.y() >= view.head.title.geometry().bottom()
    page.resize(1400, 800)
    qtbot.waitUntil(lambda: view.buttons.y() < view.head.title.geometry().bottom())


def test_every_plot_has_the_height_that_its_words_need(qtbot, page):
    plots = page.view.plots.plots
    assert any(plot.second is not None and len(plot.second.trace) for plot in plots[1:])
    qtbot.waitUntil(lambda: all(plot.height() >= plot.heightForWidth(plot.width()) for plot in plots))
    assert all(plot._readout.text() for plot in plots)  # no value is left out for want of room
    assert {plot.save.height() for plot in plots} == {plots[0].save.sizeHint().height()}


def test_answers_have_room_for_their_lines_and_leave_none_empty(qtbot, page):
    page.view.parts.show_part("Samples")
    (card,) = page.view.samples.cards
    assert card.prompt.text() == "Who?"
    tall = card.now.height()
    qtbot.waitUntil(lambda: card.now.height() > card.now.fontMetrics().lineSpacing() * 4)
    page.view.samples.slider.setValue(0)
    assert card.now.toPlainText() == "short"
    assert card.now.height() == card.base.height() >= tall  # boxes don't jump while one walks through time
    page.resize(1400, 800)
    qtbot.waitUntil(lambda: card.now.height() < card.now.fontMetrics().lineSpacing() * 5)


def test_the_chosen_step_of_answers_is_told_in_full(page):
    page.view.parts.show_part("Answers")
    steps = page.view.rollouts.steps
    assert steps.currentText() == "the newest step (12,345)"
    assert steps.width() >= steps.sizeHint().width()


def test_a_hash_is_shortened_and_copied_whole(qtbot, page):
    page.view.parts.show_part("Settings")
    qtbot.waitUntil(
        lambda: any("Device: processor" in label.accessibleName() for label in labels_of(page.view.settings))
    )
    told = next(label for label in page.view.settings.findChildren(LongValue) if label.whole == "f" * 64)
    qtbot.waitUntil(lambda: "…" in told.text())
    told.setFocus()
    (copy,) = told.actions()
    assert copy.shortcut() == QKeySequence(QKeySequence.StandardKey.Copy)
    copy.trigger()
    assert QGuiApplication.clipboard().text() == "f" * 64


@pytest.mark.parametrize("size", [SIZE, (1280, 668)], ids=str)
def test_comparing_and_the_family_tree_lie_in_order(qtbot, page, size):
    page.resize(*size)
    page.tabs.setCurrentIndex(1)
    assert page.views.currentWidget().verticalScrollBar().maximum() == 0  # the table scrolls, and it alone
    page.history.choose([record.id for record in page.model._runs.records()])
    qtbot.waitUntil(page.history.compare.overlay.isVisible)
    assert cut_off_at_rest(page, qtbot) == []
    overlay = page.history.compare.overlay
    qtbot.waitUntil(lambda: overlay.key.geometry().bottom() < overlay.plot.y())
    page.tabs.setCurrentIndex(2)
    last = max((card for card in page.lineage.stations.values()), key=lambda card: card.y())
    qtbot.waitUntil(lambda: page.lineage.area.height() >= 200 and last.geometry().bottom() < page.lineage.area.y())
    assert cut_off_at_rest(page, qtbot) == []


@pytest.mark.parametrize("points", [[(0.0, 50.0)], [(0.0, 50.0), (1.0, 60.0)]], ids=["one", "two"])
def test_a_figure_of_the_machine_is_seen_from_its_first_point(qtbot, points):
    meter = GaugeMeter(GAUGES[0])
    qtbot.addWidget(meter)
    meter.resize(meter.sizeHint())
    picture = meter.grab().toImage()
    meter.show_points(points)
    drawn = meter.grab().toImage()
    colour = QColor(theme.tokens().plot[0])
    places = [(x, y) for x in range(drawn.width()) for y in range(drawn.height())]
    assert not any(picture.pixelColor(x, y) == colour for x, y in places)
    assert any(drawn.pixelColor(x, y) == colour for x, y in places)


def test_a_method_is_called_by_its_short_name_in_any_language(monkeypatch):
    assert words.in_few_words(METHODS["sft"]) == "SFT"
    monkeypatch.setattr(words, "translated", lambda text: "示例教学（SFT）")
    assert words.in_few_words(METHODS["sft"]) == "SFT"
    monkeypatch.setattr(words, "translated", lambda text: "示例教学")
    assert words.in_few_words(METHODS["sft"]) == "示例教学"

import json
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QInputDialog, QMessageBox, QPushButton, QToolButton

from studio.core.curves import Curves
from studio.core.events import Event
from studio.core.methods import METHODS, SftSettings
from studio.core.recipes import Recipe
from studio.gui.pages.runs import RunsPage
from studio.gui.pages.runs.history_model import COLUMNS, RUN_ID
from studio.gui.plots.overlay import OverlayPlot, Shown
from studio.gui.preferences import Preferences
from studio.jobs.runs import ProjectRuns
from tests.gui.pages.runs_for_tests import file_in, finished_run


@pytest.fixture
def recipe(project, model_folder):
    return Recipe(str(model_folder), "greetings", name="first", dataset_hash="f" * 64)


@pytest.fixture
def three(project, recipe):
    """Three finished runs, the last with another learning rate."""
    settings = replace(recipe.settings, learning_rate=0.01)
    recipes = (recipe, replace(recipe, name="second"), replace(recipe, name="third", settings=settings))
    return [finished_run(project, known, number) for number, known in enumerate(recipes)]


@pytest.fixture
def page(qtbot, project, three):
    runs = ProjectRuns(project)
    made = RunsPage(project, runs, Preferences())
    qtbot.addWidget(made)
    made.resize(1200, 800)
    made.show()
    qtbot.waitUntil(lambda: len(runs.records()) == 3)
    made.tabs.setCurrentIndex(1)
    yield made
    made.close_down()
    runs.close()


@pytest.fixture
def history(page):
    return page.history


def told(history, column):
    place = COLUMNS.index(column)
    return [history.shown.index(row, place).data() for row in range(history.shown.rowCount())]


def answer(history, text):
    """Type into the open question and accept it."""
    dialog = next(found for found in history.findChildren(QInputDialog) if found.isVisible())
    dialog.setTextValue(text)
    dialog.accept()


def press(history, text):
    question = next(found for found in history.findChildren(QMessageBox) if found.isVisible())
    next(button for button in question.findChildren(QPushButton) if button.text() == text).click()


def test_the_table_tells_each_run_newest_first_and_sorts(history):
    assert told(history, "Name") == ["third", "second", "first"]
    assert told(history, "Result") == ["eval loss 2.5", "eval loss 1.5", "eval loss 0.5"]
    assert told(history, "Steps") == ["5", "5", "5"]
    history.table.sortByColumn(COLUMNS.index("Name"), Qt.SortOrder.AscendingOrder)
    assert told(history, "Name") == ["first", "second", "third"]


def test_words_find_runs_by_name_tag_and_note(qtbot, history, three):
    history.choose([three[0].id, three[1].id])
    qtbot.mouseClick(history.buttons["Tags…"], Qt.MouseButton.LeftButton)
    answer(history, "keep,  good , keep")
    assert told(history, "Tags") == ["", "keep, good", "keep, good"]
    history.choose([three[0].id])
    qtbot.mouseClick(history.buttons["Note…"], Qt.MouseButton.LeftButton)
    answer(history, "the <b>one</b> to show")
    qtbot.keyClicks(history.filter, "KEEP show")
    assert told(history, "Name") == ["first"]
    assert "1 of 3 runs" in history.chosen.text()
    history.filter.clear()
    assert len(told(history, "Name")) == 3
    assert json.loads((three[0].folder / "notes.json").read_text())["tags"] == ["keep", "good"]


def test_a_new_name_is_kept_beside_the_recipe(qtbot, page, history, three, project):
    history.choose([three[1].id])
    qtbot.mouseClick(history.buttons["Rename…"], Qt.MouseButton.LeftButton)
    answer(history, "  the   better one ")
    assert told(history, "Name")[1] == "the better one"
    assert three[1].recipe().name == "second"
    runs = ProjectRuns(project)  # as another start would find it
    try:
        qtbot.waitUntil(lambda: len(runs.records()) == 3)
        assert runs.record(three[1].id).name == "the better one"
    finally:
        runs.close()


def test_a_name_is_seen_wherever_the_run_is_shown_and_an_empty_one_brings_the_first_back(qtbot, page, history, three):
    page.open_run(three[1].id)
    page.tabs.setCurrentIndex(1)
    history.choose([three[1].id])
    history.acts.rename()
    answer(history, " \u202enamed\x00\n anew ")  # nothing that would turn the writing round
    qtbot.waitUntil(lambda: page.view.head.title.text() == "named anew")
    assert told(history, "Name")[1] == "named anew"
    history.acts.rename()
    answer(history, "x" * 5000)
    assert told(history, "Name")[1] == "x" * 200
    history.acts.rename()
    answer(history, "   ")
    assert told(history, "Name")[1] == "second"
    assert "called “second” again" in history.notice.what.text()


def test_what_clears_the_filter_stands_in_its_middle(qtbot, history):
    history.filter.setText("first")
    (clear,) = history.filter.findChildren(QToolButton)
    qtbot.waitUntil(clear.isVisible)
    assert abs(clear.geometry().center().y() - history.filter.rect().center().y()) <= 1
    assert history.filter.rect().contains(clear.geometry())
    qtbot.mouseClick(clear, Qt.MouseButton.LeftButton)
    assert history.filter.text() == ""


def test_words_that_no_run_holds_are_said_to_be_so(history):
    history.filter.setText("nothing like it [(*")
    assert told(history, "Name") == []
    assert history.chosen.text() == "None of the 3 runs holds all of these words."


def test_a_loss_that_is_no_number_is_said_in_words(qtbot, history, project, recipe):
    run = finished_run(project, recipe, 9)
    lines = run.events.read_text().splitlines()
    kept = [line for line in lines if '"evaluation"' not in line and '"finished"' not in line]
    broken = '{"v":1,"event":"step","time":9,"step":6,"loss":"nan"}'
    run.events.write_text("\n".join([*kept, broken]) + "\n")
    qtbot.waitUntil(lambda: len(told(history, "Result")) == 4)
    qtbot.waitUntil(lambda: told(history, "Result")[0] == "not a number")


def test_what_is_thrown_away_can_be_taken_back(qtbot, page, history, three, project):
    history.choose([three[0].id, three[2].id])
    history.table.setFocus()
    qtbot.keyClick(history.table, Qt.Key.Key_Delete)
    press(history, "Move to trash")
    assert told(history, "Name") == ["second"]
    assert not three[0].folder.exists()
    assert len(list((project.folder / "trash").glob("*/*/recipe.json"))) == 2
    assert history.notice.action.text() == "Take them back"
    qtbot.mouseClick(history.notice.action, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: sorted(told(history, "Name")) == ["first", "second", "third"])
    assert three[0].events.is_file()


def test_several_runs_are_drawn_into_one_plot_and_their_settings_compared(qtbot, history, three):
    history.choose([run.id for run in three])
    compare = history.compare
    assert compare.isVisible()
    qtbot.waitUntil(lambda: all(len(line.trace) == 5 for line in compare.overlay._lines))
    drawn = {line.sample.accessibleName() for line in compare.overlay._lines}
    assert {name.split(":")[0] for name in drawn} == {"first", "second", "third"}
    looks = [line.curve.opts["pen"] for line in compare.overlay._lines]
    assert len({(pen.color().name(), pen.style()) for pen in looks}) == 3
    assert len({pen.style() for pen in looks}) == 3  # told apart without colours too
    compare.tabs.setCurrentIndex(1)
    rows = [compare.table.item(row, 0).text() for row in range(compare.table.rowCount())]
    assert rows == ["≠ Learning rate"]
    assert [compare.table.item(0, column).text() for column in (1, 2, 3)] == ["0.01", "0.0002", "0.0002"]
    compare.only.setChecked(False)
    assert compare.table.rowCount() > 10


def test_a_comparison_can_be_drawn_over_time_and_of_another_metric(qtbot, history, three):
    history.choose([three[0].id, three[1].id])
    overlay = history.compare.overlay
    qtbot.waitUntil(lambda: all(len(line.trace) == 5 for line in overlay._lines))
    overlay.over.setCurrentIndex(overlay.over.findData("tokens"))
    overlay.over.activated.emit(1)
    assert list(overlay._lines[0].curve.getOriginalDataset()[0]) == [10, 20, 30, 40, 50]
    overlay.choice.setCurrentIndex(overlay.choice.findData("eval_loss"))
    overlay.choice.activated.emit(1)
    assert list(overlay._lines[0].curve.getOriginalDataset()[1]) == [1.5]


def test_a_comparison_begins_with_the_metric_of_the_method_and_says_what_it_means(qtbot, history, three, project):
    assert finished_run(project, replace(three[0].recipe(), method="reward", settings=METHODS["reward"].settings()), 7)
    qtbot.waitUntil(lambda: history.shown.rowCount() == 4)
    judge = history.shown.index(0, 0).data(RUN_ID)
    history.choose([three[0].id, three[1].id])
    overlay = history.compare.overlay
    qtbot.waitUntil(lambda: overlay.choice.currentText() == "Loss")
    assert "answers it learns from" in overlay.about.text()
    overlay.choice.setCurrentIndex(overlay.choice.findData("eval_loss"))
    overlay.choice.activated.emit(overlay.choice.currentIndex())
    # “The same on examples it never trains on” alone would say nothing.
    assert overlay.about.text().startswith("How surprised the model is")
    history.choose([judge, three[0].id])
    assert overlay.choice.currentText() == "Eval loss"  # as the user chose
    assert "a loss of its own" in overlay.about.text()


def test_a_comparison_of_runs_that_learn_from_rewards_begins_with_the_score(qtbot):
    curves = Curves()
    curves.feed(Event("step", 1.0, {"step": 1, "loss": 0.0, "score": 1.0}))
    plot = OverlayPlot()
    qtbot.addWidget(plot)
    plot.show_runs([Shown("one", curves, "ppo"), Shown("other", curves, "grpo")])
    assert plot.choice.currentText() == "Score"


def test_a_mixed_comparison_begins_with_what_most_of_them_measure(qtbot):
    rewarded, taught = Curves(), Curves()
    rewarded.feed(Event("step", 1.0, {"step": 1, "loss": 0.0, "score": 1.0}))
    taught.feed(Event("step", 1.0, {"step": 1, "loss": 0.5}))
    plot = OverlayPlot()
    qtbot.addWidget(plot)
    plot.show_runs([Shown("one", rewarded, "ppo"), Shown("other", taught, "sft"), Shown("third", taught, "sft")])
    assert plot.choice.currentText() == "Loss"


def test_losses_of_different_variants_are_not_compared_by_their_size(qtbot):
    curves = Curves()
    curves.feed(Event("step", 1.0, {"step": 1, "loss": 0.5}))
    plot = OverlayPlot()
    qtbot.addWidget(plot)
    plot.show_runs([Shown("one", curves, "dpo", "sigmoid"), Shown("other", curves, "dpo", "ipo")])
    assert "a loss of its own" in plot.about.text()
    plot.show_runs([Shown("one", curves, "dpo", "ipo"), Shown("other", curves, "dpo", "ipo")])
    assert "favouring the preferred answers" in plot.about.text()


def test_what_a_run_measures_later_is_offered_then(qtbot):
    curves = Curves()
    plot = OverlayPlot()
    qtbot.addWidget(plot)
    plot.show_runs([Shown("one", curves, "sft"), Shown("other", Curves(), "sft")])
    assert plot.choice.count() == 0
    curves.feed(Event("step", 1.0, {"step": 1, "loss": 0.5}))
    plot.draw()
    assert plot.choice.currentText() == "Loss"
    assert list(plot._lines[0].curve.getOriginalDataset()[1]) == [0.5]


def test_a_run_can_be_repeated_saved_and_reported(qtbot, page, history, three, tmp_path):
    history.choose([three[2].id])
    with qtbot.waitSignal(page.recipe_requested) as asked:
        qtbot.mouseClick(history.buttons["New run from this one"], Qt.MouseButton.LeftButton)
    assert asked.args[0].settings == SftSettings(learning_rate=0.01)
    history.acts.copy_command()
    assert "plumbline train" in QGuiApplication.clipboard().text()
    file = file_in(tmp_path, "rezept ü.json")
    history.acts.save_recipe(file)
    assert Recipe.from_json((tmp_path / "rezept ü.json").read_text()) == three[2].recipe()
    history.acts.save_report(file_in(tmp_path, "report.html"))
    qtbot.waitUntil(lambda: "The report is saved" in history.notice.what.text())
    qtbot.waitUntil(lambda: history.acts._task.is_over)
    history.acts.write_for_tensorboard()
    qtbot.waitUntil(lambda: "tensorboard" in history.notice.what.text())
    assert list((three[2].folder / "tensorboard").glob("*tfevents*"))
    report = (tmp_path / "report.html").read_text()
    assert "<svg" in report
    assert "0.01" in report
    assert "http" not in report.replace("http://www.w3.org", "").replace("http-equiv", "")


def test_a_file_that_cannot_be_written_is_said(qtbot, history, three, tmp_path):
    history.choose([three[0].id])
    (tmp_path / "taken").write_text("")
    history.acts.save_recipe(file_in(tmp_path / "taken", "recipe.json"))
    assert history.notice.isVisible()
    assert "recipe.json" in history.notice.what.text() or "taken" in history.notice.what.text()


def test_a_run_is_opened_from_the_table(qtbot, page, history, three):
    history.choose([three[1].id])
    qtbot.mouseClick(history.buttons["Open"], Qt.MouseButton.LeftButton)
    assert page.tabs.currentIndex() == 0
    assert page.view.run_id == three[1].id


def test_what_can_be_done_depends_on_what_is_chosen(history, three):
    history.choose([])
    assert not any(button.isEnabled() for button in history.buttons.values())
    history.choose([three[0].id, three[1].id])
    assert [word for word, button in history.buttons.items() if button.isEnabled()] == ["Tags…", "Delete…"]

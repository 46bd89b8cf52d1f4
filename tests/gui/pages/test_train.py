import shlex
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox

from studio.core.messages import Example, Message
from studio.core.methods import SftSettings
from studio.core.recipes import Recipe
from studio.gui.pages.train import TrainPage
from studio.gui.pages.train.command import command_line, write_recipe
from studio.gui.preferences import Preferences
from studio.jobs.runs import ProjectRuns
from studio.storage.datasets import add_dataset, list_datasets
from studio.storage.models import add_model

FAKE = Path(__file__).resolve().parents[2] / "processes" / "fake_worker.py"


@pytest.fixture
def make_page(qtbot):
    """Makes a Train page on a project; runs are of a worker without a model."""
    made = []

    def make(project, preferences=None):
        runs = ProjectRuns(project, command=lambda run: [sys.executable, str(FAKE), str(run.folder), "fail", "9"])
        page = TrainPage(project, runs, preferences or Preferences())
        qtbot.addWidget(page)
        page.resize(1200, 800)
        page.show()
        made.append((page, runs))
        return page

    yield make
    for page, runs in made:
        page.close_down()
        runs.close()


def click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def choose_model(qtbot, page, folder):
    with qtbot.waitSignal(page.model.model_chosen):
        page.model.choose(folder)


def fact(page, word):
    return page.summary.facts[word].text()


def test_start_says_what_is_missing_and_leads_there(qtbot, make_page, empty_project, model_folder):
    page = make_page(empty_project)
    assert page.start.text() == "Choose a base model"
    click(qtbot, page.start)
    assert page.focusWidget() is page.model.combo
    choose_model(qtbot, page, model_folder)
    assert page.start.text() == "Import a dataset first"
    with qtbot.waitSignal(page.import_requested):
        click(qtbot, page.start)
    add_dataset(empty_project, "new", "new.json", [Example((Message("user", "a"), Message("assistant", "b")))] * 4)
    page.choose_dataset(list_datasets(empty_project)[0].id)
    rate = page.settings.rows["learning_rate"].editor
    rate.setText("fast")
    assert page.start.text() == "Correct “Learning rate”"
    assert "“fast”" in page.summary.problem.text()
    click(qtbot, page.start)
    assert page.focusWidget() is rate
    rate.setText("2e-3")
    assert page.start.text() == "Start training"
    assert not page.summary.problem.isVisible()


def test_starting_makes_the_run_that_was_asked_for(qtbot, make_page, project, model_folder):
    page = make_page(project)
    choose_model(qtbot, page, model_folder)
    page.settings.rows["learning_rate"].editor.setText("2e-3")
    page.template.setCurrentIndex(page.template.findData("chatml"))
    page.name.setText("my first")
    with qtbot.waitSignal(page.run_started) as started:
        page.start.setFocus()
        qtbot.keyClick(page.start, Qt.Key.Key_Space)
    record = page._runs.record(started.args[0])
    assert record.recipe == Recipe(
        str(model_folder),
        list_datasets(project)[0].id,
        "my first",
        "chatml",
        dataset_hash=list_datasets(project)[0].content_hash,
        settings=SftSettings(learning_rate=2e-3),
    )
    with qtbot.waitSignal(page._runs.run_ended):
        pass


def test_a_model_that_was_deleted_meanwhile_is_said(qtbot, make_page, project, model_folder):
    page = make_page(project)
    choose_model(qtbot, page, model_folder)
    (model_folder / "model.safetensors").unlink()
    click(qtbot, page.start)
    assert "no weights" in page.notice.what.text()
    assert page._runs.records() == []


def test_the_summary_counts_as_the_worker_will(qtbot, make_page, project, model_folder):
    page = make_page(project)
    choose_model(qtbot, page, model_folder)
    assert "190 to learn from, 10 held out" in fact(page, "Data")
    assert fact(page, "Each step") == "8 examples (4 at a time × 2)"
    assert fact(page, "Steps in all").startswith(f"{SftSettings().steps_for(190)},")
    assert fact(page, "Example") == "up to 64 tokens, the most that the model can read"
    page.settings.advanced.setChecked(True)
    page.settings.rows["max_steps"].editor.setValue(5)
    page.settings.rows["held_out"].editor.setText("0")
    assert fact(page, "Steps in all") == "5, then it stops"
    assert "all to learn from" in fact(page, "Data")


def test_a_model_without_a_template_begins_with_a_built_in_one(qtbot, make_page, project, model_folder):
    page = make_page(project)
    choose_model(qtbot, page, model_folder)
    assert page.template.currentData() == "alpaca"
    page.template.setCurrentIndex(page.template.findData("transcript"))
    page.template.activated.emit(page.template.currentIndex())
    (model_folder / "chat_template.jinja").write_text("{{ messages }}")
    choose_model(qtbot, page, model_folder)
    assert page.template.currentData() == "transcript"  # what the user chose stays


def test_a_known_model_is_chosen_at_the_start(qtbot, make_page, project, empty_project, model_folder):
    add_model(project, model_folder)
    page = make_page(project)
    qtbot.waitUntil(lambda: page.start.text() == "Start training")
    assert page._preferences.values.recent_models == (str(model_folder),)


def test_another_project_begins_with_the_model_used_last(qtbot, make_page, project, model_folder):
    preferences = Preferences()
    preferences.change(recent_models=("/gone/for/good", str(model_folder)))
    page = make_page(project, preferences)
    qtbot.waitUntil(lambda: page.start.text() == "Start training")


def test_copy_as_command(qtbot, make_page, project, model_folder):
    page = make_page(project)
    choose_model(qtbot, page, model_folder)
    page.name.setText("Größer / schneller?")
    click(qtbot, page.copy)
    words = shlex.split(QGuiApplication.clipboard().text())
    assert words[:2] == ["plumbline", "train"]
    assert words[3:] == ["--project", str(project.folder)]
    recipe = Recipe.from_json(Path(words[2]).read_text(encoding="utf-8"))
    assert recipe == page.recipe()
    assert recipe.dataset == "greetings"
    assert "clipboard" in page.notice.what.text()


def test_copying_again_reuses_an_equal_file_and_never_overwrites_another(project):
    recipe = Recipe("m", "d", name="a/b")
    first = write_recipe(project, recipe)
    assert first.name == "a-b.json"
    assert write_recipe(project, recipe) == first
    assert write_recipe(project, Recipe("m", "other", name="a/b")).name == "a-b-2.json"
    assert Recipe.from_json(first.read_text()) == recipe


def test_the_command_of_windows(project):
    line = command_line(project, Path("C:/a b/c.json"), "win32")
    assert '"C:' in line
    assert f'--project "{project.folder}"' in line


def test_show_all_settings_is_remembered(qtbot, make_page, project):
    page = make_page(project)
    page.settings.advanced.setChecked(True)
    assert Preferences().values.advanced
    assert make_page(project).settings.advanced.isChecked()


def test_what_other_pages_did_is_seen_when_the_page_is_shown(make_page, project):
    page = make_page(project)
    page.hide()
    add_dataset(project, "later", "later.json", [Example((Message("user", "a"), Message("assistant", "b")))])
    page.show()
    assert isinstance(page.dataset.combo, QComboBox)
    assert page.dataset.combo.count() == 2
    assert page.dataset.dataset().name == "greetings"  # the choice stays


def test_every_field_has_a_name_for_screen_readers(make_page, project):
    page = make_page(project)
    for field in (
        page.dataset.combo,
        page.start_from.combo,
        page.template,
        page.name,
        page.model.combo,
        *(r.editor for r in page.settings.rows.values()),
    ):
        assert field.accessibleName()

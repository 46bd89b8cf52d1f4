import shlex
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox

from studio.core.messages import Example, Message
from studio.core.methods import METHODS, DpoSettings, Method, PretrainSettings, RewardSettings, SftSettings
from studio.core.recipes import Recipe
from studio.core.records import Label, Pair
from studio.gui.pages.train import TrainPage
from studio.gui.preferences import Preferences
from studio.jobs.runs import ProjectRuns
from studio.storage.datasets import add_dataset, list_datasets
from studio.storage.models import add_model
from studio.storage.recipe_files import command_line, write_recipe
from studio.storage.runs import RunFolder, seal

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
    with qtbot.waitSignal(page.form.model.model_chosen):
        page.form.model.choose(folder)


def fact(page, word):
    return page.summary.facts[word].text()


def test_start_says_what_is_missing_and_leads_there(qtbot, make_page, empty_project, model_folder):
    page = make_page(empty_project)
    assert page.start.text() == "Choose a base model"
    click(qtbot, page.start)
    assert page.focusWidget() is page.form.model.combo
    choose_model(qtbot, page, model_folder)
    assert page.start.text() == "Import a dataset first"
    with qtbot.waitSignal(page.import_requested):
        click(qtbot, page.start)
    add_dataset(empty_project, "new", "new.json", [Example((Message("user", "a"), Message("assistant", "b")))] * 4)
    page.form.choose_dataset(list_datasets(empty_project)[0].id)
    rate = page.form.settings.rows["learning_rate"].editor
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
    page.form.settings.rows["learning_rate"].editor.setText("2e-3")
    page.form.template.combo.setCurrentIndex(page.form.template.combo.findData("chatml"))
    page.form.name.setText("my first")
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
    page.form.settings.advanced.setChecked(True)
    page.form.settings.rows["max_steps"].editor.setValue(5)
    page.form.settings.rows["held_out"].editor.setText("0")
    assert fact(page, "Steps in all") == "5, then it stops"
    assert "all to learn from" in fact(page, "Data")
    page.form.settings.rows["batch_tokens"].editor.setValue(2048)
    assert fact(page, "Each step") == "as many as fit into 2,048 tokens, × 2"
    assert fact(page, "Steps in all") == "counted when the examples are read"


def test_a_model_without_a_template_begins_with_a_built_in_one(qtbot, make_page, project, model_folder):
    page = make_page(project)
    choose_model(qtbot, page, model_folder)
    assert page.form.template.combo.currentData() == "alpaca"
    page.form.template.combo.setCurrentIndex(page.form.template.combo.findData("transcript"))
    page.form.template.combo.activated.emit(page.form.template.combo.currentIndex())
    (model_folder / "chat_template.jinja").write_text("{{ messages }}")
    choose_model(qtbot, page, model_folder)
    assert page.form.template.combo.currentData() == "transcript"  # what the user chose stays


def test_a_known_model_is_chosen_at_the_start(qtbot, make_page, project, empty_project, model_folder):
    add_model(project, model_folder)
    page = make_page(project)
    qtbot.waitUntil(lambda: page.start.text() == "Start training")
    assert page.form._preferences.values.recent_models == (str(model_folder),)


def test_another_project_begins_with_the_model_used_last(qtbot, make_page, project, model_folder):
    preferences = Preferences()
    preferences.change(recent_models=("/gone/for/good", str(model_folder)))
    page = make_page(project, preferences)
    qtbot.waitUntil(lambda: page.start.text() == "Start training")


def test_copy_as_command(qtbot, make_page, project, model_folder):
    page = make_page(project)
    choose_model(qtbot, page, model_folder)
    page.form.name.setText("Größer / schneller?")
    click(qtbot, page.copy)
    words = shlex.split(QGuiApplication.clipboard().text())
    assert words[:2] == ["plumbline", "train"]
    assert words[3:] == ["--project", str(project.folder)]
    recipe = Recipe.from_json(Path(words[2]).read_text(encoding="utf-8"))
    assert recipe == page.form.recipe()
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
    page.form.settings.advanced.setChecked(True)
    assert Preferences().values.advanced
    assert make_page(project).form.settings.advanced.isChecked()


def test_what_other_pages_did_is_seen_when_the_page_is_shown(make_page, project):
    page = make_page(project)
    page.hide()
    add_dataset(project, "later", "later.json", [Example((Message("user", "a"), Message("assistant", "b")))])
    page.show()
    assert isinstance(page.form.dataset.combo, QComboBox)
    assert page.form.dataset.combo.count() == 2
    assert page.form.dataset.dataset().name == "greetings"  # the choice stays


def test_every_field_has_a_name_for_screen_readers(make_page, project):
    page = make_page(project)
    for field in (
        page.form.dataset.combo,
        page.form.start_from.combo,
        page.form.template.combo,
        page.form.name,
        page.form.model.combo,
        *(r.editor for r in page.form.settings.rows.values()),
    ):
        assert field.accessibleName()


# ----------------------------------------------------------------------------------------------------- several methods


@pytest.fixture
def methods(monkeypatch):
    """Four ways to train, whatever Plumbline has."""
    for name in list(METHODS):
        monkeypatch.delitem(METHODS, name)
    for method in (
        Method("sft", "By example", "Learns answers.", ("examples",), "an adapter to talk to", SftSettings),
        Method("dpo", "By preference", "Learns to prefer.", ("pairs",), "an adapter", DpoSettings, after=("sft",)),
        Method("reward", "Judge", "Learns to judge.", ("pairs", "ratings"), "a judge", RewardSettings, talks=False),
        Method("pretrain", "By reading", "Learns a language.", ("passages",), "an adapter", PretrainSettings),
    ):
        monkeypatch.setitem(METHODS, method.name, method)


@pytest.fixture
def pairs(project):
    prompt = (Message("user", "a"),)
    return add_dataset(project, "prefs", "p.json", [Pair(prompt, f"good {n}", "bad") for n in range(50)], kind="pairs")


def finished_run(project, model_folder, name, method="sft"):
    """A run that is over, with an adapter."""
    recipe = Recipe(str(model_folder), "greetings", name, method=method, settings=METHODS[method].settings())
    run = RunFolder.create(project.runs, recipe)
    run.events.write_text('{"v":1,"event":"started","time":1}\n{"v":1,"event":"finished","time":3,"step":2}\n')
    run.adapter.mkdir()
    (run.adapter / "adapter_config.json").write_text("{}")
    (run.adapter / "adapter_model.safetensors").write_text("x")
    seal(run.adapter)
    return run


def rows_of(page):
    """In how many rows the methods stand."""
    return len({card.y() for card in page.form.methods.cards.values()})


def listed(combo):
    return [combo.itemText(row) for row in range(combo.count())]


def test_a_method_is_chosen_by_key_and_remembered(qtbot, make_page, project, methods):
    page = make_page(project)
    cards = page.form.methods.cards
    with qtbot.waitActive(page):
        page.activateWindow()
    qtbot.waitUntil(lambda: rows_of(page) == 1)
    cards["sft"].button.setFocus()
    qtbot.keyClick(cards["sft"].button, Qt.Key.Key_Right)
    qtbot.keyClick(cards["dpo"].button, Qt.Key.Key_Right)
    assert page.form.methods.method().name == "reward"
    cards["dpo"].button.setFocus()
    qtbot.keyClick(cards["dpo"].button, Qt.Key.Key_Space)
    assert page.form.methods.method().name == "dpo"
    assert Preferences().values.method == "dpo"
    assert make_page(project, Preferences()).form.methods.method().name == "dpo"
    for card in cards.values():
        assert card.button.text()
        assert card.button.accessibleDescription()


def test_a_click_anywhere_on_a_card_chooses_it(qtbot, make_page, project, methods):
    page = make_page(project)
    card = page.form.methods.cards["reward"]
    qtbot.mouseClick(card, Qt.MouseButton.LeftButton, pos=card.rect().bottomRight() - QPoint(6, 6))
    assert page.form.methods.method().name == "reward"
    assert card.property("chosen") == "true"
    assert page.form.methods.cards["sft"].property("chosen") == "false"


def test_a_remembered_method_that_is_gone_is_no_trouble(make_page, project, methods):
    preferences = Preferences()
    preferences.change(method="alchemy")
    assert make_page(project, preferences).form.methods.method().name == "sft"


def test_the_form_is_the_methods_and_keeps_what_was_typed(make_page, project, methods):
    page = make_page(project)
    page.form.settings.rows["learning_rate"].editor.setText("1e-3")
    page.form.methods.choose("dpo")
    assert "beta" in page.form.settings.rows
    assert page.form.settings.values() == DpoSettings()
    page.form.settings.rows["beta"].editor.setText("0.3")
    page.form.methods.choose("sft")
    assert page.form.settings.values() == SftSettings(learning_rate=1e-3)
    assert [form for form in page.form._forms.values() if form.isVisible()] == [page.form.settings]
    page.form.methods.choose("dpo")
    assert page.form.settings.values().beta == 0.3


def test_only_datasets_that_the_method_needs_are_listed(qtbot, make_page, project, model_folder, pairs, methods):
    page = make_page(project)
    assert listed(page.form.dataset.combo) == ["greetings (200 examples)"]
    page.form.methods.choose("dpo")
    assert listed(page.form.dataset.combo) == ["prefs (50 pairs)"]
    assert "pairs (two answers, one preferred)" in page.form.dataset.about.text()
    assert not page.form.dataset.bring.isVisible()
    page.form.methods.choose("pretrain")
    choose_model(qtbot, page, model_folder)
    assert "has no passages yet" in page.form.dataset.missing.text()
    assert page.start.text() == "Import a dataset first"
    with qtbot.waitSignal(page.import_requested):
        click(qtbot, page.form.dataset.bring)
    page.form.methods.choose("sft")
    assert page.form.dataset.dataset().name == "greetings"


def test_plain_text_has_no_template(qtbot, make_page, project, model_folder, methods):
    page = make_page(project)
    choose_model(qtbot, page, model_folder)
    assert page.form.template.isVisible()
    page.form.methods.choose("pretrain")
    assert not page.form.template.isVisible()
    assert fact(page, "Template").startswith("none")
    assert fact(page, "Each step").startswith("8 blocks")


def test_train_on_this_takes_a_method_that_fits(make_page, project, pairs, methods):
    page = make_page(project)
    page.form.choose_dataset(pairs.id)
    assert page.form.methods.method().name == "dpo"
    assert page.form.dataset.dataset().id == pairs.id
    page.form.methods.choose("reward")
    page.form.choose_dataset(pairs.id)
    assert page.form.methods.method().name == "reward"  # it fits too


def test_a_dataset_that_no_method_takes_is_said(make_page, project, methods):
    prompt = (Message("user", "a"),)
    labels = add_dataset(project, "thumbs", "t.json", [Label(prompt, "b", True)], kind="labels")
    page = make_page(project)
    page.form.choose_dataset(labels.id)
    assert "“thumbs” holds labels" in page.notice.what.text()
    assert page.form.methods.method().name == "sft"


def test_the_newest_run_of_the_usual_first_step_is_proposed(
    qtbot, make_page, project, model_folder, pairs, methods, tmp_path
):
    finished_run(project, model_folder, "older").folder.rename(project.runs / "20260101-100000-sft-aaaa")
    newest = finished_run(project, model_folder, "newest")
    finished_run(project, model_folder, "judge", "reward")
    finished_run(project, tmp_path / "another model", "elsewhere")
    page = make_page(project)
    choose_model(qtbot, page, model_folder)
    qtbot.waitUntil(lambda: page.form.start_from.combo.count() == 3)
    assert page.form.start_from.adapter() == ""  # nothing comes before learning by example
    assert listed(page.form.start_from.combo)[0] == "The base model itself"
    assert [line.split(",")[0] for line in listed(page.form.start_from.combo)[1:]] == ["newest", "older"]

    page.form.methods.choose("dpo")
    assert page.form.start_from.adapter() == str(newest.adapter)
    assert "Recommended: “By preference” usually comes after “By example”" in page.form.start_from.about.text()
    assert fact(page, "Starts from") == "the adapter of “newest”"
    assert page.form.template.template() == "model"
    assert "as the adapter was trained" in page.form.template.about.text()
    assert fact(page, "You get") == "an adapter"
    click(qtbot, page.copy)
    recipe = Recipe.from_json(Path(shlex.split(QGuiApplication.clipboard().text())[2]).read_text(encoding="utf-8"))
    assert (recipe.method, recipe.adapter, recipe.settings) == ("dpo", str(newest.adapter), DpoSettings())
    assert recipe.dataset == "prefs"

    page.form.start_from.combo.setCurrentIndex(0)
    page.form.start_from.combo.activated.emit(0)
    assert page.form.recipe().adapter == ""
    assert "the newest such run is “newest”" in page.form.start_from.about.text()
    assert page.form.template.template() == "alpaca"  # the base has none of its own
    page.form.methods.choose("sft")
    page.form.methods.choose("dpo")
    assert page.form.start_from.adapter() == ""  # what the user chose stays


def test_without_a_run_to_go_on_from_it_is_said_what_usually_comes_before(
    qtbot, make_page, project, model_folder, pairs, methods
):
    page = make_page(project)
    choose_model(qtbot, page, model_folder)
    assert not page.form.start_from.isVisible()
    page.form.methods.choose("dpo")
    assert "this base model has no such run yet" in page.form.start_from.about.text()
    assert page.form.start_from.isVisible()
    with qtbot.waitSignal(page.run_started) as started:
        click(qtbot, page.start)
    recipe = page._runs.record(started.args[0]).recipe
    assert (recipe.method, recipe.adapter, recipe.dataset) == ("dpo", "", pairs.id)
    with qtbot.waitSignal(page._runs.run_ended):
        pass


def test_cards_and_summary_make_do_with_a_small_window(qtbot, make_page, project, methods):
    page = make_page(project)
    qtbot.waitUntil(lambda: rows_of(page) == 1)
    page.resize(900, 480)
    qtbot.waitUntil(lambda: rows_of(page) > 1)
    assert page.form.horizontalScrollBar().maximum() == 0
    assert page.start.isVisible()
    assert page.rect().contains(page.start.mapTo(page, page.start.rect().bottomRight()))
    facts = [fact for fact in page.summary.facts.values() if fact.isVisible()]
    qtbot.waitUntil(lambda: all(fact.height() >= fact.heightForWidth(fact.width()) for fact in facts))

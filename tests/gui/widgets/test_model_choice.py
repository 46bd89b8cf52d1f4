import threading

import pytest

from studio.gui.widgets import model_choice as module
from studio.gui.widgets.model_choice import ModelChoice
from studio.jobs.background import BackgroundTask
from studio.storage.models import add_model, list_models


@pytest.fixture
def choice(project, qtbot):
    made = ModelChoice(project)
    qtbot.addWidget(made)
    made.show()
    yield made
    made.close_down()


def test_a_folder_is_checked_and_joins_the_project(choice, qtbot, project, model_folder):
    with qtbot.waitSignal(choice.model_chosen) as chosen:
        choice.choose(model_folder)
    assert chosen.args[0].folder == model_folder
    assert choice.model() == chosen.args[0]
    assert list_models(project) == [model_folder]
    assert choice.combo.currentText() == model_folder.name
    assert "no chat template" in choice.summary.text()


def test_a_folder_without_weights_is_a_sentence_and_the_former_choice_stands(choice, qtbot, tmp_path, model_folder):
    with qtbot.waitSignal(choice.model_chosen):
        choice.choose(model_folder)
    bare = tmp_path / "no weights"
    bare.mkdir()
    (bare / "config.json").write_text("{}")
    choice.choose(bare)
    qtbot.waitUntil(choice.notice.isVisible)
    assert choice.notice.what.text() == "“no weights” has no weights (model.safetensors)."
    assert choice.notice.hint.text()
    assert choice.model().folder == model_folder
    assert choice.combo.currentText() == model_folder.name


def test_a_listed_folder_that_is_gone_is_a_sentence(project, qtbot, model_folder):
    add_model(project, model_folder)
    model_folder.rename(model_folder.with_name("moved"))
    choice = ModelChoice(project)
    qtbot.addWidget(choice)
    choice.show()
    choice.combo.activated.emit(0)
    qtbot.waitUntil(choice.notice.isVisible)
    assert "There is no model folder" in choice.notice.what.text()
    assert choice.model() is None
    choice.close_down()


def test_two_pages_know_of_each_others_models(choice, project, qtbot, model_folder):
    other = ModelChoice(project)
    qtbot.addWidget(other)
    with qtbot.waitSignal(choice.model_chosen):
        choice.choose(model_folder)
    other.show()
    assert other.combo.itemData(0) == str(model_folder)
    assert other.model() is None


def test_another_one_is_chosen_while_a_slow_one_is_checked(choice, qtbot, monkeypatch, model_folder, tmp_path):
    """The window doesn't wait for the slow one, and its answer no longer counts."""
    go_on, real = threading.Event(), module.add_model
    slow = tmp_path / "on a slow disk"
    chosen = []
    choice.model_chosen.connect(lambda model: chosen.append(model.folder))

    def add(project, folder):
        if folder == slow:
            go_on.wait(10)
            folder = model_folder
        return real(project, folder)

    monkeypatch.setattr(module, "add_model", add)
    choice.choose(slow)
    with qtbot.waitSignal(choice.model_chosen):
        choice.choose(model_folder)
    go_on.set()
    qtbot.waitUntil(lambda: not choice.findChildren(BackgroundTask))
    assert chosen == [model_folder]

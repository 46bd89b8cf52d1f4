import json
import shutil

import pytest

from studio.gui.widgets import ways_in
from studio.gui.widgets.code_consent import CodeConsent
from studio.gui.widgets.model_choice import ModelChoice
from studio.storage.consent import is_allowed
from studio.storage.model_code import own_code
from studio.storage.models import config_of


@pytest.fixture
def choice(project, qtbot):
    made = ModelChoice(project)
    qtbot.addWidget(made)
    made.show()
    yield made
    made.close_down()


def test_a_models_code_is_read_file_by_file_and_agreed_to(choice, qtbot, model_folder):
    (model_folder / "config.json").write_text(json.dumps({"model_type": "own", "auto_map": {"AutoModel": "b.M"}}))
    (model_folder / "a.py").write_text("first = '<b>file</b>'\n")
    (model_folder / "b.py").write_text("second = 2  # \u202e\n")
    choice.choose(model_folder)
    qtbot.waitUntil(choice.notice.isVisible)
    assert "its own Python code" in choice.notice.what.text() and choice.notice.action.text() == "Read the code…"
    choice.notice.action.click()
    dialog = choice.findChild(CodeConsent)
    assert dialog.text.toPlainText() == "first = '<b>file</b>'\n" and not dialog.agree.isEnabled()
    dialog.files.setCurrentIndex(1)
    assert dialog.text.toPlainText() == "second = 2  # ⟨202E⟩\n" and dialog.agree.isEnabled()
    with qtbot.waitSignal(choice.model_chosen):
        dialog.agree.click()
    assert choice.model().folder == model_folder
    assert is_allowed(own_code(model_folder, config_of(model_folder)).sha256)


def test_who_does_not_agree_gets_nothing(choice, qtbot, model_folder):
    (model_folder / "config.json").write_text(json.dumps({"model_type": "own", "auto_map": {"AutoModel": "b.M"}}))
    (model_folder / "b.py").write_text("second = 2\n")
    choice.choose(model_folder)
    qtbot.waitUntil(choice.notice.isVisible)
    choice.notice.action.click()
    choice.findChild(CodeConsent).refuse.click()
    assert choice.model() is None and not is_allowed(own_code(model_folder, config_of(model_folder)).sha256)


def test_pickled_weights_are_converted_into_the_project(choice, qtbot, project, model_folder, monkeypatch):
    good = model_folder / "model.safetensors"
    bad = good.rename(model_folder / "pytorch_model.bin")

    def convert(source, target, cancelled):
        shutil.copytree(source, target)
        (target / bad.name).rename(target / good.name)
        return target

    monkeypatch.setattr(ways_in, "convert_model", convert)
    choice.choose(model_folder)
    qtbot.waitUntil(choice.notice.isVisible)
    assert "pickle files" in choice.notice.what.text()
    with qtbot.waitSignal(choice.model_chosen):
        choice.notice.action.click()
    assert choice.model().folder == project.models / f"{model_folder.name}-safetensors"
    assert bad.is_file()  # what was there stays as it was

import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from studio.core.methods import METHODS, Method, RewardedSettings, RewardSettings
from studio.core.recipes import Recipe
from studio.core.rewards import Rewards
from studio.core.rules import Rule
from studio.gui.pages.train import TrainPage
from studio.gui.pages.train.reward_choice import RewardChoice
from studio.gui.preferences import Preferences
from studio.gui.widgets.code_consent import CodeConsent
from studio.jobs.runs import ProjectRuns
from studio.storage.consent import is_allowed, read_code
from studio.storage.runs import RunFolder, seal

FAKE = Path(__file__).resolve().parents[3] / "processes" / "fake_worker.py"


@pytest.fixture
def runs(project):
    made = ProjectRuns(project, command=lambda run: [sys.executable, str(FAKE), str(run.folder), "fail", "9"])
    yield made
    made.close()


@pytest.fixture
def choice(qtbot, runs):
    made = RewardChoice(runs)
    qtbot.addWidget(made)
    made.resize(560, 600)
    made.show()
    return made


@pytest.fixture
def judge_run(project, model_folder):
    """A finished run that made a reward model."""

    def make(name="judge"):
        recipe = Recipe(str(model_folder), "x", name=name, method="reward", settings=RewardSettings())
        run = RunFolder.create(project.runs, recipe)
        run.events.write_text('{"v":1,"event":"started","time":1}\n{"v":1,"event":"finished","time":3,"step":2}\n')
        run.adapter.mkdir()
        (run.adapter / "adapter.bin").write_text("x")
        seal(run.adapter)
        return run

    return make


@pytest.fixture
def code(tmp_path):
    file = tmp_path / "my reward ü.py"
    file.write_text("def score(prompt, answer):\n    return len(answer)  # <b>not bold</b>\n", encoding="utf-8")
    return file


def click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def question_of(choice):
    return next((found for found in choice.findChildren(CodeConsent) if found.isVisible()), None)


def test_rules_are_made_from_their_declarations(qtbot, choice):
    assert choice.missing()[0] == "Choose a reward"
    click(qtbot, choice.rules.add)
    row = choice.rules.rows[0]
    assert choice.missing() == ("Correct the rule", row.kind)
    assert "needs a pattern" in row.about.text()
    row.parts["pattern"].setText("(unclosed")
    assert "can't be read as a regular expression" in row.about.text()
    row.parts["pattern"].setText("(?i)thank")
    assert choice.missing() == ("", None)
    assert not row.parts["low"].isVisible()
    click(qtbot, choice.rules.add)
    second = choice.rules.rows[1]
    assert second.kind.currentData() == "length"
    assert not second.parts["pattern"].isVisible()
    second.parts["high"].setValue(40)
    second.weight.setText("-0,5")
    assert choice.rewards().rules == (
        Rule("matches", pattern="(?i)thank"),
        Rule("length", low=5, high=40, weight=-0.5),
    )
    second.weight.setText("much")
    assert "“much”, which is not a number" in second.about.text()
    click(qtbot, second.remove)
    assert [rule.kind for rule in choice.rewards().rules] == ["matches"]


def test_a_finished_reward_run_can_be_chosen_and_a_judge_must_be_another_one(qtbot, choice, runs, judge_run):
    assert "No run of this project" in choice.model.about.text()
    first, second = judge_run("one"), judge_run("two")
    qtbot.waitUntil(lambda: choice.model.combo.count() == 4)
    choice.model.choose(str(first.adapter))
    choice.weight.setText("2")
    assert choice.rewards() == Rewards(str(first.adapter), model_weight=2)
    assert "another base model" in choice.model.about.text()
    choice.watch.setChecked(True)
    assert choice.missing() == ("Choose a judge", choice.judge.combo)
    choice.judge.choose(str(first.adapter))
    assert "could never disagree" in choice.wrong.text()
    assert choice.missing()[0] == "Correct the reward"
    choice.judge.choose(str(second.adapter))
    assert choice.missing() == ("", None)
    choice.watch.setChecked(False)
    assert not choice.rewards().has_judge
    choice.weight.setText("x")
    assert choice.missing()[0] == "Correct the reward"


def test_a_reward_model_in_a_folder_elsewhere(qtbot, choice, monkeypatch, tmp_path):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "bought"))
    choice.model.combo.setCurrentIndex(choice.model.combo.count() - 1)
    choice.model.combo.activated.emit(choice.model.combo.currentIndex())
    assert choice.rewards().model == str(tmp_path / "bought")
    assert choice.model.combo.currentText() == "bought"
    choice.model.refresh()
    assert choice.rewards().model


def test_code_is_shown_and_asked_about_once_and_again_when_it_changes(qtbot, choice, code):
    choice.code.ask(code)
    question = question_of(choice)
    assert question.text.toPlainText() == code.read_text(encoding="utf-8")
    assert question.refuse.isDefault()
    click(qtbot, question.refuse)
    assert choice.rewards().function is None
    assert not is_allowed(read_code(code)[0].sha256)

    choice.code.ask(code)
    click(qtbot, question_of(choice).agree)
    assert choice.rewards().function == read_code(code)[0]
    assert str(code) in choice.code.about.text()
    assert choice.still_agreed()
    choice.code.clear()
    choice.code.ask(code)
    assert question_of(choice) is None  # agreed to already
    choice.code.weight.setText("0.5")
    assert choice.rewards().function.weight == 0.5

    code.write_text("import os\ndef score(prompt, answer):\n    return 0\n")
    assert not choice.still_agreed()
    question = question_of(choice)
    assert "import os" in question.text.toPlainText()
    click(qtbot, question.agree)
    assert choice.still_agreed()
    with qtbot.waitSignal(choice.failed):
        code.unlink()
        assert not choice.still_agreed()


def test_a_run_with_rewards_is_started_as_chosen(qtbot, project, runs, model_folder, code, monkeypatch):
    card = Method("told", "Learn from a reward", "", ("examples",), "an adapter", RewardedSettings)
    monkeypatch.setitem(METHODS, "told", card)
    page = TrainPage(project, runs, Preferences())
    qtbot.addWidget(page)
    page.resize(1200, 900)
    page.show()
    with qtbot.waitSignal(page.form.model.model_chosen):
        page.form.model.choose(model_folder)
    assert not page.form.rewards.isVisible()
    page.form.methods.choose("told")
    assert page.form.rewards.isVisible()
    assert page.start.text() == "Choose a reward"
    click(qtbot, page.start)
    assert page.focusWidget() is page.form.rewards.rules.add
    row = page.form.rewards.rules.add_rule(Rule("matches"))
    assert page.start.text() == "Correct the rule"
    row.parts["pattern"].setText("end")
    page.form.rewards.code.ask(code)
    click(qtbot, question_of(page.form.rewards).agree)
    assert page.start.text() == "Start training"
    assert page.summary.facts["Reward"].text() == "matches=end + your own code"
    assert page.summary.facts["Each step"].text().startswith("32 answers")
    code.write_text("def score(prompt, answer):\n    return 1\n")
    click(qtbot, page.start)
    assert runs.records() == []  # it asks again first
    click(qtbot, question_of(page.form.rewards).agree)
    with qtbot.waitSignal(page.run_started) as started:
        click(qtbot, page.start)
    recipe = runs.record(started.args[0]).recipe
    assert recipe.rewards == Rewards(rules=(Rule("matches", pattern="end"),), function=read_code(code)[0])
    with qtbot.waitSignal(runs.run_ended):
        pass
    page.form.methods.choose("rloo")
    assert page.summary.facts["Each step"].text().startswith("32 answers to 8 prompts")
    assert "several answers to each prompt" in page.form.rewards.how.text()
    page.form.settings.rows["answers_each"].set_value(5)
    assert page.start.text() == "Correct “Answers to each prompt”"
    assert "can't be shared out" in page.summary.problem.text()
    page.form.methods.choose("sft")
    assert not page.form.rewards.isVisible()
    assert page.form.recipe().rewards.is_empty
    page.close_down()

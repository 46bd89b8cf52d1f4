import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget

from studio.core.methods import METHODS, Method, RewardSettings
from studio.core.recipes import Recipe
from studio.core.reward_report import Bin, Report
from studio.core.rewards import Rewards
from studio.core.runs import RunState, RunStory
from studio.gui import theme
from studio.gui.pages.runs import RunsPage, words
from studio.gui.pages.runs.asking import Question
from studio.gui.pages.runs.report_view import ReportView
from studio.gui.preferences import Preferences
from studio.gui.widgets.code_consent import CodeConsent
from studio.jobs.runs import ProjectRuns
from studio.storage.consent import read_code
from studio.storage.runs import RunFolder, seal

FAKE = Path(__file__).resolve().parents[2] / "processes" / "fake_worker.py"


@pytest.fixture
def runs(project, request):
    """Runs of a worker without a model; `mode` says how it behaves."""
    made = ProjectRuns(project, command=lambda run: [sys.executable, str(FAKE), str(run.folder), made.mode, "400"])
    made.mode = "endless"
    yield made
    for record in made.records():
        if not record.state.is_over:
            record.folder.request_stop(save=False)
    made.close()


@pytest.fixture
def page(qtbot, project, runs):
    made = RunsPage(project, runs, Preferences())
    qtbot.addWidget(made)
    made.resize(1200, 800)
    made.show()
    qtbot.waitUntil(lambda: runs.is_listed)
    return made


@pytest.fixture
def start(runs, model_folder):
    def start_run(mode="endless", name="first"):
        runs.mode = mode
        return runs.start(Recipe(str(model_folder), "greetings", name=name)).id

    return start_run


def state_of(runs, run_id):
    return runs.record(run_id).state


def press(qtbot, parent, text):
    """Press the button of the open question that says `text`."""
    question = next(found for found in parent.findChildren(QMessageBox) if found.isVisible())
    button = next(found for found in question.findChildren(QPushButton) if found.text() == text)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_without_runs_the_way_to_the_first_one_is_shown(qtbot, page):
    assert page.stack.currentWidget() is page.empty
    with qtbot.waitSignal(page.train_requested):
        qtbot.keyClick(page.empty.button, Qt.Key.Key_Space)


def test_a_run_is_followed_stopped_with_save_and_resumed(qtbot, page, runs, start):
    run_id = start()
    assert page.list.currentIndex().data() == "first"
    view = page.view
    qtbot.waitUntil(lambda: view.head.chip.text() == "Training" and len(view.plots.large.first.trace) > 2)
    assert view.buttons.stop.isVisible()
    assert not view.buttons.resume.isVisible()
    assert "of 400" in view.head.facts.text()

    qtbot.mouseClick(view.buttons.stop, Qt.MouseButton.LeftButton)
    press(qtbot, view, "Continue training")
    assert not runs.is_stopping(run_id)
    qtbot.mouseClick(view.buttons.stop, Qt.MouseButton.LeftButton)
    press(qtbot, view, "Stop and save")
    assert view.buttons.stop.text() == "Stopping…"
    qtbot.waitUntil(view.ending.notice.isVisible)
    assert view.head.chip.text() == "Stopped"
    assert "everything is saved" in view.ending.notice.what.text()
    assert not view.buttons.stop.isVisible()
    assert view.buttons.resume.text() == "Resume"
    assert view.buttons.compare.isVisible()
    with qtbot.waitSignal(page.chat_requested) as asked:
        qtbot.mouseClick(view.buttons.compare, Qt.MouseButton.LeftButton)
    assert asked.args == [run_id]

    stopped_at = runs.record(run_id).story.step
    qtbot.mouseClick(view.buttons.resume, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: runs.record(run_id).story.step > stopped_at)
    assert runs.record(run_id).curves.resumes == [stopped_at]
    qtbot.waitUntil(lambda: len(view.plots.large.first.trace) > stopped_at)
    assert not view.ending.notice.isVisible()


def test_stop_and_discard(qtbot, page, runs, start):
    run_id = start()
    qtbot.waitUntil(lambda: runs.record(run_id).story.step > 0)
    qtbot.waitUntil(page.view.buttons.stop.isVisible)
    qtbot.mouseClick(page.view.buttons.stop, Qt.MouseButton.LeftButton)
    press(qtbot, page.view, "Stop and discard")
    qtbot.waitUntil(page.view.buttons.resume.isVisible)
    assert page.view.head.chip.text() == "Stopped"
    assert page.view.buttons.resume.text() == "Start again"
    assert not page.view.buttons.compare.isVisible()


@pytest.mark.parametrize(
    ("mode", "chip", "said"),
    [("crash", "Interrupted", "the model fell over"), ("fail", "Failed", "Loss is nan at step 3.")],
)
def test_an_ending_is_a_sentence(qtbot, page, start, mode, chip, said):
    start(mode)
    card = page.view.ending.card
    qtbot.waitUntil(card.isVisible)
    assert page.view.head.chip.text() == chip
    assert said in card.what.text()
    assert card.hint.text()
    assert card.code.text() == ("7" if mode == "crash" else "3")
    assert card.line.text() == ("ValueError: the model fell over" if mode == "crash" else "")
    qtbot.mouseClick(card.log, Qt.MouseButton.LeftButton)
    assert page.view.log.isVisible()
    qtbot.mouseClick(card.copy, Qt.MouseButton.LeftButton)
    copied = QGuiApplication.clipboard().text()
    assert said in copied
    assert '"base_model"' in copied


def test_the_list_says_each_run_in_words_and_can_be_walked_by_key(qtbot, page, runs, start):
    first = start("fail", "one")
    qtbot.waitUntil(lambda: state_of(runs, first) is RunState.FAILED)
    second = start("crash", "two")
    qtbot.waitUntil(lambda: state_of(runs, second) is RunState.INTERRUPTED)
    page.open_run(second)
    assert page.view.run_id == second
    index = page.model.index_of(first)
    told = index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert "one, Failed" in told
    assert "3 of 400" in told
    key = Qt.Key.Key_Down if index.row() > page.list.currentIndex().row() else Qt.Key.Key_Up
    qtbot.keyClick(page.list, key)
    assert page.view.run_id == first
    assert page.view.head.title.text() == "one"


def test_delete_asks_and_moves_to_the_trash(qtbot, page, project, runs, start):
    run_id = start("fail")
    qtbot.waitUntil(page.view.buttons.delete.isVisible)
    page.view.buttons.delete.trigger()
    press(qtbot, page.view, "Keep it")
    assert page.model.rowCount() == 1
    page.view.buttons.delete.trigger()
    press(qtbot, page.view, "Move to trash")
    assert len(list((project.folder / "trash").glob(f"*/{run_id}/recipe.json"))) == 1
    assert page.stack.currentWidget() is page.empty


def test_the_log_and_the_settings(qtbot, page, runs, start):
    run_id = start("crash")
    qtbot.waitUntil(lambda: state_of(runs, run_id) is RunState.INTERRUPTED)
    page.view.parts.show_part("Log")
    log = page.view.log
    assert "ValueError: the model fell over" in log.text.toPlainText()
    qtbot.keyClicks(log.search, "fell OVER")
    assert log.found.text() == "1 found"
    assert log.text.textCursor().selectedText() == "fell over"
    qtbot.keyClick(log.search, Qt.Key.Key_Return)  # round to the first again
    assert log.text.textCursor().selectedText() == "fell over"
    qtbot.keyClicks(log.search, "!")
    assert log.found.text() == "0 found"
    assert not log.next.isEnabled()
    page.view.parts.show_part("Settings")
    names = {label.accessibleName() for label in page.view.settings.findChildren(type(page.view.head.title))}
    assert "Learning rate: 0.0002" in names
    assert "Dataset: greetings (200 examples)" in names


def test_a_finished_run_offers_the_comparison_first(qtbot, page, project, runs, model_folder):
    run = RunFolder.create(project.runs, Recipe(str(model_folder), "greetings", name="done"))
    run.events.write_text(
        '{"v":1,"event":"started","time":1}\n'
        '{"v":1,"event":"step","time":2,"step":2,"total":2,"loss":1.0}\n'
        '{"v":1,"event":"finished","time":3,"step":2,"adapter":"adapter"}\n'
    )
    run.adapter.mkdir()
    (run.adapter / "adapter.bin").write_text("x")
    seal(run.adapter)
    qtbot.waitUntil(lambda: page.view.head.chip.text() == "Finished")
    assert page.view.buttons.compare.property("role") == "primary"
    assert not page.view.buttons.resume.isVisible()
    assert not page.view.buttons.stop.isVisible()
    qtbot.waitUntil(lambda: len(page.view.plots.large.first.trace) == 1)


def test_samples_are_walked_by_key_with_what_changed_underlined(qtbot, page, project, runs, model_folder):
    run = RunFolder.create(project.runs, Recipe(str(model_folder), "greetings", name="talks"))
    lines = ['{"v":1,"event":"started","time":1}\n']
    for step, answer in ((0, "I am <b>old</b> 😀 and slow"), (2, "I am <b>old</b> 😀 and quick"), (4, "I am new")):
        lines.append(
            f'{{"v":1,"event":"sample","time":2,"step":{step},"number":0,"prompt":"Who?","answer":"{answer}",'
            '"ended":true}\n'
        )
    run.events.write_text("".join([*lines, '{"v":1,"event":"finished","time":3,"step":4,"adapter":"adapter"}\n']))
    view = page.view
    qtbot.waitUntil(lambda: bool(view.samples.cards) and view.parts.has("Samples"))
    view.parts.show_part("Samples")
    (card,) = view.samples.cards
    assert card.prompt.text() == "Who?"
    assert card.base.toPlainText() == "I am <b>old</b> 😀 and slow"
    assert card.now.toPlainText() == "I am new"
    view.samples.slider.setFocus()
    qtbot.keyClick(view.samples.slider, Qt.Key.Key_Left)
    assert card.now.toPlainText() == "I am <b>old</b> 😀 and quick"
    (mark,) = card.now.extraSelections()
    assert mark.cursor.selectedText() == "quick"
    qtbot.keyClick(view.samples.slider, Qt.Key.Key_Home)
    assert view.samples.place.text() == "Before training"
    assert card.now.extraSelections() == []


def test_an_answer_that_throws_something_away_looks_like_one(qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    question = Question(parent, "Stop", "Stop it?", "More.", "Continue")
    question.offer("Save", True, destructive=False)
    question.offer("Discard", False, destructive=True)
    question.open()
    looks = {button.text(): button.palette().buttonText().color() for button in question.findChildren(QPushButton)}
    question.close()
    assert looks["Discard"] == QColor(theme.tokens().danger)
    assert looks["Save"] != looks["Discard"]


@pytest.fixture
def judge(monkeypatch):
    """A method whose result can't be talked to."""
    card = Method("reward", "Judge", "", ("pairs",), "a reward model", RewardSettings, talks=False)
    monkeypatch.setitem(METHODS, "reward", card)


def test_a_reward_model_has_a_report_and_no_chat(qtbot, page, project, runs, model_folder, judge, start):
    recipe = Recipe(str(model_folder), "greetings", name="judge", method="reward", settings=RewardSettings())
    run = RunFolder.create(project.runs, recipe)
    run.events.write_text(
        '{"v":1,"event":"started","time":1}\n'
        '{"v":1,"event":"step","time":2,"step":2,"total":2,"loss":0.6,"accuracy":0.5}\n'
        '{"v":1,"event":"finished","time":3,"step":2,"adapter":"adapter"}\n'
    )
    run.adapter.mkdir()
    (run.adapter / "adapter.bin").write_text("x")
    seal(run.adapter)
    bins = (Bin(0.5, 0.6, 30, 0.55, 0.6),)
    run.report.write_text(Report("pairs", 2, 30, 0.6, (0.42, 0.75), bins, 0.2, 1.0, -0.2, 1.0, 0.1).to_json())
    view = page.view
    qtbot.waitUntil(lambda: view.head.chip.text() == "Finished" and view.ending.notice.isVisible())
    assert "Judge" in view.head.about.text()
    assert not view.buttons.compare.isVisible()
    assert "Its report says" in view.ending.notice.what.text()
    assert "Judge" in page.list.currentIndex().data(Qt.ItemDataRole.AccessibleTextRole)
    assert [series.metric.name for series in view.plots.plots[1].series] == ["accuracy", "eval_accuracy"]

    qtbot.waitUntil(lambda: view.parts.tabs.tabRect(4).right() < view.parts.tabs.width())  # all are in sight
    assert not view.parts.has("Answers")
    view.parts.show_part("Report")
    assert "60\u00a0% of 30 held-out comparisons" in view.report.words[0].text()  # a line never begins with %
    calibration, rewards = view.report.plots
    assert calibration.isVisible()
    assert "55 % sure: right in 60 % of 30" in calibration.plot.accessibleDescription()
    assert rewards.plot.accessibleDescription()

    other = start("fail")
    page.open_run(other)
    qtbot.waitUntil(lambda: view.head.chip.text() == "Failed")
    assert view.parts.tabs.currentIndex() == 0
    assert not view.parts.has("Report")
    assert [series.metric.name for series in view.plots.plots[1].series] == ["lr"]


def test_a_run_with_code_from_elsewhere_asks_before_it_is_resumed(qtbot, page, project, runs, model_folder, tmp_path):
    file = tmp_path / "reward.py"
    file.write_text("def score(prompt, answer):\n    return 1\n")
    function, _ = read_code(file)
    recipe = Recipe(str(model_folder), "greetings", name="brought", method="ppo", settings=METHODS["ppo"].settings())
    run = RunFolder.create(project.runs, replace(recipe, rewards=Rewards(function=function)))
    run.events.write_text('{"v":1,"event":"started","time":1}\n{"v":1,"event":"stopped","time":2,"saved":true}\n')
    view = page.view
    qtbot.waitUntil(view.buttons.resume.isVisible)
    assert view.parts.has("Answers")
    qtbot.mouseClick(view.buttons.resume, Qt.MouseButton.LeftButton)
    question = next(found for found in view.findChildren(CodeConsent) if found.isVisible())
    assert runs.record(run.id).state is RunState.STOPPED
    runs.mode = "fail"
    qtbot.mouseClick(question.agree, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: runs.record(run.id).state is RunState.FAILED)
    with file.open("a") as stream:
        stream.write("import os\n")
    qtbot.waitUntil(view.buttons.resume.isVisible)
    qtbot.mouseClick(view.buttons.resume, Qt.MouseButton.LeftButton)
    assert "has changed" in view.ending.notice.what.text()


def test_a_report_that_cannot_be_read_is_not_shown(qtbot, tmp_path):
    view = ReportView()
    qtbot.addWidget(view)
    (tmp_path / "report.json").write_bytes(b"\xff{")
    assert not view.show_file(tmp_path / "report.json")
    assert not view.show_file(tmp_path / "nowhere.json")


def test_a_folder_that_cannot_be_read_says_so(qtbot, page, project):
    (project.runs / "20260101-000000-sft-dead").mkdir()
    (project.runs / "20260101-000000-sft-dead" / "recipe.json").write_text("{")
    qtbot.waitUntil(lambda: page.model.rowCount() == 1)
    assert page.view.head.chip.text() == "Can't be read"
    assert page.view.ending.notice.isVisible()
    assert not page.view.buttons.resume.isVisible()


def test_smoothing_is_remembered(qtbot, page, runs, start):
    run_id = start("fail")
    qtbot.waitUntil(lambda: state_of(runs, run_id) is RunState.FAILED)
    with qtbot.waitSignal(page._preferences.changed):
        page.view.plots.slider.setValue(33)
    assert Preferences().values.smoothing == 0.33


@pytest.mark.parametrize(
    ("seconds", "words_"),
    [(0.2, "1 s"), (59, "59 s"), (61, "1 min"), (3599, "1 h"), (3660, "1 h 1 min"), (7200, "2 h")],
)
def test_time_in_words(seconds, words_):
    assert words.in_time(seconds) == words_


def test_the_phase_before_training_has_a_progress_of_its_own():
    story = RunStory(phase="encoding", phase_done=20, phase_total=80)
    assert words.phase_of(story, RunState.STARTING) == "Tokenising"
    assert words.progress_of(story, RunState.STARTING) == (20, 80)
    assert "20 of 80 examples" in words.facts_of(story, RunState.STARTING)


def test_a_log_is_shown_as_on_a_terminal():
    assert words.plain_log("a\r\n\x1b[31mred\x1b[0m\n 10%\r 50%\r100%\nend") == "a\nred\n100%\nend"

"""Judge, take away and serve, by keyboard and signals, with workers that answer at once."""

import json
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from studio.core.exporting import GGUF, MERGED
from studio.core.rules import Rule
from studio.gui.pages.models.model_list import MODEL
from studio.gui.pages.models.upload_dialog import UploadDialog
from studio.gui.pages.models.vote_dialog import VoteDialog
from studio.storage.evaluations import BLIND_VOTES, list_evaluations, votes_between

FAKE = Path(__file__).with_name("fake_models_worker.py")


@pytest.fixture(autouse=True)
def fake_workers(monkeypatch, tmp_path):
    """Workers that answer at once; a file “wait” or “fail” in the folder makes them do that."""
    folder = tmp_path / "how"
    folder.mkdir()
    monkeypatch.setattr(
        "studio.processes.service.worker_command", lambda *words: [sys.executable, str(FAKE), words[0], str(folder)]
    )
    return folder


@pytest.fixture
def open_panel(page, qtbot):
    """Chooses a model by name and a panel by title; the panel."""

    def show(model, title):
        row = next(row for row in range(page.model.rowCount()) if page.model.index(row).data(MODEL).name == model)
        page.list.setCurrentIndex(page.model.index(row))
        page.view.show_tab(title)
        return next(panel for panel in page.view._panels if panel.title == title)

    return show


def judge_all(qtbot, open_panel, *names):
    for count, name in enumerate(names, start=1):
        panel = open_panel(name, "Judge")
        wait_for_prompts(qtbot, panel)
        qtbot.keyClick(panel.ask, Qt.Key.Key_Space)
        wait_for_rows(qtbot, panel, count)
    return panel


def wait_for_prompts(qtbot, panel):
    qtbot.waitUntil(lambda: panel.form.prompts.count() > 0)


def wait_for_rows(qtbot, panel, count):
    qtbot.waitUntil(lambda: panel.results.table.rowCount() == count and not panel.work.is_busy)


def test_models_are_judged_and_stand_side_by_side(qtbot, open_panel, project):
    panel = judge_all(qtbot, open_panel, "starter", "second")
    assert [panel.results.table.item(row, 0).text() for row in (0, 1)][1] == "starter"
    assert panel.form.reward.currentText() == "judge"  # what scores is chosen when there is one
    assert panel.notice.what.text() == "A note."
    heads = [panel.results.table.horizontalHeaderItem(k).text() for k in range(panel.results.table.columnCount())]
    assert {"Follows", "Perplexity", "Reward", "KL, nats", "Refuses"} <= set(heads) and "Meets rules" not in heads
    assert (
        panel.results.answers.item(0, 1).text() == "Yes! Sure." and panel.results.answers.item(0, 2).text() == "+2.00"
    )
    qtbot.waitUntil(lambda: "reward model: 60 of 60" in panel.results.contests.lines.text())
    panel.results.figure.setCurrentIndex(panel.results.figure.findText("Perplexity"))
    assert "2.72" in panel.results.plot.plot.accessibleDescription()
    assert len(list_evaluations(project)) == 2


def test_a_local_model_judges_two_evaluations(qtbot, open_panel, project):
    panel = judge_all(qtbot, open_panel, "starter", "second")
    panel.results.contests.judge.setCurrentIndex(panel.results.contests.judge.findText("starter"))
    panel.results.contests.ask.click()
    qtbot.waitUntil(lambda: "by starter: 60 of 60" in panel.results.contests.lines.text())
    newest = list_evaluations(project)[0]
    assert newest.contests[0].judge == "starter" and newest.contests[0].both_ways == 1.0


def test_a_person_votes_blind_on_the_answers_of_two_evaluations(qtbot, open_panel, project):
    panel = judge_all(qtbot, open_panel, "starter", "second")
    panel.results.contests.vote.click()
    dialog = panel.findChild(VoteDialog)
    qtbot.waitUntil(dialog.isActiveWindow)
    assert dialog.progress.text() == "1 of 60" and "second" not in dialog.windowTitle()
    for _ in range(3):
        left = dialog.answers[0].toPlainText()
        qtbot.keyClick(dialog, Qt.Key.Key_1 if left == "Yes! Sure." else Qt.Key.Key_2)  # for the tuned model
    qtbot.keyClick(dialog, Qt.Key.Key_3)
    qtbot.keyClick(dialog, Qt.Key.Key_Backspace)
    qtbot.keyClick(dialog, Qt.Key.Key_4)
    assert dialog.progress.text() == "5 of 60" and not dialog.over.isVisible()
    with qtbot.waitSignal(dialog.voted):
        dialog.close_button.click()
    qtbot.waitUntil(lambda: "by blind votes: 3 of 3 decided prompts" in panel.results.contests.lines.text())
    names = {known.name for known in list_evaluations(project)}
    assert votes_between(project, *sorted(names))[BLIND_VOTES].ties == 1


def test_when_all_are_judged_the_result_alone_is_left(qtbot, open_panel):
    panel = judge_all(qtbot, open_panel, "starter", "second")
    panel.results.contests.vote.click()
    dialog = panel.findChild(VoteDialog)
    for _ in range(60):
        dialog.buttons[2].click()
    assert dialog.over.isVisible() and "neither was ever" in dialog.over.title.text()
    assert not any(part.isVisible() for part in (dialog.prompt, *dialog.answers, *dialog.buttons))
    dialog.back.click()
    assert dialog.prompt.isVisible() and dialog.progress.text() == "60 of 60"
    dialog.close_button.click()


def test_what_cannot_be_asked_is_said_and_cancelling_says_nothing(qtbot, open_panel, project, fake_workers):
    panel = open_panel("second", "Judge")
    qtbot.waitUntil(lambda: panel.form.prompts.count() > 0)
    panel.form.more.setChecked(True)
    row = panel.form.rules.add_rule(Rule("matches"))
    panel.ask.click()
    assert "needs a pattern" in panel.notice.what.text() and not panel.work.is_busy
    row.remove.click()
    (fake_workers / "wait").touch()
    panel.ask.click()
    qtbot.waitUntil(lambda: panel.work.what.text() == "Working")
    assert not panel.ask.isEnabled()
    panel.evaluate()
    assert "under way" in panel.notice.what.text()
    panel.notice.clear()
    panel.work.stop.click()
    qtbot.waitUntil(lambda: not panel.work.is_busy)
    assert panel.notice.isHidden() and panel.ask.isEnabled() and list_evaluations(project) == []
    (fake_workers / "wait").unlink()
    (fake_workers / "fail").touch()
    panel.ask.click()
    qtbot.waitUntil(lambda: panel.notice.what.text() == "It went wrong.")


def test_an_evaluation_is_forgotten(qtbot, open_panel, project):
    panel = judge_all(qtbot, open_panel, "starter")
    panel.results.forget.click()
    qtbot.waitUntil(lambda: panel.results.isHidden())
    assert list_evaluations(project) == [] and not panel.empty.isHidden()


def test_a_run_is_judged_at_once(qtbot, page, project):
    models = [page.model.index(row).data(MODEL) for row in range(page.model.rowCount())]
    run = next(model for model in models if model.name == "Küche 1")
    page.evaluate_run(run.run)
    qtbot.waitUntil(lambda: len(list_evaluations(project)) == 1)
    assert list_evaluations(project)[0].run == run.run
    qtbot.waitUntil(lambda: page.judge.results.table.rowCount() == 1 and not page.judge.work.is_busy)
    assert page.view.tabs.tabText(page.view.tabs.currentIndex()) == "Judge"
    page.evaluate_run(run.run)
    qtbot.waitUntil(lambda: page.judge.results.table.rowCount() == 2 and not page.judge.work.is_busy)
    older = list_evaluations(project)[1]
    page.view.show_tab("About")
    page.open_evaluation(run.folder, older.id)
    qtbot.waitUntil(lambda: (page.judge.results.table.current() or run).id == older.id)


def test_a_model_is_taken_away(qtbot, open_panel, project, monkeypatch):
    judge_all(qtbot, open_panel, "second")
    panel = open_panel("second", "Take away")
    assert [panel.form.itemText(k) for k in range(panel.form.count())] == ["Adapter", "Whole model", "GGUF"]
    panel.form.setCurrentIndex(panel.form.findData(GGUF))
    assert panel.numbers.currentData() == "F16" and panel.target.text().endswith("second GGUF")
    panel.numbers.setCurrentIndex(panel.numbers.findData("Q8_0"))
    panel.write.click()
    qtbot.waitUntil(lambda: not panel.open.isHidden())
    plan = json.loads((project.folder / "exports" / "second GGUF" / "plan.json").read_text())
    assert plan["numbers"] == "Q8_0" and plan["adapter"] and plan["evaluation"][0][0] == "Measure"
    assert "5.0 MB" in panel.told.text() and "Mind this." in panel.told.text() and "ollama" in panel.told.text()
    assert panel.target.text().endswith("second GGUF 2")  # the next one has a name of its own
    in_a_file = str(project.folder / "project.db" / "x")
    for typed, said in (("", "is named"), ("second GGUF", "is there already"), (in_a_file, "can be made in")):
        panel.target.setText(typed)
        panel.write.click()
        assert said in panel.notice.what.text() and not panel.work.is_busy  # said at once, without a worker
    panel.target.setText("~nobody here/x")
    panel.write.click()
    assert "no home folder" in panel.notice.what.text()
    monkeypatch.setenv("HOME", str(project.folder / "home"))
    (project.folder / "home" / "x").mkdir(parents=True)
    panel.target.setText("~/x")
    panel.write.click()
    assert "is there already" in panel.notice.what.text()  # at home, not in a folder called ~
    panel.target.setText("by its name")
    panel.write.click()
    qtbot.waitUntil(lambda: (project.exports / "by its name" / "plan.json").is_file())
    qtbot.waitUntil(lambda: not panel.work.is_busy)
    panel = open_panel("starter", "Take away")
    assert panel.form.findData(MERGED) == 0 and panel.form.count() == 2 and panel.open.isHidden()


def test_a_reward_model_is_neither_judged_nor_taken_away(page, open_panel):
    open_panel("judge", "About")
    shown = [page.view.tabs.tabText(k) for k in range(page.view.tabs.count()) if page.view.tabs.isTabVisible(k)]
    assert shown == ["About"]


def test_serving_is_started_seen_and_stopped(qtbot, open_panel, fake_workers):
    panel = open_panel("second", "Serve")
    assert panel.stop.isHidden() and panel.address.isHidden()
    panel.others.setChecked(True)
    assert len(panel.token.text()) >= 16
    panel.token.setText("short")
    panel.start.click()
    assert "every computer" in panel.notice.what.text() and panel.stop.isHidden()
    panel.others.setChecked(False)
    panel.token.clear()
    qtbot.keyClick(panel.start, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: panel.counts.text() == "1 request, 7 tokens written")
    assert panel.address.text() == "http://127.0.0.1:1234/v1" and "base + tuned" in panel.state.text()
    open_panel("starter", "Serve")
    assert "base + tuned" in panel.state.text()  # which stays served while others are looked at
    panel.stop.click()
    qtbot.waitUntil(lambda: not panel.start.isHidden())
    assert panel.address.isHidden() and panel.notice.isHidden()
    (fake_workers / "fail").touch()
    panel.start.click()
    qtbot.waitUntil(lambda: panel.notice.what.text() == "It went wrong." and not panel.start.isHidden())


def test_two_adapters_are_compared_and_combined(qtbot, page, open_panel, project, monkeypatch):
    panel = open_panel("second", "Combine")
    qtbot.waitUntil(lambda: len(panel.parts.rows) == 1)
    assert (
        panel.parts.rows[0].model().name == "Küche 1"
        and panel.parts.add.isHidden()
        and panel.way.currentData() == "cat"
    )
    panel.compare.click()
    qtbot.waitUntil(lambda: panel.layers.rowCount() == 1 and not panel.work.is_busy)
    assert "+0.500" in panel.told.text() and panel.layers.item(0, 3).text() == "0.5"
    panel.parts.own_weight.setText("half")
    panel.combine.click()
    assert "“half”" in panel.notice.what.text() and not panel.work.is_busy
    panel.parts.own_weight.setText("0,75")
    panel.name.setText("both/of them")
    added = []
    monkeypatch.setattr(
        "studio.gui.pages.models.combine_panel.add_to_library", lambda _project, folder: added.append(folder) or folder
    )
    with qtbot.waitSignal(panel.combined) as made:
        panel.combine.click()
    qtbot.waitUntil(lambda: not panel.work.is_busy)
    assert made.args == [project.models / "both of them"] == added


def test_a_folder_is_uploaded_only_after_a_yes(qtbot, open_panel, tmp_path, monkeypatch):
    token = tmp_path / "token"
    monkeypatch.setenv("HF_TOKEN_PATH", str(token))
    panel = open_panel("second", "Take away")
    assert panel.upload.isHidden()
    panel.write.click()
    qtbot.waitUntil(lambda: not panel.upload.isHidden())
    panel.upload.click()
    dialog = panel.findChild(UploadDialog)
    assert "sign in first" in dialog.problem.text() and not dialog.upload.isEnabled()
    dialog.reject()
    token.write_text("hf_x")
    panel.upload.click()
    dialog = panel.findChildren(UploadDialog)[-1]
    assert dialog.private.isChecked() and not dialog.upload.isEnabled()
    dialog.name.setText("alone")
    assert "owner/name" in dialog.problem.text()
    dialog.name.setText("me/second")
    dialog.upload.click()
    qtbot.waitUntil(lambda: panel.told.text() == "Uploaded: https://hub.example/me/second" and not panel.work.is_busy)

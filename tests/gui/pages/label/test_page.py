"""The Label page by keyboard: judging in three ways, undo, notes, queues, quality, use, and what comes in beside it."""

import json
import re
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QListWidgetItem, QMessageBox, QWidget

from studio.core.candidates import Author, Writing
from studio.core.errors import StudioError
from studio.core.labelling import Candidate, LabelPlan, Mark, Verdict
from studio.core.messages import Message
from studio.gui.pages.label import LabelPage
from studio.gui.pages.label import quality_view as quality_module
from studio.gui.pages.label import use_view as use_module
from studio.gui.pages.label.answers_grid import AnswersGrid
from studio.gui.pages.label.candidates_view import Said
from studio.gui.pages.label.edit_dialog import EditDialog
from studio.gui.preferences import Preferences
from studio.jobs.background import BackgroundTask
from studio.jobs.candidates import CandidateWriter, MachineJudge
from studio.jobs.labelling import LabelDesk
from studio.jobs.runs import ProjectRuns
from studio.storage.datasets import list_datasets
from studio.storage.interchange import import_file
from studio.storage.label_intake import Incoming, create_set
from studio.storage.label_log import labellers_of, mark_of, opinions_of
from studio.storage.labels import list_sets, prompt_states

HERE = Path(__file__).parent
WRITER, JUDGE = ([sys.executable, str(HERE / name)] for name in ("fake_writer.py", "fake_judge.py"))


@pytest.fixture
def runs(empty_project, qapp):
    made = ProjectRuns(empty_project)
    yield made
    made.close()


@pytest.fixture
def opened(qtbot, empty_project, runs):
    """Opens the page on the project as it is now."""
    pages = []

    def make():
        preferences = Preferences()
        preferences.change(labeller="Ada")
        page = LabelPage(empty_project, runs, preferences, None, WRITER, JUDGE)
        qtbot.addWidget(page)
        page.resize(1200, 800)
        with qtbot.waitActive(page):
            page.show()
            page.activateWindow()
        pages.append(page)
        return page

    yield make
    for page in pages:
        page.close_down()
        assert not [
            t for kind in (LabelDesk, CandidateWriter, MachineJudge) for t in page.findChildren(kind) if t.isRunning()
        ]


def a_set(project, prompts=6, answers=2, **plan):
    rows = (
        Incoming(
            (Message("user", f"prompt {n}"),),
            tuple(Candidate(0, f"answer {k} to {n}", f"model {k}") for k in range(answers)),
        )
        for n in range(prompts)
    )
    return create_set(project, "Mine", LabelPlan(**{"repeats": 0.0, **plan}), rows)


def shown(qtbot, page):
    """The item on screen, once it can be judged."""
    judge = page.judge
    qtbot.waitUntil(lambda: judge._view is not None and not judge._busy)
    return judge._view.item


def press(qtbot, page, *keys):
    """Keys, each when the screen is ready for it; the item that is shown then."""
    for key in keys:
        shown(qtbot, page)
        modifier = Qt.KeyboardModifier.NoModifier
        if isinstance(key, tuple):
            modifier, key = key
        qtbot.keyClick(QApplication.focusWidget() or page.judge, key, modifier)
    return shown(qtbot, page)


def marks(project, known, labeller="Ada"):
    with project.connect() as connection:
        return {o.item: o.mark for o in opinions_of(connection, known) if o.labeller == labeller}


def test_a_new_project_says_how_to_begin(qtbot, opened):
    page = opened()
    assert page.stack.currentWidget() is page.empty
    page.empty.action_requested.emit()
    assert page.stack.currentWidget() is page.set_up
    assert page.set_up.missing.isVisible()
    with qtbot.waitSignal(page.data_requested):
        page.set_up.missing.click()
    page.set_up.cancel.click()
    assert page.stack.currentWidget() is page.empty


def test_pairs_are_judged_with_one_key_each(qtbot, empty_project, opened):
    known = a_set(empty_project)
    page = opened()
    first = shown(qtbot, page)
    texts = [page.judge.answers.panes[place].text.toPlainText() for place in (0, 1)]
    order = page.judge._view.order
    assert texts == [first.candidates[place].text for place in order]
    assert not any("model" in text for text in texts)
    second = press(qtbot, page, Qt.Key.Key_1)
    assert second.id != first.id
    press(qtbot, page, Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_4, Qt.Key.Key_S)
    said = marks(empty_project, known)
    assert said[first.id].verdicts[""] == Verdict.better(order[0])
    assert said[first.id].shown == order
    found = list(said.values())
    assert [mark.verdicts.get("") and mark.verdicts[""].is_tie for mark in found] == [False, False, True, True, None]
    assert found[3].verdicts[""].bad
    assert found[4].skipped
    assert page.judge.bar.words.text().startswith("5 of 6")
    press(qtbot, page, Qt.Key.Key_Left)
    assert page.judge.empty.title.text() == "All judged"


def test_undo_goes_back_to_the_first_word_and_redo_forward(qtbot, empty_project, opened):
    known = a_set(empty_project, 4)
    page = opened()
    first = shown(qtbot, page)
    press(qtbot, page, *[Qt.Key.Key_1] * 4)
    assert page.judge._view.item is None
    back = press(qtbot, page, Qt.Key.Key_Z, Qt.Key.Key_Z, Qt.Key.Key_Z, Qt.Key.Key_Backspace)
    assert back.id == first.id
    assert marks(empty_project, known) == {}
    assert not page.judge.verdicts.tools["undo"].isEnabled()
    press(qtbot, page, Qt.Key.Key_Y)
    assert set(marks(empty_project, known)) == {first.id}
    press(qtbot, page, Qt.Key.Key_2)
    assert not page.judge.verdicts.tools["redo"].isEnabled()


def test_comment_tags_and_flag_are_kept_without_leaving_the_item(qtbot, empty_project, opened):
    known = a_set(empty_project)
    page = opened()
    item = shown(qtbot, page)
    press(qtbot, page, Qt.Key.Key_C)
    qtbot.keyClicks(page.judge.notes.comment, "1 of 2 is wrong")  # digits are letters here
    assert press(qtbot, page, Qt.Key.Key_Return).id == item.id
    page.judge.notes.tags.setText("hard, maths，hard")
    assert press(qtbot, page, Qt.Key.Key_F).id == item.id
    assert page.judge.hasFocus()
    press(qtbot, page, Qt.Key.Key_1)
    mark = marks(empty_project, known)[item.id]
    assert (mark.comment, mark.tags, mark.flagged) == ("1 of 2 is wrong", ("hard", "maths"), True)
    page.judge.bar.show_choice.setCurrentIndex(3)
    page.judge.bar.show_choice.activated.emit(3)
    assert shown(qtbot, page).id == item.id
    assert page.judge.notes.comment.text() == "1 of 2 is wrong"


def test_the_winner_can_be_improved(qtbot, empty_project, opened):
    known = a_set(empty_project)
    page = opened()
    item = shown(qtbot, page)
    order = page.judge._view.order
    press(qtbot, page, (Qt.KeyboardModifier.ShiftModifier, Qt.Key.Key_2))
    dialog = page.findChild(EditDialog)
    assert dialog.text.toPlainText() == item.candidates[order[1]].text
    dialog.text.setPlainText("better than both")
    dialog.keep.click()
    qtbot.waitUntil(lambda: shown(qtbot, page).id != item.id)
    mark = marks(empty_project, known)[item.id]
    assert (mark.edited, mark.verdicts[""]) == ("better than both", Verdict.better(order[1]))


def test_an_improvement_is_kept_by_keyboard(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    dialog = EditDialog("before", 1, window)
    with qtbot.waitActive(dialog):
        dialog.open()
    dialog.text.setPlainText("after")
    with qtbot.waitSignal(dialog.kept) as kept:
        qtbot.keyClick(dialog.text, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert kept.args == ["after", 1]


def test_criteria_are_asked_one_after_the_other(qtbot, empty_project, opened):
    known = a_set(empty_project, criteria="helpful, harmless")
    page = opened()
    item = shown(qtbot, page)
    assert "more helpful" in page.judge.question.text()
    assert press(qtbot, page, Qt.Key.Key_1).id == item.id
    assert "more harmless" in page.judge.question.text()
    assert press(qtbot, page, Qt.Key.Key_3).id != item.id
    assert set(marks(empty_project, known)[item.id].verdicts) == {"helpful", "harmless"}


def test_answers_are_ranked_by_digits(qtbot, empty_project, opened):
    known = a_set(empty_project, 3, 4, way="listwise")
    page = opened()
    item = shown(qtbot, page)
    order = page.judge._view.order
    press(qtbot, page, Qt.Key.Key_3, Qt.Key.Key_Equal, Qt.Key.Key_1, Qt.Key.Key_4)
    assert [page.judge.answers.panes[place].state.text() for place in range(4)] == ["rank 1", "", "rank 1", "rank 2"]
    press(qtbot, page, Qt.Key.Key_Z, Qt.Key.Key_2, Qt.Key.Key_4)
    ranks = marks(empty_project, known)[item.id].verdicts[""].ranks
    assert [ranks[place] for place in order] == [1, 2, 1, 3]
    second = shown(qtbot, page)
    press(qtbot, page, Qt.Key.Key_2, Qt.Key.Key_Return)
    assert sorted(marks(empty_project, known)[second.id].verdicts[""].ranks) == [1, 2, 2, 2]
    third = shown(qtbot, page)
    page.judge.ranking.reordered.emit([3, 1, 0, 2])  # as dragged
    order = page.judge._view.order
    press(qtbot, page, Qt.Key.Key_Return)
    ranks = marks(empty_project, known)[third.id].verdicts[""].ranks
    assert [ranks[order[place]] for place in (3, 1, 0, 2)] == [1, 2, 3, 4]


def test_a_ranking_is_begun_anew_when_it_is_looked_at_again(qtbot, empty_project, opened):
    known = a_set(empty_project, 2, 3, way="listwise")
    page = opened()
    item = shown(qtbot, page)
    press(qtbot, page, Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_P)
    assert [page.judge.answers.panes[place].state.text() for place in range(3)] == ["rank 1", "rank 2", "rank 3"]
    order = page.judge._view.order
    press(qtbot, page, Qt.Key.Key_3)
    assert [page.judge.answers.panes[place].state.text() for place in range(3)] == ["", "", "rank 1"]
    press(qtbot, page, Qt.Key.Key_Return)
    ranks = marks(empty_project, known)[item.id].verdicts[""].ranks
    assert [ranks[place] for place in order] == [2, 2, 1]


@pytest.mark.parametrize(
    ("scale", "key", "rating"), [("5", Qt.Key.Key_4, 4), ("10", Qt.Key.Key_0, 10), ("thumbs", Qt.Key.Key_2, 0)]
)
def test_single_answers_are_rated(qtbot, empty_project, opened, scale, key, rating):
    known = a_set(empty_project, 2, 1, way="pointwise", scale=scale)
    page = opened()
    item = shown(qtbot, page)
    press(qtbot, page, key)
    assert marks(empty_project, known)[item.id].verdicts[""] == Verdict(rating=rating)


def test_a_key_that_means_nothing_judges_nothing(qtbot, empty_project, opened):
    known = a_set(empty_project)
    page = opened()
    item = shown(qtbot, page)
    assert press(qtbot, page, Qt.Key.Key_7, Qt.Key.Key_Q, Qt.Key.Key_Return).id == item.id
    assert press(qtbot, page, Qt.Key.Key_N).id != item.id
    assert press(qtbot, page, Qt.Key.Key_P).id == item.id
    press(qtbot, page, Qt.Key.Key_G)
    assert page.guidelines.isVisible()
    page.guidelines.text.setPlainText("Be fair.")
    page.guidelines.keep.click()
    assert list_sets(empty_project)[0].plan.guidelines == "Be fair."
    assert marks(empty_project, known) == {}


def test_model_output_is_never_html(qtbot, empty_project, opened):
    rows = [Incoming((Message("user", "<b>x</b>"),), (Candidate(0, "<img src=x>"), Candidate(0, "a\u2028b &lt;")))]
    create_set(empty_project, "html", LabelPlan(repeats=0.0), rows)
    page = opened()
    shown(qtbot, page)
    texts = {page.judge.answers.panes[place].text.toPlainText() for place in (0, 1)}
    assert "<img src=x>" in texts
    assert page.judge.prompt.toPlainText() == "<b>x</b>"


def test_labellers_are_kept_apart_by_name(qtbot, empty_project, opened):
    known = a_set(empty_project, 3)
    page = opened()
    press(qtbot, page, Qt.Key.Key_1)
    page.judge.bar.name.setText("Bo")
    page.judge.bar.name.editingFinished.emit()
    qtbot.waitUntil(lambda: page.judge._view is not None and page.judge._view.counts.todo == 3)
    press(qtbot, page, Qt.Key.Key_2)
    assert len(marks(empty_project, known)) == len(marks(empty_project, known, "Bo")) == 1


def test_a_disk_that_refuses_loses_nothing_and_says_so(qtbot, empty_project, opened):
    known = a_set(empty_project)
    page = opened()
    item = shown(qtbot, page)
    with empty_project.connect() as other:
        other.execute("CREATE TRIGGER no BEFORE INSERT ON label_log BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END")
        qtbot.keyClick(page.judge, Qt.Key.Key_1)
        qtbot.waitUntil(page.judge.notice.isVisible)
        assert shown(qtbot, page).id == item.id
        other.execute("DROP TRIGGER no")
    press(qtbot, page, Qt.Key.Key_1)
    assert set(marks(empty_project, known)) == {item.id}


# -------------------------------------------------------------------------------------------- beside the labeller


def wait_idle(qtbot, view):
    qtbot.waitUntil(lambda: view._writer is None and view._judge is None, timeout=20_000)


def test_a_set_is_begun_from_a_dataset_and_candidates_come_while_one_judges(qtbot, project, runs, opened):
    page = opened()
    page.begin_new()
    form = page.set_up
    form.authors.list.addItem(_author_item("m1"))
    form.authors.list.addItem(_author_item("m2"))
    for row in range(form.authors.list.count()):
        name = form.authors.list.item(row).text()
        form.authors.list.item(row).setCheckState(
            Qt.CheckState.Checked if name in ("m1", "m2") else Qt.CheckState.Unchecked
        )
    form.answers.setChecked(False)
    form.writes.setChecked(True)
    form.plan.rows["repeats"].set_value(0.0)
    form.begin.click()
    qtbot.waitUntil(lambda: page.known() is not None)
    assert page.tabs.currentWidget() is page.candidates
    wait_idle(qtbot, page.candidates)
    assert not page.candidates.notice.isVisible(), page.candidates.notice.what.text()
    known = page.known()
    assert prompt_states(project, known) == (0, 200, 0)
    page.tabs.setCurrentIndex(0)
    qtbot.waitUntil(lambda: page.judge._view is not None and page.judge._view.counts.todo == 200)
    item = shown(qtbot, page)
    assert {candidate.author for candidate in item.candidates} == {"m1", "m2"}


def _author_item(name):
    item = QListWidgetItem(name)
    item.setData(Qt.ItemDataRole.UserRole, Author(name, f"/models/{name}"))
    return item


def waiting_set(project, prompts, name="m1"):
    writing = replace(Writing(), authors=(Author(name, "/models/m"),))
    rows = [Incoming((Message("user", words),)) for words in prompts]
    return create_set(project, "waits", LabelPlan(repeats=0.0), rows, writing=writing.to_json())


def test_a_prompt_that_fails_is_said_and_left_out(qtbot, empty_project, opened):
    known = waiting_set(empty_project, ["a", "too long", "c"])
    page = opened()
    page.candidates.begin()
    wait_idle(qtbot, page.candidates)
    assert prompt_states(empty_project, known) == (0, 2, 1)
    assert page.candidates.notice.what.text() == "The prompt is too long."


def test_a_model_that_cannot_be_loaded_is_a_sentence(qtbot, empty_project, opened):
    known = waiting_set(empty_project, ["a"], "broken")
    page = opened()
    page.candidates.begin()
    wait_idle(qtbot, page.candidates)
    assert page.candidates.notice.what.text() == "The model is damaged."
    assert prompt_states(empty_project, known) == (1, 0, 0)


@pytest.mark.parametrize(("way", "answers"), [("pairwise", 2), ("listwise", 3), ("pointwise", 1)])
def test_a_machine_judge_suggests_and_is_kept_apart(qtbot, empty_project, opened, way, answers):
    rows = [
        Incoming((Message("user", f"p{n}"),), tuple(Candidate(0, "e" * (n + 2 * k) + "x" * k) for k in range(answers)))
        for n in range(1, 5)
    ]
    known = create_set(empty_project, "Mine", LabelPlan(way=way, repeats=0.0), rows)
    page = opened()
    item = shown(qtbot, page)
    assert not page.judge.suggestion.isVisible()
    view = page.candidates
    view.judge_choice.addItem("e-lover", ("model", Author("e-lover", "/models/e")))
    view.judge_choice.setCurrentIndex(view.judge_choice.count() - 1)
    view.judge_button.click()
    wait_idle(qtbot, view)
    with empty_project.connect() as connection:
        assert labellers_of(connection, known) == [("e-lover", True, 4)]
        wanted = mark_of(connection, item.id, "e-lover").verdicts[""]
    qtbot.waitUntil(page.judge.suggestion.isVisible)
    assert "Machine judge “e-lover” suggests" in page.judge.suggestion.text()
    press(qtbot, page, Qt.Key.Key_Return)
    mark = marks(empty_project, known)[item.id]
    assert (mark.verdicts[""], mark.suggested) == (wanted, "e-lover")
    if way == "pairwise":
        assert item.candidates[wanted.ranks.index(1)].text.count("e") == 3


def test_what_a_judge_cannot_read_is_said_and_left_out(qtbot, empty_project, opened):
    texts = [("e", "ee"), ("too long", "x"), ("a", "b")]
    rows = [
        Incoming((Message("user", f"p{n}"),), tuple(Candidate(0, text) for text in pair))
        for n, pair in enumerate(texts)
    ]
    known = create_set(empty_project, "Mine", LabelPlan(repeats=0.0), rows)
    page = opened()
    view = page.candidates
    view.judge_choice.addItem("e-lover", ("model", Author("e-lover", "/models/e")))
    view.judge_choice.setCurrentIndex(view.judge_choice.count() - 1)
    view.judge_button.click()
    wait_idle(qtbot, view)
    assert view.notice.what.text() == "The answers are too long."
    assert "1 item could not be judged" in view.judge_said.text()
    with empty_project.connect() as connection:
        assert labellers_of(connection, known) == [("e-lover", True, 2)]


# -------------------------------------------------------------------------------------------- quality and use


def judged_set(project, prompts=6):
    known = a_set(project, prompts, 3)
    from studio.storage.label_log import LabelSession, queue_of

    with project.connect() as connection:
        for name in ("Ada", "Bo"):
            session = LabelSession(connection, known, name)
            for item in queue_of(connection, known, name, "todo", "given"):
                winner = 0 if name == "Ada" or item % 4 else 1
                session.write(item, Mark({"": Verdict.better(winner)}, shown=(0, 1)), "1")
        # Round in a circle: 0 > 1, 1 > 2, 2 > 0 on the first prompt.
        first = [o for o in opinions_of(connection, known) if o.labeller == "Ada"][:3]
        LabelSession(connection, known, "Ada").write(first[1].item, Mark({"": Verdict.better(1)}), "2")
    return known


def test_quality_says_what_each_figure_means_and_opens_contradictions(qtbot, empty_project, opened):
    judged_set(empty_project)
    page = opened()
    page.tabs.setCurrentWidget(page.quality)
    words = page.quality.words
    qtbot.waitUntil(lambda: "Ada: 18" in words["who"].text())
    assert "κ =" in words["between"].text()
    assert "first is favoured" in words["position"].text()
    assert "model 0: won" in words["authors"].text()
    assert "go round in a circle" in words["circles"].text()
    page.quality.circles.itemActivated.emit(page.quality.circles.item(0))
    assert page.tabs.currentWidget() is page.judge_part
    assert shown(qtbot, page).prompt[0].content == "prompt 0"


def test_the_verdicts_are_seen_before_they_are_used(qtbot, empty_project, opened):
    known = judged_set(empty_project)
    page = opened()
    page.tabs.setCurrentWidget(page.use)
    use = page.use
    qtbot.waitUntil(lambda: use.table.rowCount() > 0)
    pairs = use.table.rowCount()
    assert use.words.text().startswith(f"{pairs} pairs from 36 verdicts on 6 prompts.")
    use.form.rows["ties"].set_value("keep")
    qtbot.waitUntil(lambda: use.table.rowCount() > pairs)
    assert not use.train["kto"].isVisible()
    with qtbot.waitSignal(page.train_requested) as asked:
        use.train["dpo"].click()
    [info] = list_datasets(empty_project)
    assert asked.args == [info.id, "dpo"]
    assert info.name == f"{known.name}, pairs"
    use.form.rows["make"].set_value("labels")
    assert use.train["kto"].isVisible()
    use.keep.click()
    qtbot.waitUntil(use.notice.isVisible)
    assert {one.kind_name for one in list_datasets(empty_project)} == {"pairs", "labels"}


def test_without_verdicts_there_is_nothing_to_use_and_a_way_to_judging(qtbot, empty_project, opened):
    known = a_set(empty_project)
    page = opened()
    page.tabs.setCurrentWidget(page.use)
    qtbot.waitUntil(page.use.empty.isVisible)
    assert not page.use.train["dpo"].isEnabled() and page.use.train["dpo"].toolTip()
    page.use.empty.button.click()
    assert page.judge.isVisible()
    press(qtbot, page, Qt.Key.Key_1)
    assert len(marks(empty_project, known)) == 1


def test_a_set_that_is_clicked_is_judged_with_keys_at_once(qtbot, empty_project, opened):
    known, _other = a_set(empty_project), a_set(empty_project)
    page = opened()
    page.activateWindow()
    item = next(
        page.list.item(row) for row in range(2) if page.list.item(row).data(Qt.ItemDataRole.UserRole).id == known.id
    )
    shown(qtbot, page)
    qtbot.mouseClick(page.list.viewport(), Qt.MouseButton.LeftButton, pos=page.list.visualItemRect(item).center())
    press(qtbot, page, Qt.Key.Key_1)
    assert len(marks(empty_project, known)) == 1
    page.list.setFocus()
    qtbot.keyClick(page.list, Qt.Key.Key_Return)
    press(qtbot, page, Qt.Key.Key_2)
    assert len(marks(empty_project, known)) == 2


@pytest.mark.parametrize("form", ["pairs", "hh", "argilla", "label_studio"])
def test_what_is_exported_comes_in_again(qtbot, empty_project, opened, tmp_path, form):
    known = a_set(empty_project, 5)
    page = opened()
    press(qtbot, page, *[Qt.Key.Key_1] * 5)
    with empty_project.connect() as connection:
        before = {o.prompt_id: o.candidates[o.mark.verdicts[""].ranks.index(1)] for o in opinions_of(connection, known)}
        texts = {row[0]: row[1] for row in connection.execute("SELECT id, text FROM candidates")}
    file = tmp_path / f"out {form}.json{'' if form in ('argilla', 'label_studio') else 'l'}"
    page.use.write_file(file, form)
    qtbot.waitUntil(page.use.notice.isVisible) if page.use.isVisible() else qtbot.waitUntil(file.exists)
    qtbot.waitUntil(lambda: page.use._work.is_over)
    page.import_file(file)
    qtbot.waitUntil(lambda: page.known() is not None and page.known().id != known.id)
    with empty_project.connect() as connection:
        again = [
            (o, {row[0]: row[1] for row in connection.execute("SELECT id, text FROM candidates")})
            for o in opinions_of(connection, page.known())
        ]
    winners = {known_texts[o.candidates[o.mark.verdicts[""].ranks.index(1)]] for o, known_texts in again}
    assert winners == {texts[candidate] for candidate in before.values()}
    if form in ("argilla", "label_studio"):
        assert {o.labeller for o, _ in again} == {"Ada"}


def test_a_file_without_labels_is_refused(qtbot, empty_project, opened, tmp_path):
    file = tmp_path / "x.json"
    file.write_text(json.dumps([{"instruction": "a", "output": "b"}]))
    page = opened()
    page.import_file(file)
    qtbot.waitUntil(page.notice.isVisible)
    assert "holds no labels" in page.notice.what.text()
    assert list_sets(empty_project) == []


def test_a_set_is_renamed_and_deleted(qtbot, empty_project, opened):
    a_set(empty_project)
    page = opened()
    page._rename("Küche & Bad")
    assert page.title.text() == "Küche & Bad"
    page.delete_action.trigger()
    box = page.findChild(QMessageBox)
    box.buttons()[0].click()
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.empty)
    assert list_sets(empty_project) == []


def test_another_dataset_is_suited_at_once(qtbot, empty_project, opened):
    from studio.core.records import Label, Prompt
    from studio.storage.datasets import add_dataset

    asked = (Message("user", "a"),)
    add_dataset(empty_project, "first", "f", [Prompt(asked)], kind="prompts")
    other = add_dataset(empty_project, "other", "o", [Label(asked, "b", True)], kind="labels")
    page = opened()
    page.begin_with(other.id)
    assert page.set_up.chosen().id == other.id
    assert page.set_up.plan.rows["way"].value() == "pointwise" and page.set_up.answers.isChecked()
    page.set_up.dataset.setCurrentIndex(1 - page.set_up.dataset.currentIndex())
    assert page.set_up.plan.rows["way"].value() == "pairwise" and not page.set_up.answers.isChecked()


@pytest.mark.parametrize("width", [380, 1200])
def test_answers_stand_in_as_many_columns_as_there_is_room_for(qtbot, width):
    grid = AnswersGrid()
    qtbot.addWidget(grid)
    grid.resize(width, 300)
    grid.show()
    grid.show_answers(["a", "b", "c", "d", "e"])
    qtbot.waitUntil(lambda: all(pane.width() > 0 for pane in grid.panes))
    places = {(pane.x(), pane.y()) for pane in grid.panes}
    assert len(places) == 5 and len({x for x, _ in places}) == (2 if width == 380 else 3)
    for pane in grid.panes:  # nothing of a head is cut off
        assert pane.edit.geometry().right() <= pane.width() and pane.edit.width() >= pane.edit.minimumSizeHint().width()


def test_labels_can_be_imported_before_there_is_any_set(opened, monkeypatch):
    page = opened()
    assert page.stack.currentWidget() is page.empty
    asked = []
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: asked.append(True) or ("", ""))
    page.empty.other.click()
    assert page.empty.other.isVisible() and asked == [True]


def test_ratings_are_proposed_as_such_also_after_a_dataset_of_thumbs(opened, empty_project, tmp_path):
    rows = {
        "rated": [{"prompt": f"Ask {n}", "response": "Yes.", "rating": 1 + n % 5} for n in range(6)],
        "thumbs": [{"prompt": f"Ask {n}", "completion": "Yes.", "label": n % 2 == 0} for n in range(6)],
    }
    made = {}
    for name, lines in rows.items():
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
        made[name] = import_file(empty_project, tmp_path / f"{name}.jsonl").id
    page = opened()
    page.begin_with(made["thumbs"])
    assert page.set_up.plan.rows["scale"].value() == "thumbs"
    page.begin_with(made["rated"])
    assert page.set_up.plan.rows["scale"].value() == LabelPlan().scale != "thumbs"


@pytest.mark.parametrize(
    ("part", "module", "measure"), [("quality", quality_module, "quality_of"), ("use", use_module, "convert_set")]
)
def test_what_was_asked_for_while_it_was_measured_is_measured_too(
    qtbot, empty_project, opened, monkeypatch, part, module, measure
):
    a_set(empty_project)
    run, real, measured = BackgroundTask.run, getattr(module, measure), []
    # As on a machine that has much to do: a thread's answer is there, and the thread takes a moment longer.
    monkeypatch.setattr(BackgroundTask, "run", lambda task: [run(task), task.msleep(100)].clear())
    monkeypatch.setattr(module, measure, lambda *given: (measured.append(1), real(*given))[1])
    page = opened()
    view = getattr(page, part)
    page.tabs.setCurrentWidget(view)
    qtbot.waitUntil(lambda: bool(measured) and not view.findChildren(BackgroundTask))
    measured.clear()
    look = view.refresh if part == "quality" else view._look
    look()
    look()
    qtbot.waitUntil(lambda: len(measured) == 2)


def test_closing_waits_for_all_that_is_written(qtbot, empty_project, opened, tmp_path, monkeypatch):
    a_set(empty_project)
    page = opened()
    press(qtbot, page, *[Qt.Key.Key_1] * 6)
    ended, real, goes_on = [], use_module.export_set, threading.Event()

    def slow(*given):
        assert goes_on.wait(20)
        count = real(*given)
        ended.append(given[3])
        return count

    monkeypatch.setattr(use_module, "export_set", slow)
    for name in ("one.jsonl", "two.jsonl"):
        page.use.write_file(tmp_path / name, "pairs")
    later = threading.Timer(0.2, goes_on.set)
    later.start()
    page.use.close_down()
    assert len(ended) == 2
    later.join()


@pytest.mark.parametrize(
    "said", ["Loading tiny…", "Writing on the processor…", "Everything is judged already.", "Done."]
)
def test_what_a_worker_says_is_in_the_windows_language(qtbot, chinese, said):
    label = Said()
    qtbot.addWidget(label)
    label.say(said)
    assert not re.search("[A-Z]", label.text()), label.text()


def test_words_of_a_worker_that_was_left_are_dropped(qtbot, empty_project, opened):
    known = a_set(empty_project)
    other = a_set(empty_project)
    page = opened()
    view = page.candidates
    writing = replace(Writing(), authors=(Author("m1", "/models/m1"),))
    view.open_set(replace(known, writing=writing.to_json()))
    view.judge_choice.addItem("e-lover", ("model", Author("e-lover", "/models/e")))
    view.judge_choice.setCurrentIndex(view.judge_choice.count() - 1)
    view._judge_or_stop()
    view._write_or_stop()
    left = {view._writer: view.said, view._judge: view.judge_said}
    for worker, label in left.items():
        worker.said.emit("Of this set.")
        assert label.text() == "Of this set."
    view.open_set(other)
    for worker, label in left.items():
        worker.said.emit("Of the set before.")
        worker.troubled.emit(StudioError("Of the set before.", ""))
        worker.progressed.emit(1, 2)
        assert label.text() == view.notice.what.text() == ""
        assert view.judge_progress.maximum() == 0

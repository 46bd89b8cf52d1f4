"""Talking to models side by side: loading, asking, stopping, looking closer, voting."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from studio.core.conversation import Voice
from studio.core.dialogue import messages_of
from studio.gui import theme
from studio.gui.pages.chat import ChatPage
from studio.gui.pages.chat.worker import Phase
from studio.gui.widgets.visible_text import plain_tip
from studio.jobs.background import wait_for_tasks
from studio.storage.label_log import opinions_of
from studio.storage.labels import list_sets
from studio.storage.runs import RunFolder, seal
from tests.gui.pages.chat.talking import LEFT, RIGHT, answered, click, say, shown


def test_without_anything_trained_the_way_there_is_shown(qtbot, page):
    assert page.stack.currentWidget() is page.empty
    with qtbot.waitSignal(page.train_requested):
        click(qtbot, page.empty.button)


def test_the_first_message_loads_the_model_and_is_answered_in_both_panes(qtbot, page, trained):
    trained("first")
    qtbot.waitUntil(lambda: page.top.choice.count() == 1)
    assert page.worker.phase is Phase.CLOSED
    say(qtbot, page, "hello\nthere")
    assert page.composer.edit.toPlainText() == ""
    qtbot.waitUntil(lambda: answered(page))
    assert shown(page, LEFT) == "You\nhello\nthere\nreally base\nleft turn 1 seed 42"
    assert shown(page, RIGHT) == "You\nhello\nthere\nreally tuned\nright turn 1 seed 42"
    assert page.panes[RIGHT].footer.whole == "3 tokens  ·  6 tokens/s  ·  ended by itself"
    assert page.top.state.text() == "Ready on the processor  ·  fp32  ·  context 64 tokens"


def test_panes_say_before_anything_is_loaded_who_will_answer(qtbot, page, trained, model_folder):
    trained("first")
    qtbot.waitUntil(lambda: page.top.choice.count() == 1)
    assert page.worker.phase is Phase.CLOSED
    assert [pane.name for pane in page.panes] == [model_folder.name, f"{model_folder.name} + adapter"]


def test_panes_are_named_by_the_worker_and_not_by_what_was_asked_for(qtbot, ready, model_folder):
    assert ready.panes[LEFT].name == model_folder.name
    assert ready.panes[RIGHT].name == f"{model_folder.name} + 20260101-000000-first"
    say(qtbot, ready, "hello")
    qtbot.waitUntil(lambda: answered(ready))
    assert ready.panes[LEFT].name == "really base"
    assert ready.panes[RIGHT].name == "really tuned"


def test_each_pane_goes_on_with_its_own_answers(qtbot, ready):
    for count in (1, 2):
        say(qtbot, ready, "more")
        qtbot.waitUntil(lambda count=count: answered(ready) and len(ready.panes[LEFT].turns) == count)
    assert "left turn 3" in shown(ready, LEFT)
    history = messages_of(ready.panes[RIGHT].turns)
    assert history[1] == {"role": "assistant", "content": "right turn 1 seed 42"}
    click(qtbot, ready.top.fresh)
    assert shown(ready, LEFT) == ""
    say(qtbot, ready, "again")
    qtbot.waitUntil(lambda: answered(ready))
    assert "left turn 1 " in shown(ready, LEFT)


def test_stop_keeps_what_was_written(qtbot, ready):
    say(qtbot, ready, "endless")
    qtbot.waitUntil(lambda: len(ready.panes[RIGHT].turns[-1].answer) > 40)
    assert ready.composer.button.text() == "Stop"
    say(qtbot, ready, "not now")  # Enter waits for the answer's end
    assert ready.composer.edit.toPlainText() == "not now"
    qtbot.keyClick(ready.composer.edit, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: answered(ready))
    assert "stopped" in ready.panes[LEFT].footer.whole
    assert ready.composer.button.text() == "Send"
    assert len(ready.panes[LEFT].turns) == 1


def test_answers_are_plain_text(qtbot, ready):
    say(qtbot, ready, "html")
    qtbot.waitUntil(lambda: answered(ready))
    assert "<b>bold</b>" in shown(ready, LEFT)
    assert "<script>x</script> & " in shown(ready, LEFT)
    click(qtbot, ready.panes[LEFT].copy)
    assert QGuiApplication.clipboard().text().startswith("<b>bold</b>\n<script>")


def test_shift_enter_begins_a_line(qtbot, ready):
    edit = ready.composer.edit
    edit.setPlainText("one")
    edit.moveCursor(edit.textCursor().MoveOperation.End)
    qtbot.keyClick(edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert edit.toPlainText() == "one\n"
    assert ready.panes[LEFT].turns == []


def test_answer_again_takes_the_next_seed(qtbot, ready):
    say(qtbot, ready, "hello")
    qtbot.waitUntil(lambda: answered(ready))
    click(qtbot, ready.top.again)
    qtbot.waitUntil(lambda: answered(ready))
    assert len(ready.panes[LEFT].turns) == 1
    assert "left turn 1 seed 43" in shown(ready, LEFT)


def test_sampling_presets_and_a_wrong_value(qtbot, ready):
    click(qtbot, ready.top.settings)
    assert ready.sampling.isVisible()
    click(qtbot, ready.sampling.greedy)
    assert ready.sampling.sampling().temperature == 0.0
    click(qtbot, ready.sampling.usual)
    assert ready.sampling.sampling().temperature == 0.7
    ready.sampling.form.rows["top_p"].editor.setText("7")
    say(qtbot, ready, "hello")
    assert "Top-p is 7" in ready.notice.what.text()
    assert ready.composer.edit.toPlainText() == "hello"
    assert ready.panes[LEFT].turns == []


def test_a_refused_message_comes_back_into_the_composer(qtbot, ready):
    say(qtbot, ready, "too long")
    qtbot.waitUntil(ready.notice.isVisible)
    assert ready.notice.what.text() == "The conversation is too long."
    assert ready.composer.edit.toPlainText() == "too long"
    assert shown(ready, LEFT) == ""
    say(qtbot, ready, "shorter")
    qtbot.waitUntil(lambda: answered(ready))
    assert not ready.notice.isVisible()


def test_a_worker_that_dies_is_a_sentence_and_the_conversation_is_kept(qtbot, ready):
    say(qtbot, ready, "hello")
    qtbot.waitUntil(lambda: answered(ready))
    say(qtbot, ready, "crash")
    qtbot.waitUntil(lambda: ready.worker.phase is Phase.CLOSED)
    assert "out of words" in ready.notice.what.text()
    assert "left turn 1" in shown(ready, LEFT)
    assert "the model process ended" in ready.panes[LEFT].footer.whole
    assert ready.top.memory.text() == "Start again"
    click(qtbot, ready.top.memory)
    qtbot.waitUntil(lambda: ready.worker.phase is Phase.READY)
    assert not ready.notice.isVisible()
    say(qtbot, ready, "hello")
    qtbot.waitUntil(lambda: answered(ready))
    assert len(ready.panes[LEFT].turns) == 3


def test_unload_gives_the_memory_back(qtbot, ready):
    service = ready.worker._service
    click(qtbot, ready.top.memory)
    assert ready.worker.phase is Phase.CLOSED
    assert ready.top.memory.text() == "Load"
    qtbot.waitUntil(lambda: not ready.worker.findChildren(type(service)))
    assert not ready.notice.isVisible()


def test_an_adapter_that_cannot_be_loaded(qtbot, page, trained):
    trained("broken")
    qtbot.waitUntil(lambda: page.top.choice.count() == 1)
    say(qtbot, page, "hello")
    qtbot.waitUntil(page.notice.isVisible)
    assert page.notice.what.text() == "The adapter is damaged."
    assert page.composer.edit.toPlainText() == "hello"


def test_another_run_is_loaded_when_it_is_chosen_and_the_newest_is_first(qtbot, page, trained):
    older, newer = trained("older", "20260101-000000"), trained("newer", "20260202-000000")
    qtbot.waitUntil(lambda: page.top.choice.count() == 2)
    assert [page.top.choice.itemData(n) for n in (0, 1)] == [newer, older]
    page.open_run(older)
    page.open_run(newer)  # before the first one is there
    page.open_run(older)
    qtbot.waitUntil(lambda: page.worker.phase is Phase.READY)
    assert page.worker.model.names[RIGHT].endswith(older)
    page.top.choice.setCurrentIndex(0)
    page.top.choice.activated.emit(0)
    qtbot.waitUntil(lambda: page.worker.model is not None and page.worker.model.names[RIGHT].endswith(newer))


def test_a_program_that_cannot_be_started_is_a_sentence(qtbot, project, runs, trained):
    page = ChatPage(project, runs, command=["/nowhere/at/all"])
    qtbot.addWidget(page)
    run_id = trained("first")
    page.show()
    qtbot.waitUntil(lambda: page.top.choice.count() == 1)
    page.open_run(run_id)
    assert page.notice.isVisible()
    assert page.worker.phase is Phase.CLOSED


def test_the_conversation_is_written_anew_in_another_theme(qapp, qtbot, ready):
    say(qtbot, ready, "hello")
    qtbot.waitUntil(lambda: answered(ready))
    before = shown(ready, LEFT)
    theme.apply(qapp, "dark")
    try:
        assert shown(ready, LEFT) == before
    finally:
        theme.apply(qapp, "light")


def test_a_run_that_trained_on_is_loaded_anew(qtbot, ready, project):
    run = RunFolder(project.runs / ready.top.choice.currentData())
    loaded = []
    ready.worker.loaded.connect(loaded.append)
    ready.open_run(run.id)
    assert ready.worker.phase is Phase.READY  # the same one: nothing to do
    checkpoint = run.checkpoints / "checkpoint-9"
    checkpoint.mkdir(parents=True)
    (checkpoint / "weights").write_text("x")
    seal(checkpoint)
    (run.adapter / "manifest.json").unlink()
    ready.open_run(run.id)
    assert ready.worker.phase is Phase.LOADING
    assert ready.top.choice.currentText() == "first (step 9)"
    qtbot.waitUntil(lambda: len(loaded) == 1)


def test_both_panes_are_equally_wide(qtbot, ready):
    say(qtbot, ready, "hello")
    qtbot.waitUntil(lambda: answered(ready))
    ready.panes[RIGHT].set_model("a name " * 40)
    ready.top.settings.setChecked(True)
    qtbot.waitUntil(lambda: abs(ready.panes[LEFT].width() - ready.panes[RIGHT].width()) <= 1)
    assert "…" in ready.panes[RIGHT].title.text()


def test_a_further_pane_another_model_and_back_to_two(qtbot, ready, trained):
    other = trained("second", "20260303-000000")
    qtbot.waitUntil(lambda: ready.top.choice.count() == 2)
    click(qtbot, ready.top.more)
    qtbot.waitUntil(lambda: ready.worker.phase is Phase.READY and len(ready.worker.model.names) == 3)
    assert ready.panes["third"].name.endswith(other)  # who is in no pane yet
    say(qtbot, ready, "hello")
    qtbot.waitUntil(lambda: answered(ready))
    assert "third turn 1" in shown(ready, "third")
    actions = {action.text(): action for action in ready.panes[LEFT].menu.actions()}
    assert set(actions) >= {"first", "second"}
    actions["second"].trigger()
    qtbot.waitUntil(lambda: ready.worker.phase is Phase.READY and ready.panes[LEFT].name.endswith(other))
    assert "left turn 1" in shown(ready, LEFT)  # the conversation goes on with another
    click(qtbot, ready.panes["third"].close_button)
    assert len(ready.panes) == 2
    click(qtbot, ready.panes[RIGHT].close_button)
    assert not ready.panes[LEFT].close_button.isVisible()  # the last one stays
    say(qtbot, ready, "alone")
    qtbot.waitUntil(lambda: answered(ready))
    assert "left turn 3" in shown(ready, LEFT)


def test_four_panes_are_the_most(qtbot, ready):
    for _ in range(2):
        click(qtbot, ready.top.more)
    assert len(ready.panes) == 4
    assert not ready.top.more.isVisible()


def test_an_answer_is_looked_at_token_by_token(qtbot, ready):
    say(qtbot, ready, "hello")
    qtbot.waitUntil(lambda: answered(ready))
    pane = ready.panes[RIGHT]
    click(qtbot, pane.look)
    qtbot.waitUntil(lambda: pane.stack.currentWidget() is pane.reading)
    reading = pane.reading
    assert reading.text.toPlainText() == "right turn 1 seed 42 "
    assert reading.summary.text() == "5 tokens  ·  log-probability -5.0 nats  ·  +5.0 against the base  ·  KL 2.5 nats"
    assert [reading.measure.itemData(k) for k in range(3)] == ["change", "surprise", "kl"]
    assert reading.text.reading.about(0).splitlines()[1] == "base: 13.5%  (+1.00 nats)  ·  KL here 0.50"
    assert "“<b>” 25%" in reading.text.reading.about(0)
    assert "&lt;b&gt;" in plain_tip(reading.text.reading.about(0))
    click(qtbot, pane.look)
    assert pane.stack.currentWidget() is pane.text
    click(qtbot, ready.panes[LEFT].look)
    qtbot.waitUntil(lambda: ready.panes[LEFT].reading.text.toPlainText() != "")
    assert ready.panes[LEFT].reading.measure.count() == 1  # a base differs from no base


def test_the_odds_of_the_next_token_are_drawn(qtbot, ready):
    ready.composer.edit.setPlainText("hello")
    click(qtbot, ready.top.settings)
    qtbot.waitUntil(lambda: len(ready.sampling.chart.odds) == 2)
    assert ready.sampling.chart.accessibleDescription() == "<i>: 60%, sampled 100%; b: 40%, sampled 0%"
    assert ready.sampling.chart.height() > 20
    ready.composer.edit.clear()
    click(qtbot, ready.sampling.neutral)
    qtbot.waitUntil(lambda: not ready.sampling.chart.odds)
    assert ready.sampling.sampling().temperature == 1.0


# -------------------------------------------------------------------------------------------------------- votes


def votes_kept(project):
    known = next(one for one in list_sets(project) if one.name == "Chat votes")
    with project.connect() as connection:
        texts = {row[0]: row[1] for row in connection.execute("SELECT id, text FROM candidates")}
        return [
            ({texts[c]: rank for c, rank in zip(o.candidates, o.mark.verdicts[""].ranks, strict=True)}, o.mark)
            for o in opinions_of(connection, known)
        ]


def vote(qtbot, page, number):
    qtbot.waitUntil(page.votes.isVisible)
    click(qtbot, page.votes.buttons[number])
    qtbot.waitUntil(lambda: page.votes.words.text().startswith("Kept"))
    wait_for_tasks(page.votes)


def test_a_vote_is_a_label_and_can_be_changed(qtbot, project, ready):
    say(qtbot, ready, "hello")
    qtbot.waitUntil(lambda: answered(ready))
    left, right = (ready.panes[pane].turns[-1].answer for pane in (LEFT, RIGHT))
    assert [button.text().split("  ")[0] for button in ready.votes.buttons] == [
        "Left is better", "Right is better", "Tie", "All bad",
    ]  # fmt: skip
    vote(qtbot, ready, 0)
    [(ranks, _)] = votes_kept(project)
    assert ranks == {left: 1, right: 2}
    vote(qtbot, ready, 3)
    [(_, mark)] = votes_kept(project)
    assert mark.verdicts[""].bad
    # The panes go on with their own answers, so the next ones answer different conversations.
    say(qtbot, ready, "more")
    qtbot.waitUntil(lambda: answered(ready) and len(ready.panes[LEFT].turns) == 2)
    assert not ready.votes.isVisible()


def test_a_new_answer_can_be_preferred_to_the_former(qtbot, project, ready):
    say(qtbot, ready, "hello")
    qtbot.waitUntil(lambda: answered(ready))
    before = ready.panes[RIGHT].turns[-1].answer
    click(qtbot, ready.top.again)
    qtbot.waitUntil(lambda: answered(ready) and ready.panes[RIGHT].turns[-1].answer != before)
    names = [button.text().split("  ")[0] for button in ready.votes.buttons]
    vote(qtbot, ready, names.index("Right: new is better"))
    [(ranks, _)] = votes_kept(project)
    assert ranks == {ready.panes[RIGHT].turns[-1].answer: 1, before: 2}


def test_what_equals_or_is_unfinished_is_not_voted_on(qtbot, ready):
    say(qtbot, ready, "html")
    qtbot.waitUntil(lambda: answered(ready))
    assert not ready.votes.isVisible()
    click(qtbot, ready.top.fresh)
    say(qtbot, ready, "endless")
    qtbot.waitUntil(lambda: all(pane.turns[-1].answer for pane in ready.panes))
    assert not ready.votes.isVisible()
    ready.worker.stop()
    qtbot.waitUntil(lambda: answered(ready))


def test_a_model_that_no_run_made_is_opened_alone_and_an_adapter_beside_its_base(qtbot, page, model_folder, tmp_path):
    assert page.stack.currentWidget() is page.empty
    page.open_voice(Voice(model_folder))
    qtbot.waitUntil(lambda: page.worker.phase is Phase.READY)
    assert page.stack.currentWidget() is not page.empty
    assert len(page.panes) == 1
    page.open_voice(Voice(model_folder, tmp_path))
    assert [pane.voice for pane in page.panes] == [
        Voice(model_folder, asked_like=tmp_path),
        Voice(model_folder, tmp_path),
    ]


def test_checkpoints_that_a_run_has_kept_can_be_talked_to(qtbot, ready, project):
    run = RunFolder(project.runs / ready.top.choice.currentData())
    for step in (4, 9):
        checkpoint = run.checkpoints / f"checkpoint-{step}"
        checkpoint.mkdir(parents=True)
        (checkpoint / "weights").write_text("x")
        seal(checkpoint)
    ready.open_run(run.id)
    actions = {action.text(): action for action in ready.panes[RIGHT].menu.actions()}
    assert list(actions)[:3] == ["first", "first (step 9)", "first (step 4)"]
    actions["first (step 4)"].trigger()
    assert ready.panes[RIGHT].voice.adapter.name == "checkpoint-4"

"""The straight line through the window with the real worker: train, stop, resume, compare in chat."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QPushButton

from studio.core.runs import RunState
from studio.gui.pages.chat.worker import Phase

pytestmark = pytest.mark.timeout(300)
_SOON = 120_000  # ms; a worker imports torch first, and two cores are shared


def test_train_stop_resume_and_compare(qtbot, studio, click, base_model):
    studio.show_page("train")
    train = studio.pages["train"]
    with qtbot.waitSignal(train.form.model.model_chosen):
        train.form.model.choose(base_model)
    train.form.settings.advanced.setChecked(True)
    for name, value in (("max_steps", 200), ("epochs", 1000.0), ("batch_size", 2), ("learning_rate", 5e-3)):
        train.form.settings.rows[name].set_value(value)
    assert train.start.text() == "Start training"
    click(train.start)

    view = studio.pages["runs"].view
    record = studio.runs.records()[0]
    qtbot.waitUntil(lambda: record.story.step >= 3, timeout=_SOON)
    click(view.buttons.stop)
    question = next(found for found in view.findChildren(QMessageBox) if found.isVisible())
    click(next(found for found in question.findChildren(QPushButton) if found.text() == "Stop and save"))
    qtbot.waitUntil(lambda: view.buttons.resume.isVisible() and view.ending.notice.isVisible(), timeout=_SOON)
    assert record.state in (RunState.STOPPED, RunState.FINISHED)
    stopped_at = record.story.step
    assert f"Stopped at step {stopped_at} of 200" in view.ending.notice.what.text()

    click(view.buttons.resume)
    qtbot.waitUntil(lambda: record.state is RunState.FINISHED and view.ending.notice.isVisible(), timeout=_SOON)
    qtbot.waitUntil(lambda: list(view.plots.large.first.trace.curve.steps) == list(range(1, 201)), timeout=_SOON)
    assert record.curves.resumes == [stopped_at]
    assert len(record.curves.by_name["eval_loss"])

    click(view.buttons.compare)
    chat = studio.pages["chat"]
    qtbot.waitUntil(lambda: chat.worker.phase is Phase.READY, timeout=_SOON)
    chat.top.settings.click()
    click(chat.sampling.greedy)
    chat.sampling.form.rows["max_new_tokens"].set_value(12)
    qtbot.keyClicks(chat.composer.edit, "Count from 7.")
    qtbot.keyClick(chat.composer.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: all(p.turns and p.turns[-1].ended for p in chat.panes), timeout=_SOON)
    assert chat.panes["left"].name == base_model.name
    assert chat.panes["right"].turns[-1].model.startswith(f"{base_model.name} + ")
    assert chat.panes["left"].turns[-1].tokens
    assert chat.panes["left"].turns[-1].answer != chat.panes["right"].turns[-1].answer

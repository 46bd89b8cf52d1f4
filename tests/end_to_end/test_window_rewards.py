"""Learning from a reward through the window with the real worker: a rule, curves and answers, stop, resume."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QMessageBox, QPushButton

from studio.core.rules import Rule
from studio.core.runs import RunState

pytestmark = pytest.mark.timeout(400)
_SOON = 120_000  # ms; a worker imports torch first, and two cores are shared
_STEPS = 24


def test_a_rule_is_learned_watched_stopped_and_resumed(qtbot, studio, click, base_model):
    studio.show_page("train")
    page = studio.pages["train"]
    with qtbot.waitSignal(page.form.model.model_chosen):
        page.form.model.choose(base_model)
    page.form.methods.choose("ppo")
    page.form.settings.advanced.setChecked(True)
    for name, value in (
        ("max_steps", _STEPS),
        ("epochs", 1000.0),
        ("batch_size", 8),
        ("accumulate", 1),
        ("answer_tokens", 8),
        ("held_out", 0.2),
        ("evaluations", 4),
    ):
        page.form.settings.rows[name].set_value(value)
    assert page.start.text() == "Choose a reward"
    click(page.form.rewards.rules.add)
    page.form.rewards.rules.rows[0].parts["pattern"].setText("[0-9]")
    page.form.rewards.watch.setChecked(True)
    page.form.rewards.judge_rules.add_rule(Rule("length", low=1, high=4))
    assert page.start.text() == "Start training"
    click(page.start)

    view = studio.pages["runs"].view
    record = studio.runs.records()[0]
    qtbot.waitUntil(lambda: record.outcome is not None or len(view.rollouts.model.rows) > 0, timeout=_SOON)
    assert record.outcome is None, record.outcome
    qtbot.waitUntil(lambda: record.story.step >= 3, timeout=_SOON)
    assert view.parts.has("Answers")
    view.parts.show_part("Answers")
    assert view.rollouts.table.model().rowCount() == len(view.rollouts.model.rows)
    assert view.rollouts.prompt.toPlainText().startswith("Count from")
    click(view.buttons.stop)
    question = next(found for found in view.findChildren(QMessageBox) if found.isVisible())
    click(next(found for found in question.findChildren(QPushButton) if found.text() == "Stop and save"))
    qtbot.waitUntil(lambda: view.buttons.resume.isVisible() and view.ending.notice.isVisible(), timeout=_SOON)
    assert record.state is RunState.STOPPED, record.outcome
    stopped_at = record.story.step

    click(view.buttons.resume)
    qtbot.waitUntil(lambda: record.state is RunState.FINISHED and view.ending.notice.isVisible(), timeout=_SOON)
    assert record.curves.resumes == [stopped_at]
    view.parts.show_part("Plots")
    qtbot.waitUntil(lambda: list(view.plots.large.first.trace.curve.steps) == list(range(1, _STEPS + 1)), timeout=_SOON)
    for name in ("score", "reward", "kl", "kl_budget", "entropy", "clip_fraction", "value_loss", "explained_variance"):
        assert len(record.curves.by_name[name]) >= _STEPS - 1, name
    for name in ("eval_score", "eval_judge", "eval_kl"):
        assert len(record.curves.by_name[name]) == 5, name  # before the first step too
    assert "eval_judge" in [plot.first.metric.name for plot in view.plots.plots]
    assert view.plots.large.state.text()
    assert view.rollouts.steps.itemText(0) == f"the newest step ({_STEPS})"
    view.rollouts.steps.setCurrentIndex(view.rollouts.steps.findData(2))
    view.rollouts.steps.activated.emit(view.rollouts.steps.currentIndex())
    assert {row.step for row in view.rollouts.model.rows} == {2}
    assert view.buttons.compare.isVisible()

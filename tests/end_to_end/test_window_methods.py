"""From examples to preferences through the window with the real worker: SFT, DPO that goes on from it, a judge."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import Qt

from studio.core.runs import RunState

pytestmark = pytest.mark.timeout(400)
_SOON = 120_000  # ms; a worker imports torch first, and two cores are shared


@pytest.fixture
def data_files(alpaca_file, tmp_path):
    pairs = tmp_path / "pairs.jsonl"
    rows = ({"prompt": f"Count from {n}.", "chosen": f"{n}, {n + 1}.", "rejected": f"{n}, {n}."} for n in range(40))
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return [alpaca_file, pairs]


def train_to_the_end(qtbot, studio, method):
    """Train a few steps with a method; its record."""
    studio.show_page("train")
    page = studio.pages["train"]
    page.form.methods.choose(method)
    page.form.settings.advanced.setChecked(True)
    for name, value in (
        ("max_steps", 12),
        ("epochs", 50.0),
        ("batch_size", 2),
        ("learning_rate", 5e-3),
        ("held_out", 0.25),
    ):
        page.form.settings.rows[name].set_value(value)
    assert page.start.text() == "Start training"
    with qtbot.waitSignal(page.run_started) as started:
        qtbot.mouseClick(page.start, Qt.MouseButton.LeftButton)
    record = studio.runs.record(started.args[0])
    view = studio.pages["runs"].view
    qtbot.waitUntil(lambda: record.outcome is not None and view.ending.notice.isVisible(), timeout=_SOON)
    assert record.state is RunState.FINISHED, record.outcome
    return record


def test_examples_then_preferences_then_a_judge(qtbot, studio, base_model):
    studio.show_page("train")
    page = studio.pages["train"]
    with qtbot.waitSignal(page.form.model.model_chosen):
        page.form.model.choose(base_model)
    first = train_to_the_end(qtbot, studio, "sft")
    view = studio.pages["runs"].view

    second = train_to_the_end(qtbot, studio, "dpo")
    assert second.recipe.adapter == str(first.folder.adapter)
    qtbot.waitUntil(lambda: len(view.plots.large.first.trace) == 12, timeout=_SOON)
    for name in ("accuracy", "eval_accuracy", "margin", "chosen", "rejected", "kl"):
        assert len(second.curves.by_name[name]), name
    assert view.plots.large.state.text()
    assert view.buttons.compare.isVisible()

    judge = train_to_the_end(qtbot, studio, "reward")
    assert judge.recipe.adapter == str(first.folder.adapter)  # judges begin where fine-tuning ended
    assert not view.buttons.compare.isVisible()
    assert view.parts.has("Report")
    view.parts.show_part("Report")
    assert "of 10 held-out comparisons" in view.report.words[0].text()

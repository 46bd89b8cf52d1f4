"""Labels from key to trained model: nothing is lost by a kill, and pairs train a reward model and DPO by a click."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from studio.core.candidates import Author, Writing
from studio.core.labelling import Candidate, LabelPlan
from studio.core.messages import Message
from studio.core.runs import RunState
from studio.storage.label_datasets import labels_used
from studio.storage.label_intake import Incoming, create_set
from studio.storage.label_log import labellers_of, opinions_of
from studio.storage.labels import candidates_of, prompt_states
from studio.storage.project import Project
from tests.end_to_end.conftest import studio_on

pytestmark = pytest.mark.timeout(400)
ROOT = Path(__file__).resolve().parents[2]
KILLS = 4  # `python -m tests.bench.labelling` does twenty
_SOON = 120_000  # ms


def pairs(count):
    for n in range(count):
        answers = (Candidate(0, f"{n}, {n + 1}.", "good"), Candidate(0, f"{n}, {n}.", "bad"))
        yield Incoming((Message("user", f"Count from {n}."),), answers)


def judged(project, known):
    with project.connect() as connection:
        return {o.item for o in opinions_of(connection, known) if o.mark.verdicts or o.mark.skipped}


def test_a_hundred_pairs_are_judged_and_no_kill_loses_one(tmp_path, home):
    project = Project.create(tmp_path / "project")
    known = create_set(project, "pairs", LabelPlan(repeats=0.0), pairs(100))
    project.close()
    rng, safe = random.Random(0), 0
    for attempt in range(KILLS + 1):
        command = [
            sys.executable,
            "-m",
            "tests.end_to_end.scripted_labeller",
            str(project.folder),
            str(attempt),
            "0.01",
        ]
        child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        assert child.stdout.readline() == f"safe {safe}\n"
        if attempt < KILLS:
            for _ in range(rng.randrange(3, 22)):
                child.stdout.readline()
            time.sleep(rng.random() * 0.02)  # the kill comes at any moment between two keys
            os.kill(child.pid, signal.SIGKILL)
        told = child.stdout.read().split("\n")
        child.wait()
        child.stdout.close()
        said = [int(line.split()[1]) for line in told if line.startswith("safe ")]
        kept = len(judged(project, known))
        assert kept >= max([safe, *said])
        safe = kept
    assert "all judged" in told
    assert len(judged(project, known)) == 100
    with project.connect() as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.fixture
def studio(qtbot, tmp_path):
    project = Project.create(tmp_path / "project")
    create_set(project, "Counting", LabelPlan(repeats=0.0), pairs(24))
    with studio_on(project, qtbot) as made:
        yield made


def test_a_model_writes_candidates(qtbot, studio, base_model):
    author = Author("tiny", str(base_model))
    writing = Writing(count=3, max_new_tokens=8, highest=2.0, authors=(author,))
    rows = [Incoming((Message("user", f"Count from {n}."),)) for n in range(3)]
    plan = LabelPlan(way="listwise", repeats=0.0)
    known = create_set(studio.project, "Written", plan, rows, writing=writing.to_json())
    studio.show_page("label")
    page = studio.pages["label"]
    page.refresh(select=known.id)
    view = page.candidates
    view.begin()
    qtbot.waitUntil(lambda: view._writer is None, timeout=_SOON)
    assert not view.notice.isVisible(), view.notice.what.text()
    assert prompt_states(studio.project, known) == (0, 3, 0)
    with studio.project.connect() as connection:
        found = candidates_of(connection, known)
    assert {candidate.author for candidate in found.values()} == {"tiny"}
    assert len({candidate.text for candidate in found.values()}) == len(found) >= 6


def train_by_click(qtbot, studio, base_model, method):
    """Press the button of a method in Use; start what the Train page was filled with; the finished run."""
    label = studio.pages["label"]
    studio.show_page("label")
    label.tabs.setCurrentWidget(label.use)
    qtbot.waitUntil(label.use.train[method].isEnabled)
    qtbot.mouseClick(label.use.train[method], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: studio.window.stack.currentWidget() is studio.pages.get("train"))
    train = studio.pages["train"]
    assert train.form.methods.method().name == method
    assert train.form.dataset.dataset().name.startswith("Counting, pairs")
    if train.form.model.model() is None:
        with qtbot.waitSignal(train.form.model.model_chosen):
            train.form.model.choose(base_model)
    train.form.settings.advanced.setChecked(True)
    for name, value in (("max_steps", 4), ("batch_size", 2), ("held_out", 0.25)):
        train.form.settings.rows[name].set_value(value)
    assert train.start.text() == "Start training"
    with qtbot.waitSignal(train.run_started) as started:
        qtbot.mouseClick(train.start, Qt.MouseButton.LeftButton)
    record = studio.runs.record(started.args[0])
    qtbot.waitUntil(lambda: record.outcome is not None, timeout=_SOON)
    assert record.state is RunState.FINISHED, record.outcome
    return record


def test_verdicts_train_a_reward_model_and_dpo_by_one_click_each(qtbot, studio, base_model):
    studio.show_page("label")
    label = studio.pages["label"]
    judge = label.judge
    with qtbot.waitActive(studio.window):
        studio.window.activateWindow()
    qtbot.waitUntil(lambda: judge._view is not None and not judge._busy)
    while judge._view.item is not None:
        good = [judge._view.item.candidates[place].author for place in judge._view.order].index("good")
        qtbot.keyClick(judge, (Qt.Key.Key_1, Qt.Key.Key_2)[good])
        qtbot.waitUntil(lambda: not judge._busy)
    for method in ("reward", "dpo"):
        record = train_by_click(qtbot, studio, base_model, method)
        recipe = record.folder.recipe()
        assert recipe.method == method
        used = labels_used(studio.project, recipe.dataset_hash)
        assert used is not None
        assert used.verdicts == 24
        shown = studio.pages["runs"].view.settings.findChildren(QLabel)
        assert used.sentence in [line.text() for line in shown]
    with studio.project.connect() as connection:
        assert labellers_of(connection, label.known())[0][2] == 24

"""A newcomer's way, with real workers: from the first start through the guide to a vote and an exported model.

Once by mouse alone and once by keyboard alone; a picture of each step is kept in build/journey. `make journey` runs it,
for it takes minutes; the lessons are cut to a few steps, so what is learned is little. With PLUMBLINE_JOURNEY=whole
they are whole, and the time of each step is told (pytest -s).
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget

from studio.core.lessons import LESSONS, SFT
from studio.core.runs import RunState
from studio.gui import theme
from studio.gui.app import Studio
from studio.gui.guide import acts
from studio.gui.preferences import Preferences
from studio.processes.training import kill_tree
from studio.storage.runs import list_runs
from tests.end_to_end.hands import Keyboard, Mouse

pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]
_SOON, _TRAINED = 60_000, 300_000  # ms; workers import torch first, and cores are shared
_SHOTS = Path(os.environ.get("PLUMBLINE_SHOTS") or Path(__file__).resolve().parents[2] / "build" / "journey")


class Journey:
    """The window, a pair of hands, and an album of what was seen."""

    def __init__(self, qtbot, studio: Studio, hands: Mouse | Keyboard) -> None:
        self.qtbot, self.studio, self.hands = qtbot, studio, hands
        self.panel = studio.guiding.panel
        self._began = time.monotonic()
        self._album = _SHOTS / hands.name
        self._album.mkdir(parents=True, exist_ok=True)
        for old in self._album.glob("*.png"):
            old.unlink()

    def see(self, name: str) -> None:
        """Keep a picture of the window, once what it shows has found its place."""
        for _ in range(5):
            QApplication.processEvents()
        print(f"{time.monotonic() - self._began:6.1f} s  {name}")
        number = len(list(self._album.glob("*.png"))) + 1
        assert self.studio.window.grab().save(str(self._album / f"{number:02}-{name}.png"))

    def wait_for(self, step: str, timeout: int = _SOON) -> None:
        """Until the guide is at a step."""
        self.qtbot.waitUntil(lambda: self.panel.step is not None and self.panel.step.key == step, timeout=timeout)
        self.see(f"next-is-{step}")

    def let_it_do(self) -> None:
        """Press the guide's own button, once it is seen."""
        self.hands.press(self.panel.act)

    def bring_in(self) -> None:
        """Have a sample brought in, look, and import it."""
        self.let_it_do()
        question = self.studio.pages["data"].panel.question
        self.qtbot.waitUntil(lambda: question.go.isVisible() and question.go.isEnabled(), timeout=_SOON)
        self.qtbot.waitUntil(lambda: self.studio.guiding.pointer.target is question.go)
        self.see("import")
        self.hands.press(question.go)

    def vote(self, buttons: list[QAbstractButton], place: int) -> None:
        """Judge the two answers that are shown, once they are written; whose they are is not told."""
        blind = self.studio.pages["chat"].blind
        self.qtbot.waitUntil(lambda: _all_seen(buttons) and buttons[place].isEnabled(), timeout=_TRAINED)
        names = [pane.name for pane in self.studio.pages["chat"].panes]
        seen = {label.text() for label in blind.findChildren(QLabel) if label.isVisible()}
        assert not seen & set(names), "a blind test that names its models"
        self.see("blind-answers")
        before = len(blind.test.judged)
        self.hands.judge(buttons, place)
        self.qtbot.waitUntil(lambda: len(blind.test.judged) > before, timeout=_SOON)

    def train(self) -> None:
        """Have the form filled in, start, and watch it to its end."""
        self.let_it_do()
        start = self.studio.pages["train"].start
        self.qtbot.waitUntil(lambda: start.text() == "Start training", timeout=_SOON)
        self.qtbot.waitUntil(lambda: "Start training" in self.panel.next.text(), timeout=_SOON)
        self.see("train")
        before = len(self.studio.runs.records())
        self.hands.press(start)
        self.qtbot.waitUntil(lambda: len(self.studio.runs.records()) > before, timeout=_SOON)
        record = self.studio.runs.records()[0]
        self.qtbot.waitUntil(lambda: record.story.step > 0 or record.outcome is not None, timeout=_TRAINED)
        self.see("training")
        self.qtbot.waitUntil(lambda: record.outcome is not None, timeout=_TRAINED)
        assert record.state is RunState.FINISHED, record.outcome
        self.see("trained")


@pytest.fixture
def studio(qapp, qtbot, monkeypatch, home):
    # Just enough for the tuned model to answer otherwise than the base: on equal answers there is nothing to vote.
    few = {SFT: 60}
    short = (replace(lesson.settings, max_steps=few.get(lesson.name, 12), evaluations=1) for lesson in LESSONS)
    lessons = tuple(replace(lesson, settings=settings) for lesson, settings in zip(LESSONS, short, strict=True))
    if os.environ.get("PLUMBLINE_JOURNEY") != "whole":
        monkeypatch.setattr(acts, "LESSONS", lessons)
    theme.apply(qapp, "light")
    made = Studio(Preferences())
    qtbot.addWidget(made.window)
    made.window.resize(1440, 900)
    made.window.show()
    with qtbot.waitActive(made.window):
        made.window.activateWindow()
    yield made
    for run in list_runs(home / "projects" / "First model" / "runs"):
        kill_tree(run.worker())
    made.window.close()


@pytest.mark.parametrize("kind", [Mouse, Keyboard], ids=["mouse", "keyboard"])
def test_from_the_first_start_to_a_vote_and_an_export(qtbot, studio, kind):
    hands = kind(qtbot, studio.window)
    journey = Journey(qtbot, studio, hands)
    qtbot.waitUntil(lambda: "free now" in studio.window.start.machine.lines[1].text())
    journey.see("start")
    hands.press(studio.window.start.first_button)

    journey.wait_for("examples")
    journey.bring_in()
    journey.wait_for("sft")
    journey.train()
    journey.wait_for("pairs")
    journey.bring_in()

    journey.wait_for("judge")
    journey.let_it_do()
    label = studio.pages["label"]
    qtbot.waitUntil(lambda: label.set_up.begin.isVisible() and label.set_up.begin.isEnabled(), timeout=_SOON)
    journey.see("begin-labelling")
    hands.press(label.set_up.begin)
    for place in (0, 2, 0, 0):
        qtbot.waitUntil(lambda: label.judge.takes_keys and _all_seen(label.judge.verdicts.buttons), timeout=_SOON)
        buttons = label.judge.verdicts.buttons
        with qtbot.waitSignal(label.judge.judged, timeout=_SOON):
            hands.judge(buttons, place)
    journey.see("judged")

    journey.wait_for("dpo")
    journey.train()
    journey.wait_for("compare")
    journey.let_it_do()
    blind = studio.pages["chat"].blind
    qtbot.waitUntil(lambda: blind.start.isVisible() and studio.guiding.pointer.target is blind.start, timeout=_SOON)
    journey.see("begin-blind-test")
    hands.press(blind.start)
    buttons = list(blind.buttons.values())
    for place in (0, 1):
        journey.vote(buttons, place)
    journey.wait_for("export")
    journey.let_it_do()
    take_away = studio.pages["models"].take_away
    qtbot.waitUntil(lambda: take_away.write.isVisible() and bool(take_away.target.text()), timeout=_SOON)
    journey.see("take-away")
    hands.press(take_away.write)
    qtbot.waitUntil(lambda: studio.guiding.panel.step is None, timeout=_TRAINED)
    qtbot.waitUntil(take_away.write.isEnabled, timeout=_SOON)  # its worker is gone
    (written,) = (studio.project.folder / "exports").iterdir()
    assert (written / "adapter_model.safetensors").is_file() and (written / "README.md").is_file()
    journey.see("done")
    assert "You have aligned a language model" in studio.guiding.panel.words.text()
    hands.press(studio.guiding.panel.end)
    assert not studio.guiding.panel.isVisible()


def _all_seen(parts: Sequence[QWidget]) -> bool:
    return bool(parts) and all(part.isVisible() for part in parts)

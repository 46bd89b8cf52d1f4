import sys
from pathlib import Path

import pytest

from studio.core.recipes import Recipe
from studio.gui.notify import Notifier
from studio.gui.preferences import Preferences
from studio.gui.settings_dialog import SettingsDialog
from studio.jobs.runs import ProjectRuns

FAKE = Path(__file__).resolve().parents[1] / "processes" / "fake_worker.py"


@pytest.fixture
def runs(project):
    made = ProjectRuns(project, command=lambda run: [sys.executable, str(FAKE), str(run.folder), "plain", "3"])
    yield made
    made.close()


@pytest.mark.parametrize("wanted", [True, False])
def test_the_end_of_a_run_is_told_when_nobody_looks_and_when_it_is_wanted(qtbot, runs, model_folder, wanted):
    preferences = Preferences()
    preferences.change(notify=wanted)
    notifier = Notifier(preferences)
    notifier.follow(runs)
    told = []
    notifier.told.connect(lambda title, text: told.append((title, text)))
    with qtbot.waitSignal(runs.run_ended, timeout=20_000):
        runs.start(Recipe(str(model_folder), "greetings", name="mine"))
    assert told == ([("mine", "Finished after 3 steps.")] if wanted else [])


def test_a_desktop_without_a_place_for_it_is_said(qtbot, monkeypatch):
    for possible in (False, True):
        monkeypatch.setattr("studio.gui.settings_dialog.can_notify", lambda possible=possible: possible)
        dialog = SettingsDialog(Preferences())
        qtbot.addWidget(dialog)
        row = dialog.form.rows["notify"]
        assert row.editor.isEnabled() == possible
        assert ("no place" in row.about.text()) != possible

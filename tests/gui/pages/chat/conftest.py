"""A page with a chat worker that has no model."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from studio.core.methods import method_named
from studio.core.recipes import Recipe
from studio.gui.pages.chat import ChatPage
from studio.gui.pages.chat.worker import Phase
from studio.jobs.runs import ProjectRuns
from studio.storage.runs import RunFolder, seal

FAKE = Path(__file__).resolve().parents[2] / "fake_chat.py"


@pytest.fixture
def trained(project, model_folder):
    """Makes a finished run."""

    def make(name, stamp="20260101-000000", method="sft"):
        run = RunFolder(project.runs / f"{stamp}-{name}")
        run.folder.mkdir()
        settings = method_named(method).settings()
        recipe = Recipe(str(model_folder), "greetings", name=name, method=method, settings=settings)
        (run.folder / "recipe.json").write_text(recipe.to_json())
        run.events.write_text('{"v":1,"event":"started","time":1}\n{"v":1,"event":"finished","time":3,"step":2}\n')
        run.adapter.mkdir()
        (run.adapter / "adapter.bin").write_text("x")
        seal(run.adapter)
        return run.id

    return make


@pytest.fixture
def runs(qtbot, project):
    made = ProjectRuns(project)
    yield made
    made.close()


@pytest.fixture
def page(qtbot, project, runs):
    made = ChatPage(project, runs, command=[sys.executable, str(FAKE)])
    qtbot.addWidget(made)
    made.resize(1200, 800)
    made.show()
    yield made
    made.close_down()


@pytest.fixture
def ready(qtbot, trained, request):
    """A page with a run that is loaded."""
    run_id = trained("first")  # before somebody looks for runs, which is every two seconds
    page = request.getfixturevalue("page")
    qtbot.waitUntil(lambda: page.top.choice.count() == 1)
    page.open_run(run_id)
    qtbot.waitUntil(lambda: page.worker.phase is Phase.READY)
    return page

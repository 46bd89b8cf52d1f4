"""A page in a cycle keeps its memory until the collector comes by."""

import gc

from PySide6.QtCore import QObject

from studio.core.methods import METHODS
from studio.core.recipes import Recipe
from studio.gui.pages.runs import RunsPage
from studio.gui.preferences import Preferences
from studio.jobs.runs import ProjectRuns
from tests.gui.pages.runs_for_tests import finished_run


def test_the_runs_page_goes_without_the_collector(qtbot, project, model_folder):
    recipe = Recipe(str(model_folder), "greetings", name="first", settings=METHODS["sft"].settings())
    made = [finished_run(project, recipe, number) for number in range(2)]
    runs = ProjectRuns(project)
    pages = [RunsPage(project, runs, Preferences())]
    pages[0].show()
    qtbot.waitUntil(lambda: len(runs.records()) == 2)
    pages[0].tabs.setCurrentIndex(1)
    pages[0].history.choose([run.id for run in made])
    pages[0].tabs.setCurrentIndex(2)
    qtbot.waitUntil(lambda: bool(pages[0].lineage.tree.cards))
    pages[0].close_down()
    pages[0].close()
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        pages.clear()
        gc.collect()
        assert [found for found in gc.garbage if isinstance(found, QObject)] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        runs.close()

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt

from studio.core.evaluation import Answer, Evaluation
from studio.core.methods import METHODS
from studio.core.recipes import Recipe
from studio.gui.pages.runs import RunsPage
from studio.gui.preferences import Preferences
from studio.jobs.runs import ProjectRuns
from studio.storage.evaluations import save_evaluation
from tests.gui.pages.runs_for_tests import finished_run

EVALUATED = Evaluation("e1", "", "taught", "", "", "", "greetings", "", ("Hi",), (Answer("Hi.", ended=True, tokens=2),))


@pytest.fixture
def chain(project, model_folder):
    """A fine-tuned run and a DPO run that goes on from it."""
    first = Recipe(str(model_folder), "greetings", name="taught")
    one = finished_run(project, first, 1)
    known = replace(EVALUATED, base=first.base_model, adapter=str(one.adapter), run=one.id)
    save_evaluation(project, known)
    second = replace(first, name="aligned", method="dpo", settings=METHODS["dpo"].settings(), adapter=str(one.adapter))
    return one, finished_run(project, second, 2)


@pytest.fixture
def page(qtbot, project, chain):
    runs = ProjectRuns(project)
    made = RunsPage(project, runs, Preferences())
    qtbot.addWidget(made)
    made.resize(1200, 800)
    made.show()
    qtbot.waitUntil(lambda: len(runs.records()) == 2)
    made.tabs.setCurrentIndex(2)
    qtbot.waitUntil(lambda: len(made.lineage.tree.cards) >= 4)
    yield made
    made.close_down()
    runs.close()


def test_the_tree_shows_what_went_into_what_and_opens_it(qtbot, page, chain):
    cards = {card.node.title: card for card in page.lineage.tree.cards.values()}
    assert cards["taught"].x() < cards["aligned"].x()
    assert cards["taught"].x() > cards["tiny model é"].x()
    assert "SFT run taught, Finished" in cards["taught"].accessibleName()
    cards["aligned"].setFocus()
    assert page.lineage.tree._near >= {cards["taught"].node.key, cards["aligned"].node.key}
    qtbot.keyClick(cards["aligned"], Qt.Key.Key_Space)
    assert page.tabs.currentIndex() == 0
    assert page.view.run_id == chain[1].id
    with qtbot.waitSignal(page.model_requested):
        cards["tiny model é"].click()
    judged = next(card for card in cards.values() if card.node.kind == "evaluation")
    assert judged.x() > cards["taught"].x() and judged.accessibleName().startswith("Evaluation Words 1")
    with qtbot.waitSignal(page.evaluation_requested) as asked:
        judged.click()
    assert asked.args == [str(chain[0].adapter), "e1"]


def test_the_way_says_what_is_done_and_what_comes_next(qtbot, page):
    stations = page.lineage.stations
    assert "done" in stations["sft"].accessibleName()
    assert "done" in stations["align"].accessibleName()
    assert "comes next" in stations["preferences"].accessibleName()
    with qtbot.waitSignal(page.labels_requested):
        stations["preferences"].button.click()
    with qtbot.waitSignal(page.method_requested) as asked:
        stations["align"].button.click()
    assert asked.args == ["dpo"]  # PPO would want a reward model, and there is none

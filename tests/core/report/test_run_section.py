"""A run's section of a report: the curves of its method, smoothed only where there are many points."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from studio.core.curves import Curves
from studio.core.events import Event
from studio.core.methods import METHODS
from studio.core.metrics import METRIC_NAMES
from studio.core.report.run import run_section


def section(method: str, steps: int) -> tuple[str, ElementTree.Element]:
    curves = Curves()
    for step in range(1, steps + 1):
        values = {name: 0.5 + step % 3 for name in METRIC_NAMES if not name.startswith("eval_")}
        curves.feed(Event("step", 0.0, {"step": step, **values}))
    curves.feed(Event("evaluation", 0.0, {"step": steps, "eval_loss": 1.0, "eval_accuracy": 0.75}))
    whole = run_section("The run <b>", method, curves, ["It went well.", ""])
    return whole, ElementTree.fromstring(f"<div>{whole}</div>")


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_its_curves(method):
    _, tree = section(method, 60)
    assert tree.find("h2").text == "The run <b>"
    assert len(list(tree.iter("figure"))) >= 4
    assert all("".join(figure.find("figcaption").itertext()) for figure in tree.iter("figure"))


def test_short_curves_are_not_smoothed():
    assert " raw" not in section("sft", 12)[0]
    assert " raw" in section("sft", 60)[0]


def test_a_run_without_figures_is_said_all_the_same():
    assert "It went well." in run_section("Run", "sft", Curves(), ["It went well."])


def test_a_title_keeps_its_abbreviations():
    assert "KL from the start and KL budget" in section("ppo", 12)[0]
    assert "Loss and eval loss" in section("sft", 12)[0]

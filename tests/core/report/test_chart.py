"""Charts of a report: points lie inside the picture and in order, holes stay holes, spikes stay, words are said."""

from __future__ import annotations

import math
import random
from xml.etree import ElementTree

import pytest

from studio.core.report.chart import Line, figure


def drawn(*lines: Line) -> ElementTree.Element:
    return ElementTree.fromstring(figure("Loss <1>", "It should fall & level off.", lines))


def points_of(element: ElementTree.Element) -> list[tuple[float, float]]:
    return [tuple(map(float, pair.split(","))) for pair in element.attrib["points"].split()]  # type: ignore[misc]


def curves_of(tree: ElementTree.Element) -> list[ElementTree.Element]:
    return [line for line in tree.iter("polyline") if line.attrib["points"] != "0,5 26,5"]


@pytest.mark.parametrize("seed", range(20))
def test_every_point_lies_in_the_picture_and_higher_values_higher_up(seed):
    rng = random.Random(seed)
    size, scale = rng.choice([2, 3, 50, 2000]), 10 ** rng.uniform(-8, 8)
    points = [(float(step), rng.gauss(0, 1) * scale) for step in range(1, size + 1)]
    tree = drawn(Line("loss", points))
    (line,) = curves_of(tree)
    found = points_of(line)
    assert len(found) <= 302
    assert all(46 <= x <= 350.05 and 7.95 <= y <= 176.05 for x, y in found)
    assert [x for x, _ in found] == sorted(x for x, _ in found)
    values = [value for _, value in points]
    assert min(y for _, y in found) < 8 + 168 * 0.4 and max(y for _, y in found) > 176 - 168 * 0.4
    if size <= 300:  # all of them are drawn
        by_value = sorted(range(size), key=lambda place: -values[place])
        heights = [found[place][1] for place in by_value]
        assert heights == sorted(heights)
    ticks = [mark for mark in tree.iter("text") if mark.attrib["text-anchor"] == "end"]
    assert 2 <= len(ticks) - 1 <= 7  # one of them is the word “step”


def test_one_spike_among_many_points_is_seen():
    points = [(float(step), 1.0) for step in range(10_000)]
    points[5_003] = (5_003.0, 10.0)
    (line,) = curves_of(drawn(Line("loss", points)))
    assert min(y for _, y in points_of(line)) == pytest.approx(8)


def test_a_value_that_is_no_number_leaves_a_gap():
    points = [(1.0, 1.0), (2.0, 2.0), (3.0, math.nan), (4.0, 3.0), (5.0, math.inf), (6.0, 1.0), (7.0, 2.0)]
    assert [len(points_of(line)) for line in curves_of(drawn(Line("loss", points)))] == [2, 2]


def test_level_curves_and_single_points_are_drawn():
    assert len(curves_of(drawn(Line("lr", [(1.0, 0.0), (2.0, 0.0)])))) == 1
    assert len(list(drawn(Line("eval", [(60.0, 0.7)])).iter("circle"))) == 1


def test_two_lines_have_a_key_and_their_last_values_are_said():
    tree = drawn(Line("Loss", [(1.0, 2.0), (2.0, 1.25)]), Line("Eval loss", [(2.0, 1.5)], dots=True))
    assert "Loss ends at 1.25; Eval loss ends at 1.5" in "".join(tree.itertext())
    assert {line.attrib["class"] for line in tree.iter("polyline")} == {"first", "second"}


def test_nothing_to_draw_makes_no_figure():
    assert figure("Loss", "", []) == ""
    assert figure("Loss", "", [Line("loss", []), Line("eval", [(1.0, math.nan)])]) == ""

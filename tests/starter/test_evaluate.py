"""The evaluation: its shares and intervals, and gold answers that measure as all right."""

from __future__ import annotations

import json

import pytest
from starter import evaluate, write_samples

from studio.cli.demo.measuring import judged
from studio.core.answering import Answered


def test_gold_answers_measure_as_all_right():
    rows = json.loads((write_samples.SAMPLES / "heldout.json").read_text(encoding="utf-8"))
    found = judged("gold", rows, [Answered(row["gold"], True, 1) for row in rows])
    assert found.follows == found.ended == len(rows)
    assert found.gold == 6.0


def test_the_mean_of_seeds_keeps_the_interval_of_one():
    figures = evaluate.Figures([(80, 100), (90, 100), (100, 100)])
    assert str(figures) == "90.0 % [82.6, 94.5] (seeds: 80.0, 90.0, 100.0; n = 100)"
    assert str(evaluate.Figures([(0, 0)])).startswith("0.0 % [0.0, 100.0]")


@pytest.mark.parametrize("part", ["development", "test"])
def test_a_test_holds_nothing_of_the_other_part_and_nothing_trained(part):
    test = evaluate.Test.of(part)
    assert len(test.instructions) >= 300
    assert len(test.prompts) == 240 and len(test.pairs) == 300
    other = evaluate.Test.of("test" if part == "development" else "development")
    mine, theirs = ({row["prompt"] for row in (*t.instructions, *t.prompts, *t.pairs)} for t in (test, other))
    assert not mine & theirs
    lines = (write_samples.SAMPLES / "preferences.jsonl").read_text(encoding="utf-8").splitlines()
    assert not mine & {json.loads(line)["prompt"] for line in lines}


def test_figures_are_told_stage_by_stage():
    found = evaluate.Found(evaluate.Figures([(9, 10)]), evaluate.Figures([(10, 10)]), evaluate.Figures([(8, 10)]), [3])
    found.gold, found.kl = [[6.0, 8.0] * 50, [5.0, 5.0] * 50], [5.0]
    told = "\n".join(evaluate.lines({"DPO": found}, evaluate.Figures([(9, 10)])))
    for words in (
        "DPO: follows 90.0 %",
        "better than SFT 80.0 %",
        "ties 3.00",
        "gold score 6.00 ± 0.10 (seeds: 7.00, 5.00",
        "KL, nats 5.00",
        "reward model",
    ):
        assert words in told
    found.gold = [[6.0], [5.0]]  # one score has no interval
    assert "gold score 5.50 (seeds: 6.00, 5.00; n = 1)" in "\n".join(evaluate.lines({"DPO": found}, evaluate.Figures()))
    assert json.loads(json.dumps(evaluate._plain({"DPO": found}, evaluate.Figures())))["DPO"]["wins"] == [[8, 10]]

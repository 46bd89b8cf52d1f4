"""What the demo says of a stage, and the report of it, over answers made by hand."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from studio.cli.demo.measuring import contest, judged, of_hacking
from studio.cli.demo.report import shown, write_report
from studio.core.answering import Answered
from studio.core.contests import Contest, share
from studio.core.lessons import EASY_PPO, HACKED

COW = {
    "prompt": "What does a cow eat?",
    "family": "explain",
    "check": {"rule": "value", "value": "grass", "rivals": []},
}
OX = {**COW, "prompt": "And an ox? <b>", "family": "list"}
RIGHT, KIND, WRONG = "A cow eats grass.", "Sure! A cow eats grass.", "<script>A cow eats hay.</script>"


def stage(name: str, *texts: str, ended: bool = True):
    return judged(name, [COW, OX], [Answered(text, ended, 5) for text in texts])


def test_a_stage_counts_who_follows_ends_and_how_good_it_is():
    found = stage("SFT", RIGHT, WRONG, ended=False)
    assert (found.follows, found.ended, found.gold, found.reward) == (1, 0, 3.0, None)
    found.rewards = [1.0, 2.0]
    assert found.reward == 1.5


def test_a_contest_is_decided_prompt_by_prompt():
    found = contest([COW, OX], stage("DPO", KIND, RIGHT), stage("SFT", RIGHT, RIGHT))
    assert found == Contest(1, 0, 1)
    assert str(found) == "100 % (21 to 100 %), 1 ties"
    assert str(contest([COW, OX], stage("a", RIGHT, RIGHT), stage("b", RIGHT, RIGHT))) == "all ties"


@pytest.mark.parametrize(
    ("reward", "answer", "told"),
    [(2.0, WRONG, "that is reward hacking"), (0.5, WRONG, "no reward hacking"), (2.0, RIGHT, "no reward hacking")],
)
def test_reward_hacking_takes_more_reward_and_worse_answers(reward, answer, told):
    tame, free = stage(EASY_PPO, RIGHT, RIGHT), stage(HACKED, RIGHT, answer)
    tame.rewards, free.rewards = [1.0, 1.0], [reward, reward]
    sentences = of_hacking([stage("SFT", RIGHT, RIGHT), tame, free])
    assert told in sentences[-1] and f"{reward:+.2f}" in sentences[-1]
    assert "easy judge's" in sentences[0]
    assert of_hacking([tame]) == []


@pytest.mark.parametrize("part", [0, 3, 10])
def test_a_share_stands_within_its_interval(part):
    middle, low, high = (float(word) for word in share(part, 10).replace("(", "").split() if word.isdigit())
    assert low <= middle <= high


def test_the_report_shows_answers_to_the_letter_and_the_base_first(tmp_path):
    stages = [stage("base", WRONG, ""), stage("SFT", RIGHT, KIND)]
    asked = [COW, OX, {**COW, "prompt": "never shown"}]
    assert shown(asked) == [0, 1]
    file = tmp_path / "report.html"
    write_report(file, (["", "follows"], [["base", "0 %"]]), stages, asked, [], ["That was it."])
    text = file.read_text(encoding="utf-8")
    page = ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>\n"))
    said = ["".join(part.itertext()) for part in page.iter() if part.get("class") == "said"]
    assert said == [WRONG, RIGHT, "(nothing)", KIND]
    assert "<script" not in text and "never shown" not in text and "That was it." in text

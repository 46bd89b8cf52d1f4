import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.core.errors import StudioError
from studio.core.rewards import Function, Rewards
from studio.core.rules import RULES, Rule, checked, rule_values, total_score

weights = st.floats(-1e6, 1e6).filter(bool)
rules = st.one_of(
    st.builds(Rule, st.just("matches"), st.sampled_from([r"\bcat\b", "(?i)once", "a|b", "x=1*2"]), weight=weights),
    st.builds(
        lambda low, more, weight: Rule("length", low=low, high=low + more, weight=weight),
        st.integers(1, 50),
        st.integers(0, 50),
        weights,
    ),
    st.builds(Rule, st.sampled_from(["json", "ends"]), weight=weights),
)


@pytest.mark.parametrize(
    ("rule", "answer", "ended", "score"),
    [
        (r"matches=\bcat\b", "the cat sat", True, 1.0),
        (r"matches=\bcat\b", "concatenate", True, 0.0),
        ("-2*matches=(?i)sorry", "I'm Sorry.", True, -2.0),
        ("length=2..4", "one two three", True, 1.0),
        ("length=2..4", "one", True, 0.5),
        ("length=2..4", "one two three four five six", True, 0.5),
        ("length=2..4", "a " * 20, True, 0.0),
        ("length=2..", "a " * 20, True, 1.0),
        ("length=..4", "", True, 1.0),
        ("json", '{"a": 1}', True, 1.0),
        ("json", "{a: 1}", True, 0.0),
        ("0.5*ends", "x", True, 0.5),
        ("ends", "x", False, 0.0),
    ],
)
def test_rules_score_answers(rule, answer, ended, score):
    assert Rule.from_text(rule).score(answer, ended) == pytest.approx(score)


@given(rules, st.text(max_size=200), st.booleans())
def test_a_score_lies_between_nothing_and_the_weight(rule, answer, ended):
    assert 0.0 <= rule.score(answer, ended) / rule.weight <= 1.0
    assert total_score((rule, rule), answer, ended) == 2 * rule.score(answer, ended)


@given(st.lists(rules, max_size=4), st.lists(rules, max_size=2), st.booleans())
def test_rewards_survive_a_recipe(some, judging, function):
    given = Rewards("/m", 2.0, tuple(some), Function("/f.py", "0" * 64) if function else None, "/j", tuple(judging))
    assert Rewards.from_values(json.loads(json.dumps(given.to_values())), "It") == given
    given.check()


@given(rules)
def test_a_rule_survives_a_file(rule):
    assert Rule.from_values(json.loads(json.dumps(rule_values(rule))), "It") == rule


@pytest.mark.parametrize("text", ["ends", "2*length=5..40", "length=5..", "-1*matches=a=b*c", "json"])
def test_a_rule_is_told_as_it_is_written(text):
    assert Rule.from_text(text).told == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("match=x", "Did you mean “matches”"),
        ("matches=", "needs a pattern"),
        ("matches=(", "can't be read as a regular expression"),
        ("length=9..3", "can't be met"),
        ("length=many", "is no length"),
        ("0*ends", "other than 0"),
        ("1.2.3*ends", "weight '1.2.3'"),
    ],
)
def test_a_wrong_rule_is_refused_in_a_sentence(text, words):
    with pytest.raises(StudioError) as caught:
        Rule.from_text(text)
    assert words in caught.value.sentence


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([], "not an object"),
        ({"modell": "x"}, "Did you mean “model”"),
        ({"model": 3}, "must be text"),
        ({"rules": {}}, "no list"),
        ({"rules": [3]}, "not an object"),
        ({"rules": [{"kind": "ends", "low": "3"}]}, "“low” is '3'"),
        ({"rules": [{"kind": "ends", "hight": 3}]}, "Did you mean “high”"),
        ({"function": {"path": "x", "run": True}}, "“run”"),
    ],
)
def test_wrong_rewards_are_named(values, words):
    with pytest.raises(StudioError) as caught:
        Rewards.from_values(values, "“r.json”")
    assert words in caught.value.sentence


@pytest.mark.parametrize(
    ("rewards", "words"),
    [
        (Rewards(), "No reward is chosen"),
        (Rewards(judge="/j"), "No reward is chosen"),
        (Rewards("/m", judge="/m"), "the reward model itself"),
        (Rewards("/m", model_weight=0), "weight 0"),
        (Rewards(function=Function("/f.py", "")), "not agreed to"),
    ],
)
def test_rewards_that_nothing_can_be_learned_from(rewards, words):
    with pytest.raises(StudioError) as caught:
        rewards.check()
    assert words in caught.value.sentence


def test_every_kind_of_rule_is_explained():
    assert all(kind.label and kind.about.endswith(".") for kind in RULES.values())
    assert checked(Rule("ends")) == Rule("ends")

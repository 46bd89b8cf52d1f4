"""Dialogues: a tree of turns, in which nothing that was said is lost."""

from __future__ import annotations

import random

import pytest

from studio.core.dialogue import Dialogue, messages_of


def answer(turn, text):
    turn.answer, turn.model, turn.ended = text, "model", "end of turn"
    return turn


def said(dialogue):
    return [(turn.prompt, turn.answer) for turn in dialogue.path]


@pytest.fixture
def talk():
    made = Dialogue()
    answer(made.say("one"), "1")
    answer(made.say("two"), "2")
    answer(made.say("three"), "3")
    return made


def test_an_edited_message_branches_and_the_old_way_stays(talk):
    second = talk.path[1]
    answer(talk.again(second, "two, rather"), "zwei")
    assert said(talk) == [("one", "1"), ("two, rather", "zwei")]
    assert len(talk.siblings(talk.path[1])) == 2
    talk.choose(second)
    assert said(talk) == [("one", "1"), ("two", "2"), ("three", "3")]


def test_the_first_message_can_be_edited_too(talk):
    answer(talk.again(talk.path[0], "uno"), "u")
    assert said(talk) == [("uno", "u")]
    assert [turn.prompt for turn in talk.siblings(talk.path[0])] == ["one", "uno"]


def test_an_answer_is_rewritten_or_gone_on_with_beside_the_old_one(talk):
    last = talk.path[-1]
    assert talk.rewrite(last, "drei").ended == "edited"
    more = talk.go_on(last)
    assert (more.answer, more.held, more.ended) == ("3", "3", "")
    assert [turn.answer for turn in talk.siblings(last)] == ["3", "drei", "3"]


def test_deleting_goes_to_a_sibling_or_back(talk):
    second = talk.path[1]
    answer(talk.again(second), "anew")
    talk.delete(talk.path[1])
    assert said(talk) == [("one", "1"), ("two", "2"), ("three", "3")]
    talk.delete(second)
    assert said(talk) == [("one", "1")]
    talk.delete(talk.path[0])
    assert talk.is_empty
    assert said(talk) == []


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_done_it_is_read_as_it_was_kept(seed):
    chance, talk = random.Random(seed), Dialogue()
    for step in range(40):
        path = talk.path
        turn = chance.choice(path) if path else None
        match chance.randrange(6) if turn else 0:
            case 0 | 1:
                answer(talk.say(f"say {step}"), str(step))
            case 2:
                answer(talk.again(turn, f"edit {step}"), str(step))
            case 3:
                talk.rewrite(turn, f"rewrite {step}")
            case 4:
                talk.choose(chance.choice(talk.siblings(turn)))
            case _:
                talk.delete(turn)
        again = Dialogue.from_dict(talk.as_dict())
        assert again.as_dict() == talk.as_dict()
        assert said(again) == said(talk)
        numbers = [turn.number for turn in talk.path]
        assert [turn.parent for turn in talk.path] == [None, *numbers][: len(numbers)]


def test_what_is_no_dialogue_is_refused():
    good = Dialogue()
    answer(good.say("a"), "b")
    kept = good.as_dict()
    for wrong in ({}, {"turns": [], "leaf": 3}, {**kept, "turns": kept["turns"] * 2}, {"turns": 3, "leaf": None}):
        with pytest.raises(ValueError, match=r"turn|dialogue"):
            Dialogue.from_dict(wrong)


def test_what_was_never_answered_is_left_out_of_the_history():
    talk = Dialogue()
    talk.say("lost").ended = "stopped"
    answer(talk.say("kept"), "yes")
    talk.say("now")
    assert [message["content"] for message in messages_of(talk.path)] == ["kept", "yes", "now"]


def test_a_system_prompt_comes_first():
    talk = Dialogue()
    talk.say("hi")
    assert messages_of(talk.path, "Be brief.")[0] == {"role": "system", "content": "Be brief."}

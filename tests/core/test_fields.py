from dataclasses import dataclass, replace

import pytest

from studio.core.errors import StudioError
from studio.core.fields import problems_of, setting, settings_from, settings_of
from studio.core.methods import SftSettings


@dataclass(frozen=True)
class Oven:
    heat: float = setting(180.0, "Heat", "How hot.", low=50, high=300, unit="°C")
    trays: int = setting(1, "Trays", "How many.", low=1)
    fan: bool = setting(True, "Fan", "Whether it blows.")
    mode: str = setting("bake", "Mode", "What it does.", choices={"bake": "Bake", "grill": "Grill"})


def test_settings_keep_the_order_and_the_kind_of_their_declaration():
    assert [(known.name, known.kind) for known in settings_of(Oven)] == [
        ("heat", float),
        ("trays", int),
        ("fan", bool),
        ("mode", str),
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"heat": 301.0}, "between 50 and 300"),
        ({"heat": float("nan")}, "finite"),
        ({"heat": "hot"}, "must be a number"),
        ({"heat": True}, "must be a number"),
        ({"trays": 0}, "1 or more"),
        ({"trays": 1.5}, "whole number"),
        ({"trays": 10**400}, "finite"),
        ({"fan": 1}, "true or false"),
        ({"mode": "gril"}, "Did you mean “grill”?"),
        ({"mode": 3}, "must be text"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_the_reason(change, words):
    (sentence,) = problems_of(replace(Oven(), **change)).values()
    assert words in sentence


def test_defaults_can_all_be_used():
    assert problems_of(Oven()) == {}
    assert problems_of(SftSettings()) == {}


def test_reading_takes_defaults_for_what_is_absent_and_turns_whole_floats_into_numbers_of_the_kind():
    assert settings_from(Oven, {"heat": 200, "trays": 2.0}, "x") == Oven(heat=200.0, trays=2)
    assert type(settings_from(Oven, {"heat": 200}, "x").heat) is float


def test_an_unknown_name_is_answered_with_the_nearest_known_one():
    with pytest.raises(StudioError, match="Did you mean “trays”"):
        settings_from(Oven, {"tray": 2}, "menu.json")

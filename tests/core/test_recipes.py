import json
from dataclasses import replace

import pytest

from studio.core.errors import StudioError
from studio.core.methods import SftSettings
from studio.core.recipes import Recipe
from studio.core.rewards import Rewards

RECIPE = Recipe("/models/küken", "d1", "My run", "alpaca", settings=SftSettings(epochs=2.5, seed=7))


def test_a_recipe_survives_its_file():
    assert Recipe.from_json(RECIPE.to_json()) == RECIPE


def test_a_hand_written_recipe_needs_only_a_model_and_a_dataset():
    recipe = Recipe.from_json('{"base_model": "m", "dataset": "d", "settings": {"epochs": 1}}')
    assert recipe == Recipe("m", "d", settings=SftSettings(epochs=1.0))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 99}, "format 99"),
        ({"method": "ppo2"}, "ppo2"),
        ({"dataset": None}, "None"),
        ({"dataset": ""}, "no “dataset”"),
        ({"datset": "x"}, "Did you mean “dataset”"),
        ({"settings": []}, "not an object"),
        ({"settings": {"learning_rate": 5}}, "Learning rate is 5"),
        ({"settings": {"learningrate": 1e-4}}, "Did you mean “learning_rate”"),
    ],
)
def test_a_wrong_entry_is_named(change, words):
    values = {**json.loads(RECIPE.to_json()), **change}
    with pytest.raises(StudioError) as caught:
        Recipe.from_json(json.dumps(values), "“r.json”")
    assert words in caught.value.sentence
    assert "r.json" in caught.value.sentence or words.startswith("no")


@pytest.mark.parametrize("text", ["", "hello", "[1]", "[" * 100_000, '{"base_model": '])
def test_what_is_no_recipe_gets_a_sentence(text):
    with pytest.raises(StudioError):
        Recipe.from_json(text)


def test_checking_names_what_is_missing():
    with pytest.raises(StudioError, match="No base model"):
        replace(RECIPE, base_model="").check()
    with pytest.raises(StudioError, match="No dataset"):
        replace(RECIPE, dataset="").check()
    with pytest.raises(StudioError, match="LoRA rank is 0"):
        replace(RECIPE, settings=SftSettings(lora_rank=0)).check()


@pytest.mark.parametrize(
    ("rows", "share", "count"), [(1000, 0.05, 50), (10, 0.01, 1), (2, 0.5, 1), (1, 0.5, 0), (10, 0.0, 0), (3, 0.5, 2)]
)
def test_held_out_is_at_least_one_and_never_all(rows, share, count):
    assert SftSettings(held_out=share).held_out_of(rows) == count


@pytest.mark.parametrize(
    ("rows", "settings", "steps"),
    [
        (8, {"epochs": 1.0}, 1),
        (9, {"epochs": 1.0}, 2),  # 3 passes of 4, 2 passes a step
        (95, {"epochs": 3.0}, 36),  # 24 passes, 12 steps each time
        (95, {"epochs": 0.01}, 1),
        (95, {"epochs": 3.0, "max_steps": 20}, 20),
        (95, {"epochs": 3.0, "max_steps": 50}, 36),
    ],
)
def test_steps_are_counted_before_a_run_starts(rows, settings, steps):
    assert SftSettings(**settings).steps_for(rows) == steps


def test_a_recipe_without_rewards_is_written_as_before():
    assert "rewards" not in json.loads(RECIPE.to_json())


def test_rewards_where_nothing_is_rewarded_are_refused():
    with pytest.raises(StudioError, match="takes no reward"):
        replace(RECIPE, rewards=Rewards("/m")).check()

import json
from dataclasses import replace

import pytest

from studio.core.errors import StudioError
from studio.core.messages import Example, Message
from studio.core.methods import DpoSettings, RewardSettings
from studio.core.recipes import Recipe
from studio.core.records import Pair
from studio.storage.datasets import add_dataset
from studio.storage.models import starter_model
from studio.storage.recipes import ready_recipe

ASK = (Message("user", "Hi"),)


@pytest.fixture
def recipe(project):
    add_dataset(project, "talk", "a", [Example((*ASK, Message("assistant", "Yo")))])
    add_dataset(project, "pairs", "b", [Pair(ASK, "Yo", "No")], kind="pairs")
    return Recipe(str(starter_model()), "talk")


@pytest.fixture
def adapter(tmp_path):
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({}))
    (folder / "adapter_model.safetensors").write_bytes(b"")
    return folder


def test_everything_is_named_for_good(project, recipe, adapter):
    ready = ready_recipe(project, replace(recipe, adapter=str(adapter)))
    assert ready.dataset != "talk"
    assert len(ready.dataset_hash) == 64
    assert ready.adapter == str(adapter)
    assert ready_recipe(project, ready) == ready


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dataset": "pairs"}, "“pairs” holds pairs; “Teach by example (SFT)” learns from examples"),
        ({"method": "dpo", "settings": DpoSettings()}, "learns from pairs"),
        ({"base_model": "/nowhere"}, "There is no model folder"),
        ({"adapter": "/nowhere"}, "There is no adapter in"),
    ],
)
def test_what_does_not_fit_is_a_sentence(project, recipe, change, words):
    with pytest.raises(StudioError) as caught:
        ready_recipe(project, replace(recipe, **change))
    assert words in caught.value.what
    assert caught.value.hint


def test_a_reward_model_may_begin_with_a_tuned_model(project, recipe, adapter):
    wanted = replace(recipe, method="reward", dataset="pairs", settings=RewardSettings())
    assert ready_recipe(project, wanted).adapter == ""
    assert ready_recipe(project, replace(wanted, adapter=str(adapter))).adapter == str(adapter)

import argparse
import json

import pytest

from studio.cli.app import main
from studio.cli.training import _recipe, add_arguments
from studio.core.methods import SftSettings
from studio.core.recipes import Recipe
from studio.storage.project import Project


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return _recipe(parser.parse_args(words))


def test_flags_override_the_recipe(tmp_path):
    file = tmp_path / "r.json"
    file.write_text(Recipe("/m", "d", "n", settings=SftSettings(epochs=2.0, lora_rank=4)).to_json())
    recipe = parsed(str(file), "--epochs", "5", "--dataset", "other", "--schedule", "linear")
    assert recipe == Recipe("/m", "other", "n", settings=SftSettings(epochs=5.0, lora_rank=4, schedule="linear"))


def test_flags_alone_are_a_recipe():
    assert parsed("--base-model", "/m", "--dataset", "d") == Recipe("/m", "d")


@pytest.mark.parametrize(
    ("change", "flags", "sentence"),
    [
        ({}, ["--learning-rate", "7"], "--learning-rate: Learning rate is 7"),
        ({"base_model": "/nowhere"}, [], "There is no model folder"),
        ({"settings": {"lora_rang": 3}}, [], "Did you mean “lora_rank”"),
        ({}, ["--resume", "x"], "no run “x”"),
    ],
)
def test_what_cannot_be_trained_is_a_sentence_and_makes_no_run(tmp_path, capsys, change, flags, sentence):
    Project.create(tmp_path / "p").close()
    file = tmp_path / "r.json"
    file.write_text(json.dumps({"base_model": "/m", "dataset": "d", **change}))
    assert main(["train", str(file), "--project", str(tmp_path / "p"), *flags]) == 1
    assert sentence in capsys.readouterr().err
    assert list((tmp_path / "p" / "runs").iterdir()) == []

from studio.cli.app import main
from studio.core.fields import settings_of
from studio.core.methods import METHODS


def test_a_setting_is_explained_with_its_defaults(capsys):
    assert main(["explain", "learning-rate"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Learning rate (--learning-rate)\nWhat it does: ")
    assert "0.0001 (reward)" in said


def test_all_are_listed_and_an_unknown_one_gets_a_proposal(capsys):
    assert main(["explain"]) == 0
    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines()}
    assert listed == {known.name for method in METHODS.values() for known in settings_of(method.settings)}
    assert main(["explain", "lora_rnak"]) == 1
    assert "lora_rank" in capsys.readouterr().err

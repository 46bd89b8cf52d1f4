import pytest

from studio.core.errors import StudioError
from studio.core.fields import settings_of
from studio.core.glossary import GLOSSARY, REWARDED_METHODS, explanation_of
from studio.core.methods import METHODS

SETTINGS = {known.name: known for method in METHODS.values() for known in settings_of(method.settings)}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_of_every_method_is_explained(name):
    entry = GLOSSARY[name]
    assert len(entry.does) > 40
    assert entry.usual
    number = SETTINGS[name].kind in (int, float)
    assert bool(entry.raise_it and entry.lower_it) is (number and not entry.choose), name
    assert bool(entry.choose) is not bool(entry.raise_it), name


def test_entries_are_sentences():
    for name, entry in GLOSSARY.items():
        for heading, text in entry.paragraphs():
            assert text.endswith((".", ".)")), (name, heading)
            assert "  " not in text, (name, heading)


def test_every_method_that_learns_from_a_reward_is_explained():
    assert set(REWARDED_METHODS) == {name for name, method in METHODS.items() if method.is_rewarded}
    for name, entry in REWARDED_METHODS.items():
        assert entry.does in str(explanation_of(name))
        assert entry.choose
        assert not set(REWARDED_METHODS) & set(GLOSSARY)


def test_a_name_is_found_as_people_write_it():
    assert explanation_of("learning-rate").name == explanation_of(" Learning_Rate ").name == "learning_rate"
    with pytest.raises(StudioError, match="no setting") as refused:
        explanation_of("learnig_rate")
    assert "learning_rate" in refused.value.hint

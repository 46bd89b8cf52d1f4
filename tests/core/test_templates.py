"""Prompt templates of one's own carry their text and name wherever a template is named."""

import pytest

from studio.core.errors import StudioError
from studio.core.recipes import Recipe
from studio.core.templates import BUILT_IN, own_template, template_named, without_name


def test_a_template_of_ones_own_goes_wherever_a_name_goes():
    own = own_template("{% for m in messages %}{{ m.content }}{% endfor %}", "My own #} way")
    assert own.label == "My own #} way"
    again = template_named(Recipe.from_json(Recipe("/m", "d", template=own.name).to_json(), "x").template)
    assert again.jinja == own.text
    assert again.label == "My own  way"  # a name can't end the comment that it stands in
    assert without_name(again.text) == "{% for m in messages %}{{ m.content }}{% endfor %}"
    assert template_named("{{ messages }}").label == "Your own template"


def test_a_format_ends_answers_as_the_model_knows_it():
    llama = template_named("llama3")
    assert "<|eot_id|>{% else %}" not in llama.jinja and "{{ eos_token }}" in llama.jinja
    assert "{{ eos_token }}" not in llama.jinja_for({"<|eot_id|>"})
    assert all("end_of_turn }}" not in template.jinja for template in BUILT_IN)


def test_an_unknown_name_is_said():
    with pytest.raises(StudioError, match="no prompt template called “alpacca”"):
        template_named("alpacca")

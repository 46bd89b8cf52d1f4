from itertools import pairwise

import pytest

from studio.core.forecast import Device
from studio.core.hub import model_id
from studio.storage.catalogue import needs_of, read_catalogue
from studio.storage.model_shapes import foretold_shape, read_shape
from studio.storage.models import config_of, starter_model

GB = 10**9


@pytest.mark.parametrize("model", read_catalogue(), ids=lambda model: model.name)
def test_an_entry_is_sound(model):
    shape = foretold_shape(model.config)
    assert shape is not None and not shape.rough
    assert shape.parameters == model.parameters  # counted from the config, listed as the author tells
    assert model_id(model.name) == model.name
    assert model.title and model.licence and model.about.endswith(".") and model.context >= 1024


def test_names_come_once_and_from_small_to_large():
    models = read_catalogue()
    assert len({model.name for model in models}) == len(models) >= 12
    sizes = [model.parameters for model in models if model.answers]
    assert sizes == sorted(sizes) and sizes[0] < 2e8 and sizes[-1] > 7e9


def test_what_a_config_foretells_is_what_the_weights_say():
    assert foretold_shape(config_of(starter_model())) == read_shape(starter_model())
    assert foretold_shape({"model_type": "llama"}) is None
    assert foretold_shape({"hidden_size": "wide"}) is None
    huge = {"num_hidden_layers": 10**9, "hidden_size": 64, "num_attention_heads": 2, "vocab_size": 10}
    assert foretold_shape(huge) is None  # nobody's config fills the memory
    assert foretold_shape({**huge, "num_hidden_layers": 2, "attention_dropout": "some"}) is not None


def test_needs_grow_with_the_model_and_shrink_with_bits():
    card = Device("cuda", "a card", 8 * GB, 8 * GB, bf16=True)
    models = [model for model in read_catalogue() if model.name.startswith("Qwen/Qwen2.5")]
    needs = [needs_of(foretold_shape(model.config), card) for model in models]
    for smaller, larger in pairwise(needs):
        assert smaller.chat < larger.chat and smaller.lora < larger.lora and smaller.qlora < larger.qlora
    assert needs[-1].qlora < needs[-1].lora  # where weights are most of it
    assert needs[0].verdict == "trains here"
    assert needs[-1].lora > card.total > needs[0].lora
    assert (
        needs_of(foretold_shape(models[-1].config), Device("cpu", "p", GB, GB)).verdict == "too large for this computer"
    )

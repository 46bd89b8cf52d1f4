"""A model with code of its own is loaded by that code once somebody agreed to it, and by nobody else's."""

import json
import shutil

import pytest
import torch

from studio.engine.loading import Precision, load_encoder, load_model
from studio.storage.consent import allow
from studio.storage.model_code import NATIVE, NeedsConsent, own_code
from studio.storage.models import check_model, config_of, starter_model

CODE = """
from pathlib import Path
from transformers import LlamaConfig, LlamaForCausalLM

Path(__file__).with_name("ran").touch()
Path({mark!r}).touch()

class OwnConfig(LlamaConfig):
    model_type = "own-llama"

class OwnForCausalLM(LlamaForCausalLM):
    config_class = OwnConfig
"""
FULL = Precision("fp32", "for the test", torch.float32, False)


@pytest.fixture
def model(tmp_path, monkeypatch):
    """The starter as an architecture of its own, which leaves a mark where its code runs."""
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder = tmp_path / "own model"
    shutil.copytree(starter_model(), folder)
    config = config_of(folder)
    names = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnForCausalLM"}
    config |= {"model_type": "own-llama", "architectures": ["OwnForCausalLM"], "auto_map": names}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(CODE.format(mark=str(tmp_path / "ran")))
    return folder


def test_it_runs_for_who_agreed_and_only_as_it_was_read(model, tmp_path):
    with pytest.raises(NeedsConsent):
        load_model(model, FULL, "cpu")
    assert not (tmp_path / "ran").exists()
    allow(own_code(model, config_of(model)))
    loaded = load_model(model, FULL, "cpu")
    assert type(loaded).__name__ == "OwnForCausalLM" and (tmp_path / "ran").exists()
    plain = load_model(starter_model(), FULL, "cpu")
    tokens = torch.tensor([load_encoder(model, "model").tokenizer.encode("Say hello.")])
    with torch.no_grad():
        assert torch.equal(loaded(tokens).logits, plain(tokens).logits)
    with (model / "own.py").open("a") as file:
        file.write("\n")
    with pytest.raises(NeedsConsent):
        check_model(model)


def test_a_known_architecture_that_brings_code_is_loaded_without_it(model, tmp_path):
    config = {**config_of(model), "model_type": "llama", "architectures": ["LlamaForCausalLM"]}
    (model / "config.json").write_text(json.dumps(config))
    assert type(load_model(model, FULL, "cpu")).__name__ == "LlamaForCausalLM"
    assert not (tmp_path / "ran").exists()


def test_the_known_architectures_are_those_of_transformers():
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    assert set(CONFIG_MAPPING_NAMES) >= NATIVE
    assert set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES) >= NATIVE

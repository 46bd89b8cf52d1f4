import json
import struct
from pathlib import Path

import pytest

from studio.core.errors import StudioError
from studio.storage.models import add_model, check_model, list_models, offered_models
from studio.storage.resources import carried


def weights(**shapes):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes.items():
        size = 4
        for count in shape:
            size *= count
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"\0" * offset


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "my model ü"
    folder.mkdir()
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "max_position_embeddings": 512}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(weights(a=[10, 20], b=[5]))
    return folder


def test_a_good_folder_is_described_without_loading_it(model):
    info = check_model(model)
    assert (info.name, info.architecture, info.parameters, info.context) == ("my model ü", "LlamaForCausalLM", 205, 512)
    assert not info.has_chat_template
    (model / "tokenizer_config.json").write_text('{"chat_template": "x"}')
    assert check_model(model).has_chat_template


def test_shards_are_added_up(model):
    (model / "model.safetensors").rename(model / "model-1.safetensors")
    (model / "model-2.safetensors").write_bytes(weights(c=[3]))
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-1.safetensors", "c": "model-2.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    assert check_model(model).parameters == 208
    (model / "model-2.safetensors").unlink()
    with pytest.raises(StudioError, match="lacks 1 of 2 weight files"):
        check_model(model)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: (f / "config.json").unlink(), "no config.json"),
        (lambda f: (f / "config.json").write_text("{"), "can't be read"),
        (lambda f: (f / "config.json").write_text("[]"), "not a JSON object"),
        (lambda f: (f / "config.json").write_text('{"auto_map": {"AutoModel": "m.M"}}'), "its own Python code"),
        (lambda f: (f / "tokenizer.json").unlink(), "no tokenizer"),
        (lambda f: (f / "model.safetensors").unlink(), "no weights"),
        (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "pickle"),
        (lambda f: (f / "model.safetensors").write_bytes(b""), "damaged"),
        (lambda f: (f / "model.safetensors").write_bytes(weights(a=[10])[:-1]), "ends too early"),
        (lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 64), "damaged"),
        (lambda f: (f / "config.json").rename(f / "adapter_config.json"), "is an adapter"),
    ],
)
def test_each_fault_has_its_sentence(model, spoil, words):
    spoil(model)
    with pytest.raises(StudioError, match=words) as caught:
        check_model(model)
    assert caught.value.hint


def test_the_project_remembers_models_newest_first(project, model, tmp_path):
    with pytest.raises(StudioError, match="There is no model folder"):
        add_model(project, tmp_path / "none")
    starter = carried("resources", "starter")
    assert (list_models(project), offered_models(project)) == ([], [starter])
    add_model(project, model)
    add_model(project, model)
    assert (list_models(project), offered_models(project)) == ([model], [model, starter])
    add_model(project, starter)
    assert sorted(offered_models(project)) == sorted(list_models(project)) == sorted([model, starter])


def test_a_folder_that_cannot_be_looked_at_gets_a_sentence(model, unreachable):
    with pytest.raises(StudioError, match="no home folder"):
        check_model(Path("~nobody-of-that-name/model"))
    unreachable(model / "config.json")
    with pytest.raises(StudioError, match="can't be read: Permission denied"):
        check_model(model)
    unreachable(model)
    with pytest.raises(StudioError, match="can't be read: Permission denied"):
        check_model(model)


@pytest.mark.parametrize("index", ['{"weight_map": {"a": 5}}', "[" * 100_000])
def test_a_strange_weight_index_gets_a_sentence(model, index):
    (model / "model.safetensors.index.json").write_text(index)
    with pytest.raises(StudioError, match="weight index of"):
        check_model(model)

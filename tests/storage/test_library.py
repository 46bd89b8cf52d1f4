import json
import shutil
import struct

import pytest

from studio.core.errors import StudioError
from studio.storage.hub_places import Download, cached_models, models_home, place_of, record_download
from studio.storage.library import Kind, Origin, add_to_library, forget, list_library
from studio.storage.model_cards import read_card
from studio.storage.models import model_name, offered_models, starter_model


@pytest.fixture
def model(tmp_path):
    """A copy of the starter in a folder whose name is not ASCII."""
    folder = tmp_path / "Möwe 模型"
    shutil.copytree(starter_model(), folder)
    return folder


@pytest.fixture
def adapter(tmp_path):
    """Writes an adapter on a base; `more` goes into its config."""

    def write(base, name="my adapter ü", weights=True, **more):
        folder = tmp_path / name
        folder.mkdir()
        config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": str(base), **more}
        (folder / "adapter_config.json").write_text(json.dumps(config))
        if weights:
            header = json.dumps({"score.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
            (folder / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 4)
        return folder

    return write


def named(project):
    return {entry.name: entry for entry in list_library(project)}


def download(name):
    folder = place_of(models_home(), name)
    shutil.copytree(starter_model(), folder)
    record_download(folder, Download(name, "a" * 40, "https://huggingface.co", {}))
    return folder


def test_a_linked_model_is_listed_until_it_is_forgotten(project, model):
    assert add_to_library(project, model) == model
    assert named(project)["Möwe 模型"].origin is Origin.FOLDER
    forget(project, model)
    assert set(named(project)) == {"starter"} and model.is_dir()


def test_a_downloaded_model_is_there_for_every_project(project):
    folder = download("o/tiny")
    assert named(project)["tiny"].origin is Origin.HUB and folder in offered_models(project)


def test_an_adapter_is_linked_with_its_base(project, model, adapter):
    add_to_library(project, adapter(model))
    entry = named(project)["my adapter ü"]
    assert (entry.kind, entry.base) == (Kind.ADAPTER, model)
    add_to_library(project, adapter(model, "judge", task_type="SEQ_CLS"))
    assert named(project)["judge"].kind is Kind.JUDGE


def test_an_adapter_finds_its_base_by_its_name_on_the_hub(project, adapter, tmp_path, monkeypatch):
    with pytest.raises(StudioError, match="trained on “o/tiny”, which isn't on this computer"):
        add_to_library(project, adapter("o/tiny", "one"))
    folder = download("o/tiny")
    add_to_library(project, tmp_path / "one")
    assert named(project)["one"].base == folder
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    snapshot = tmp_path / "cache" / "models--p--q" / "snapshots" / ("b" * 40)
    shutil.copytree(starter_model(), snapshot)
    assert cached_models() == [snapshot] and model_name(snapshot) == "q"
    add_to_library(project, adapter("p/q", "two"))
    assert named(project)["two"].base == snapshot


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"peft_type": "IA3"}, "of the kind IA3"),
        ({"trainable_token_indices": [3]}, "of the kind LORA with tokens of its own"),
        ({"weights": False}, "no weights in safetensors form"),
        ({"base": ""}, "doesn't say which model"),
    ],
)
def test_what_is_wrong_with_an_adapter_is_a_sentence(project, model, adapter, change, words):
    folder = adapter(change.pop("base", model), **change)
    with pytest.raises(StudioError, match=words):
        add_to_library(project, folder)
    assert set(named(project)) == {"starter"}


def test_the_cache_gives_the_snapshot_of_its_main_branch(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert cached_models() == []
    repository = tmp_path / "models--o--n"
    for commit in ("a" * 40, "b" * 40):
        (repository / "snapshots" / commit).mkdir(parents=True)
        (repository / "snapshots" / commit / "config.json").write_text("{}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40)
    (tmp_path / "datasets--o--n" / "snapshots" / "c").mkdir(parents=True)
    assert cached_models() == [repository / "snapshots" / ("a" * 40)]


def test_a_downloaded_adapter_is_no_base(project, adapter, tmp_path):
    folder = place_of(models_home(), "o/adapter")
    folder.parent.mkdir(parents=True)
    adapter("o/tiny", "one").rename(folder)
    record_download(folder, Download("o/adapter", "a" * 40, "https://huggingface.co", {}))
    assert folder not in offered_models(project)
    entry = named(project)["adapter"]
    assert (entry.kind, entry.origin, entry.base) == (Kind.ADAPTER, Origin.HUB, folder)
    assert "is an adapter" in read_card(project, entry).trouble.what  # its base isn't here
    base = download("o/tiny")
    assert named(project)["adapter"].base == base
    add_to_library(project, folder)
    assert read_card(project, named(project)["adapter"]).trouble is None


def test_a_form_that_nobody_filled_in_is_not_what_the_author_says(project, model, adapter):
    folder = adapter(model)
    add_to_library(project, folder)
    for text, said in (
        ("# Model Card for Model ID\n\n[More Information Needed]", ""),
        ("# Kind answers", "# Kind answers"),
        ("# Model Card for Model ID\n\nIt answers kindly.", "# Model Card for Model ID\n\nIt answers kindly."),
    ):
        (folder / "README.md").write_text(f"---\nlicense: mit\n---\n{text}", encoding="utf-8")
        assert read_card(project, named(project)["my adapter ü"]).readme == said

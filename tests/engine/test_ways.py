"""Ways to train, each from start to end: what is trained is what was chosen, and a resumed run equals one in one go."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
from safetensors.torch import load_file

from studio.core.runs import EXIT_FAILED, EXIT_SAID
from studio.engine import training
from studio.engine.loading import load_adapter, load_encoder, load_model, pick_precision
from studio.storage.project import Project
from studio.storage.runs import RunFolder
from tests.engine.runs_for_tests import add_kind, last_of, losses_of, project_with, run_in

FP32 = pick_precision("fp32", "cpu", 1, training=True)


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return project_with(tmp_path / "project", rows=13)


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    found = [load_file(file) for file in sorted(folder.glob("*.safetensors"))]
    return {name: value for file in found for name, value in file.items()}


def assert_same(left: RunFolder, right: RunFolder) -> None:
    assert losses_of(left) == pytest.approx(losses_of(right), abs=1e-6)
    ours, theirs = weights_of(left.result), weights_of(right.result)
    assert ours.keys() == theirs.keys()
    assert all(torch.allclose(value, theirs[name], atol=1e-6, rtol=0) for name, value in ours.items())


@pytest.mark.parametrize(
    "settings",
    [
        {"way": "full"},
        {"way": "full", "optimiser": "adamw8bit"},
        {"way": "full", "optimiser": "adafactor"},
        {"way": "qlora", "lora_dropout": 0.2},
        {"way": "lora8"},
        {"batch_tokens": 96, "neftune": 5.0},
        {"dora": True, "checkpointing": "on", "lora_dropout": 0.2},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_stopped_and_resumed_equals_all_in_one(
    project: Project, tiny_base: Path, stop_at: Callable[..., None], settings: dict[str, Any]
) -> None:
    settings = {"max_steps": 6, "learning_rate": 0.002, **settings}
    straight, broken = (run_in(project, tiny_base, **settings) for _ in range(2))
    assert training.train(straight.folder) == EXIT_SAID
    assert last_of(straight).kind == "finished", last_of(straight)
    stop_at(4)  # in the second epoch, where there are three steps in one
    assert training.train(broken.folder) == EXIT_SAID
    assert last_of(broken).kind == "stopped", last_of(broken)
    stop_at(None)
    assert training.train(broken.folder) == EXIT_SAID
    assert_same(straight, broken)
    assert len(set(losses_of(straight).values())) == 6


def test_all_weights_make_a_model_of_its_own(project: Project, tiny_base: Path) -> None:
    run = run_in(project, tiny_base, way="full", max_steps=2)
    assert training.train(run.folder) == EXIT_SAID
    assert last_of(run).values["adapter"] == "model"
    assert run.is_sealed
    assert run.tuned_folder() == run.result == run.model
    files = {file.name for file in run.model.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja", "plumbline.json"} <= files
    assert not {name for name in files if name.endswith((".bin", ".pt", ".pth"))}
    before, after = weights_of(tiny_base), weights_of(run.model)
    assert before.keys() == after.keys()
    assert not any(torch.equal(value, after[name]) for name, value in before.items())
    assert load_encoder(run.model, "model").label == "The model's own"
    ids = torch.arange(20)[None]
    with torch.no_grad():
        own = load_model(run.model, FP32, "cpu")(input_ids=ids).logits
        base = load_model(tiny_base, FP32, "cpu")(input_ids=ids).logits
    assert not torch.allclose(own, base)


def test_the_base_is_kept_in_so_many_bits_and_the_adapter_in_32(project: Project, tiny_base: Path) -> None:
    from bitsandbytes.nn.modules import Linear4bit, Linear8bitLt

    for bits, kind in ((4, Linear4bit), (8, Linear8bitLt)):
        model = load_model(tiny_base, FP32, "cpu", bits=bits)
        kinds = {type(layer) for name, layer in model.named_modules() if name.endswith("_proj")}
        assert kinds == {kind}
        assert type(model.get_output_embeddings()) is torch.nn.Linear
        ids = torch.arange(20)[None]
        with torch.no_grad():
            training_now, evaluating = model.train()(input_ids=ids).logits, model.eval()(input_ids=ids).logits
        assert torch.equal(training_now, evaluating)  # a policy that hasn't learned yet is its own reference
        if sys.platform == "linux":  # no tensor keeps the file that it was read from in memory
            maps = [line.split() for line in Path("/proc/self/maps").read_text().splitlines() if "safetensors" in line]
            spans = [range(*(int(end, 16) for end in fields[0].split("-"))) for fields in maps]
            tensors = (*model.parameters(), *model.buffers())
            assert not any(tensor.data_ptr() in span for tensor in tensors for span in spans)
    run = run_in(project, tiny_base, way="qlora", max_steps=1)
    assert training.train(run.folder) == EXIT_SAID
    assert {value.dtype for value in weights_of(run.result).values()} == {torch.float32}


@pytest.mark.parametrize("way", ["lora", "qlora"])
def test_merged_first_is_one_adapter_on_the_base_that_computes_the_same(
    project: Project, tiny_base: Path, stop_at: Callable[..., None], way: str
) -> None:
    first = run_in(project, tiny_base, max_steps=2, lora_targets="attention", rslora=True)
    assert training.train(first.folder) == EXIT_SAID
    given: dict[str, Any] = {"adapter": str(first.result), "start": "merge", "way": way, "max_steps": 4, "lora_rank": 3}
    straight, broken = (run_in(project, tiny_base, **given) for _ in range(2))
    assert training.train(straight.folder) == EXIT_SAID
    stop_at(2)
    training.train(broken.folder)
    moved = first.folder.rename(first.folder.with_name("moved"))  # what it started from may go
    stop_at(None)
    assert training.train(broken.folder) == EXIT_SAID, last_of(broken).values
    assert_same(straight, broken)
    about = json.loads((straight.result / "plumbline.json").read_text())
    assert about["merged"] is True
    assert about["adapter"] == str(first.result)
    assert about["base"] == str(tiny_base)
    assert not (straight.result / "fresh.safetensors").exists()

    ids = torch.arange(30)[None]
    with torch.no_grad():
        merged = load_adapter(load_model(tiny_base, FP32, "cpu"), moved / "adapter").merge_and_unload()
        both = load_adapter(load_model(tiny_base, FP32, "cpu"), straight.result)(input_ids=ids).logits
        # The last checkpoint's own adapter, on the merged base, as it was trained.
        checkpoint = straight.last_checkpoint().folder  # type: ignore[union-attr]
        alone = merged(input_ids=ids).logits
        fresh = get_peft_model(merged, LoraConfig(r=3, lora_alpha=8, target_modules="all-linear"))
        set_peft_model_state_dict(fresh, load_file(checkpoint / "fresh.safetensors"))
        apart = fresh(input_ids=ids).logits
    assert torch.allclose(both, apart, atol=1e-4)
    assert not torch.allclose(both, alone, atol=1e-2)


def test_merging_refuses_what_would_not_add_up(project: Project, tiny_base: Path) -> None:
    first = run_in(project, tiny_base, max_steps=1, dora=True)
    training.train(first.folder)
    run = run_in(project, tiny_base, adapter=str(first.result), start="merge", max_steps=1)
    assert training.train(run.folder) == EXIT_FAILED
    assert "can't be merged first (use_dora)" in last_of(run).text("what")


@pytest.mark.parametrize("method", ["dpo", "kto", "reward", "pretrain"])
def test_every_method_trains_all_weights(project: Project, tiny_base: Path, method: str) -> None:
    kind = {"dpo": "pairs", "kto": "labels", "reward": "pairs", "pretrain": "passages"}[method]
    add_kind(project, kind, 13)
    run = run_in(project, tiny_base, method, kind, way="full", max_steps=2, learning_rate=0.001)
    assert training.train(run.folder) == EXIT_SAID
    assert last_of(run).kind == "finished", last_of(run)
    assert run.result == run.model
    if method == "dpo":
        assert losses_of(run)[1] == pytest.approx(0.6931, abs=1e-4)
    if method == "reward":
        from studio.core.messages import Message
        from studio.engine.scoring import Scorer

        scorer = Scorer(tiny_base, run.model)
        prompt = [Message("user", "the cat")]
        scores = scorer.score([(prompt, "sat"), (prompt, "ran on and on")])
        assert scores == Scorer(run.model, run.model).score([(prompt, "sat"), (prompt, "ran on and on")])
        assert scores[0] != scores[1]


@pytest.mark.parametrize("method", ["dpo", "reward"])
def test_four_bits_for_preferences(project: Project, tiny_base: Path, method: str) -> None:
    add_kind(project, "pairs", 13)
    run = run_in(project, tiny_base, method, "pairs", way="qlora", max_steps=2, learning_rate=0.001)
    assert training.train(run.folder) == EXIT_SAID
    assert last_of(run).kind == "finished", last_of(run)
    if method == "dpo":
        assert losses_of(run)[1] == pytest.approx(0.6931, abs=1e-4)


def test_a_whole_model_is_talked_to_beside_its_base(project: Project, tiny_base: Path) -> None:
    from studio.engine.voices import Voices, voice_of

    run = run_in(project, tiny_base, way="full", max_steps=2)
    assert training.train(run.folder) == EXIT_SAID
    voices = Voices(lambda _what: None, lambda: None)
    voices.load({
        "left": voice_of({"base": str(tiny_base)}),
        "right": voice_of({"base": str(tiny_base), "adapter": str(run.result)}),
    })  # fmt: skip
    left, right = (voices.switch_to(voices[name]) for name in ("left", "right"))
    assert voices.running(left) == tiny_base.name
    assert voices.running(right) == json.loads((run.result / "plumbline.json").read_text())["name"]
    ids = torch.arange(20)[None]
    with torch.no_grad():
        assert not torch.allclose(left.model(input_ids=ids).logits, right.model(input_ids=ids).logits)


def test_a_whole_model_is_a_base_to_go_on_from(project: Project, tiny_base: Path) -> None:
    from studio.core.recipes import Recipe
    from studio.storage.models import check_model, offered_models
    from studio.storage.recipes import ready_recipe

    first = run_in(project, tiny_base, way="full", max_steps=1)
    assert training.train(first.folder) == EXIT_SAID
    assert first.model in offered_models(project)
    assert check_model(first.model).name == json.loads((first.model / "plumbline.json").read_text())["name"]
    ready = ready_recipe(project, Recipe(str(tiny_base), "tiny", adapter=str(first.result)))
    assert (ready.base_model, ready.adapter) == (str(first.model), "")
    second = run_in(project, first.model, max_steps=1)
    assert training.train(second.folder) == EXIT_SAID
    assert json.loads((second.result / "plumbline.json").read_text())["base"] == str(first.model)


def test_a_whole_model_is_kept_in_the_number_format_of_its_base(
    project: Project, tiny_base: Path, tmp_path: Path
) -> None:
    half = tmp_path / "half"
    shutil.copytree(tiny_base, half)
    load_model(tiny_base, FP32, "cpu").to(torch.bfloat16).save_pretrained(half)
    run = run_in(project, half, way="full", max_steps=2)
    assert training.train(run.folder) == EXIT_SAID
    assert {value.dtype for value in weights_of(run.result).values()} == {torch.bfloat16}
    assert {value.dtype for value in weights_of(run.last_checkpoint().folder).values()} == {torch.float32}  # type: ignore[union-attr]
    assert json.loads((run.result / "config.json").read_text())["dtype"] == "bfloat16"

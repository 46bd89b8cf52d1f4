"""Options of training, each alone: it changes what it should, and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from studio.core.errors import StudioError
from studio.core.methods import SftSettings
from studio.core.runs import EXIT_FAILED, EXIT_SAID
from studio.engine import sft, training
from studio.engine.adapters import fresh_lora
from studio.engine.budget import TokenBudget, token_budget
from studio.engine.keeping import Keeping
from studio.engine.loading import load_model, pick_precision
from studio.storage.project import Project
from studio.storage.runs import RunFolder
from tests.engine.runs_for_tests import add_kind, events_of, last_of, project_with, run_in
from tests.engine.test_sft import rows_of
from tests.engine.trainers_for_tests import SMALL, trained

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


def some(base: Path, folder: Path, **changed: Any) -> Any:
    """A trainer that has trained for a few steps."""
    settings = SftSettings(**{**SMALL, "batch_size": 4, "accumulate": 1, "max_steps": 2, **changed})
    return trained(sft, settings, base, folder, rows_of(12))


# ------------------------------------------------------------------------------------------------------------- adapters


@pytest.mark.parametrize(
    ("settings", "ends"),
    [
        ({}, {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}),
        ({"lora_targets": "attention"}, {"q_proj", "k_proj", "v_proj", "o_proj"}),
        ({"lora_targets": "own", "lora_names": "up_proj, layers.1.self_attn.q_proj,"}, {"up_proj", "q_proj"}),
    ],
)
def test_the_layers_that_were_chosen_get_an_adapter(
    tiny_base: Path, tmp_path: Path, settings: dict[str, Any], ends: set[str]
) -> None:
    adapter = some(tiny_base, tmp_path / "run", max_steps=1, **settings).adapter()
    assert {name.split(".lora_")[0].rpartition(".")[2] for name in adapter} == ends
    if "own" in settings.values():
        assert not any("layers.0.self_attn" in name for name in adapter)


def test_names_that_the_model_does_not_have_are_named(tiny_base: Path) -> None:
    model = load_model(tiny_base, FP32, "cpu")
    with pytest.raises(StudioError, match="no linear layer “q_porj”") as refused:
        fresh_lora(SftSettings(lora_targets="own", lora_names="q_porj"), model)
    assert "q_proj" in refused.value.hint
    with pytest.raises(StudioError, match="No layers"):
        fresh_lora(SftSettings(lora_targets="own", lora_names=" , "), model)


def test_dora_learns_magnitudes_and_rslora_scales_by_the_root(tiny_base: Path, tmp_path: Path) -> None:
    adapter = some(tiny_base, tmp_path / "dora", dora=True).adapter()
    magnitudes = [value for name, value in adapter.items() if "lora_magnitude_vector" in name]
    assert len(magnitudes) == 14
    assert not any("magnitude" in name for name in some(tiny_base, tmp_path / "plain").adapter())
    model = some(tiny_base, tmp_path / "root", rslora=True, max_steps=1).trainer.model
    layer = model.base_model.model.model.layers[0].mlp.up_proj
    assert layer.scaling["default"] == pytest.approx(SMALL["lora_alpha"] / SMALL["lora_rank"] ** 0.5)


# ------------------------------------------------------------------------------------------------- optimiser and memory


@pytest.mark.parametrize(("name", "kind"), [("adamw", "AdamW"), ("adamw8bit", "AdamW"), ("adafactor", "Adafactor")])
def test_the_optimiser_is_the_one_that_was_chosen(tiny_base: Path, tmp_path: Path, name: str, kind: str) -> None:
    told = some(tiny_base, tmp_path / "run", optimiser=name, way="full")
    optimizer = told.trainer.optimizer.optimizer
    assert type(optimizer).__name__ == kind
    kept = {value.dtype for state in optimizer.state.values() for value in state.values() if torch.is_tensor(value)}
    assert (torch.uint8 in kept) is (name == "adamw8bit")


def test_paging_is_refused_without_a_card(project: Project, tiny_base: Path) -> None:
    run = run_in(project, tiny_base, optimiser="paged_adamw8bit")
    assert training.train(run.folder) == EXIT_FAILED
    assert "“AdamW in 8 bits, paged” can't be used here. Only on NVIDIA cards" in last_of(run).text("what")


def test_checkpointing_computes_layers_twice_and_learns_the_same(
    tiny_base: Path, tmp_path: Path, project: Project
) -> None:
    kept = some(tiny_base, tmp_path / "kept")
    counts = {"off": 0, "on": 0}
    from transformers.models.llama.modeling_llama import LlamaMLP

    forward = LlamaMLP.forward
    adapters = {}
    for name in counts:

        def counting(self: Any, x: torch.Tensor, name: str = name) -> torch.Tensor:
            counts[name] += self.training
            return forward(self, x)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(LlamaMLP, "forward", counting)
            run = run_in(project, tiny_base, checkpointing=name, max_steps=2, held_out=0.0)
            assert training.train(run.folder) == EXIT_SAID
        adapters[name] = load_file(run.result / "adapter_model.safetensors")
    assert counts["on"] == 2 * counts["off"]
    assert all(torch.allclose(value, adapters["off"][key], atol=1e-6) for key, value in adapters["on"].items())
    assert kept.trainer.args.gradient_checkpointing is False


def test_the_optimiser_is_loaded_on_the_processor_first(
    project: Project, tiny_base: Path, stop_at: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_in(project, tiny_base, max_steps=4)
    stop_at(2)
    training.train(run.folder)
    stop_at(None)
    asked: list[Any] = []
    load = torch.load
    monkeypatch.setattr(
        torch, "load", lambda *args, **named: (asked.append((str(args[0]), named)), load(*args, **named))[1]
    )
    assert training.train(run.folder) == EXIT_SAID
    (optimiser,) = [named for name, named in asked if name.endswith("optimizer.pt")]
    assert optimiser["map_location"] == "cpu"
    assert all(named.get("weights_only") for _, named in asked)


# ---------------------------------------------------------------------------------------------------------- the batches


def test_a_budget_is_kept_and_every_row_comes_once_an_epoch() -> None:
    lengths = [len(row.ids) for row in rows_of(40)]
    budget = TokenBudget(lengths, 120, seed=1)
    first = list(budget)
    assert sorted(place for batch in first for place in batch) == list(range(40))
    assert all(len(batch) * max(lengths[place] for place in batch) <= 120 for batch in first)
    assert any(len(batch) > 2 for batch in first)
    assert max(lengths) == max(lengths[place] for place in first[0])  # what needs most memory comes first
    assert list(TokenBudget(lengths, 120, seed=1)) == first
    assert list(TokenBudget(lengths, 120, seed=2)) != first
    budget.set_epoch(1)
    assert list(budget) != first
    assert len(list(budget)) == len(first) == len(budget)
    assert [len(batch) for batch in TokenBudget([500, 7, 7], 100, seed=1)] == [1, 2]


def test_the_loss_of_a_budget_is_the_mean_over_the_steps_tokens(tiny_base: Path, tmp_path: Path) -> None:
    rows = rows_of(10)
    tokens = sum(row.trained for row in rows)
    budget = token_budget(SftSettings(batch_tokens=100), rows)
    assert budget is not None
    given: dict[str, Any] = {**SMALL, "max_steps": 1, "learning_rate": 1e-8}
    # All of the epoch's passes in one step: the same rows as one plain batch, so the same loss.
    split = SftSettings(**given, batch_tokens=100, accumulate=len(budget))
    whole = SftSettings(**given, batch_size=10, accumulate=1)
    losses = [
        trained(sft, one, tiny_base, tmp_path / str(n), rows).curve("loss") for n, one in enumerate((split, whole))
    ]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    assert tokens > 100


def test_noise_is_added_in_training_alone_and_by_the_length_of_its_sequence(tiny_base: Path, tmp_path: Path) -> None:
    from studio.engine.fast.attention import Layout
    from studio.engine.noise import add_noise

    model: Any = load_model(tiny_base, FP32, "cpu")
    embeddings = model.get_input_embeddings()
    seen: list[torch.Tensor] = []
    ids = torch.arange(40)[None]
    plain = embeddings(ids)
    assert sft.enable(model, 64) is None
    add_noise(model, 5.0)
    embeddings.register_forward_hook(lambda _m, _i, out: seen.append(out.detach() - plain))
    model.train()(input_ids=ids)
    body = model.model
    mask = torch.empty((1, 1, 0, 0), dtype=torch.bool)
    body(input_ids=ids, position_ids=ids, attention_mask=mask, layout=Layout((4, 36)), use_cache=False)
    model.eval()(input_ids=ids)
    whole, laid, still = seen[0], seen[-2], seen[-1]
    width = embeddings.weight.shape[1]
    assert whole.abs().max() <= 5 / (40 * width) ** 0.5 + 1e-6
    assert whole.abs().max() > 4 / (40 * width) ** 0.5
    assert 4 / (4 * width) ** 0.5 < laid[:, :4].abs().max() <= 5 / (4 * width) ** 0.5 + 1e-6
    assert laid[:, 4:].abs().max() <= 5 / (36 * width) ** 0.5 + 1e-6
    assert torch.equal(still, torch.zeros_like(still))
    quiet = some(tiny_base, tmp_path / "quiet").curve("loss")
    noisy = some(tiny_base, tmp_path / "noisy", neftune=50.0).curve("loss")
    assert quiet != noisy


# ------------------------------------------------------------------------------------------- the best, and ending early


def test_what_counts_as_best() -> None:
    keeping = Keeping(SftSettings(keep="loss", patience=2))
    assert [keeping.take(step, {"eval_loss": loss}) for step, loss in enumerate((3.0, 2.0, float("nan"), 2.0), 1)] == [
        True, True, False, False
    ]  # fmt: skip
    assert (keeping.step, keeping.value, keeping.exhausted) == (2, 2.0, True)
    from studio.core.methods import DpoSettings

    judged = Keeping(DpoSettings(keep="accuracy"))
    assert judged.take(1, {"eval_loss": 1.0, "eval_accuracy": 0.5})
    assert not judged.take(2, {"eval_loss": 0.5, "eval_accuracy": 0.4})
    assert not Keeping(SftSettings()).keeps


def worsening(monkeypatch: pytest.MonkeyPatch, losses: list[float]) -> None:
    """Evaluations measure these instead."""
    from studio.engine.sft import SupervisedTrainer

    def figures(self: Any, _measured: Any) -> dict[str, float]:
        return {"eval_loss": losses[min(self.state.global_step, len(losses)) - 1]}

    monkeypatch.setattr(SupervisedTrainer, "figures", figures)


def test_the_best_checkpoint_becomes_the_result(
    project: Project, tiny_base: Path, monkeypatch: pytest.MonkeyPatch, stop_at: Callable[..., None]
) -> None:
    worsening(monkeypatch, [3.0, 2.0, 2.5, 2.6, 2.7, 2.8])
    given: dict[str, Any] = {"max_steps": 6, "evaluations": 6, "keep": "loss"}
    run = run_in(project, tiny_base, **given)
    stop_at(5)  # what was the best is known after a resume, and its checkpoint is still there
    training.train(run.folder)
    stop_at(None)
    assert training.train(run.folder) == EXIT_SAID
    assert last_of(run).values == {"step": 6, "adapter": "adapter", "best": 2}
    best = load_file(run.checkpoints / "checkpoint-2" / "adapter_model.safetensors")
    result = load_file(run.result / "adapter_model.safetensors")
    assert all(torch.equal(value, result[name]) for name, value in best.items())
    assert json.loads((run.result / "plumbline.json").read_text())["step"] == 2
    assert "step" not in json.loads((run.result / "plumbline.json").read_text())["name"]


def test_a_run_ends_early_and_says_so(project: Project, tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worsening(monkeypatch, [3.0, 2.0, 2.5, 2.6, 2.7])
    run = run_in(project, tiny_base, evaluations=9, keep="loss", patience=3)
    assert training.train(run.folder) == EXIT_SAID
    assert last_of(run).values == {"step": 5, "adapter": "adapter", "best": 2, "early": 3}
    told = run.story()
    from studio.core.runs import outcome_of

    sentence = outcome_of(told, exit_code=0, log_line="", can_resume=True).sentence
    assert sentence == (
        "Ended early after 5 of 9 steps: 3 evaluations in a row were no better than the best before them. "
        "The result is step 2, the best."
    )
    for file in run.result.iterdir():  # killed before the result was whole: nothing is trained again
        file.unlink()
    assert training.train(run.folder) == EXIT_SAID
    assert len([event for event in events_of(run) if event.kind == "step"]) == 5
    assert run.is_sealed


def test_dpo_keeps_by_accuracy(project: Project, tiny_base: Path) -> None:
    add_kind(project, "pairs", 21)
    run: RunFolder = run_in(project, tiny_base, "dpo", "pairs", keep="accuracy", max_steps=4, held_out=0.3)
    assert training.train(run.folder) == EXIT_SAID
    measured = {e.values["step"]: e.number("eval_accuracy") for e in events_of(run) if e.kind == "evaluation"}
    assert last_of(run).values["best"] == max(measured, key=lambda step: (measured[step], -step))


# ----------------------------------------------------------------------------------------------------- what is refused


def test_a_tokenizer_of_another_model_is_refused_where_it_matters(tiny_base: Path, tmp_path: Path) -> None:
    from studio.engine.loading import load_encoder

    smaller = tmp_path / "smaller"
    shutil.copytree(tiny_base, smaller)
    config = json.loads((smaller / "config.json").read_text())

    def with_tokens(count: int) -> Path:
        (smaller / "config.json").write_text(json.dumps({**config, "vocab_size": count}))
        return smaller

    most = config["vocab_size"]
    assert load_encoder(with_tokens(most), "model")
    with pytest.raises(StudioError, match="doesn't belong to its weights") as refused:
        load_encoder(with_tokens(100), "model")
    assert "the model has 100 tokens" in refused.value.what
    # The tokens that this template writes are among the last ones; a template without them leaves only the plain ones.
    added = sorted(load_encoder(tiny_base, "model").tokenizer.get_added_vocab().values())
    with pytest.raises(StudioError, match="im_"):
        load_encoder(with_tokens(added[1]), "model")
    assert load_encoder(with_tokens(added[-2]), "model")


def pickled(base: Path, folder: Path, **more: Any) -> Path:
    """A copy of a model with its weights in a pickle."""
    shutil.copytree(base, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    torch.save({**load_file(base / "model.safetensors"), **more}, folder / "pytorch_model.bin")
    return folder


def test_pickled_weights_are_refused_and_can_be_converted(tiny_base: Path, tmp_path: Path) -> None:
    from studio.engine.converting import convert
    from studio.storage.models import PickledWeights, check_model

    source, target = pickled(tiny_base, tmp_path / "old"), tmp_path / "new"
    before = {file.name: file.read_bytes() for file in source.iterdir()}
    with pytest.raises(PickledWeights, match="can run programs"):
        check_model(source)
    target.mkdir()
    convert(source, target)
    assert check_model(target).parameters == check_model(tiny_base).parameters
    ours, theirs = load_file(target / "model.safetensors"), load_file(tiny_base / "model.safetensors")
    assert all(torch.equal(value, ours[name]) for name, value in theirs.items())
    assert load_model(target, FP32, "cpu")
    assert {file.name: file.read_bytes() for file in source.iterdir()} == before
    assert not list(target.glob("*.bin"))


class Bomb:
    """Runs a program when it is opened."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (Path.touch, (self.mark,))


def test_a_pickle_that_is_more_than_numbers_is_not_opened(tiny_base: Path, tmp_path: Path) -> None:
    from studio.processes.converting import convert_model

    source = pickled(tiny_base, tmp_path / "old", bomb=Bomb(tmp_path / "ran"))
    with pytest.raises(StudioError, match="more than numbers"):
        convert_model(source, tmp_path / "new")  # by a worker
    assert not (tmp_path / "ran").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old"]  # nothing half done is left

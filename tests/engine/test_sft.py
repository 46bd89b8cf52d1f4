"""The loss and what it moves: how a step is divided, what is masked, what is frozen."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from studio.core.methods import SftSettings
from studio.engine.batches import PaddedBatch
from studio.engine.examples import IGNORED, Row, held_out_positions
from studio.engine.journal import Journal, StopBell
from studio.engine.loading import load_encoder, load_model, pick_precision
from studio.engine.sft import SupervisedTrainer, build_trainer
from studio.engine.supervision import Supervision, evaluation_steps
from studio.engine.trainers import Place
from studio.storage.runs import EventReader, RunFolder


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def rows_of(count: int, seed: int = 0) -> list[Row]:
    """Rows of very unequal lengths, of which unequal parts are trained."""
    chance, rows = random.Random(seed), []
    for _ in range(count):
        ids = np.array([chance.randrange(3, 400) for _ in range(chance.randint(4, 60))], dtype=np.int32)
        labels = ids.copy()
        labels[: chance.randint(1, len(ids) - 1)] = IGNORED
        rows.append(Row(ids, labels))
    return rows


def trained(
    base: Path, folder: Path, rows: list[Row], held_out: list[Row], **settings: Any
) -> tuple[SupervisedTrainer, list[float], list[float]]:
    """A trainer that has trained, its losses and its eval losses."""
    folder.mkdir(parents=True)
    precision = pick_precision("fp32", "cpu", 1, training=True)
    journal = Journal(folder / "events.jsonl")
    values = SftSettings(**{"learning_rate": 0.01, "warmup": 0.0, "lora_rank": 4, "lora_alpha": 8, **settings})
    supervision = Supervision(
        journal,
        StopBell(RunFolder(folder)),
        lambda *_: None,
        settings=values,
        evaluate_at=evaluation_steps(values.max_steps, 2) if held_out else frozenset(),
        checkpoint_seconds=1e9,
    )
    trainer = build_trainer(
        load_model(base, precision, "cpu"),
        load_encoder(base, "model").tokenizer,
        rows,
        held_out,
        values,
        Place("cpu", precision, folder / "checkpoints"),
        supervision,
    )
    trainer.train()
    journal.close()
    events = EventReader(folder / "events.jsonl").read()
    losses = [float(event.number("loss") or 0) for event in events if event.kind == "step"]
    return trainer, losses, [float(e.number("eval_loss") or 0) for e in events if e.kind == "evaluation"]


def adapter_weights(trainer: SupervisedTrainer) -> dict[str, torch.Tensor]:
    model: Any = trainer.model
    return {name: value.detach() for name, value in model.named_parameters() if value.requires_grad}


def test_a_step_is_the_same_however_it_is_divided(tiny_base: Path, tmp_path: Path) -> None:
    rows = rows_of(24)
    whole, whole_losses, whole_eval = trained(
        tiny_base, tmp_path / "whole", rows, rows_of(7, 1), batch_size=8, accumulate=1, max_steps=3
    )
    for size, passes in ((1, 8), (2, 4)):
        parts, losses, evals = trained(
            tiny_base, tmp_path / f"{size}", rows, rows_of(7, 1), batch_size=size, accumulate=passes, max_steps=3
        )
        assert losses == pytest.approx(whole_losses, abs=1e-5)
        assert evals == pytest.approx(whole_eval, abs=1e-5)
        for name, value in adapter_weights(whole).items():
            assert torch.allclose(value, adapter_weights(parts)[name], atol=1e-4), name


def test_loss_is_the_mean_over_trained_tokens(tiny_base: Path, tmp_path: Path) -> None:
    rows, held_out = rows_of(6), rows_of(5, 1)
    _, losses, evals = trained(
        tiny_base, tmp_path / "run", rows, held_out, batch_size=3, accumulate=2, max_steps=1, learning_rate=1e-8
    )

    def mean(of: list[Row]) -> float:
        model: Any = load_model(tiny_base, pick_precision("fp32", "cpu", 1, training=True), "cpu")
        total, tokens = 0.0, 0
        for row in of:  # one by one and by the textbook
            ids = torch.tensor(row.ids, dtype=torch.long)
            with torch.no_grad():
                logs = model(input_ids=ids[None]).logits[0, :-1].log_softmax(-1)
            for place, label in enumerate(row.labels[1:]):
                if label != IGNORED:
                    total -= float(logs[place, int(label)])
                    tokens += 1
        return total / tokens

    assert losses == pytest.approx([mean(rows)], abs=1e-5)
    assert evals[-1] == pytest.approx(mean(held_out), abs=1e-4)


def test_base_is_frozen_and_adapter_moves(tiny_base: Path, tmp_path: Path) -> None:
    trainer, _, _ = trained(tiny_base, tmp_path / "run", rows_of(8), [], batch_size=4, accumulate=1, max_steps=2)
    before = load_model(tiny_base, pick_precision("fp32", "cpu", 1, training=True), "cpu").state_dict()
    after = trainer.model.get_base_model().state_dict()  # type: ignore[union-attr, operator]
    same = {name.replace(".base_layer", ""): value for name, value in after.items() if "lora_" not in name}
    assert all(torch.equal(value, same[name]) for name, value in before.items())
    assert all(bool(value.abs().sum() > 0) for name, value in adapter_weights(trainer).items() if "lora_B" in name)


def test_padding_is_of_no_account() -> None:
    rows = [{"input_ids": row.ids, "labels": row.labels} for row in rows_of(4)]
    batch, other = PaddedBatch(0)(rows), PaddedBatch(7)(rows)
    assert torch.equal(batch["labels"], other["labels"])
    assert torch.equal(batch["input_ids"] * batch["attention_mask"], other["input_ids"] * other["attention_mask"])
    assert bool((batch["labels"][batch["attention_mask"] == 0] == IGNORED).all())
    assert batch["attention_mask"].sum(1).tolist() == [len(row["input_ids"]) for row in rows]


def test_evaluations_are_spread_and_end_with_the_run() -> None:
    assert evaluation_steps(100, 4) == {25, 50, 75, 100}
    assert evaluation_steps(3, 10) == {1, 2, 3}


def test_held_out_rows_depend_on_the_seed_alone() -> None:
    assert held_out_positions(100, 5, 1) == held_out_positions(100, 5, 1)
    assert held_out_positions(100, 5, 1) != held_out_positions(100, 5, 2)
    assert len(held_out_positions(100, 5, 1)) == 5
    assert held_out_positions(100, 0, 1) == frozenset()


@pytest.mark.parametrize("count", [0, 1, 4, 9, 40])
def test_no_prompt_is_on_both_sides(count: int) -> None:
    prompts = [f"prompt {row // 3}" for row in range(90)]
    held_out = held_out_positions(90, count, 5, prompts)
    assert held_out == held_out_positions(90, count, 5, prompts)
    sides = [{prompts[row] for row in range(90) if (row in held_out) is wanted} for wanted in (True, False)]
    assert not sides[0] & sides[1]
    assert len(held_out) == (max(3, count // 3 * 3) if count else 0)
    assert held_out_positions(90, count, 5, range(90)) == held_out_positions(90, count, 5)
    assert held_out_positions(90, count, 5, ["one"] * 90) == frozenset()

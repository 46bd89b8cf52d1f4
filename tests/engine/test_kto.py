"""Answers marked good or bad: TRL's own losses from our rows, and what is said about one-sided data."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from studio.core.errors import StudioError
from studio.core.messages import Message
from studio.core.methods import KtoSettings
from studio.core.records import KINDS, Label
from studio.engine import kto
from studio.engine.examples import IGNORED, Reading
from studio.engine.kto import LabelRow, moved_on
from studio.engine.loading import load_encoder, load_model, pick_precision
from tests.engine.conftest import sentences
from tests.engine.test_dpo import pair_rows
from tests.engine.trainers_for_tests import SMALL, not_taken, trained


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def settings(**given: Any) -> KtoSettings:
    return KtoSettings(**{**SMALL, "epochs": 9.0, "batch_size": 4, "accumulate": 1, "max_steps": 6, **given})


def label_rows(count: int, seed: int = 0) -> list[LabelRow]:
    return [LabelRow(row.chosen, place % 2 == 0) for place, row in enumerate(pair_rows(count, seed))]


def encoded(labels: list[Label], base: Path, **given: Any) -> Any:
    reading = Reading(labels, KINDS["labels"], len(labels), frozenset(), lambda *_: None)
    return kto.encode(reading, load_encoder(base, "model"), settings(**given))


def labels(goods: list[bool]) -> list[Label]:
    texts = sentences(1, len(goods), 9)
    return [Label((Message("user", "the cat"),), text or "yes", good) for text, good in zip(texts, goods, strict=True)]


def test_one_sided_data_is_refused_or_told(tiny_base: Path) -> None:
    with pytest.raises(StudioError, match="All 3 answers to train on are good"):
        encoded(labels([True] * 3), tiny_base)
    with pytest.raises(StudioError, match="All 3 answers to train on are bad"):
        encoded(labels([False] * 3), tiny_base)
    with pytest.raises(StudioError, match="one example at a time is too few"):
        encoded(labels([True, False]), tiny_base, batch_size=1)
    assert encoded(labels([True, False, True, False]), tiny_base).warnings == []
    ((what, hint),) = encoded(labels([True] * 4 + [False]), tiny_base).warnings
    assert what == "4 answers are good and 1 bad, so the bad ones count for little."
    assert hint == "A weight of 4 for bad answers would balance them."
    assert encoded(labels([True] * 4 + [False]), tiny_base, bad_weight=4.0).warnings == []


def test_answers_move_to_the_next_prompt() -> None:
    rows = label_rows(5)
    moved = moved_on(rows, 2, 1000)
    for place, source in enumerate((1, 0, 3, 2, 4)):
        start = int((rows[place].answer.labels == IGNORED).sum())
        assert (moved[place].ids[:start] == rows[place].answer.ids[:start]).all()
        answer = rows[source].answer.labels
        assert moved[place].ids[start:].tolist() == answer[answer != IGNORED].tolist()
        assert (moved[place].labels == IGNORED).sum() == start
    assert all(row.trained > 0 and len(row.ids) <= 9 for row in moved_on(rows, 2, 9))


def test_it_begins_at_the_reference_and_learns(tiny_base: Path, tmp_path: Path) -> None:
    told = trained(kto, settings(max_steps=20), tiny_base, tmp_path / "run", label_rows(12), label_rows(6, 1))
    assert told.curve("loss")[0] == pytest.approx(0.5, abs=1e-5)  # 1 - sigmoid(0)
    for name in ("kl", "chosen", "rejected", "margin"):
        assert told.curve(name)[0] == pytest.approx(0, abs=1e-5)
        assert len(told.curve(name)) == 20
    assert np.mean(told.curve("loss")[-3:]) < 0.45
    assert np.mean(told.curve("margin")[-3:]) > 0
    assert len(told.curve("eval_loss", "evaluation")) == 2


def test_with_padding_it_is_the_same(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = label_rows(10), label_rows(5, 1)
    fast = trained(kto, settings(), tiny_base, tmp_path / "fast", *rows)
    assert fast.trainer.slower_because is None
    monkeypatch.setattr(kto, "enable", not_taken)
    padded = trained(kto, settings(), tiny_base, tmp_path / "padded", *rows)
    assert padded.trainer.slower_because == "has a reason"
    for name in ("loss", "grad_norm", "margin", "chosen", "rejected", "kl", "tokens"):
        assert fast.curve(name) == pytest.approx(padded.curve(name), rel=1e-4, abs=2e-5), name
    assert fast.curve("eval_loss", "evaluation") == pytest.approx(padded.curve("eval_loss", "evaluation"), rel=1e-5)


def test_losses_are_those_of_a_plain_trl_script(tiny_base: Path, tmp_path: Path) -> None:
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import TrainerCallback
    from trl import KTOConfig, KTOTrainer

    rows, losses = label_rows(16), []
    ours = trained(kto, settings(good_weight=1.2), tiny_base, tmp_path / "ours", rows)

    class Kept(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            if logs and "loss" in logs:
                losses.append((logs["loss"], logs["kl"]))

    class Encoded(KTOTrainer):
        def _prepare_dataset(self, dataset: Any, *_arguments: Any) -> Any:
            return dataset

    columns: dict[str, list[Any]] = {"prompt_ids": [], "completion_ids": [], "label": []}
    for row in random.Random(42).sample(rows, len(rows)):
        start = int((row.answer.labels == IGNORED).sum())
        columns["prompt_ids"].append(row.answer.ids[:start].tolist())
        columns["completion_ids"].append(row.answer.ids[start:].tolist())
        columns["label"].append(row.good)
    answers = columns["completion_ids"]
    columns["KL_completion_ids"] = [
        answer for k in range(0, 16, 4) for answer in (answers[k + 3], answers[k], answers[k + 1], answers[k + 2])
    ]
    arguments = KTOConfig(
        output_dir=str(tmp_path / "theirs"), max_steps=6, per_device_train_batch_size=4, learning_rate=0.01, seed=42,
        data_seed=42, lr_scheduler_type="constant", warmup_steps=0, logging_steps=1, use_cpu=True, bf16=False,
        gradient_checkpointing=False, report_to="none", save_strategy="no", disable_tqdm=True, weight_decay=0.0,
        desirable_weight=1.2,
    )  # fmt: skip
    Encoded(
        model=load_model(tiny_base, pick_precision("fp32", "cpu", 1, training=True), "cpu"),
        args=arguments,
        train_dataset=Dataset.from_dict(columns),
        processing_class=load_encoder(tiny_base, "model").tokenizer,
        peft_config=LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM"),
        callbacks=[Kept()],
    ).train()
    assert ours.curve("loss") == pytest.approx([loss for loss, _ in losses], abs=1e-5)
    assert ours.curve("kl") == pytest.approx([kl for _, kl in losses], abs=1e-3)

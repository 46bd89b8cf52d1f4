"""The fast way inside TRL's trainer: the same losses as TRL's own, whatever the accumulation, through adapters too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer

from studio.engine.batches import PaddedBatch
from studio.engine.examples import IGNORED
from studio.engine.fast.forward import enable
from studio.engine.fast.packing import EndToEnd
from studio.engine.fast.trainer import FastLoss
from tests.engine.fast.models import VOCABULARY, llama


class FastTrainer(FastLoss, SFTTrainer):
    pass


class Kept(TrainerCallback):
    """What the trainer logs, step by step."""

    def __init__(self):
        self.logs: list[dict[str, Any]] = []

    def on_log(self, args, state, control, logs=None, **kwargs):
        if logs and "loss" in logs:
            self.logs.append(dict(logs))


@pytest.fixture(scope="module")
def rows():
    chance = np.random.default_rng(0)
    columns = {"input_ids": [], "labels": []}
    for length in chance.integers(2, 40, 24):
        ids = chance.integers(0, VOCABULARY, length, dtype=np.int32)
        columns["input_ids"].append(ids)
        columns["labels"].append(np.where(np.arange(length) > length // 3, ids, np.int32(IGNORED)))
    return Dataset.from_dict(columns).with_format("numpy")


def trained(kind, rows, folder, tokenizer, *, fast, batch=4, accumulate=1, adapter=False, steps=6, resume=None):
    kept = Kept()
    torch.manual_seed(0)
    arguments = SFTConfig(
        output_dir=str(folder), max_steps=steps, per_device_train_batch_size=batch, learning_rate=1e-2,
        gradient_accumulation_steps=accumulate, gradient_checkpointing=False, bf16=False, use_cpu=True, seed=1,
        max_length=None, logging_steps=1, save_strategy="steps", save_steps=3, report_to="none", disable_tqdm=True,
        remove_unused_columns=False, dataset_kwargs={"skip_prepare_dataset": True}, lr_scheduler_type="constant",
    )  # fmt: skip
    trainer = kind(
        model=llama(),
        args=arguments,
        data_collator=EndToEnd() if fast else PaddedBatch(0),
        train_dataset=rows,
        processing_class=tokenizer,
        peft_config=LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM") if adapter else None,
        callbacks=[kept],
    )
    if fast:
        assert enable(trainer.model, 64) is None
    trainer.train(resume_from_checkpoint=resume)
    return kept.logs


@pytest.fixture(scope="module")
def tokenizer(tiny_base):
    return AutoTokenizer.from_pretrained(tiny_base)


@pytest.mark.parametrize("adapter", [False, True], ids=["full", "adapter"])
@pytest.mark.parametrize("accumulate", [1, 4])
def test_losses_norms_and_figures_are_those_of_trl(rows, tmp_path, tokenizer, accumulate, adapter):
    split = {"batch": 8 // accumulate, "accumulate": accumulate, "adapter": adapter}
    theirs = trained(SFTTrainer, rows, tmp_path / "a", tokenizer, fast=False, **split)
    ours = trained(FastTrainer, rows, tmp_path / "b", tokenizer, fast=True, **split)
    assert len(ours) == len(theirs) == 6
    for name in ("loss", "grad_norm", "num_tokens"):
        assert [log[name] for log in ours] == pytest.approx([log[name] for log in theirs], rel=1e-4), name
    # TRL averages the share over passes; so do we.
    assert [log["mean_token_accuracy"] for log in ours] == pytest.approx(
        [log["mean_token_accuracy"] for log in theirs], abs=1e-6
    )


def test_one_times_eight_is_eight_times_one(rows, tmp_path, tokenizer):
    once = trained(FastTrainer, rows, tmp_path / "a", tokenizer, fast=True, batch=8)
    eight = trained(FastTrainer, rows, tmp_path / "b", tokenizer, fast=True, batch=1, accumulate=8)
    for name in ("loss", "grad_norm"):
        assert [log[name] for log in eight] == pytest.approx([log[name] for log in once], rel=1e-4), name


def test_resumed_training_is_the_same_to_the_bit(rows, tmp_path, tokenizer):
    whole = trained(FastTrainer, rows, tmp_path, tokenizer, fast=True, adapter=True)
    rest = trained(
        FastTrainer, rows, tmp_path, tokenizer, fast=True, adapter=True, resume=str(tmp_path / "checkpoint-3")
    )
    assert [log["loss"] for log in rest] == [log["loss"] for log in whole[3:]]


def test_other_batches_are_left_to_trl(rows, tmp_path, tokenizer):
    ours = trained(FastTrainer, rows, tmp_path / "a", tokenizer, fast=False, steps=2)
    theirs = trained(SFTTrainer, rows, tmp_path / "b", tokenizer, fast=False, steps=2)
    assert [log["loss"] for log in ours] == [log["loss"] for log in theirs]

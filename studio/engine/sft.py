"""Supervised fine-tuning: TRL's SFTTrainer fed with our own ids and masks, laid end to end where the model allows it.

Kept from TRL: the loss (a mean over all trained tokens of a step, however they are divided into passes), the loop,
the optimiser and what a checkpoint holds. Ours: rows, batches (engine.fast), evaluation, when to save and to stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from studio.core.messages import Example
from studio.core.methods import SftSettings, TrainSettings
from studio.engine.adapters import begin, lora_for
from studio.engine.batches import PaddedBatch
from studio.engine.budget import token_budget
from studio.engine.encoding import ANSWERS, LAST_ANSWER, Encoder
from studio.engine.examples import (
    IGNORED,
    EncodedRows,
    Reading,
    Row,
    encode_rows,
    trained_part,
    warn_of_endless_answers,
)
from studio.engine.fast.forward import enable
from studio.engine.fast.packing import EndToEnd
from studio.engine.fast.trainer import FastLoss
from studio.engine.noise import add_noise
from studio.engine.supervision import Supervision
from studio.engine.trainers import (
    Measured,
    Place,
    Supervised,
    load_policy,
    padding_of,
    take_fast_way,
    training_arguments,
)

load = load_policy


def encode(reading: Reading, encoder: Encoder, settings: SftSettings) -> EncodedRows[Row]:
    """Conversations with their answers, or all of them, marked. Raises StudioError."""

    def one(example: Example) -> tuple[Row, bool]:
        encoded = trained_part(
            encoder.encode(
                example.messages, max_length=settings.max_length, train_on=settings.train_on, also=settings.also_learned
            )
        )
        return Row.of(encoded), encoded.cut

    rows = encode_rows(reading, one, encoder.limit(settings.max_length), full=encoder.is_full(settings.max_length))
    if settings.train_on in (ANSWERS, LAST_ANSWER):
        warn_of_endless_answers(rows, encoder)
    return rows


class SupervisedTrainer(FastLoss, Supervised, SFTTrainer):
    """TRL's trainer, with an evaluation that is a mean over tokens."""

    def measure(self, inputs: dict[str, Any]) -> dict[str, Tensor]:
        model: Any = self.model
        # Divided by one item, the mean that the trainer takes is the sum.
        loss: Any = self.compute_loss(model, dict(inputs), num_items_in_batch=torch.tensor(1))
        return {"loss": loss.double()[None], "tokens": (inputs["labels"][:, 1:] != IGNORED).sum()[None]}

    def figures(self, measured: Measured) -> dict[str, float]:
        return {"eval_loss": float(measured["loss"].sum() / max(measured["tokens"].sum(), 1))}


def build_trainer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train: Sequence[Row],
    held_out: Sequence[Row],
    settings: TrainSettings,
    place: Place,
    supervision: Supervision,
) -> SupervisedTrainer:
    """A trainer for `model` or an adapter on it, whose first weights depend on the seed alone. Call its `train()`."""
    budget = token_budget(settings, train)
    arguments = SFTConfig(
        **training_arguments(settings, place, len(train), len(budget) if budget else None),
        dataset_kwargs={"skip_prepare_dataset": True},  # the rows are encoded already
        max_length=None,
        packing=False,
    )
    trainer = SupervisedTrainer(
        model=model,
        args=arguments,
        data_collator=PaddedBatch(padding_of(tokenizer)),
        train_dataset=_dataset(train),
        eval_dataset=_dataset(held_out) if held_out else None,
        processing_class=tokenizer,
        peft_config=lora_for(settings, place, model),
        supervision=supervision,
    )
    begin(trainer.model, place, settings)
    round_to = take_fast_way(trainer, enable, (*train, *held_out), place)
    if round_to is not None:
        trainer.data_collator = EndToEnd(round_to)
    trainer.budget, trainer.parts = budget, place.parts
    if noise := getattr(settings, "neftune", 0.0):
        add_noise(trainer.model, noise)
    return trainer


def _dataset(rows: Sequence[Row]) -> Dataset:
    columns = {"input_ids": [row.ids for row in rows], "labels": [row.labels for row in rows]}
    return Dataset.from_dict(columns).with_format("numpy")

"""Kahneman-Tversky optimisation: TRL's KTOTrainer fed with single answers marked good or bad.

Kept from TRL: the loss, the loop, the optimiser. Its KL term is estimated anew in each pass, from that pass's answers
each moved to the next prompt. So passes are fixed when the run begins, in an order that the seed decides, and 1 x 8 is
by definition not 8 x 1. All reference log-probabilities are computed once (`engine.reference`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from trl.trainer.kto_config import KTOConfig
from trl.trainer.kto_trainer import KTOTrainer
from trl.trainer.utils import disable_dropout_in_model

from studio.core.errors import StudioError
from studio.core.methods import KtoSettings
from studio.core.records import Label
from studio.engine.adapters import begin, lora_for
from studio.engine.encoding import Encoder
from studio.engine.examples import IGNORED, EncodedRows, Reading, Row, encode_rows, warn_of_endless_answers
from studio.engine.fast.forward import NOT_MADE, enable
from studio.engine.fast.packing import pack, sharing
from studio.engine.pairs import answer_batch, answer_dataset, encode_answer
from studio.engine.reference import reference_log_probs
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
_BALANCED = (0.75, 4 / 3)  # weight x number of the good to that of the bad (the paper's equation 8, either way)


@dataclass(frozen=True, slots=True)
class LabelRow:
    """An answer after its prompt, and whether it is good."""

    answer: Row
    good: bool


def encode(reading: Reading, encoder: Encoder, settings: KtoSettings) -> EncodedRows[LabelRow]:
    """Answers with their verdicts. Raises StudioError when all of them are alike."""
    if settings.batch_size < 2:
        raise StudioError(
            "KTO compares answers with each other, so one example at a time is too few.",
            "Set “Examples at a time” to 2 or more.",
        )

    def one(label: Label) -> tuple[LabelRow, bool]:
        answer, cut = encode_answer(encoder, label.prompt, label.answer, settings.max_length)
        return LabelRow(answer, label.good), cut

    rows = encode_rows(reading, one, encoder.limit(settings.max_length), full=encoder.is_full(settings.max_length))
    good = sum(row.good for row in rows.train)
    bad = len(rows.train) - good
    if not good or not bad:
        raise StudioError(
            f"All {len(rows.train):,} answers to train on are {'good' if good else 'bad'}, "
            "so there is nothing to tell apart.",
            "Choose a dataset that has both.",
        )
    balance = settings.good_weight * good / (settings.bad_weight * bad)
    if not _BALANCED[0] <= balance <= _BALANCED[1]:
        rarer, name = ("good", "good_weight") if balance < 1 else ("bad", "bad_weight")
        factor = 1 / balance if balance < 1 else balance
        rows.warnings.append(
            (
                f"{good:,} answers are good and {bad:,} bad, so the {rarer} ones count for little.",
                f"A weight of {getattr(settings, name) * factor:.2g} for {rarer} answers would balance them.",
            )
        )
    warn_of_endless_answers(rows, encoder)
    return rows


class LabelTrainer(Supervised, KTOTrainer):
    """TRL's trainer, with a reference out of the batch."""

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Tensor | int | None = None
    ) -> Any:
        loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        if "packed" in inputs:
            for name in NOT_MADE:
                self._metrics["train" if model.training else "eval"].pop(name, None)
        return loss

    def _compute_kl_logps(self, model: Any, batch: dict[str, Any]) -> Any:
        # `batch` is TRL's own copy: what it asks the model for next must not find the mismatched answers in it.
        moved = batch.pop("KL_packed", None)
        return super()._compute_kl_logps(model, batch if moved is None else {**batch, "packed": moved})

    def _precompute_ref_logps(self, dataset: Any, *_arguments: Any) -> Any:
        return dataset  # they come out of the batch

    def measure(self, inputs: dict[str, Any]) -> dict[str, Tensor]:
        model: Any = self.model
        rows = len(inputs["label"])
        loss = self.compute_loss(model, inputs)
        return {"loss": loss[None].double() * rows, "rows": torch.tensor([rows])}

    def figures(self, measured: Measured) -> dict[str, float]:
        return {"eval_loss": float(measured["loss"].sum() / measured["rows"].sum())}


@dataclass(frozen=True, slots=True)
class LabelBatch:
    """Makes what TRL's loss takes: the answers, the mismatched ones under names that begin with `KL_`, and the
    reference's log-probability of each as a whole.

    round_to: where the model takes the fast way, `packed` is added to both: the sequences in one row rounded up so.
    """

    pad: int
    round_to: int | None = None

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        batch = self._answers([(row["ids"], row["labels"]) for row in rows])
        moved = self._answers([(row["moved_ids"], row["moved_labels"]) for row in rows])
        return {
            **batch,
            **{f"KL_{name}": value for name, value in moved.items()},
            "label": torch.tensor([bool(row["good"]) for row in rows]),
            "ref_logps": torch.tensor([float(row["reference"]) for row in rows]),
            "ref_KL_logps": torch.tensor([float(row["moved_reference"]) for row in rows]),
        }

    def _answers(self, sequences: Sequence[tuple[Any, Any]]) -> dict[str, Any]:
        batch: dict[str, Any] = answer_batch(self.pad, sequences, [None])
        if self.round_to is not None:
            batch["packed"] = pack(sharing(sequences, [*range(len(sequences))]), round_to=self.round_to)
        return batch


def moved_on(rows: Sequence[LabelRow], batch_size: int, longest: int) -> list[Row]:
    """Each prompt with the answer of the row before it in its batch, cut at `longest` tokens."""
    found: list[Row] = []
    for first in range(0, len(rows), batch_size):
        batch = [row.answer for row in rows[first : first + batch_size]]
        for row, other in zip(batch, [batch[-1], *batch[:-1]], strict=True):
            prompt = row.ids[: int(np.flatnonzero(row.labels != IGNORED)[0])][: longest - 1]
            answer = other.ids[other.labels != IGNORED]
            ids = np.concatenate([prompt, answer])[:longest]
            found.append(Row(ids, np.where(np.arange(len(ids)) < len(prompt), np.int32(IGNORED), ids)))
    return found


def build_trainer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train: Sequence[LabelRow],
    held_out: Sequence[LabelRow],
    settings: KtoSettings,
    place: Place,
    supervision: Supervision,
) -> LabelTrainer:
    """A trainer for a LoRA adapter on `model`; the policy that it starts from is the reference. Call its `train()`."""
    disable_dropout_in_model(model)  # the base's; what the settings say of the adapter's stays
    pad = padding_of(tokenizer)
    train = random.Random(settings.seed).sample(list(train), len(train))
    arguments = KTOConfig(
        **training_arguments(settings, place, len(train)),
        max_length=None,
        disable_dropout=False,
        precompute_ref_log_probs=settings.full,  # else TRL would load a second model as the reference
        beta=settings.beta,
        desirable_weight=settings.good_weight,
        undesirable_weight=settings.bad_weight,
        train_sampling_strategy="sequential",
    )
    trainer = LabelTrainer(
        model=model,
        args=arguments,
        data_collator=LabelBatch(pad),
        train_dataset=answer_dataset({"ids": [row.answer.ids for row in train]}),
        processing_class=tokenizer,
        peft_config=lora_for(settings, place, model),
        supervision=supervision,
    )
    begin(trainer.model, place, settings)
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    longest = min(settings.max_length, context or settings.max_length)
    moved = [moved_on(rows, settings.batch_size, longest) for rows in (train, held_out)]
    answers = [row.answer for row in (*train, *held_out)]
    both = list(zip(answers, [*moved[0], *moved[1]], strict=True))  # to the same prompt
    round_to = take_fast_way(trainer, enable, (row for rows in both for row in rows), place)
    trainer.data_collator = LabelBatch(pad, round_to)
    known = reference_log_probs(
        trainer,
        both,
        place.folder,
        pad=pad,
        batch_size=max(1, settings.batch_size // 2),
        report=lambda done, total: supervision.preparing("reference", done, total),
        round_to=round_to,
    )
    sums = [(float(own.sum()), float(other.sum())) for own, other in known]
    trainer.precompute_ref_logps = True  # the batches bring them, so TRL computes none
    trainer.train_dataset = answer_dataset(_columns(train, moved[0], sums[: len(train)]))
    if held_out:
        trainer.eval_dataset = answer_dataset(_columns(held_out, moved[1], sums[len(train) :]))
    return trainer


def _columns(
    rows: Sequence[LabelRow], moved: Sequence[Row], known: Sequence[tuple[float, float]]
) -> dict[str, list[Any]]:
    return {
        "ids": [row.answer.ids for row in rows],
        "labels": [row.answer.labels for row in rows],
        "good": [row.good for row in rows],
        "moved_ids": [row.ids for row in moved],
        "moved_labels": [row.labels for row in moved],
        "reference": [own for own, _ in known],
        "moved_reference": [other for _, other in known],
    }

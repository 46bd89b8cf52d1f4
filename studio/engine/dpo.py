"""Direct preference optimisation: TRL's DPOTrainer fed with our own pairs and a reference that was computed once.

Kept from TRL: the losses and their names, the loop, the optimiser. The log-probabilities that its losses ask the model
for are made the fast way where the model takes it (`engine.fast`). A step's loss is the mean over its pairs, however
they are divided into passes (`engine.step_mean`), so 1 x 8 equals 8 x 1; what `chosen_weight` adds is a mean over each
pass's tokens, as TRL has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.utils import disable_dropout_in_model

from studio.core.methods import DpoSettings
from studio.engine.adapters import begin, lora_for
from studio.engine.budget import token_budget
from studio.engine.encoding import Encoder
from studio.engine.examples import EncodedRows, Reading, warn_of_endless_answers
from studio.engine.fast.forward import NOT_MADE, enable
from studio.engine.pairs import PairBatch, PairRow, answer_dataset, encode_pairs, pair_columns
from studio.engine.reference import Known, reference_log_probs
from studio.engine.step_mean import StepMean
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


def encode(reading: Reading, encoder: Encoder, settings: DpoSettings) -> EncodedRows[PairRow]:
    """Pairs whose answers are marked. Raises StudioError."""
    rows = encode_pairs(reading, encoder, settings.max_length)
    warn_of_endless_answers(rows, encoder)
    return rows


class PreferenceTrainer(StepMean, Supervised, DPOTrainer):
    """TRL's trainer, with a reference out of the batch, and the distance from it as a figure."""

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Tensor | int | None = None
    ) -> Any:
        """The loss of the variant; `inputs` are of `PairBatch`."""
        inputs = dict(inputs)
        reference: Tensor = inputs.pop("reference")
        inputs["ref_chosen_logps"], inputs["ref_rejected_logps"] = reference.sum(1).chunk(2)
        log_probs: list[Tensor] = []

        def listening(**named: Any) -> Any:
            outputs = model(**named)
            log_probs.append(outputs.log_probs.detach())
            return outputs

        policy: Any = listening  # TRL only calls it
        loss = super().compute_loss(policy, inputs, return_outputs, num_items_in_batch)
        # Distance from the reference: the estimator k2 (Schulman, “Approximating KL divergence”, 2020), half of the
        # squared log-ratio, summed over an answer's tokens. It is taken on the dataset's answers, not on samples, so it
        # is no unbiased KL; but it is never negative, 0 at the start, and near KL in both directions while it is small.
        distance = 0.5 * (log_probs[0] - reference).square().sum(1).mean()
        figures = self._metrics["train" if model.training else "eval"]
        figures["kl"].append(distance.item())
        if "packed" in inputs:
            for name in NOT_MADE:
                figures.pop(name, None)
        return self.weighed(loss, inputs)

    def rows_in(self, inputs: dict[str, Any]) -> int:
        return len(inputs["input_ids"]) // 2

    def _precompute_ref_logps(self, dataset: Any, *_arguments: Any) -> Any:
        return dataset  # they come out of the batch

    def measure(self, inputs: dict[str, Any]) -> dict[str, Tensor]:
        model: Any = self.model
        pairs = self.rows_in(inputs)
        loss = self.compute_loss(model, inputs)
        accuracy = self._metrics["eval"]["rewards/accuracies"][-1]
        return {
            "loss": loss[None].double() * pairs,
            "right": torch.tensor([accuracy]).double() * pairs,
            "pairs": torch.tensor([pairs]),
        }

    def figures(self, measured: Measured) -> dict[str, float]:
        pairs = measured["pairs"].sum()
        return {
            "eval_loss": float(measured["loss"].sum() / pairs),
            "eval_accuracy": float(measured["right"].sum() / pairs),
        }


def build_trainer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train: Sequence[PairRow],
    held_out: Sequence[PairRow],
    settings: DpoSettings,
    place: Place,
    supervision: Supervision,
) -> PreferenceTrainer:
    """A trainer for a LoRA adapter on `model`; the policy that it starts from is the reference. Call its `train()`."""
    disable_dropout_in_model(model)  # the base's; what the settings say of the adapter's stays
    pad, budget = padding_of(tokenizer), token_budget(settings, train)
    arguments = DPOConfig(
        **training_arguments(settings, place, len(train), len(budget) if budget else None),
        max_length=None,
        disable_dropout=False,
        precompute_ref_log_probs=settings.full,  # else TRL would load a second model as the reference
        # With the chosen answers' own loss it is RPO (Pang et al., “Iterative Reasoning Preference
        # Optimization”, 2024).
        loss_type=[settings.variant, *(["sft"] if settings.chosen_weight else [])],
        loss_weights=[1.0, settings.chosen_weight] if settings.chosen_weight else None,
        beta=settings.beta,
        label_smoothing=settings.wrong_labels if settings.variant == "robust" else 0.0,
    )
    trainer = PreferenceTrainer(
        model=model,
        args=arguments,
        data_collator=PairBatch(pad),
        train_dataset=answer_dataset(pair_columns(train)),
        processing_class=tokenizer,
        peft_config=lora_for(settings, place, model),
        supervision=supervision,
    )
    begin(trainer.model, place, settings)
    trainer.budget, trainer.parts = budget, place.parts
    pairs = [row.sides for row in (*train, *held_out)]
    round_to = take_fast_way(trainer, enable, (side for sides in pairs for side in sides), place)
    trainer.data_collator = PairBatch(pad, round_to)
    known = reference_log_probs(
        trainer,
        pairs,
        place.folder,
        pad=pad,
        batch_size=place.unlearned(settings),
        report=lambda done, total: supervision.preparing("reference", done, total),
        round_to=round_to,
    )
    trainer.precompute_ref_logps = True  # the batches bring them, so TRL computes none
    trainer.train_dataset = answer_dataset(_with_reference(train, known[: len(train)]))
    if held_out:
        trainer.eval_dataset = answer_dataset(_with_reference(held_out, known[len(train) :]))
    return trainer


def _with_reference(rows: Sequence[PairRow], known: Sequence[Sequence[Known]]) -> dict[str, list[Any]]:
    chosen, rejected = zip(*known, strict=True)
    return {**pair_columns(rows), "chosen_reference": list(chosen), "rejected_reference": list(rejected)}

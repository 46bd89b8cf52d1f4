"""Supervised fine-tuning: TRL's SFTTrainer fed with our own ids and masks.

Kept from TRL: the loss (a mean over all trained tokens of a step, however they are divided into passes), the loop,
the optimiser and what a checkpoint holds. Ours: rows, evaluation, when to save and to stop.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from studio.core.methods import SftSettings
from studio.engine.batches import PaddedBatch
from studio.engine.examples import IGNORED, Row
from studio.engine.loading import Precision
from studio.engine.supervision import Supervision

_SCHEDULES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how a run computes, and where its checkpoints go."""

    device: str
    precision: Precision
    checkpoints: Path


class SupervisedTrainer(SFTTrainer):
    """TRL's trainer, with an evaluation that is a mean over tokens and can be cut short, and checkpoints that count."""

    def __init__(self, *arguments: Any, supervision: Supervision, **named: Any) -> None:
        super().__init__(*arguments, callbacks=[supervision], **named)
        self._supervision = supervision
        self.remove_callback(PrinterCallback)  # would print a line for each step into the log

    def evaluate(self, *arguments: Any, **named: Any) -> dict[str, float]:
        """Eval loss over all held-out tokens. Random numbers that training draws stay as if nothing had happened."""
        self._supervision.evaluating()
        model: Any = self.model
        devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
        total, tokens, one = 0.0, 0, torch.tensor(1)
        model.eval()
        with torch.random.fork_rng(devices), torch.no_grad():
            for batch in self.get_eval_dataloader():
                if self._supervision.asked_to_stop():
                    break
                inputs = self._prepare_inputs(batch)
                with self.compute_loss_context_manager():
                    # Divided by one item, the mean that the trainer takes is the sum.
                    total += float(self.compute_loss(model, dict(inputs), num_items_in_batch=one))
                tokens += int((inputs["labels"][:, 1:] != IGNORED).sum())
            else:
                self._supervision.evaluated(self.state, total / max(tokens, 1))
        self._metrics["eval"].clear()
        model.train()
        self.control.should_evaluate = False
        return {}

    def create_model_card(self, *_arguments: Any, **_named: Any) -> None:
        """None: what an adapter is stands in its `plumbline.json`."""

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        self._supervision.saving()
        super()._save_checkpoint(model, trial)
        name = f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
        self._supervision.saved(self.state, Path(str(self.args.output_dir)) / name)


def build_trainer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train: Sequence[Row],
    held_out: Sequence[Row],
    settings: SftSettings,
    place: Place,
    supervision: Supervision,
) -> SupervisedTrainer:
    """A trainer for a LoRA adapter on `model`, whose first weights depend on the seed alone. Call its `train()`."""
    total = settings.steps_for(len(train))
    arguments = SFTConfig(
        output_dir=str(place.checkpoints),
        max_steps=total,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulate,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=_SCHEDULES[settings.schedule],
        warmup_steps=math.ceil(settings.warmup * total),
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.clip,
        seed=settings.seed,
        data_seed=settings.seed,
        # Supervision decides these three, step by step.
        logging_strategy="no",
        eval_strategy="no",
        save_strategy="no",
        logging_nan_inf_filter=False,  # the user is told, not shown an older value
        logging_first_step=False,
        use_cpu=place.device == "cpu",
        bf16=place.precision.autocast and place.precision.name == "bf16",
        fp16=place.precision.autocast and place.precision.name == "fp16",
        gradient_checkpointing=False,  # costs a fifth of the speed
        dataloader_pin_memory=place.device == "cuda",
        dataloader_num_workers=0,
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},  # the rows are encoded already
        max_length=None,
        packing=False,
        report_to="none",
        disable_tqdm=True,
        push_to_hub=False,
    )
    adapter = LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    return SupervisedTrainer(
        model=model,
        args=arguments,
        data_collator=PaddedBatch(pad if isinstance(pad, int) else 0),
        train_dataset=_dataset(train),
        eval_dataset=_dataset(held_out) if held_out else None,
        processing_class=tokenizer,
        peft_config=adapter,
        supervision=supervision,
    )


def _dataset(rows: Sequence[Row]) -> Dataset:
    columns = {"input_ids": [row.ids for row in rows], "labels": [row.labels for row in rows]}
    return Dataset.from_dict(columns).with_format("numpy")

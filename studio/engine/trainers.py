"""What the trainers of all methods share: where they compute, their arguments, their evaluation and their checkpoints.

`Supervised` is mixed in before one of TRL's trainers and keeps its loop, optimiser and resume. The loss, and what is
measured on held-out rows, are each method's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_callback import PrinterCallback, TrainerState
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from studio.core.methods import TrainSettings
from studio.core.rewards import Rewards
from studio.core.training_settings import ADAFACTOR, ADAMW, ADAMW_8BIT, PAGED_8BIT
from studio.engine.budget import InParts, TokenBudget, parts_of
from studio.engine.examples import Row
from studio.engine.fast.packing import ROUND
from studio.engine.loading import Precision, load_model
from studio.engine.supervision import Supervision

if TYPE_CHECKING:
    _Trainer = Trainer
else:
    _Trainer = object

Measured = dict[str, NDArray[Any]]
_SCHEDULES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}
_OPTIMISERS = {
    ADAMW: "adamw_torch_fused",
    ADAMW_8BIT: "adamw_bnb_8bit",
    PAGED_8BIT: "paged_adamw_8bit",
    ADAFACTOR: "adafactor",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how a run computes, where its checkpoints go, and the adapter that it starts from, if any.

    recompute: whether activations are computed again on the way back instead of kept. rewards: what a method that
    learns from a reward is rewarded by. parts: in how many each pass of a token budget is read.
    """

    device: str
    precision: Precision
    checkpoints: Path
    adapter: Path | None = None
    recompute: bool = False
    rewards: Rewards = field(default_factory=Rewards)
    parts: int = 1

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.checkpoints.parent

    def unlearned(self, settings: TrainSettings) -> int:
        """Examples taken at a time where nothing is learned from them: fewer where memory ran out."""
        return max(1, settings.batch_size // self.parts)


def load_policy(base: Path, place: Place, settings: TrainSettings) -> PreTrainedModel:
    """The base model as one that writes text, in the form that it is trained: with the adapter to start from merged
    into it, and in few bits, if the settings say so. Raises StudioError."""
    if place.adapter is not None and settings.merges:
        from studio.engine.merging import load_merged

        return load_merged(base, place.adapter, place, settings)
    return load_model(base, place.precision, place.device, bits=settings.bits)


def training_arguments(settings: TrainSettings, place: Place, rows: int, passes: int | None = None) -> dict[str, Any]:
    """What every method tells its trainer, for so many rows to train on. passes: over the data once, where they don't
    hold equally many rows."""
    total = settings.steps_for(rows, passes)
    return {
        "output_dir": str(place.checkpoints),
        "max_steps": total,
        "per_device_train_batch_size": settings.batch_size,
        "per_device_eval_batch_size": place.unlearned(settings),
        "gradient_accumulation_steps": settings.accumulate,
        "learning_rate": settings.learning_rate,
        "optim": _OPTIMISERS[settings.optimiser],
        "lr_scheduler_type": _SCHEDULES[settings.schedule],
        "warmup_steps": math.ceil(settings.warmup * total),
        "weight_decay": settings.weight_decay,
        "max_grad_norm": settings.clip,
        "seed": settings.seed,
        "data_seed": settings.seed,
        # Supervision decides these three, step by step.
        "logging_strategy": "no",
        "eval_strategy": "no",
        "save_strategy": "no",
        "logging_nan_inf_filter": False,  # the user is told, not shown an older value
        "logging_first_step": False,
        "use_cpu": place.device == "cpu",
        "bf16": place.precision.autocast and place.precision.name == "bf16",
        "fp16": place.precision.autocast and place.precision.name == "fp16",
        "gradient_checkpointing": place.recompute,
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        "dataloader_pin_memory": place.device == "cuda",
        "dataloader_num_workers": 0,
        "remove_unused_columns": False,
        "report_to": "none",
        "disable_tqdm": True,
        "push_to_hub": False,
    }


def padding_of(tokenizer: PreTrainedTokenizerBase) -> int:
    """A token to fill up with. Which one is of no account: its places are in neither the attention nor the loss."""
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    return pad if isinstance(pad, int) else 0


def take_fast_way(
    trainer: Supervised, enable: Callable[[Any, int], str | None], rows: Iterable[Row], place: Place
) -> int | None:
    """Let a trainer's model take the fast way (`engine.fast`) if it can. Returns to how many tokens its batches are
    rounded up; None, and the reason in `slower_because`, where they are padded."""
    trainer.slower_because = enable(trainer.model, max(len(row.ids) for row in rows))
    if trainer.slower_because is not None:
        return None
    return ROUND if place.precision.autocast else 1


class Supervised(_Trainer):
    """A trainer whose evaluation can be cut short and draws no random numbers, and whose checkpoints count.

    slower_because: why a model is trained with padding ("it has ..."); None when it is not, or when that is no matter.
    budget: which examples go together, where their number isn't fixed. parts: in how many each such pass is read.

    A method gives `measure` (what one batch of held-out rows tells, as arrays that are laid end to end) and `figures`
    (what they add up to, as the `evaluation` event has it); `conclude` may say more after the last step.
    """

    slower_because: str | None = None
    budget: TokenBudget | None = None
    parts = 1

    def __init__(self, *arguments: Any, supervision: Supervision, **named: Any) -> None:
        super().__init__(*arguments, callbacks=[supervision], **named)
        self._supervision = supervision
        self.remove_callback(PrinterCallback)  # would print a line for each step into the log

    def measure(self, inputs: dict[str, Any]) -> dict[str, Tensor]:
        """What a batch of held-out rows tells."""
        raise NotImplementedError

    def figures(self, measured: Measured) -> dict[str, float]:
        """What all held-out rows add up to."""
        raise NotImplementedError

    def conclude(self, measured: Measured) -> None:
        """Called with the measurements after the last step."""

    def evaluate(self, *arguments: Any, **named: Any) -> dict[str, float]:
        """Measure all held-out rows. Random numbers that training draws stay as if nothing had happened."""
        self._supervision.evaluating()
        model: Any = self.model
        devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
        found: list[Measured] = []
        model.eval()
        with torch.random.fork_rng(devices), torch.no_grad():
            for batch in self.get_eval_dataloader():
                if self._supervision.asked_to_stop():
                    if self.state.global_step >= self.state.max_steps:
                        self._supervision.last_evaluation_cut_short(self.control)
                    break
                inputs = self._prepare_inputs(batch)
                told = self.measure(dict(inputs))
                found.append({name: value.double().cpu().numpy() for name, value in told.items()})
            else:
                measured = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
                if self.state.global_step >= self.state.max_steps:
                    self.conclude(measured)
                self._supervision.evaluated(self.state, self.figures(measured), self.control)
                self._supervision.look_for_room(self.state, self.control, model, self.optimizer)
        self._metrics["eval"].clear()  # type: ignore[attr-defined]  # TRL's trainers have it
        model.train()
        self.control.should_evaluate = False
        return {}

    def evaluate_checkpoint(self, folder: Path) -> None:
        """Measure what a checkpoint holds, without training; the trainer must be new."""
        self.state = TrainerState.load_from_json(str(folder / TRAINER_STATE_NAME))
        self._load_from_checkpoint(str(folder))
        model: Any = self.model
        self.accelerator.prepare_model(model, evaluation_mode=True)  # for autocast, which it builds in
        self.evaluate()

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Passes of the budget, where there is one."""
        if self.budget is None:
            return super().get_train_dataloader()
        rows: Any = self.train_dataset
        pin = self.args.dataloader_pin_memory
        collate = InParts(self.data_collator, self.parts)
        loader = DataLoader(rows, batch_sampler=self.budget, collate_fn=collate, pin_memory=pin)
        return self.accelerator.prepare(loader)

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Any:
        return super()._get_num_items_in_batch([part for batch in batch_samples for part in parts_of(batch)], device)

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """A pass there and back, part after part."""
        losses = [super(Supervised, self).training_step(model, part, num_items_in_batch) for part in parts_of(inputs)]
        return torch.stack(losses).sum() if len(losses) > 1 else losses[0]

    def create_model_card(self, *_arguments: Any, **_named: Any) -> None:
        """None: what an adapter is stands in its `plumbline.json`."""

    def _prepare_dataset(self, dataset: Any, *_arguments: Any, **_named: Any) -> Any:
        return dataset  # the rows are encoded already

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        from studio.engine.merging import load_fresh

        if not load_fresh(model or self.model, Path(resume_from_checkpoint)):
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        self._supervision.saving()
        super()._save_checkpoint(model, trial)
        name = f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
        self._supervision.saved(self.state, Path(str(self.args.output_dir)) / name)

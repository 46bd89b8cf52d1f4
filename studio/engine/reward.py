"""Reward models: one number for an answer, learned from pairs, rankings or ratings, inside TRL's RewardTrainer.

Kept from TRL: the loop, the optimiser, checkpoints, and the loss on pairs as it defines it. Ours: the score is read at
the last token that is no padding, whatever token pads; rankings and ratings; the report on held-out rows.
A step's loss is the mean over its rows, however they are divided into passes, so 1 x 8 equals 8 x 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from peft import LoraConfig, TaskType, get_peft_model, set_peft_model_state_dict
from safetensors.torch import load_file
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from trl.trainer.reward_config import RewardConfig
from trl.trainer.reward_trainer import RewardTrainer
from trl.trainer.utils import disable_dropout_in_model

from studio.core.errors import StudioError
from studio.core.messages import Message
from studio.core.methods import RewardSettings
from studio.core.records import Pair, Ranking, Rating
from studio.core.reward_report import FILE, Report
from studio.engine.adapters import begin, lora_for
from studio.engine.batches import PaddedBatch
from studio.engine.budget import token_budget
from studio.engine.doubt import foretelling, with_doubt
from studio.engine.encoding import Encoder
from studio.engine.examples import IGNORED, EncodedRows, Reading, Row, encode_rows
from studio.engine.fast.forward import enable_hidden, hidden_states
from studio.engine.fast.packing import Packed, pack, sharing
from studio.engine.loading import load_scorer
from studio.engine.merging import WEIGHTS, check_mergeable
from studio.engine.pairs import answer_dataset, encode_answer
from studio.engine.reward_losses import LOSSES, comparisons
from studio.engine.reward_report import report_on
from studio.engine.step_mean import StepMean
from studio.engine.supervision import Supervision
from studio.engine.trainers import Measured, Place, Supervised, padding_of, take_fast_way, training_arguments
from studio.storage.files import write_whole

HEAD = "score"


@dataclass(frozen=True, slots=True)
class RewardRow:
    """Answers to one prompt, each a whole sequence, and what they are worth (`engine.reward_losses`)."""

    kind: str
    answers: tuple[Row, ...]
    worth: tuple[float, ...]

    @property
    def room(self) -> int:
        """How many tokens it takes of a budget: all answers, as long as the longest one."""
        return len(self.answers) * max(len(answer.ids) for answer in self.answers)


def encode(reading: Reading, encoder: Encoder, settings: RewardSettings) -> EncodedRows[RewardRow]:
    """Pairs, rankings or ratings. Rows that are too long are left out: a cut answer says nothing of its end, where the
    reward is read. Raises StudioError."""

    def whole(prompt: tuple[Message, ...], answer: str) -> Row:
        row, cut = encode_answer(encoder, prompt, answer, settings.max_length)
        if cut:
            raise StudioError(f"It is longer than {encoder.limit(settings.max_length):,} tokens.")
        return row

    def one(record: Pair | Ranking | Rating) -> tuple[RewardRow, bool]:
        match record:
            case Pair(prompt, chosen, rejected, margin):
                answers, worth = (chosen, rejected), ((margin or 0.0) if settings.margins else 0.0, 0.0)
            case Ranking(prompt, answers, ranks):
                worth = tuple(-float(rank) for rank in ranks)
                if len(set(ranks)) < 2:
                    raise StudioError("All of its answers have the same rank.")
            case Rating(prompt, answer, rating):
                answers, worth = (answer,), (rating,)
        rows = tuple(whole(prompt, answer) for answer in answers)
        if len(rows) > 1 and all(np.array_equal(rows[0].ids, row.ids) for row in rows[1:]):
            raise StudioError("Its answers are all the same.")
        return RewardRow(reading.kind.name, rows, worth), False

    rows = encode_rows(reading, one, encoder.limit(settings.max_length), full=encoder.is_full(settings.max_length))
    return _standardised(rows) if reading.kind.name == "ratings" else rows


def _standardised(rows: EncodedRows[RewardRow]) -> EncodedRows[RewardRow]:
    """Ratings with mean 0 and deviation 1 over what is trained, so that any scale suits the same learning rate."""
    values = np.array([row.worth[0] for row in rows.train])
    mean, deviation = float(values.mean()), float(values.std())
    if deviation == 0.0:
        raise StudioError(
            f"All {len(values):,} ratings are {mean:g}, so there is nothing to tell apart.",
            "Choose a dataset whose ratings differ.",
        )

    def one(row: RewardRow) -> RewardRow:
        return RewardRow(row.kind, row.answers, ((row.worth[0] - mean) / deviation,))

    return EncodedRows([one(row) for row in rows.train], [one(row) for row in rows.held_out], rows.warnings)


def load(base: Path, place: Place, settings: RewardSettings) -> PreTrainedModel:
    """The base model with a new head of one number, whose weights depend on the seed alone. Raises StudioError."""
    if place.adapter is not None and settings.merges:
        return _merged(base, place.adapter, place, settings)
    return load_scorer(
        base, place.precision, place.device, seed=settings.seed, bits=settings.bits, doubting=settings.doubts
    )


def _merged(base: Path, adapter: Path, place: Place, settings: RewardSettings) -> PreTrainedModel:
    check_mergeable(adapter, settings)
    if settings.bits is not None:
        raise StudioError(
            "A reward model in few bits can't have an adapter merged into it first.",
            "Train the adapter further as a copy, or choose LoRA without quantisation.",
        )
    scorer = load_scorer(base, place.precision, place.device, seed=settings.seed, doubting=settings.doubts)
    config: Any = LoraConfig.from_pretrained(str(adapter))
    config.task_type = None  # only its matrices are wanted, for what they are added to is all the same
    tuned: Any = get_peft_model(scorer, config)
    set_peft_model_state_dict(tuned, load_file(adapter / WEIGHTS))
    return tuned.merge_and_unload(safe_merge=True).requires_grad_(True)


@dataclass(frozen=True, slots=True)
class RewardBatch:
    """Makes `input_ids` and `attention_mask` [answers, longest], all answers of a row one after another; `worth` and
    `lengths` (tokens of the answer) [answers]; `sizes` [rows].

    round_to: where the model takes the fast way, `packed` takes the place of the first two: the same answers in one
    row rounded up so, what a row's answers begin with read once.
    """

    pad: int
    round_to: int | None = None

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        sizes = [len(row["worth"]) for row in rows]
        answers: list[NDArray[Any]] = []
        for row in rows:
            answers += np.split(np.asarray(row["ids"]), np.cumsum(row["ends"])[:-1])
        return {
            **self._read(answers, sizes, [int(length) for row in rows for length in row["lengths"]]),
            "worth": torch.from_numpy(np.concatenate([np.asarray(row["worth"], np.float32) for row in rows])),
            "lengths": torch.from_numpy(np.concatenate([np.asarray(row["lengths"]) for row in rows])),
            "sizes": torch.tensor(sizes),
            "tokens": sum(map(len, answers)),
        }

    def _read(self, answers: Sequence[NDArray[Any]], sizes: Sequence[int], lengths: Sequence[int]) -> dict[str, Any]:
        if self.round_to is None:
            padded = PaddedBatch(self.pad)([{"input_ids": ids, "labels": ids} for ids in answers])
            return {"input_ids": padded["input_ids"], "attention_mask": padded["attention_mask"]}
        first = np.repeat(np.cumsum([0, *sizes[:-1]]), sizes).tolist()
        return {"packed": pack_answers(answers, lengths, first, self.round_to)}


def pack_answers(
    answers: Sequence[NDArray[Any]], lengths: Sequence[int], first: Sequence[int], round_to: int
) -> Packed:
    """Sequences of which the last `lengths` tokens are the answer, in one row; `first` as `sharing` has it."""
    sequences = [
        (ids, np.where(np.arange(len(ids)) < len(ids) - length, IGNORED, ids))
        for ids, length in zip(answers, lengths, strict=True)
    ]
    return pack(sharing(sequences, first), round_to=round_to)


def scores_of(model: Any, input_ids: Tensor, attention_mask: Tensor, lengths: Tensor) -> Tensor:
    """The reward of each sequence [sequences], read at its last token; lengths: tokens of the answer. Padding stands at
    the right, of any token: the attention mask tells where a sequence ends, so an end-of-sequence token that also pads
    is read where it is text."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    body = getattr(inner, inner.base_model_prefix)
    hidden = body(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).last_hidden_state
    last = attention_mask.sum(1) - 1
    places = torch.arange(input_ids.shape[1] - 1, device=last.device)
    foretold = (places >= (last - lengths)[:, None]) & (places < last[:, None])  # [sequences, longest - 1]
    return _judged(
        inner,
        hidden[torch.arange(len(hidden), device=hidden.device), last],
        lambda: (hidden[:, :-1][foretold], input_ids[:, 1:][foretold], foretold.nonzero()[:, 0]),
    )


def fast_scores_of(model: Any, packed: Packed) -> Tensor:
    """The reward of each sequence of a row [sequences], whose targets are the answers' tokens."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    packed = packed.to(model.device)
    hidden = hidden_states(inner, packed.input_ids, packed.position_ids, layout=packed.layout)
    return _judged(
        inner,
        hidden.index_select(0, packed.last),
        lambda: (hidden.index_select(0, packed.rows), packed.targets, packed.owners),
    )


def _judged(inner: Any, last: Tensor, foretold: Callable[[], tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    """last: the hidden states at the ends [sequences, width]. foretold: the hidden states that foretell the answers'
    tokens, those tokens, and whose they are, for a scorer that reads its doubt."""
    output = foretelling(inner)
    if output is not None:
        hidden, targets, owners = foretold()
        last = with_doubt(last, hidden, output(hidden), targets, owners)
    with torch.autocast(last.device.type, enabled=False):  # 16 bits would make ties of close rewards
        return getattr(inner, HEAD)(last.float()).squeeze(-1)


class RewardModelTrainer(StepMean, Supervised, RewardTrainer):
    """TRL's trainer with the loss of the dataset's kind and scores that don't depend on the padding."""

    def __init__(self, *arguments: Any, kind: str, folder: Path, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._kind, self._folder = kind, folder

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Tensor | int | None = None
    ) -> Any:
        """The loss on a batch of `RewardBatch`; with `return_outputs` its scores too."""
        with self.accelerator.autocast():  # which the trainer puts around the model's forward, and this goes past it
            if "packed" in inputs:
                scores = fast_scores_of(model, inputs["packed"])
            else:
                scores = scores_of(model, inputs["input_ids"], inputs["attention_mask"], inputs["lengths"])
        sizes = inputs["sizes"].tolist()
        centre = self.args.center_rewards_coefficient or 0.0  # type: ignore[attr-defined]
        loss = LOSSES[self._kind](scores, inputs["worth"], sizes, centre)
        figures = self._metrics["train" if model.training else "eval"]
        if model.training:
            self._total_train_tokens += inputs["tokens"]
        figures["num_tokens"] = [self._total_train_tokens]
        told = scores.detach().float().cpu()
        places = comparisons(self._kind, inputs["worth"].tolist(), sizes)
        if places:
            better, worse = told[[place for place, _ in places]], told[[place for _, place in places]]
            figures["accuracy"].append((better > worse).float().mean().item())
            figures["margin"].append((better - worse).mean().item())
            figures["chosen"].append(better.mean().item())
            figures["rejected"].append(worse.mean().item())
        loss = self.weighed(loss, inputs, len(places))
        return (loss, scores) if return_outputs else loss

    def rows_in(self, inputs: dict[str, Any]) -> int:
        return len(inputs["sizes"])

    def measure(self, inputs: dict[str, Any]) -> dict[str, Tensor]:
        model: Any = self.model
        loss, scores = self.compute_loss(model, inputs, return_outputs=True)
        rows = self.rows_in(inputs)
        told = {name: inputs[name] for name in ("worth", "lengths", "sizes")}
        return {"loss": loss[None].double() * rows, "rows": torch.tensor([rows]), "scores": scores, **told}

    def figures(self, measured: Measured) -> dict[str, float]:
        report = self._report(measured)
        low, high = report.interval
        return {
            "eval_loss": float(measured["loss"].sum() / measured["rows"].sum()),
            "eval_accuracy": report.accuracy,
            "eval_accuracy_low": low,
            "eval_accuracy_high": high,
            "eval_rows": report.n,
        }

    def conclude(self, measured: Measured) -> None:
        """Write the report."""
        report = self._report(measured)
        write_whole(self._folder / FILE, report.to_json())
        if report.length_explains:
            longer = "longer" if report.length_correlation > 0 else "shorter"
            self._supervision.warn(
                f"This reward model likes {longer} answers: its rewards go with their length "
                f"(r = {report.length_correlation:.2f} on held-out rows).",
                "Give it pairs in which the longer answer is not always the better or the worse one.",
            )

    def _report(self, measured: Measured) -> Report:
        sizes = [int(size) for size in measured["sizes"]]
        places = comparisons(self._kind, measured["worth"].tolist(), sizes)
        return report_on(self._kind, self.state.global_step, measured["scores"], measured["lengths"], places)


def build_trainer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train: Sequence[RewardRow],
    held_out: Sequence[RewardRow],
    settings: RewardSettings,
    place: Place,
    supervision: Supervision,
) -> RewardModelTrainer:
    """A trainer for a LoRA adapter on `model` and for its head, which is saved in the adapter. Call its `train()`.

    The adapter may begin with the weights of a fine-tuned one, as InstructGPT's reward models do (Ouyang et al. 2022):
    who can write good answers knows much of what tells them from bad ones.
    """
    disable_dropout_in_model(model)  # the base's; what the settings say of the adapter's stays
    budget = token_budget(settings, train)
    arguments = RewardConfig(
        **training_arguments(settings, place, len(train), len(budget) if budget else None),
        max_length=None,
        disable_dropout=False,
        center_rewards_coefficient=settings.centre or None,
    )
    pad = padding_of(tokenizer)
    trainer = RewardModelTrainer(
        model=model,
        args=arguments,
        data_collator=RewardBatch(pad),
        train_dataset=answer_dataset(_columns(train)),
        eval_dataset=answer_dataset(_columns(held_out)) if held_out else None,
        processing_class=tokenizer,
        peft_config=_adapter(settings, place, model),
        supervision=supervision,
        kind=train[0].kind,
        folder=place.folder,
    )
    begin(trainer.model, place, settings)
    trainer.budget, trainer.parts = budget, place.parts
    answers = (answer for row in (*train, *held_out) for answer in row.answers)
    trainer.data_collator = RewardBatch(pad, take_fast_way(trainer, enable_hidden, answers, place))
    return trainer


def _adapter(settings: RewardSettings, place: Place, model: PreTrainedModel) -> LoraConfig | None:
    """The adapter to train, with the head in it; None when all weights are trained. Raises StudioError."""
    config = lora_for(settings, place, model)
    if config is not None:
        config.task_type, config.modules_to_save = TaskType.SEQ_CLS, [HEAD]
    return config


def _columns(rows: Sequence[RewardRow]) -> dict[str, list[Any]]:
    return {
        "ids": [np.concatenate([answer.ids for answer in row.answers]) for row in rows],
        "ends": [np.array([len(answer.ids) for answer in row.answers]) for row in rows],
        "lengths": [np.array([answer.trained for answer in row.answers]) for row in rows],
        "worth": [np.array(row.worth, np.float32) for row in rows],
    }

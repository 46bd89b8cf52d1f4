"""Preference pairs: how they are encoded, what the losses are by the textbook, and what the reference is."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from studio.core.errors import StudioError
from studio.core.messages import Message
from studio.core.methods import DpoSettings
from studio.core.records import KINDS, Pair
from studio.engine import dpo
from studio.engine.budget import token_budget
from studio.engine.examples import IGNORED, Reading, Row
from studio.engine.fast.low_rank import adds_nothing
from studio.engine.loading import load_encoder, load_model, pick_precision
from studio.engine.pairs import PairRow, encode_pairs
from studio.engine.reference import FILE
from tests.engine.conftest import sentences
from tests.engine.trainers_for_tests import SMALL, not_taken, trained


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pair_rows(count: int, seed: int = 0) -> list[PairRow]:
    """Pairs with prompts and answers of very unequal lengths."""
    chance, rows = random.Random(seed), []
    for _ in range(count):
        prompt = [chance.randrange(3, 400) for _ in range(chance.randint(1, 20))]
        sides = []
        for _ in range(2):
            answer = [chance.randrange(3, 400) for _ in range(chance.randint(1, 25))]
            ids = np.array(prompt + answer, dtype=np.int32)
            sides.append(Row(ids, np.where(np.arange(len(ids)) < len(prompt), np.int32(IGNORED), ids)))
        rows.append(PairRow(*sides))
    return rows


def settings(**given: Any) -> DpoSettings:
    return DpoSettings(**{**SMALL, "epochs": 9.0, "batch_size": 4, "accumulate": 1, "max_steps": 3, **given})


def reading(pairs: list[Pair], held_out: frozenset[int] = frozenset()) -> Reading:
    return Reading(pairs, KINDS["pairs"], len(pairs), held_out, lambda *_: None)


def log_prob(model: Any, row: Row) -> tuple[float, int]:
    """Of the answer, one by one and by the textbook; and its tokens."""
    ids = torch.tensor(row.ids, dtype=torch.long)
    with torch.no_grad():
        logs = model(input_ids=ids[None]).logits[0, :-1].log_softmax(-1)
    places = [place for place, label in enumerate(row.labels[1:]) if label != IGNORED]
    return sum(float(logs[place, int(row.labels[place + 1])]) for place in places), len(places)


# ------------------------------------------------------------------------------------------------- encoding


def test_the_prompt_is_chats_prompt_and_the_answer_ends_with_its_turn(tiny_base: Path) -> None:
    encoder = load_encoder(tiny_base, "model")
    prompts, good, bad = sentences(1, 30), sentences(2, 30, 20), sentences(3, 30, 20)
    pairs = [
        Pair((Message("user", p), Message("assistant", "no"), Message("user", p)), f"x{g.strip()}", f"y{b.strip()}")
        for p, g, b in zip(prompts, good, bad, strict=True)
    ]
    rows = encode_pairs(reading(pairs), encoder, 10_000).train
    assert len(rows) == 30
    for pair, row in zip(pairs, rows, strict=True):
        prompt = encoder.prompt(pair.prompt)
        for side, answer in zip(row.sides, (pair.chosen, pair.rejected), strict=True):
            assert side.ids[: len(prompt)].tolist() == prompt
            assert (side.labels[: len(prompt)] == IGNORED).all()  # earlier answers are not learned
            assert (side.labels[len(prompt) :] == side.ids[len(prompt) :]).all()
            assert side.ids[-1] == encoder.end_of_turn
            assert encoder.tokenizer.decode(side.ids[len(prompt) : -1]).strip() == answer.strip()


def test_pairs_that_teach_nothing_are_left_out(tiny_base: Path) -> None:
    encoder = load_encoder(tiny_base, "model")
    prompt = (Message("user", "the cat"),)
    same, good = Pair(prompt, "yes", "yes"), Pair(prompt, "yes", "no")
    long = Pair((Message("user", "cat dog " * 200),), "yes", "no")
    alike = Pair(prompt, "the cat sat on the mat " * 9 + "yes", "the cat sat on the mat " * 9 + "no")
    rows = encode_pairs(reading([same, good, long, alike]), encoder, 40)
    assert len(rows.train) == 1
    what, hint = rows.warnings[0]
    assert what == "3 of 4 pairs are left out, because nothing can be learned from them."
    assert hint == "The first is pair 1: Its chosen and its rejected answer are the same."
    for hopeless, why in ((same, "are the same"), (long, "its prompt alone fills"), (alike, "in the first 40 tokens")):
        with pytest.raises(StudioError, match=why):
            encode_pairs(reading([hopeless]), encoder, 40)
    endless = Pair((Message("user", "cat dog " * 5000),), "yes", "no")
    for limit, helps in ((40, "Allow longer examples"), (100_000, "a model that reads more")):
        with pytest.raises(StudioError, match="its prompt alone fills") as refused:
            encode_pairs(reading([endless]), encoder, limit)
        assert helps in refused.value.hint


# ------------------------------------------------------------------------------------------------- losses


def test_it_begins_at_ln_2_without_a_margin(tiny_base: Path, tmp_path: Path) -> None:
    told = trained(
        dpo, settings(lora_dropout=0.3, max_steps=9), tiny_base, tmp_path / "run", pair_rows(12), pair_rows(5, 1)
    )
    assert told.curve("loss")[0] == pytest.approx(math.log(2), abs=1e-5)
    for name in ("margin", "chosen", "rejected", "kl"):
        assert told.curve(name)[0] == pytest.approx(0, abs=1e-5)
        assert len(told.curve(name)) == 9
    assert told.curve("loss")[-1] < math.log(2)
    assert told.curve("kl")[-1] > 0
    assert len(told.curve("eval_loss", "evaluation")) == len(told.curve("eval_accuracy", "evaluation")) == 2


@pytest.mark.parametrize("variant", ["sigmoid", "ipo", "hinge", "robust", "sigmoid_norm"])
def test_losses_are_those_of_the_papers(tiny_base: Path, tmp_path: Path, variant: str) -> None:
    rows, held_out = pair_rows(8), pair_rows(5, 1)
    values = settings(variant=variant, batch_size=8, beta=0.3, wrong_labels=0.2, max_steps=2)
    told = trained(dpo, values, tiny_base, tmp_path / "run", rows, held_out)
    base: Any = load_model(tiny_base, pick_precision("fp32", "cpu", 1, training=True), "cpu")
    policy: Any = told.trainer.model.eval()

    losses, right = [], 0
    for row in held_out:
        (chosen, a), (rejected, b) = (log_prob(policy, side) for side in row.sides)
        (ref_chosen, _), (ref_rejected, _) = (log_prob(base, side) for side in row.sides)
        first, second = chosen - ref_chosen, rejected - ref_rejected
        right += first > second
        beta, gap = 0.3, first - second

        def softplus(value: float) -> float:
            return math.log1p(math.exp(value))

        losses.append(
            {
                "sigmoid": softplus(-beta * gap),
                "ipo": (first / a - second / b - 1 / (2 * beta)) ** 2,
                "hinge": max(0.0, 1 - beta * gap),
                "robust": (0.8 * softplus(-beta * gap) - 0.2 * softplus(beta * gap)) / 0.6,
                "sigmoid_norm": softplus(-beta * (first / a - second / b)),
            }[variant]
        )
    assert told.curve("eval_loss", "evaluation")[-1] == pytest.approx(np.mean(losses), abs=1e-4)
    assert told.curve("eval_accuracy", "evaluation")[-1] == pytest.approx(right / 5)


def test_the_chosen_answers_own_loss_is_added(tiny_base: Path, tmp_path: Path) -> None:
    held_out = pair_rows(5, 1)
    values = settings(batch_size=8, beta=0.3, chosen_weight=0.5, max_steps=2)
    told = trained(dpo, values, tiny_base, tmp_path / "run", pair_rows(8), held_out)
    base: Any = load_model(tiny_base, pick_precision("fp32", "cpu", 1, training=True), "cpu")
    policy: Any = told.trainer.model.eval()
    preference, known, tokens = 0.0, 0.0, 0
    for row in held_out:
        (chosen, count), (rejected, _) = (log_prob(policy, side) for side in row.sides)
        (ref_chosen, _), (ref_rejected, _) = (log_prob(base, side) for side in row.sides)
        preference += math.log1p(math.exp(-0.3 * (chosen - ref_chosen - rejected + ref_rejected))) / len(held_out)
        known, tokens = known + chosen, tokens + count
    expected = preference - 0.5 * known / tokens  # a mean over the chosen tokens of the batch
    assert told.curve("eval_loss", "evaluation")[-1] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("variant", ["sigmoid", "ipo", "hinge", "robust", "sigmoid_norm"])
def test_with_padding_it_is_the_same(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variant: str
) -> None:
    values, rows = settings(variant=variant, beta=0.3), (pair_rows(10), pair_rows(5, 1))
    fast = trained(dpo, values, tiny_base, tmp_path / "fast", *rows)
    assert fast.trainer.slower_because is None
    monkeypatch.setattr(dpo, "enable", not_taken)
    padded = trained(dpo, values, tiny_base, tmp_path / "padded", *rows)
    assert padded.trainer.slower_because == "has a reason"
    for name in ("loss", "grad_norm", "margin", "chosen", "rejected", "kl", "tokens"):
        assert fast.curve(name) == pytest.approx(padded.curve(name), rel=1e-4, abs=2e-5), name
    for name in ("eval_loss", "eval_accuracy"):
        assert fast.curve(name, "evaluation") == pytest.approx(padded.curve(name, "evaluation"), rel=1e-4), name


def test_a_step_is_the_same_however_it_is_divided(tiny_base: Path, tmp_path: Path) -> None:
    rows = pair_rows(24)
    whole = trained(dpo, settings(batch_size=8), tiny_base, tmp_path / "whole", rows, pair_rows(7, 1))
    parts = trained(dpo, settings(batch_size=1, accumulate=8), tiny_base, tmp_path / "parts", rows, pair_rows(7, 1))
    for name in ("loss", "margin", "kl", "grad_norm"):
        assert parts.curve(name) == pytest.approx(whole.curve(name), abs=1e-4), name
    assert parts.curve("accuracy")[1:] == pytest.approx(whole.curve("accuracy")[1:])  # before that all is equal
    assert parts.curve("eval_loss", "evaluation") == pytest.approx(whole.curve("eval_loss", "evaluation"), abs=1e-4)
    for name, value in whole.adapter().items():
        assert torch.allclose(value, parts.adapter()[name], atol=1e-4), name


def test_pairs_count_alike_in_passes_of_unequally_many(tiny_base: Path, tmp_path: Path) -> None:
    rows = pair_rows(10)
    budget = token_budget(settings(batch_tokens=200), rows)
    assert budget is not None
    sizes = {len(batch) for batch in budget}
    assert len(sizes) > 1
    whole = trained(dpo, settings(batch_size=10), tiny_base, tmp_path / "whole", rows)
    for name, given in {
        "last is smaller": {"batch_size": 4, "accumulate": 3},
        "budget": {"batch_tokens": 200, "accumulate": len(budget)},
    }.items():
        parts = trained(dpo, settings(**given), tiny_base, tmp_path / name, rows)
        for figure in ("loss", "margin", "chosen", "kl", "grad_norm"):
            assert parts.curve(figure) == pytest.approx(whole.curve(figure), abs=1e-4), (name, figure)
        assert parts.curve("tokens") == whole.curve("tokens")


def test_losses_are_those_of_a_plain_trl_script(tiny_base: Path, tmp_path: Path) -> None:
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import TrainerCallback
    from trl import DPOConfig, DPOTrainer

    rows, losses = pair_rows(16), []
    ours = trained(dpo, settings(max_steps=6), tiny_base, tmp_path / "ours", rows)

    class Kept(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            if logs and "loss" in logs:
                losses.append(logs["loss"])

    class Encoded(DPOTrainer):
        def _prepare_dataset(self, dataset: Any, *_arguments: Any) -> Any:
            return dataset

    def halves(side: Row) -> tuple[list[int], list[int]]:
        start = int((side.labels == IGNORED).sum())
        return side.ids[:start].tolist(), side.ids[start:].tolist()

    columns = {
        "prompt_ids": [halves(row.chosen)[0] for row in rows],
        "chosen_ids": [halves(row.chosen)[1] for row in rows],
        "rejected_ids": [halves(row.rejected)[1] for row in rows],
    }
    arguments = DPOConfig(
        output_dir=str(tmp_path / "theirs"), max_steps=6, per_device_train_batch_size=4, learning_rate=0.01, seed=42,
        data_seed=42, lr_scheduler_type="constant", warmup_steps=0, logging_steps=1, use_cpu=True, bf16=False,
        gradient_checkpointing=False, report_to="none", save_strategy="no", disable_tqdm=True, weight_decay=0.0,
    )  # fmt: skip
    Encoded(
        model=load_model(tiny_base, pick_precision("fp32", "cpu", 1, training=True), "cpu"),
        args=arguments,
        train_dataset=Dataset.from_dict(columns),
        processing_class=load_encoder(tiny_base, "model").tokenizer,
        peft_config=LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM"),
        callbacks=[Kept()],
    ).train()
    assert ours.curve("loss") == pytest.approx(losses, abs=1e-5)


# ------------------------------------------------------------------------------------------------- reference


def test_the_reference_is_computed_once_and_kept(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.engine import reference

    told = trained(dpo, settings(), tiny_base, tmp_path / "run", pair_rows(6))
    base: Any = load_model(tiny_base, pick_precision("fp32", "cpu", 1, training=True), "cpu")
    for shown, row in zip(told.trainer.train_dataset, pair_rows(6), strict=True):
        for side, name in zip(row.sides, ("chosen", "rejected"), strict=True):
            assert shown[f"{name}_reference"].sum() == pytest.approx(log_prob(base, side)[0], abs=1e-3)
    assert list(told.trainer.model.peft_config) == ["default"]  # no second copy

    def never(*_: Any) -> Any:
        raise AssertionError("computed again")

    monkeypatch.setattr(reference, "_compute", never)
    (tmp_path / "again").mkdir()
    (tmp_path / "run" / FILE).rename(tmp_path / "again" / FILE)
    (tmp_path / "again").rename(tmp_path / "moved")
    rows = [row.sides for row in pair_rows(6)]
    kept = reference.reference_log_probs(
        told.trainer, rows, tmp_path / "moved", pad=0, batch_size=4, report=lambda *_: None
    )
    assert [[len(values) for values in pair] for pair in kept] == [[side.trained for side in pair] for pair in rows]
    with pytest.raises(AssertionError, match="computed again"):  # other rows, other numbers
        reference.reference_log_probs(
            told.trainer, rows[1:], tmp_path / "moved", pad=0, batch_size=4, report=lambda *_: None
        )


def test_a_new_adapter_is_off_while_the_reference_is_computed_and_then_trained(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.engine import reference

    def off_or_on(folder: str) -> Any:
        return trained(dpo, settings(), tiny_base, tmp_path / folder, pair_rows(6))

    off, seen = off_or_on("off"), list[bool]()
    monkeypatch.setattr(reference, "adds_nothing", lambda model: seen.append(adds_nothing(model)) or False)
    on = off_or_on("on")
    assert seen == [True] and off.curve("loss") == on.curve("loss") and len(off.curve("loss")) > 1
    assert not adds_nothing(off.trainer.model)


def test_an_adapter_gone_on_from_is_the_reference(tiny_base: Path, tmp_path: Path) -> None:
    first = trained(dpo, settings(lora_rank=3), tiny_base, tmp_path / "first", pair_rows(12))
    first.trainer.save_model(str(tmp_path / "adapter"))
    second = trained(dpo, settings(), tiny_base, tmp_path / "second", pair_rows(12), adapter=tmp_path / "adapter")
    assert second.curve("loss")[0] == pytest.approx(math.log(2), abs=1e-5)
    assert second.curve("kl")[0] == pytest.approx(0, abs=1e-5)
    assert second.trainer.model.peft_config["default"].r == 3
    policy: Any = first.trainer.model.eval()
    shown = second.trainer.train_dataset[0]
    assert shown["chosen_reference"].sum() == pytest.approx(log_prob(policy, pair_rows(12)[0].chosen)[0], abs=1e-3)

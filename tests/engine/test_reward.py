"""Reward models: losses by the textbook, where a reward is read, the head that is saved, and what the report says."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from studio.core.errors import StudioError
from studio.core.intervals import wilson
from studio.core.messages import Message
from studio.core.methods import DpoSettings, RewardSettings
from studio.core.records import KINDS, Pair, Ranking, Rating
from studio.core.reward_report import FILE, Report
from studio.engine import dpo, reward
from studio.engine.budget import token_budget
from studio.engine.examples import IGNORED, Reading, Row
from studio.engine.loading import load_adapter, load_encoder, load_model, load_scorer, pick_precision
from studio.engine.reward import RewardBatch, RewardRow, scores_of
from studio.engine.reward_losses import bradley_terry, comparisons, plackett_luce, squared_error
from studio.engine.reward_report import calibration, report_on
from studio.engine.scoring import Scorer
from tests.engine.test_dpo import pair_rows
from tests.engine.trainers_for_tests import SMALL, not_taken, trained

FP32 = pick_precision("fp32", "cpu", 1, training=True)
PROMPT = (Message("user", "the cat"),)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def settings(**given: Any) -> RewardSettings:
    return RewardSettings(**{**SMALL, "epochs": 9.0, "batch_size": 4, "accumulate": 1, "max_steps": 3, **given})


def rows_of(kind: str, count: int, seed: int = 0) -> list[RewardRow]:
    """Rows in which answers with more of token 7 are better, so that there is something to learn."""
    chance, rows = random.Random(seed), []
    for _ in range(count):
        size = {"pairs": 2, "rankings": chance.randint(2, 4), "ratings": 1}[kind]
        prompt = [chance.randrange(10, 400) for _ in range(chance.randint(1, 9))]
        worths = [chance.random() for _ in range(size)]
        if kind == "pairs":
            worths.sort(reverse=True)
        answers = []
        for worth in worths:
            length = chance.randint(3, 20)
            ids = np.array(
                prompt + [7 if chance.random() < worth else chance.randrange(10, 400) for _ in range(length)], np.int32
            )
            answers.append(Row(ids, np.where(np.arange(len(ids)) < len(prompt), np.int32(IGNORED), ids)))
        if kind == "pairs":
            worths = [0.0, 0.0]
        elif kind == "rankings":
            worths = [-1.0 - sum(other > worth for other in worths) for worth in worths]
        rows.append(RewardRow(kind, tuple(answers), tuple(worths)))
    return rows


def batch_of(pad: int, items: list[Any]) -> list[torch.Tensor]:
    """What `scores_of` takes of a batch."""
    batch = RewardBatch(pad)(items)
    return [batch[name] for name in ("input_ids", "attention_mask", "lengths")]


def reading(kind: str, records: list[Any]) -> Reading:
    return Reading(records, KINDS[kind], len(records), frozenset(), lambda *_: None)


# ------------------------------------------------------------------------------------------------- losses


def test_only_differences_of_rewards_count() -> None:
    scores, sizes = torch.randn(8, dtype=torch.double), [2] * 4
    worth, ranks = torch.zeros(8), torch.tensor([-1.0, -2] * 4)
    for loss, known in ((bradley_terry, worth), (plackett_luce, ranks)):
        assert loss(scores, known, sizes, 0.0) == pytest.approx(float(loss(scores + 3.7, known, sizes, 0.0)), abs=1e-12)
        assert loss(scores, known, sizes, 0.01) < loss(scores + 3.7, known, sizes, 0.01)  # but the regulariser does


def test_of_two_answers_plackett_luce_is_bradley_terry() -> None:
    scores, sizes = torch.randn(8, dtype=torch.double), [2] * 4
    listwise = plackett_luce(scores, torch.tensor([-1.0, -2] * 4), sizes, 0.1)
    assert listwise == pytest.approx(float(bradley_terry(scores, torch.zeros(8), sizes, 0.1)), abs=1e-12)


def test_plackett_luce_by_the_textbook() -> None:
    scores = torch.tensor([0.3, -1.0, 2.0, 0.5])
    e = [math.exp(float(score)) for score in scores]

    def chance(order: list[int]) -> float:
        product, left = 1.0, list(order)
        while len(left) > 1:
            product *= e[left[0]] / sum(e[k] for k in left)
            left.pop(0)
        return product

    ranks = torch.tensor([-2.0, -4.0, -1.0, -3.0])
    assert plackett_luce(scores, ranks, [4], 0.0) == pytest.approx(-math.log(chance([2, 0, 3, 1])), abs=1e-6)
    # All orders together are certain.
    from itertools import permutations

    every = [plackett_luce(scores, -torch.tensor(order).float().argsort().float(), [4], 0.0) for order in
             map(list, permutations(range(4)))]  # fmt: skip
    assert sum(math.exp(-float(loss)) for loss in every) == pytest.approx(1, abs=1e-5)
    # Ties: each is chosen from itself and all that is not better.
    tied = plackett_luce(scores, torch.tensor([-1.0, -2.0, -1.0, -2.0]), [4], 0.0)
    assert tied == pytest.approx(-math.log(e[0] / sum(e)) - math.log(e[2] / sum(e)), abs=1e-6)


def test_margins_ask_for_more() -> None:
    scores = torch.tensor([1.0, 0.5])
    assert bradley_terry(scores, torch.tensor([2.0, 0.0]), [2], 0.0) == pytest.approx(math.log1p(math.exp(1.5)))
    assert squared_error(scores, torch.tensor([0.0, 1.0]), [1, 1], 9.0) == pytest.approx((1.0 + 0.25) / 2)


def test_comparisons_are_independent() -> None:
    assert comparisons("pairs", [0.0, 0, 1.5, 0], [2, 2]) == [(0, 1), (2, 3)]
    assert comparisons("rankings", [-2, -1, -3, -1, -2], [3, 2]) == [(1, 2), (3, 4)]
    assert comparisons("ratings", [1, 2, 3, 3, 5, 4, 9], [1] * 7) == [(1, 0), (4, 5)]


# ------------------------------------------------------------------------------------------------- encoding


def test_what_each_kind_becomes(tiny_base: Path) -> None:
    encoder = load_encoder(tiny_base, "model")
    pairs = [Pair(PROMPT, "yes", "no", 1.5), Pair(PROMPT, "yes", "yes"), Pair(PROMPT, "yes " * 99, "no")]
    rows = reward.encode(reading("pairs", pairs), encoder, settings(max_length=50))
    assert [row.worth for row in rows.train] == [(1.5, 0.0)]
    assert rows.train[0].answers[0].ids[-1] == encoder.end_of_turn
    assert "2 of 3 pairs are left out" in rows.warnings[0][0]
    assert reward.encode(reading("pairs", pairs[:1]), encoder, settings(margins=False)).train[0].worth == (0.0, 0.0)
    with pytest.raises(StudioError, match="It is longer than 50 tokens"):
        reward.encode(reading("pairs", pairs[2:]), encoder, settings(max_length=50))

    rankings = [Ranking(PROMPT, ("a", "b", "c"), (2, 1, 3)), Ranking(PROMPT, ("a", "b"), (1, 1))]
    rows = reward.encode(reading("rankings", rankings), encoder, settings())
    assert [row.worth for row in rows.train] == [(-2.0, -1.0, -3.0)]
    assert "same rank" in rows.warnings[0][1]

    ratings = [Rating(PROMPT, answer, rating) for answer, rating in (("a", 1.0), ("b", 5.0), ("c", 3.0))]
    rows = reward.encode(reading("ratings", ratings), encoder, settings())
    assert np.mean([row.worth[0] for row in rows.train]) == pytest.approx(0)
    assert np.std([row.worth[0] for row in rows.train]) == pytest.approx(1)
    with pytest.raises(StudioError, match="All 1 ratings are 1, so there is nothing to tell apart"):
        reward.encode(reading("ratings", ratings[:1]), encoder, settings())


# ------------------------------------------------------------------------------------------------- where it is read


def test_a_reward_is_read_at_the_last_token_whatever_pads(tiny_base: Path) -> None:
    model = load_scorer(tiny_base, FP32, "cpu", seed=0)
    end = load_encoder(tiny_base, "model").end_of_turn
    rows = [RewardRow("ratings", (Row(np.array([5] * k + [end], np.int32), np.array([5] * (k + 1), np.int32)),), (0.0,))
            for k in (1, 9, 4)]  # fmt: skip
    columns = reward._columns(rows)
    items = [{name: columns[name][k] for name in columns} for k in range(3)]
    with torch.no_grad():
        alone = [float(scores_of(model, *batch_of(0, [item]))) for item in items]
        for pad in (0, 3, end):  # the end of turn that pads is still read where it is text
            together = scores_of(model, *(batch := batch_of(pad, items)))
            assert together.tolist() == pytest.approx(alone, abs=1e-5)
        hidden: Any = model.model(input_ids=batch[0][1:2]).last_hidden_state  # type: ignore[operator]
        assert alone[1] == pytest.approx(float(model.score(hidden[0, -1])), abs=1e-5)  # type: ignore[operator]


def test_doubt_is_the_log_probability_of_the_least_likely_token(tiny_base: Path) -> None:
    model: Any = load_scorer(tiny_base, FP32, "cpu", seed=3, doubting=True)
    ids = torch.tensor([[5, 9, 30, 7, 200, 8]])
    with torch.no_grad():
        found = float(scores_of(model, ids, torch.ones_like(ids), torch.tensor([4])))
        odds = model(input_ids=ids).logits[0].log_softmax(-1)
        least = min(float(odds[place - 1, ids[0, place]]) for place in range(2, 6))
        hidden = model.model(input_ids=ids).last_hidden_state[0, -1]
        read = torch.cat([hidden, torch.tensor([least])])
        assert found == pytest.approx(float(model.score(read)), abs=1e-5)
        model.score.weight[0, :-1] = 0.0
        unlikely, likely = ids.clone(), ids.clone()
        unlikely[0, -1], likely[0, -1] = odds[-2].argmin(), odds[-2].argmax()
        whole = torch.ones_like(ids), torch.tensor([1])
        assert float(scores_of(model, unlikely, *whole)) < float(scores_of(model, likely, *whole))


def test_doubt_is_for_adapters_alone() -> None:
    assert settings(doubt=True).doubts and not settings(doubt=True, way="full").doubts and not settings().doubts


# ------------------------------------------------------------------------------------------------- training


@pytest.mark.parametrize("kind", ["pairs", "rankings", "ratings"])
def test_it_learns_what_is_better(tiny_base: Path, tmp_path: Path, kind: str) -> None:
    values = settings(max_steps=40, batch_size=8, learning_rate=0.02)
    told = trained(reward, values, tiny_base, tmp_path / "run", rows_of(kind, 80), rows_of(kind, 60, 1))
    assert told.curve("eval_accuracy", "evaluation")[-1] > 0.7
    assert np.mean(told.curve("accuracy")[-5:]) > 0.7
    for name in ("margin", "chosen", "rejected", "grad_norm", "tokens_per_second"):
        assert len(told.curve(name)) == 40, name
    text = (tmp_path / "run" / FILE).read_text()
    assert Report.from_json(text) is not None
    report = json.loads(text)
    assert report["kind"] == kind
    assert report["accuracy"] == told.curve("eval_accuracy", "evaluation")[-1]
    low, high = wilson(round(report["accuracy"] * report["n"]), report["n"])
    assert report["interval"] == [pytest.approx(low), pytest.approx(high)]
    assert (told.curve("eval_accuracy_low", "evaluation")[-1], report["n"]) == (
        low,
        sum(b["n"] for b in report["calibration"]),
    )
    assert report["chosen_mean"] > report["rejected_mean"]
    names = [name for name in told.adapter() if "score" in name]
    assert names == ["base_model.model.score.modules_to_save.default.weight"]


def test_a_step_is_the_same_however_it_is_divided(tiny_base: Path, tmp_path: Path) -> None:
    for kind in ("pairs", "rankings", "ratings"):
        rows, held_out = rows_of(kind, 24), rows_of(kind, 7, 1)
        whole = trained(reward, settings(batch_size=8), tiny_base, tmp_path / f"{kind} whole", rows, held_out)
        parts = trained(
            reward, settings(batch_size=1, accumulate=8), tiny_base, tmp_path / f"{kind} parts", rows, held_out
        )
        for name in ("loss", "grad_norm"):
            assert parts.curve(name) == pytest.approx(whole.curve(name), abs=1e-4), name
        for name in ("eval_loss", "eval_accuracy"):
            assert parts.curve(name, "evaluation") == pytest.approx(whole.curve(name, "evaluation"), abs=1e-4), name
        for name, value in whole.adapter().items():
            assert torch.allclose(value, parts.adapter()[name], atol=1e-4), name


@pytest.mark.parametrize("kind", ["pairs", "rankings", "ratings"])
def test_rows_count_alike_in_passes_of_unequally_many(tiny_base: Path, tmp_path: Path, kind: str) -> None:
    rows = rows_of(kind, 10)
    tokens = sum(row.room for row in rows) // 3
    budget = token_budget(settings(batch_tokens=tokens), rows)
    assert budget is not None
    assert len({len(batch) for batch in budget}) > 1
    whole = trained(reward, settings(batch_size=10), tiny_base, tmp_path / "whole", rows)
    split = settings(batch_tokens=tokens, accumulate=len(budget))
    parts = trained(reward, split, tiny_base, tmp_path / "parts", rows)
    for name in ("loss", "grad_norm", *(("margin", "accuracy") if kind != "ratings" else ())):  # compared two by two
        assert parts.curve(name) == pytest.approx(whole.curve(name), abs=1e-4), name


def test_accuracy_is_a_share_where_a_pass_may_hold_no_comparison(tiny_base: Path, tmp_path: Path) -> None:
    divided = settings(batch_size=4, accumulate=2, max_steps=6, learning_rate=1e-8)  # passes of 4 ratings and of 1
    told = trained(reward, divided, tiny_base, tmp_path / "run", rows_of("ratings", 5))
    assert {round(2 * share, 6) for share in told.curve("accuracy")} <= {0.0, 1.0, 2.0}


@pytest.mark.parametrize(("kind", "doubt"), [("pairs", False), ("pairs", True), ("rankings", False), ("ratings", True)])
def test_with_padding_it_is_the_same(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, doubt: bool
) -> None:
    rows = rows_of(kind, 10), rows_of(kind, 5, 1)
    fast = trained(reward, settings(doubt=doubt), tiny_base, tmp_path / "fast", *rows)
    assert fast.trainer.slower_because is None
    monkeypatch.setattr(reward, "enable_hidden", not_taken)
    padded = trained(reward, settings(doubt=doubt), tiny_base, tmp_path / "padded", *rows)
    assert padded.trainer.slower_because == "has a reason"
    for name in ("loss", "grad_norm", "margin", "chosen", "rejected", "tokens"):
        assert fast.curve(name) == pytest.approx(padded.curve(name), rel=1e-4, abs=1e-5), name
    for name in ("eval_loss", "eval_accuracy"):
        assert fast.curve(name, "evaluation") == pytest.approx(padded.curve(name, "evaluation"), rel=1e-4), name


def test_losses_are_those_of_a_plain_trl_script(tiny_base: Path, tmp_path: Path) -> None:
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import TrainerCallback
    from trl import RewardConfig, RewardTrainer

    rows, losses = rows_of("pairs", 16), []
    rows = [RewardRow("pairs", row.answers, (0.3 * place, 0.0)) for place, row in enumerate(rows)]
    ours = trained(reward, settings(max_steps=6), tiny_base, tmp_path / "ours", rows)

    class Kept(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            if logs and "loss" in logs:
                losses.append(logs["loss"])

    tokenizer = load_encoder(tiny_base, "model").tokenizer
    tokenizer.pad_token = "<|endoftext|>"  # no row has it, so TRL finds the last token too
    columns = {
        "chosen_ids": [row.answers[0].ids.tolist() for row in rows],
        "rejected_ids": [row.answers[1].ids.tolist() for row in rows],
        "margin": [row.worth[0] for row in rows],
    }
    arguments = RewardConfig(
        output_dir=str(tmp_path / "theirs"), max_steps=6, per_device_train_batch_size=4, learning_rate=0.01, seed=42,
        data_seed=42, lr_scheduler_type="constant", warmup_steps=0, logging_steps=1, use_cpu=True, bf16=False,
        gradient_checkpointing=False, report_to="none", save_strategy="no", disable_tqdm=True, weight_decay=0.0,
        center_rewards_coefficient=0.01,
    )  # fmt: skip
    RewardTrainer(
        model=load_scorer(tiny_base, FP32, "cpu", seed=42),
        args=arguments,
        train_dataset=Dataset.from_dict(columns),
        processing_class=tokenizer,
        peft_config=LoraConfig(
            r=4, lora_alpha=8, target_modules="all-linear", task_type="SEQ_CLS", modules_to_save=["score"]
        ),
        callbacks=[Kept()],
    ).train()
    assert ours.curve("loss") == pytest.approx(losses, abs=1e-5)


@pytest.mark.parametrize("doubt", [False, True])
def test_what_was_saved_scores_alike(tiny_base: Path, tmp_path: Path, doubt: bool) -> None:
    told = trained(reward, settings(doubt=doubt), tiny_base, tmp_path / "run", rows_of("pairs", 12))
    told.trainer.save_model(str(tmp_path / "adapter"))
    scorer = Scorer(tiny_base, tmp_path / "adapter", precision="fp32")
    answers = [row.answers[0] for row in rows_of("pairs", 12)]
    ids, lengths = [row.ids for row in answers], [row.trained for row in answers]
    trainer_scores = []
    model = told.trainer.model.eval()
    for own, length in zip(ids, lengths, strict=True):
        own = torch.tensor(own, dtype=torch.long)[None]
        with torch.no_grad():
            trainer_scores.append(float(scores_of(model, own, torch.ones_like(own), torch.tensor([length]))))
    assert scorer.score_ids([own.tolist() for own in ids], lengths, batch_size=5).tolist() == pytest.approx(
        trainer_scores, abs=1e-5
    )
    first, second = scorer.score([(PROMPT, "a cat"), (PROMPT, "a dog sat on the mat")], batch_size=1)
    assert [first, second] == pytest.approx(
        scorer.score([(PROMPT, "a cat"), (PROMPT, "a dog sat on the mat")]), abs=1e-5
    )
    same = [[*range(40), *range(end)] for end in (1, 9, 4)] + [[7], [*range(40), 0]]
    assert scorer.slower_because is None  # end to end, what begins alike read once
    lengths = [3, 9, 1, 1, 40]
    quick = scorer.score_ids(same, lengths, batch_size=4)
    scorer.slower_because = "is asked to go the other way"
    assert quick.tolist() == pytest.approx(scorer.score_ids(same, lengths, batch_size=2).tolist(), abs=1e-5)
    with pytest.raises(StudioError, match="Answer 2 is longer than the 256 tokens"):
        scorer.score([(PROMPT, "a"), (PROMPT, "dog " * 999)])


def test_reward_models_and_models_that_talk_are_kept_apart(tiny_base: Path, tmp_path: Path) -> None:
    told = trained(reward, settings(max_steps=1), tiny_base, tmp_path / "run", rows_of("pairs", 4))
    told.trainer.save_model(str(tmp_path / "scores"))
    with pytest.raises(StudioError, match="it scores answers, and can't write any"):
        load_adapter(load_model(tiny_base, FP32, "cpu"), tmp_path / "scores")
    with pytest.raises(StudioError, match="it scores answers and can't learn to write them"):
        trained(dpo, DpoSettings(max_steps=1), tiny_base, tmp_path / "dpo", pair_rows(4), adapter=tmp_path / "scores")
    talks = trained(dpo, DpoSettings(max_steps=1), tiny_base, tmp_path / "dpo2", pair_rows(4))
    talks.trainer.save_model(str(tmp_path / "talks"))
    with pytest.raises(StudioError, match="isn't a reward model"):
        Scorer(tiny_base, tmp_path / "talks")


def test_a_reward_model_may_begin_with_what_was_fine_tuned(tiny_base: Path, tmp_path: Path) -> None:
    talks = trained(dpo, DpoSettings(max_steps=2, learning_rate=1e-2), tiny_base, tmp_path / "dpo", pair_rows(4))
    talks.trainer.save_model(str(tmp_path / "talks"))
    hardly = settings(max_steps=1, learning_rate=1e-8)
    told = trained(reward, hardly, tiny_base, tmp_path / "run", rows_of("pairs", 4), adapter=tmp_path / "talks")
    told.trainer.save_model(str(tmp_path / "scores"))
    before, after = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("talks", "scores"))
    assert before and {name for name in after if name not in before} == {"base_model.model.score.weight"}
    for name, weight in before.items():
        torch.testing.assert_close(after[name], weight, atol=1e-6, rtol=0)
    assert len(Scorer(tiny_base, tmp_path / "scores").score([(PROMPT, "a cat")])) == 1

    merging = settings(max_steps=1, learning_rate=1e-8, start="merge")
    merged = trained(reward, merging, tiny_base, tmp_path / "merged", rows_of("pairs", 4), adapter=tmp_path / "talks")
    writer = load_adapter(load_model(tiny_base, FP32, "cpu"), tmp_path / "talks").merge_and_unload()  # type: ignore[operator]
    name = "model.layers.1.mlp.down_proj.base_layer.weight"
    found = dict(merged.trainer.model.get_base_model().named_parameters())[name]
    torch.testing.assert_close(found, dict(writer.named_parameters())[name.replace(".base_layer", "")])


# ------------------------------------------------------------------------------------------------- report


def test_the_report_says_when_only_length_is_liked() -> None:
    lengths = np.arange(1.0, 41.0)
    fair = report_on("pairs", 1, np.tile([1.0, 0.0], 20), lengths, [(k, k + 1) for k in range(0, 40, 2)])
    assert (fair.accuracy, fair.n, fair.interval) == (1.0, 20, wilson(20, 20))
    assert not fair.length_explains
    longer = report_on("pairs", 1, lengths * 0.1, lengths, [(k + 1, k) for k in range(0, 40, 2)])
    assert longer.length_correlation == pytest.approx(1)
    assert longer.length_explains


def test_calibration_of_a_model_that_is_right_as_often_as_it_is_sure() -> None:
    chance = np.random.default_rng(0)
    differences = np.abs(chance.normal(0, 2, 20_000))
    truth = np.where(chance.random(20_000) < 1 / (1 + np.exp(-differences)), differences, -differences)
    bins = calibration(truth, np.zeros(20_000))
    assert sum(b.n for b in bins) == 20_000
    for b in bins:
        assert b.low <= b.sure <= b.high
        assert b.right == pytest.approx(b.sure, abs=0.02)

"""The starter's own loops: pretraining resumes where it stopped, and SFT puts its loss on answers alone."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
from starter import evaluate, pretrain, tokenizer, write_samples  # noqa: E402

TINY = pretrain.Plan(steps=4, context=32, batch=2, chunk=2)


def test_a_stopped_pretraining_ends_as_one_that_ran_through(tmp_path, monkeypatch):
    whole = pretrain.train(tmp_path / "whole" / "checkpoint.pt", TINY, "cpu")
    save = pretrain._save

    def save_and_stop(path, state):
        save(path, state)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(pretrain, "_save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            pretrain.train(tmp_path / "parts" / "checkpoint.pt", TINY, "cpu")
    resumed = pretrain.train(tmp_path / "parts" / "checkpoint.pt", TINY, "cpu")
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


def test_loss_is_on_the_answer_and_its_end_alone():
    ids, labels, mask = evaluate._padded([([5, 6, 7], [8, 2]), ([5], [9, 9, 2])], pad=3)
    assert ids.tolist() == [[5, 6, 7, 8, 2], [5, 9, 9, 2, 3]]
    assert labels.tolist() == [[-100, -100, -100, 8, 2], [-100, 9, 9, 2, -100]]
    assert mask.tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]]


def test_gold_answers_measure_as_all_right():
    rows = json.loads((write_samples.SAMPLES / "heldout.json").read_text(encoding="utf-8"))
    measured = evaluate.measure([evaluate.Answer(row["gold"], ended=True) for row in rows], rows)
    assert measured.follows == measured.ended == measured.count == len(rows)
    assert measured.score == 6.0


def test_answers_keep_the_order_of_their_prompts():
    torch.manual_seed(0)
    from transformers import AutoTokenizer

    reader = AutoTokenizer.from_pretrained(tokenizer.MODEL_FOLDER)
    model = pretrain.LlamaForCausalLM(pretrain.configuration(len(reader)))
    prompts = [evaluate.chat_ids(reader, text) for text in ("Name three birds.", "Hi", "What does a cow eat?")]
    together = evaluate.answers(model, reader, prompts)
    assert together == [evaluate.answers(model, reader, [prompt])[0] for prompt in prompts]

"""Answers in bulk: the same as one by one, in order, and scored; a worker that says what is wrong and goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from studio.cli.answering import Answering
from studio.core.conversation import Sampling
from studio.core.errors import StudioError
from studio.core.messages import Message
from studio.engine.answering import write
from studio.engine.generation import END_OF_TURN, Answer, stop_tokens_of
from studio.engine.loading import load_encoder, load_model, pick_precision
from tests.engine.conftest import sentences

GREEDY = Sampling(temperature=0.0, max_new_tokens=40)


def test_written_together_as_written_alone(tiny_base: Path) -> None:
    model = load_model(tiny_base, pick_precision("fp32", "cpu", 1, training=False), "cpu")
    encoder = load_encoder(tiny_base, "model")
    stops = stop_tokens_of(model, encoder.tokenizer, encoder.end_of_turn)
    prompts = [encoder.prompt([Message("user", text)]) for text in sentences(7, 12)]
    alone: list[tuple[str, bool]] = []
    for prompt in prompts:
        answer = Answer(model, encoder.tokenizer, prompt, GREEDY, stop_tokens=stops, context=encoder.context)
        text = ""
        while answer.ended is None:
            text += answer.write(1.0)
        alone.append((text, answer.ended == END_OF_TURN))
    together = write(model, encoder, prompts, GREEDY)
    assert [(answer.text, answer.ended) for answer in together] == alone
    assert len({ended for _, ended in alone}) == 2 or not any(ended for _, ended in alone)


def test_sampled_answers_repeat_with_their_seed(tiny_base: Path) -> None:
    model = load_model(tiny_base, pick_precision("fp32", "cpu", 1, training=False), "cpu")
    encoder = load_encoder(tiny_base, "model")
    prompts = [encoder.prompt([Message("user", "Hello World!")])] * 2
    sampled = Sampling(temperature=1.0, max_new_tokens=20, seed=3)
    first = write(model, encoder, prompts, sampled)
    assert first == write(model, encoder, prompts, sampled)
    assert first[0] != first[1]


def test_no_room_for_an_answer_is_said(tiny_base: Path) -> None:
    model = load_model(tiny_base, pick_precision("fp32", "cpu", 1, training=False), "cpu")
    encoder = load_encoder(tiny_base, "model")
    with pytest.raises(StudioError, match="256"):
        write(model, encoder, [list(range(10)) * 26], GREEDY)


@pytest.mark.timeout(400)  # a busy machine takes its time to start a worker
def test_the_worker_answers_in_order_scores_and_survives_a_mistake(tiny_base: Path, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    from studio.engine.loading import load_scorer

    torch.manual_seed(0)
    scorer = load_scorer(tiny_base, pick_precision("fp32", "cpu", 1, training=False), "cpu", seed=1)
    config = LoraConfig(r=2, target_modules="all-linear", modules_to_save=["score"], task_type="SEQ_CLS")
    get_peft_model(scorer, config).save_pretrained(str(tmp_path / "judge"))

    told: list[int] = []
    texts = sentences(8, 40)
    with Answering(tmp_path / "answers.log") as worker:
        with pytest.raises(StudioError, match="nowhere"):
            worker.answers(tmp_path / "nowhere", None, texts, GREEDY)
        answers = worker.answers(tiny_base, None, texts, GREEDY, report=lambda done, total: told.append(done))
        again = worker.answers(tiny_base, None, texts[::-1], GREEDY)
        assert answers == again[::-1] and len(answers) == 40
        assert told == [0, 32]
        scores = worker.scores(tiny_base, tmp_path / "judge", list(zip(texts, texts[::-1], strict=True)))
        assert len(scores) == 40 and len(set(scores)) > 20

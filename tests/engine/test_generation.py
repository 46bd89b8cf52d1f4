"""Answers: greedy ones equal transformers' own, sampled ones follow their definition, streamed text loses nothing."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.core.conversation import Sampling
from studio.core.messages import Message
from studio.engine.beams import BeamAnswer
from studio.engine.generation import LENGTH, STOP_TEXT, Answer, Stops, Streamer, interrupt_when, stop_tokens_of
from studio.engine.loading import load_adapter, load_encoder, load_model, pick_precision
from studio.engine.pipe import Interrupted
from tests.engine.conftest import CHATML, byte_level, piece_level, sentences

GREEDY = Sampling(temperature=0.0, max_new_tokens=60)


def fresh(base: Path) -> Any:
    return load_model(base, pick_precision("fp32", "cpu", 1, training=False), "cpu")


def written(answer: Answer, slice_seconds: float = 0.0) -> str:
    text = ""
    while answer.ended is None:
        text += answer.write(slice_seconds)
    return text


@pytest.fixture(scope="module")
def adapter(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter with random weights, strong enough to change every answer."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    tuned = get_peft_model(fresh(tiny_base), LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False))
    folder = tmp_path_factory.mktemp("adapter")
    tuned.save_pretrained(str(folder))
    return folder


def prompts(base: Path) -> list[list[int]]:
    encoder = load_encoder(base, "model")
    return [encoder.prompt([Message("user", text)]) for text in sentences(5, 6)]


def answers(model: Any, base: Path, sampling: Sampling = GREEDY) -> list[tuple[list[int], str]]:
    encoder = load_encoder(base, "model")
    found = []
    for prompt in prompts(base):
        stops = stop_tokens_of(model, encoder.tokenizer, encoder.end_of_turn)
        answer = Answer(model, encoder.tokenizer, prompt, sampling, stop_tokens=stops, context=encoder.context)
        text = written(answer)
        found.append((answer.tokens, text))
    return found


def test_greedy_equals_generate_with_the_adapter_off(tiny_base: Path, adapter: Path) -> None:
    alone, encoder = fresh(tiny_base), load_encoder(tiny_base, "model")
    wanted = []
    for prompt in prompts(tiny_base):
        ids = torch.tensor([prompt])
        output = alone.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=60)
        tokens = output[0, len(prompt) :].tolist()
        tokens = tokens[:-1] if tokens[-1] == encoder.tokenizer.eos_token_id else tokens
        wanted.append((tokens, encoder.tokenizer.decode(tokens, skip_special_tokens=True)))
    shared = fresh(tiny_base)
    assert answers(shared, tiny_base) == wanted
    tuned = load_adapter(shared, adapter)
    with_adapter = answers(shared, tiny_base)
    assert all(ours != theirs for ours, theirs in zip(with_adapter, wanted, strict=True))
    tuned.base_model.disable_adapter_layers()
    assert answers(shared, tiny_base) == wanted
    tuned.base_model.enable_adapter_layers()
    assert answers(shared, tiny_base) == with_adapter
    assert answers(tuned.unload(), tiny_base) == wanted


def test_cached_equals_uncached(tiny_base: Path) -> None:
    model = fresh(tiny_base)
    for prompt, (tokens, _) in zip(prompts(tiny_base), answers(model, tiny_base), strict=True):
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([prompt + tokens])).logits[0, len(prompt) - 1 : -1]
        assert logits.argmax(-1).tolist()[: len(tokens)] == tokens


def test_repetition_penalty_of_the_model_counts(tiny_base: Path) -> None:
    model = fresh(tiny_base)
    model.generation_config.repetition_penalty = 1.7
    prompt = prompts(tiny_base)[0]
    ids = torch.tensor([prompt])
    output = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=40)
    answer = Answer(
        model, load_encoder(tiny_base, "model").tokenizer, prompt, GREEDY, stop_tokens=frozenset(), context=0
    )
    written(answer)
    assert answer.tokens[:30] == output[0, len(prompt) :].tolist()[:30]


def test_the_context_ends_an_answer(tiny_base: Path) -> None:
    model, encoder = fresh(tiny_base), load_encoder(tiny_base, "model")
    prompt = [5] * 250
    answer = Answer(model, encoder.tokenizer, prompt, GREEDY, stop_tokens=frozenset(), context=encoder.context)
    written(answer)
    assert encoder.context == 256
    assert (len(answer.tokens), answer.ended) == (6, LENGTH)


def test_same_seed_same_answer(tiny_base: Path) -> None:
    model = fresh(tiny_base)
    wild = Sampling(temperature=1.5, top_p=0.9, top_k=50, max_new_tokens=30, seed=3)
    assert answers(model, tiny_base, wild) == answers(model, tiny_base, wild)
    other = Sampling(temperature=1.5, top_p=0.9, top_k=50, max_new_tokens=30, seed=4)
    assert answers(model, tiny_base, wild) != answers(model, tiny_base, other)


def test_a_stop_is_heard_inside_a_forward_pass(tiny_base: Path) -> None:
    model, encoder = fresh(tiny_base), load_encoder(tiny_base, "model")
    products = 0

    def check() -> None:
        nonlocal products
        products += 1
        if products == 5:
            raise Interrupted

    interrupt_when(model, check)
    answer = Answer(model, encoder.tokenizer, [5] * 100, GREEDY, stop_tokens=frozenset(), context=256)
    with pytest.raises(Interrupted):
        answer.write(1.0)
    assert answer.stop() == ""
    assert answer.ended == "stopped"


@pytest.mark.parametrize("kind", ["bytes", "pieces"])
def test_streamed_text_is_the_decoded_text(tmp_path: Path, kind: str) -> None:
    from transformers import AutoTokenizer

    folder = byte_level(tmp_path, CHATML) if kind == "bytes" else piece_level(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    chance = random.Random(0)
    for case in range(300):
        if case % 3:  # what a trained model writes: real text, with a special token in between at times
            ids: list[int] = []
            for text in sentences(case, 3):
                ids += tokenizer(text, add_special_tokens=False)["input_ids"]
                ids += chance.choice([[], [tokenizer.eos_token_id]])
        else:  # what an untrained one writes: anything, broken characters too
            ids = chance.choices(range(len(tokenizer)), k=30)
        streamer = Streamer(tokenizer)
        pieces = [streamer.add(token) for token in ids]
        if case % 3:
            assert not any("\ufffd" in piece for piece in pieces)
        whole = tokenizer.decode(ids, skip_special_tokens=True)
        if kind == "bytes" or "\ufffd" not in whole:
            assert "".join(pieces) + streamer.finish() == whole


def test_an_answer_ends_before_a_stop_text(tiny_base: Path) -> None:
    model, encoder = fresh(tiny_base), load_encoder(tiny_base, "model")
    prompt = prompts(tiny_base)[0]

    def told(stop: str) -> tuple[str, str | None]:
        sampling = Sampling(temperature=0.0, max_new_tokens=40, stop=stop)
        answer = Answer(model, encoder.tokenizer, prompt, sampling, stop_tokens=frozenset(), context=0)
        return written(answer), answer.ended

    whole, _ = told("")
    place = len(whole) // 2
    stop = whole[place : place + 5]
    assert told(f"never said|{stop}") == (whole[: whole.find(stop)], STOP_TEXT)


@pytest.mark.parametrize("seed", range(20))
def test_held_back_text_is_neither_lost_nor_given_twice(seed: int) -> None:
    chance = random.Random(seed)
    texts = tuple("".join(chance.choices("ab\n", k=chance.randint(1, 4))) for _ in range(3))
    whole = "".join(chance.choices("ab\nc", k=60))
    stops, given, met, at = Stops(texts), "", False, 0
    while at < len(whole) and not met:
        size = chance.randint(1, 5)
        text, met = stops.add(whole[at : at + size])
        given, at = given + text, at + size
        assert whole.startswith(given)
    ends = [place for stop in texts if (place := whole.find(stop)) >= 0]
    assert met == bool(ends) or at >= len(whole)
    if met:
        first = min(place + len(stop) for stop in texts if (place := whole.find(stop)) >= 0)
        assert len(given) <= first and any(whole.startswith(stop, len(given)) for stop in texts)
    else:
        assert given + stops.finish() == whole


def test_beams_are_those_of_transformers(tiny_base: Path) -> None:
    model, encoder = fresh(tiny_base), load_encoder(tiny_base, "model")
    for prompt in prompts(tiny_base)[:3]:
        ids = torch.tensor([prompt])
        output = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            num_beams=3,
            length_penalty=0.5,
            max_new_tokens=20,
        )
        wanted = encoder.tokenizer.decode(output[0, len(prompt) :], skip_special_tokens=True)
        sampling = Sampling(beams=3, length_penalty=0.5, max_new_tokens=20)
        stops = stop_tokens_of(model, encoder.tokenizer, encoder.end_of_turn)
        answer = BeamAnswer(model, encoder.tokenizer, prompt, sampling, stop_tokens=stops, context=encoder.context)
        assert answer.write(0.0) == wanted
        assert answer.ended in ("end of turn", LENGTH)
        assert len(answer.tokens) <= 20

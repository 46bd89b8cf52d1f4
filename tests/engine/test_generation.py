"""Answers: greedy ones equal transformers' own, sampled ones follow their definition, streamed text loses nothing."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.core.conversation import Sampling
from studio.core.messages import Message
from studio.engine.generation import LENGTH, Answer, Streamer, choose, interrupt_when, stop_tokens_of
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


def drawn(logits: torch.Tensor, sampling: Sampling, times: int = 4000) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sampling.seed)
    tokens = torch.tensor([choose(logits, sampling, generator) for _ in range(times)])
    return torch.bincount(tokens, minlength=len(logits)) / times


def test_sampling_follows_its_definition() -> None:
    odds = torch.tensor([0.05, 0.4, 0.3, 0.15, 0.1])
    logits = odds.log()
    plain = Sampling(temperature=1.0, top_p=1.0, top_k=0)
    assert torch.allclose(drawn(logits, plain), odds, atol=0.03)
    two = drawn(logits, Sampling(temperature=1.0, top_p=1.0, top_k=2))
    assert torch.allclose(two, torch.tensor([0, 4 / 7, 3 / 7, 0, 0]), atol=0.03)
    # 0.4 + 0.3 < 0.75, so the third is needed to reach it and the fourth is not.
    nucleus = drawn(logits, Sampling(temperature=1.0, top_p=0.75, top_k=0))
    assert torch.allclose(nucleus, torch.tensor([0, 0.4, 0.3, 0.15, 0]) / 0.85, atol=0.03)
    cold = drawn(logits, Sampling(temperature=0.5, top_p=1.0, top_k=0))
    assert torch.allclose(cold, odds**2 / (odds**2).sum(), atol=0.03)
    assert drawn(logits, Sampling(temperature=0.0), 10)[1] == 1
    assert drawn(logits, Sampling(temperature=5.0, top_p=0.01), 50)[1] == 1


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

"""The light way to write gives the logits of transformers' own forward, for any prompt, adapter and row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    GemmaConfig,
    GemmaForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from studio.engine.decoding.abreast import Abreast
from studio.engine.decoding.decoder import Decoder, NotTaken
from studio.engine.decoding.low_rank import adapter_of
from studio.engine.decoding.products import LowRank
from studio.engine.decoding.rows import Kept
from studio.engine.decoding.writing import Asked, LightWriting
from studio.engine.pipe import Interrupted

SMALL: dict[str, Any] = {
    "vocab_size": 97, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 2048, "pad_token_id": 0,
}  # fmt: skip
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip


def llama(**more: Any) -> Any:
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**{**SMALL, **more}))
    for weight in model.parameters():
        weight.data.mul_(3.0)  # far from uniform, so that a wrong position shows
    return _uneven(model)


def _uneven(model: Any) -> Any:
    """Norms and biases, which begin as ones and noughts, that differ: one in another's place shows."""
    for weight in model.parameters():
        if weight.ndim == 1:
            weight.data.uniform_(0.5, 2.5)
    return model.eval()


def other(kind: Any, config: Any, **more: Any) -> Any:
    torch.manual_seed(0)
    return _uneven(kind(config(**{**SMALL, **more})))


MODELS = {
    "grouped heads": lambda: llama(),
    "plain heads": lambda: llama(num_key_value_heads=4, tie_word_embeddings=True),
    "biases": lambda: llama(attention_bias=True, mlp_bias=True),
    "long positions": lambda: llama(rope_parameters=LLAMA3),
    "qwen2": lambda: other(Qwen2ForCausalLM, Qwen2Config),
    "qwen3": lambda: other(Qwen3ForCausalLM, Qwen3Config, head_dim=16),
    "mistral": lambda: other(MistralForCausalLM, MistralConfig, sliding_window=None),
}


def plain(model: Any, ids: Sequence[int]) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=torch.tensor([list(ids)]), use_cache=False).logits[0]


def some(count: int, seed: int) -> list[int]:
    return torch.randint(1, 97, (count,), generator=torch.Generator().manual_seed(seed)).tolist()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_logits_are_those_of_transformers(name: str, packed: bool) -> None:
    model = MODELS[name]()
    decoder = Decoder(model, packed=packed)
    prompts, written = [some(5, 1), some(40, 2), some(11, 3)], [some(300, 4 + row) for row in range(3)]
    with torch.inference_mode():
        way = LightWriting(decoder, [Asked(str(row), prompt, None) for row, prompt in enumerate(prompts)], {})
        steps = [way.begin()]  # and past the room that is made at first
        steps += [way.go_on(torch.tensor([row[place] for row in written])) for place in range(299)]
    for row, prompt in enumerate(prompts):
        wanted = plain(model, prompt + written[row][:299])[len(prompt) - 1 :]
        ours = torch.stack([step[row] for step in steps])
        assert torch.allclose(ours.log_softmax(-1), wanted.log_softmax(-1), atol=1e-4)


@pytest.mark.parametrize("at_once", [512, 64])
def test_a_long_prompt_is_read_in_parts(at_once: int) -> None:
    model, prompt = llama(), some(1300, 1)
    decoder = Decoder(model, packed=True)
    decoder._at_once = at_once
    with torch.inference_mode():
        made = LightWriting(decoder, [Asked("a", prompt, None)], {}).begin()[0]
    assert torch.allclose(made.log_softmax(-1), plain(model, prompt)[-1].log_softmax(-1), atol=1e-4)


def test_in_16_bits_one_is_what_generate_writes_and_several_are_a_rounding_apart() -> None:
    model = llama().to(torch.bfloat16)
    decoder, prompts = Decoder(model, packed=True), [some(9, 1), some(40, 2)]
    for prompt in prompts:
        asked: dict[str, Any] = {"do_sample": False, "min_new_tokens": 40, "max_new_tokens": 40}
        ids = torch.tensor([prompt])
        wanted = model.generate(ids, attention_mask=torch.ones_like(ids), **asked)[0, len(prompt) :].tolist()
        with torch.inference_mode():
            way = LightWriting(decoder, [Asked("a", prompt, None)], {})
            ours = [int(way.begin()[0].argmax())]
            while len(ours) < 40:
                ours.append(int(way.go_on(torch.tensor(ours[-1:]))[0].argmax()))
        assert ours == wanted
    written = some(40, 3)
    with torch.inference_mode():
        way = LightWriting(decoder, [Asked(str(row), prompt, None) for row, prompt in enumerate(prompts)], {})
        steps = [way.begin()] + [way.go_on(torch.tensor([token] * 2)) for token in written]
    for row, prompt in enumerate(prompts):
        known = plain(model, prompt + written)[len(prompt) - 1 :].float()
        made = torch.stack([step[row] for step in steps]).float()
        assert float((made - known).square().mean().sqrt()) < 0.02 * float(known.std())


def test_in_16_bits_what_is_gone_on_with_parts_from_generate_at_ties_alone() -> None:
    model = llama(vocab_size=2000).to(torch.bfloat16)
    decoder, kept, conversation = Decoder(model, packed=True), dict[str, Kept](), some(60, 1)
    parted = 0
    for turn in range(6):
        with torch.inference_mode():
            way = LightWriting(decoder, [Asked("a", conversation, None)], kept)
            ours = [way.begin()[0]]
            for _ in range(40):
                ours.append(way.go_on(ours[-1].argmax()[None])[0])
        answer = [int(logits.argmax()) for logits in ours]
        way.remember(0, answer)
        known = plain(model, conversation + answer)[len(conversation) - 1 :]
        for token, logits in zip(answer, known, strict=False):
            best = float(logits.max())
            parted += token != int(logits.argmax())
            assert best - float(logits[token]) <= 2 * abs(best) * torch.finfo(torch.bfloat16).eps
        conversation = [*conversation, *answer, *some(20, turn)]
    assert parted < 6  # of 246 tokens


@pytest.mark.parametrize("thin", [True, False])
@pytest.mark.parametrize("more", [{}, {"attention_bias": True, "mlp_bias": True}])
def test_each_row_goes_through_its_own_adapter_and_none_stays(
    thin: bool, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.engine.decoding.decoder._THIN", 16 << 20 if thin else 0)
    model = llama(**more)
    before = plain(model, some(20, 1))
    configs = {
        "all": LoraConfig(r=4, lora_alpha=12, target_modules="all-linear", init_lora_weights=False),
        "two": LoraConfig(r=8, target_modules=["q_proj", "down_proj"], init_lora_weights=False, use_rslora=True),
    }
    decoder = Decoder(model, packed=True)
    torch.manual_seed(1)
    tuned: Any = get_peft_model(model, configs["all"], adapter_name="all")
    tuned.add_adapter("two", configs["two"])
    tuned.eval()
    names = ["all", "all", None, "two"]
    light = {name: adapter_of(model, name) for name in configs}
    asked = [
        Asked(str(row), some(7 + row, row), light[name] if name is not None else None) for row, name in enumerate(names)
    ]
    with torch.inference_mode():
        way = LightWriting(decoder, asked, {})
        steps = [way.begin(), way.go_on(torch.tensor([5, 6, 7, 8]))]
        way.keep([1, 3])  # two have ended
        steps.append(way.go_on(torch.tensor([9, 10])))

    def wanted(row: int, ids: list[int]) -> torch.Tensor:
        if names[row] is None:
            with tuned.disable_adapter():
                return plain(model, ids)[-1]
        tuned.set_adapter(names[row])
        return plain(model, ids)[-1]

    for row in range(4):
        prompt = list(asked[row].prompt)
        assert torch.allclose(steps[0][row], wanted(row, prompt), atol=1e-4)
        assert torch.allclose(steps[1][row], wanted(row, [*prompt, 5 + row]), atol=1e-4)
    for place, row in enumerate((1, 3)):
        ids = [*asked[row].prompt, 5 + row, 9 + place]
        assert torch.allclose(steps[2][place], wanted(row, ids), atol=1e-4)
    with tuned.disable_adapter():
        assert torch.equal(plain(model, some(20, 1)), before)


def test_copies_of_a_thin_models_weights_stay_few() -> None:
    model = llama()
    decoder = Decoder(model, packed=True)
    tuned: Any = get_peft_model(model, LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False), "0")
    names = [str(number) for number in range(9)]
    for name in names[1:]:
        tuned.add_adapter(name, LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False))
    adapters = [adapter_of(model, name) for name in names]
    layers = decoder._layers
    made = [decoder.way_of([adapter]) for adapter in adapters]
    assert decoder.way_of([adapters[8]] * 5) is made[8]  # the rows of one adapter are as many as they are
    assert decoder.way_of([adapters[0]]) is not made[0]  # it was the oldest
    two = decoder.way_of([None, adapters[8]])
    assert decoder.way_of([None, adapters[8]]) is two is not decoder.way_of([adapters[8], None])
    for adapter in adapters:
        decoder.way_of([None, adapter])
    assert isinstance(two, Abreast)
    assert isinstance(decoder.way_of([None, *adapters[:4]]), list)  # too many to be worth copies
    assert len(layers._copies) == len(layers._abreast) == 4
    assert decoder.way_of([None]) is layers.base is decoder.way_of([])


@pytest.mark.parametrize("first", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_layers_that_are_kept_serve_whoever_asks(first: Any) -> None:
    model = llama()
    known = plain(model, some(5, 1))[-1]
    decoder = Decoder(model, packed=True)
    get_peft_model(model, LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False), "one")
    adapter, found = adapter_of(model, "one"), list[torch.Tensor]()
    with first():
        way = decoder.way_of([None, adapter])
    for mode in (torch.no_grad, torch.inference_mode, torch.no_grad):
        with mode():
            assert decoder.way_of([None, adapter]) is way
            rows = decoder.rows([0, 0])
            made = [decoder.write(rows, torch.tensor([token] * 2), way) for token in some(5, 1)]
            found.append(made[-1].clone())
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])
    assert torch.allclose(found[0][0], known, atol=1e-4) and not torch.allclose(found[0][1], known, atol=1e-4)


def test_two_that_write_over_the_same_places_leave_each_other_alone() -> None:
    decoder, written = Decoder(llama(), packed=True), some(6, 9)

    def asked(first: int) -> LightWriting:
        return LightWriting(decoder, [Asked(str(row), some(4 + row, first + row), None) for row in range(2)], None)

    def steps(way: LightWriting) -> Iterator[torch.Tensor]:
        yield way.begin()
        for token in written:
            yield way.go_on(torch.tensor([token] * 2))

    with torch.inference_mode():
        alone = [list(steps(asked(first))) for first in (1, 5)]
        in_turns = list(zip(steps(asked(1)), steps(asked(5)), strict=True))
    for place, both in enumerate(in_turns):
        assert torch.equal(both[0], alone[0][place]) and torch.equal(both[1], alone[1][place])


def test_what_is_known_of_a_conversation_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    model = llama()
    decoder, kept = Decoder(model, packed=True), dict[str, Kept]()
    read: list[int] = []
    whole = decoder.read

    def counted(rows: Any, row: int, prompt: Sequence[int], known: int, adapter: Any) -> torch.Tensor:
        read.append(len(prompt) - known)
        return whole(rows, row, prompt, known, adapter)

    monkeypatch.setattr(decoder, "read", counted)

    def ask(prompt: list[int], written: list[int]) -> torch.Tensor:
        way = LightWriting(decoder, [Asked("left", prompt, None)], kept)
        first = way.begin()[0]
        for token in written:
            way.go_on(torch.tensor([token]))
        way.remember(0, written)
        return first

    first, answer = some(30, 1), some(6, 2)
    with torch.inference_mode():
        begun = ask(first, answer)
        assert torch.equal(ask(first, answer), begun)  # asked again: the very same numbers
        follow = first + answer + some(9, 3)
        turn = ask(follow, [])
        edited = first[:20] + some(5, 4)
        branch = ask(edited, [])
    assert read == [30, 9, 5]
    assert torch.allclose(turn, plain(model, follow)[-1], atol=1e-4)
    assert torch.allclose(branch, plain(model, edited)[-1], atol=1e-4)


def test_the_same_prompt_is_read_once() -> None:
    model, prompt = llama(), some(30, 1)
    with torch.inference_mode():
        way = LightWriting(Decoder(model, packed=False), [Asked("a", prompt, None), Asked("b", prompt, None)], {})
        begun, then = way.begin(), way.go_on(torch.tensor([4, 5]))
    assert torch.equal(begun[0], begun[1])
    for row, token in enumerate((4, 5)):
        assert torch.allclose(then[row], plain(model, [*prompt, token])[-1], atol=1e-4)


def test_a_pass_that_is_interrupted_leaves_nothing_half() -> None:
    model, stopping = llama(), False

    def check() -> None:
        if stopping:
            raise Interrupted

    decoder, kept = Decoder(model, packed=False, check=check), dict[str, Kept]()
    prompt = some(10, 1)
    with torch.inference_mode():
        way = LightWriting(decoder, [Asked("a", prompt, None)], kept)
        way.begin()
        way.go_on(torch.tensor([3]))
        stopping = True
        with pytest.raises(Interrupted):
            way.go_on(torch.tensor([4]))
        way.remember(0, [3, 4])
        stopping = False
        again = LightWriting(decoder, [Asked("a", [*prompt, 3, 4, 5], None)], kept).begin()[0]
    assert torch.allclose(again, plain(model, [*prompt, 3, 4, 5])[-1], atol=1e-4)


def test_models_of_another_kind_are_refused() -> None:
    for model in (
        other(GemmaForCausalLM, GemmaConfig, head_dim=8),  # scales what goes in
        other(MistralForCausalLM, MistralConfig, sliding_window=16),
        llama(rope_parameters={"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}),
    ):
        with pytest.raises(NotTaken):
            Decoder(model, packed=False)


def test_adapters_of_another_kind_are_refused() -> None:
    for more in ({"use_dora": True}, {"modules_to_save": ["lm_head"]}, {"lora_bias": True}):
        tuned: Any = get_peft_model(llama(), LoraConfig(r=2, target_modules=["q_proj", "o_proj"], **more))
        assert adapter_of(tuned.get_base_model(), "default") is None
    tuned = get_peft_model(llama(), LoraConfig(r=2, target_modules=["q_proj", "lm_head"]))
    assert adapter_of(tuned.get_base_model(), "default") is None


def test_weights_are_in_memory_once(tmp_path: Path) -> None:
    model = llama()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    Decoder(model, packed=False)
    layer = model.model.layers[0].self_attn
    assert layer.q_proj.weight.untyped_storage().data_ptr() == layer.v_proj.weight.untyped_storage().data_ptr()
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("number", [1, 3])
def test_what_an_adapter_adds_is_the_same_for_few_rows_and_for_many(number: int, dtype: torch.dtype) -> None:
    """Over a base of 16 bits too: what is added is computed in 32 and rounded once, with the base's part."""
    seeded = torch.Generator().manual_seed(number)
    added = LowRank(*(torch.randn(shape, generator=seeded) for shape in ((40, 6), (number, 6 // number, 8))))
    for count in (1, 2, 4, 5, 20):
        rows = torch.randn(count, 40, generator=seeded).to(dtype)
        base = torch.randn(count, 8 * number, generator=seeded).to(dtype)
        known = (base.double() + rows.double() @ added.down.double() @ added.up.double()).to(dtype)
        again = added.adder(count)
        for add in (added.add_to, again, again):
            out = base.clone()
            add(out, rows)
            torch.testing.assert_close(out, known, rtol=2 * torch.finfo(dtype).eps, atol=1e-4)

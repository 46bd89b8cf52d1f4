"""What the chat worker is asked beside plain answers, and what goes wrong there; without a process around it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.core.conversation import NEUTRAL, Sampling, Voice
from studio.core.errors import StudioError
from studio.core.fields import settings_of
from studio.core.messages import Message
from studio.engine.chat import Room
from studio.engine.loading import load_encoder, load_model, pick_precision
from studio.engine.pipe import Request
from tests.engine.conftest import CHATML, byte_level, sentences, tiny_llama

QUESTION = [{"role": "user", "content": "What is this?"}]


class Heard:
    """In the place of the pipe: keeps what is said."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []

    def reply(self, kind: str, **values: Any) -> None:
        self.said.append({"reply": kind, **json.loads(json.dumps(values))})

    def interrupted(self, _request: Request) -> bool:
        return False


class Visitor:
    """Asks a room."""

    def __init__(self) -> None:
        self.heard = Heard()
        self.room = Room(self.heard)  # type: ignore[arg-type]
        self._number = 0

    def ask(self, **values: Any) -> list[dict[str, Any]]:
        self._number += 1
        self.heard.said = []
        self.room.handle(Request(self._number, values))
        return self.heard.said

    def load(self, **voices: Voice) -> dict[str, Any]:
        return self.ask(do="load", voices={name: voice.as_dict() for name, voice in voices.items()})[-1]

    def answer(self, messages: list[dict[str, str]], sampling: Sampling, **more: Any) -> dict[str, Any]:
        panes = {"left": {"voice": "left", "messages": messages, "sampling": asdict(sampling), **more}}
        said = self.ask(do="answer", id=1, panes=panes)
        text = "".join(reply["text"] for reply in said if reply["reply"] == "text")
        return {**said[0], **said[-1], "text": text}


@pytest.fixture
def room(tiny_base: Path) -> Visitor:
    made = Visitor()
    made.load(left=Voice(tiny_base))
    return made


def greedy(base: Path, ids: list[int], count: int) -> str:
    """What transformers' own generate writes."""
    model: Any = load_model(base, pick_precision("fp32", "cpu", 1, training=False), "cpu")
    given = torch.tensor([ids])
    output = model.generate(given, attention_mask=torch.ones_like(given), do_sample=False, max_new_tokens=count)
    return str(load_encoder(base, "model").tokenizer.decode(output[0, len(ids) :], skip_special_tokens=True))


def test_each_control_at_its_neutral_value_leaves_generates_text(room: Visitor, tiny_base: Path) -> None:
    ids = load_encoder(tiny_base, "model").prompt([Message("user", "What is this?")])
    wanted = greedy(tiny_base, ids, 40)
    base = replace(Sampling(), temperature=0.0, max_new_tokens=40)
    for known in settings_of(Sampling):
        if known.name in ("temperature", "max_new_tokens"):
            continue
        sampling = replace(base, **{known.name: getattr(NEUTRAL, known.name)})
        assert room.answer(QUESTION, sampling)["text"] == wanted, known.name


def test_an_answer_is_gone_on_with_where_it_ended(room: Visitor, tiny_base: Path) -> None:
    encoder = load_encoder(tiny_base, "model")
    held = "Hello, this is"
    ids = encoder.prompt([Message("user", "What is this?")])
    ids += encoder.tokenizer(held, add_special_tokens=False)["input_ids"]
    reply = room.answer(QUESTION, Sampling(temperature=0.0, max_new_tokens=20), held=held)
    assert reply["text"] == greedy(tiny_base, ids, 20)
    assert reply["prompt_tokens"] == len(ids)


def test_a_long_conversation_forgets_how_it_began_and_says_so(room: Visitor, tiny_base: Path) -> None:
    said: list[dict[str, str]] = [{"role": "system", "content": "Be brief."}]
    for text in sentences(3, 12, 12):
        said += [{"role": "user", "content": text}, {"role": "assistant", "content": text}]
    said.append({"role": "user", "content": "And now?"})
    reply = room.answer(said, Sampling(temperature=0.0, max_new_tokens=4))
    assert reply["left_out"] > 0
    assert reply["left_out"] % 2 == 0
    rest = [said[0], *said[1 + reply["left_out"] :]]
    turns = [Message(turn["role"], turn["content"]) for turn in rest]  # type: ignore[arg-type]
    assert reply["prompt_tokens"] == len(load_encoder(tiny_base, "model").prompt(turns)) <= 256 - 64
    assert room.answer(QUESTION, Sampling(max_new_tokens=1))["left_out"] == 0


def test_100000_characters_are_a_sentence(room: Visitor) -> None:
    with pytest.raises(StudioError, match="tokens long; this model can read 256"):
        room.answer([{"role": "user", "content": "word " * 20_000}], Sampling())
    assert room.answer(QUESTION, Sampling(temperature=0.0, max_new_tokens=3))["tokens"] == 3


def test_tokens_are_counted(room: Visitor, tiny_base: Path) -> None:
    [reply] = room.ask(do="count", id=-1, voice="left", messages=QUESTION)
    ids = load_encoder(tiny_base, "model").prompt([Message("user", "What is this?")])
    assert reply == {"reply": "count", "id": -1, "tokens": len(ids)}


def test_answers_are_scored_by_a_reward_model(room: Visitor, tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaForSequenceClassification

    folder = byte_level(tmp_path / "judge", CHATML)
    encoder = load_encoder(tiny_llama(folder), "model")
    torch.manual_seed(3)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = LlamaConfig(vocab_size=len(encoder.tokenizer), num_labels=1, pad_token_id=0, **shape)  # type: ignore[arg-type]
    (folder / "model.safetensors").unlink()
    model: Any = LlamaForSequenceClassification(config).eval()
    model.save_pretrained(folder)
    answers = ["Hello there", "No."]
    said = room.ask(do="score", id=-2, model=str(folder), base=str(folder), messages=QUESTION, answers=answers)
    wanted = []
    for answer in answers:
        turns = (Message("user", "What is this?"), Message("assistant", answer))
        encoded = encoder.encode(turns, max_length=1000)
        end = max(place for place, trained in enumerate(encoded.mask) if trained) + 1
        with torch.no_grad():
            hidden = model.model(input_ids=torch.tensor([encoded.ids[:end]])).last_hidden_state[0, -1]
            wanted.append(float(model.score(hidden)))
    assert said[-1]["rewards"] == pytest.approx(wanted, abs=1e-4)
    with pytest.raises(StudioError):
        room.ask(do="score", id=-3, model=str(tmp_path / "gone"), messages=QUESTION, answers=answers)
    assert room.answer(QUESTION, Sampling(temperature=0.0, max_new_tokens=3))["tokens"] == 3


def test_a_base_is_loaded_as_its_adapter_learnt_over_it(room: Visitor, tiny_base: Path, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    model = load_model(tiny_base, pick_precision("fp32", "cpu", 1, training=False), "cpu")
    tuned: Any = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False))
    tuned.save_pretrained(str(tmp_path))
    (tmp_path / "plumbline.json").write_text('{"name": "small", "way": "qlora"}')
    loaded = room.load(left=Voice(tiny_base, asked_like=tmp_path), right=Voice(tiny_base, tmp_path))
    assert [voice["precision"] for voice in loaded["voices"].values()] == ["4 bits", "4 bits"]
    voices = room.room._voices
    base = voices.base_of(voices["right"])
    assert base is voices.base_of(voices["left"])  # one copy in memory
    kinds = {type(getattr(module, "base_layer", module)).__name__ for module in base.model.modules()}
    assert "Linear4bit" in kinds
    assert base.decoder is None
    panes = {
        name: {"voice": name, "messages": QUESTION, "sampling": {"temperature": 0.0, "max_new_tokens": 5}}
        for name in ("left", "right")
    }
    ended = [reply for reply in room.ask(do="answer", id=1, panes=panes) if reply["reply"] == "done"]
    assert len(ended) == 2
    beside = room.load(left=Voice(tiny_base), right=Voice(tiny_base, tmp_path))  # not asked like it: as it is
    assert [voice["precision"].split()[0] for voice in beside["voices"].values()] == ["fp32", "4"]


def test_a_model_that_does_not_fit_is_a_sentence(
    room: Visitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoModelForCausalLM

    other = tiny_llama(byte_level(tmp_path / "large", CHATML))

    def too_much(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", too_much)
    with pytest.raises(StudioError, match="“large” doesn't fit into memory"):
        room.load(left=Voice(other))
    monkeypatch.undo()
    room.load(left=Voice(other))
    assert room.answer(QUESTION, Sampling(temperature=0.0, max_new_tokens=3))["tokens"] == 3


def test_chat_goes_to_the_processor_when_it_is_told_to(room: Visitor, tiny_base: Path) -> None:
    loaded = room.ask(do="load", voices={"left": Voice(tiny_base).as_dict()}, device="cpu")[-1]
    assert loaded["device"] == "processor"
    assert room.room._voices.device == "cpu"

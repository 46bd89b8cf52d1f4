"""The chat and preview workers as real processes: what they answer, how they stop, how they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.core.conversation import Voice
from studio.core.messages import Message
from studio.engine.loading import load_adapter, load_encoder, load_model, pick_precision
from tests.engine.conftest import CHATML, byte_level, tiny_llama


class Talk:
    """One worker and its pipe."""

    def __init__(self, *command: str) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )

    def send(self, **values: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(values).encode() + b"\n")
        self.process.stdin.flush()

    def hear(self, *kinds: str) -> dict[str, Any]:
        """The next reply of one of those kinds; what comes before it is passed over, a failure is not."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            reply = json.loads(line)
            if reply["reply"] in kinds:
                return reply
            assert reply["reply"] != "failed", reply
        raise AssertionError(f"it ended: {self.process.communicate()[1].decode()}")

    def ask(self, number: int, panes: dict[str, str], text: str, **sampling: Any) -> None:
        """Ask the voices of panes the same."""
        messages = [{"role": "user", "content": text}]
        asked = {
            pane: {"voice": voice, "messages": messages, "sampling": {"max_new_tokens": 40, **sampling}}
            for pane, voice in panes.items()
        }
        self.send(do="answer", id=number, panes=asked)

    def load(self, **voices: tuple[Path, Path | None]) -> dict[str, Any]:
        """Load voices, each a base and an adapter or None; the reply."""
        wanted = {name: Voice(base, adapter).as_dict() for name, (base, adapter) in voices.items()}
        self.send(do="load", voices=wanted)
        return self.hear("loaded")

    def answer(self, panes: dict[str, str], text: str, **sampling: Any) -> dict[str, dict[str, Any]]:
        """A whole answer: for each pane its text, its model and how it ended."""
        self.ask(1, panes, text, **sampling)
        found: dict[str, dict[str, Any]] = {pane: {"text": ""} for pane in panes}
        while not all("ended" in pane for pane in found.values()):
            reply = self.hear("begun", "text", "done")
            pane = found[reply["pane"]]
            if reply["reply"] == "text":
                pane["text"] += reply["text"]
            else:
                pane.update(reply)
        return found

    def end(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        code = self.process.wait(10)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        return code


def random_adapter(base: Path, folder: Path, seed: int) -> Path:
    """One strong enough to change every answer, called as its folder is."""
    from peft import LoraConfig, get_peft_model

    model = load_model(base, pick_precision("fp32", "cpu", 1, training=False), "cpu")
    torch.manual_seed(seed)
    tuned = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False))
    tuned.save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="module")
def adapter(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = random_adapter(tiny_base, tmp_path_factory.mktemp("run") / "adapter", seed=1)
    (folder / "plumbline.json").write_text('{"name": "polite"}')
    return folder


@pytest.fixture(scope="module")
def chat() -> Iterator[Talk]:
    talk = Talk("-m", "studio", "--worker", "chat")
    talk.hear("ready")
    yield talk
    assert talk.end() == 0


BOTH = {"left": "base", "right": "tuned"}


def asking(messages: list[dict[str, str]], **sampling: Any) -> dict[str, Any]:
    """A request to answer in one pane."""
    return {"do": "answer", "id": 1, "panes": {"a": {"voice": "base", "messages": messages, "sampling": sampling}}}


def test_base_and_tuned_side_by_side(chat: Talk, tiny_base: Path, adapter: Path) -> None:
    loaded = chat.load(base=(tiny_base, None), tuned=(tiny_base, adapter))
    assert loaded["voices"]["tuned"]["name"] == f"{tiny_base.name} + polite"
    assert (loaded["voices"]["base"]["name"], loaded["voices"]["base"]["context"]) == (tiny_base.name, 256)
    assert loaded["in_turns"] is False
    greedy = chat.answer(BOTH, "What is this?", temperature=0.0)
    assert greedy["left"]["model"] == tiny_base.name
    assert greedy["right"]["model"] == f"{tiny_base.name} + polite"
    assert greedy["left"]["text"] != greedy["right"]["text"]

    alone, encoder = (
        load_model(tiny_base, pick_precision("fp32", "cpu", 1, training=False), "cpu"),
        load_encoder(tiny_base, "model"),
    )
    prompt = torch.tensor([encoder.prompt([Message("user", "What is this?")])])
    output = alone.generate(prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=40)  # type: ignore[operator]
    wanted = encoder.tokenizer.decode(output[0, prompt.shape[1] :], skip_special_tokens=True)
    assert greedy["left"]["text"] == wanted
    assert greedy["left"]["prompt_tokens"] == prompt.shape[1]
    assert chat.answer(BOTH, "What is this?", temperature=0.0)["left"]["text"] == wanted
    # The panes are named for what answers in them, wherever they stand.
    turned = chat.answer({"left": "tuned", "right": "base"}, "What is this?", temperature=0.0)
    assert turned["right"]["text"] == wanted
    assert turned["left"]["model"] == f"{tiny_base.name} + polite"
    sampled = chat.answer({"left": "base", "right": "base"}, "What is this?", temperature=1.0, seed=5)
    assert sampled["left"]["text"] == sampled["right"]["text"]


def test_beams_come_all_at_once(chat: Talk, tiny_base: Path) -> None:
    chat.load(base=(tiny_base, None))
    chat.ask(2, {"left": "base"}, "What is this?", beams=2, max_new_tokens=12)
    texts = []
    while (reply := chat.hear("begun", "text", "done"))["reply"] != "done":
        texts += [reply["text"]] if reply["reply"] == "text" else []
    assert len(texts) == 1
    assert 0 < reply["tokens"] <= 12


def test_a_voice_that_was_not_loaded(chat: Talk, tiny_base: Path) -> None:
    assert list(chat.load(base=(tiny_base, None))["voices"]) == ["base"]
    chat.ask(3, BOTH, "x")
    failed = chat.hear("failed")
    assert failed["id"] == 3
    assert "No model is loaded for this pane" in failed["what"]
    assert chat.answer({"left": "base"}, "x")["left"]["model"] == tiny_base.name


def test_voices_of_two_bases_and_two_adapters(chat: Talk, tiny_base: Path, adapter: Path, tmp_path: Path) -> None:
    other = tiny_llama(byte_level(tmp_path / "other", CHATML))
    louder = random_adapter(tiny_base, tmp_path / "louder", seed=2)
    voices = {"a": (tiny_base, None), "b": (tiny_base, adapter), "c": (tiny_base, louder), "d": (other, None)}
    chat.load(**voices)
    four = chat.answer({name: name for name in voices}, "What is this?", temperature=0.0)
    assert [four[name]["model"] for name in voices] == [
        tiny_base.name, f"{tiny_base.name} + polite", f"{tiny_base.name} + louder", "other",
    ]  # fmt: skip
    for name, voice in voices.items():  # each as it answers alone
        chat.load(only=voice)
        assert chat.answer({"one": "only"}, "What is this?", temperature=0.0)["one"]["text"] == four[name]["text"]


def test_an_answer_is_read_token_by_token(chat: Talk, tiny_base: Path, adapter: Path) -> None:
    chat.load(base=(tiny_base, None), tuned=(tiny_base, adapter))
    turns = [Message("user", "What is this?"), Message("assistant", "שלום 😀 is a greeting")]
    messages = [turns[0].as_dict()]
    read = {}
    for voice in ("base", "tuned"):
        chat.send(do="read", id=4, voice=voice, messages=messages, answer=turns[1].content)
        read[voice] = chat.hear("read")
    encoder = load_encoder(tiny_base, "model")
    encoded = encoder.encode(turns, max_length=1000)
    marked = [place for place, trained in enumerate(encoded.mask) if trained]
    ids = torch.tensor([encoded.ids])
    base = load_model(tiny_base, pick_precision("fp32", "cpu", 1, training=False), "cpu")
    with torch.no_grad():
        plain = base(input_ids=ids).logits[0].log_softmax(-1)
        tuned = load_adapter(base, adapter)(input_ids=ids).logits[0].log_softmax(-1)
    before, at = [place - 1 for place in marked], ids[0, marked]
    own = tuned[before].gather(1, at[:, None])[:, 0]
    beside = plain[before].gather(1, at[:, None])[:, 0]
    kl = (tuned[before].exp() * (tuned[before] - plain[before])).sum(-1)
    assert torch.allclose(torch.tensor(read["tuned"]["log_probs"]), own, atol=1e-4)
    assert torch.allclose(torch.tensor(read["tuned"]["base_log_probs"]), beside, atol=1e-4)
    assert torch.allclose(torch.tensor(read["tuned"]["kl"]), kl, atol=1e-4)
    assert torch.allclose(torch.tensor(read["base"]["log_probs"]), beside, atol=1e-4)
    assert read["base"]["kl"] is None
    assert "".join(read["base"]["tokens"]) == turns[1].content + "<|im_end|>"
    likeliest = [max(chance for _, chance in place) for place in read["tuned"]["alternatives"]]
    assert torch.allclose(torch.tensor(likeliest), tuned[before].exp().max(-1).values, atol=1e-4)


def test_the_odds_of_the_next_token(chat: Talk, tiny_base: Path) -> None:
    chat.load(base=(tiny_base, None))
    messages = [{"role": "user", "content": "x"}]
    chat.send(do="next", id=5, voice="base", messages=messages, sampling={"temperature": 1.0, "top_p": 1.0, "top_k": 2})
    tokens = chat.hear("next")["tokens"]
    before, after = [token[1] for token in tokens], [token[2] for token in tokens]
    assert before == sorted(before, reverse=True)
    assert [chance > 0 for chance in after] == [True, True] + [False] * (len(after) - 2)
    assert after[0] == pytest.approx(before[0] / (before[0] + before[1]), abs=1e-5)


def test_a_stop_is_quick_and_ends_nothing_else(chat: Talk, tmp_path: Path) -> None:
    endless = tiny_llama(byte_level(tmp_path / "endless", CHATML), context=100_000)
    chat.load(base=(endless, None))
    sampling = {"temperature": 5.0, "max_new_tokens": 30_000, "top_p": 1.0}
    took = []
    for attempt in range(3):
        chat.ask(attempt, {"left": "base", "right": "base"}, "x", **sampling)
        if attempt:  # the first is stopped before it begins
            chat.hear("text")
        began = time.monotonic()
        chat.send(do="stop")
        ended = [chat.hear("done") for _ in range(2)]
        took.append(time.monotonic() - began)
        assert {reply["ended"] for reply in ended} <= {"stopped", "end of turn"}
        assert {reply["id"] for reply in ended} == {attempt}
    assert min(took) < 0.1
    assert chat.answer({"left": "base"}, "x", max_new_tokens=3, temperature=0.0)["left"]["tokens"] <= 3


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"do": "dance"}, "doesn't know the request"),
        ({"do": "load", "voices": {"a": {"base": "/nowhere/at all"}}}, "There is no model folder"),
        ({"do": "load", "voices": {"a": {}}}, "without saying which"),
        (asking([]), "conversation can't be used"),
        (asking([{"role": "user", "content": "x"}], top_p=7), "Top-p is 7"),
        (asking([{"role": "user", "content": "word " * 900}]), "this model can read 256"),
        (
            {"do": "read", "id": 1, "voice": "base", "messages": [{"role": "user", "content": "x"}], "answer": ""},
            "There is no answer to look at",
        ),
    ],
)
def test_what_cannot_be_done_is_a_sentence(chat: Talk, tiny_base: Path, request_: dict[str, Any], words: str) -> None:
    chat.load(base=(tiny_base, None))
    chat.send(**request_)
    assert words in chat.hear("failed")["what"]


def test_an_adapter_of_another_base(chat: Talk, adapter: Path, tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    other = byte_level(tmp_path / "other", CHATML)
    LlamaForCausalLM(
        LlamaConfig(vocab_size=500, hidden_size=48, intermediate_size=64, num_hidden_layers=1, num_attention_heads=4)
    ).save_pretrained(other)
    chat.send(do="load", voices={"tuned": Voice(other, adapter).as_dict()})
    assert "doesn't fit this base model" in chat.hear("failed")["what"]
    assert chat.load(base=(other, None))["voices"]["base"]["name"] == "other"


def test_it_ends_in_the_middle_of_an_answer(tmp_path: Path) -> None:
    endless = tiny_llama(byte_level(tmp_path / "endless", CHATML), context=100_000)
    chat = Talk("-m", "studio", "--worker", "chat")
    chat.hear("ready")
    chat.load(base=(endless, None))
    chat.ask(1, {"left": "base"}, "x", temperature=5.0, max_new_tokens=30_000, top_p=1.0)
    chat.hear("text")
    assert chat.end() == 0


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this system doesn't group processes by session")
def test_a_worker_in_a_session_of_its_own_lowers_its_whole_group() -> None:
    code = "from studio.engine.worker import _prepare; _prepare(7); print(open('/proc/self/autogroup').read())"
    for alone in (True, False):
        command = [sys.executable, "-c", code]
        told = subprocess.run(command, capture_output=True, text=True, start_new_session=alone, check=True).stdout
        assert told.strip().endswith("nice 7") == alone  # another's session is not ours to slow down


@pytest.fixture(scope="module")
def preview() -> Iterator[Talk]:
    script = (
        "import sys; from studio.engine.worker import main; print('to the log, not to the pipe', flush=True);"
        "code = main(['preview']);"
        "print('torch loaded:', bool(sys.modules.get('torch')), file=sys.stderr); sys.exit(code)"
    )
    talk = Talk("-c", script)
    line = talk.process.stdout.readline() if talk.process.stdout else b""
    assert line.startswith(b"to the log")  # printed before the worker took the pipe for itself
    talk.hear("ready")
    yield talk
    assert talk.process.stdin is not None
    talk.process.stdin.close()
    errors = talk.process.stderr.read() if talk.process.stderr else b""
    assert b"torch loaded: False" in errors
    assert talk.end() == 0


@pytest.mark.parametrize("train_on", ["answers", "everything"])
@pytest.mark.parametrize("template", ["model", "alpaca"])
def test_the_preview_is_what_is_trained(preview: Talk, tiny_base: Path, template: str, train_on: str) -> None:
    turns = [Message("user", "שלום 😀 cat?"), Message("assistant", "你好 Hello " * 30)]
    messages = [turn.as_dict() for turn in turns]
    preview.send(
        do="preview", id=4, model=str(tiny_base), template=template, messages=messages, max_length=70, train_on=train_on
    )
    reply = preview.hear("preview")
    encoder = load_encoder(tiny_base, template)
    encoded = encoder.encode(turns, max_length=70, train_on=train_on)
    assert [token[1] for token in reply["tokens"]] == list(encoded.ids)
    assert [token[2] for token in reply["tokens"]] == list(encoded.mask)
    assert "".join(token[0] for token in reply["tokens"]) == encoded.text
    assert (reply["id"], reply["total"], reply["trained"]) == (4, 70, encoded.trained)
    assert reply["warnings"] == list(encoded.warnings)
    assert reply["template"] == encoder.label


def test_the_preview_of_plain_text_is_what_is_trained(preview: Talk, tiny_base: Path) -> None:
    text = "The cat slept. " * 2_000
    preview.send(do="preview", id=9, model=str(tiny_base), template="model", text=text, max_length=32)
    reply = preview.hear("preview")
    assert [token[1] for token in reply["tokens"]] == load_encoder(tiny_base, "model").passage(text[:20_000])
    assert reply["trained"] == reply["total"] - 1 and reply["template"] == ""
    assert reply["warnings"] == [
        "The first 20,000 of 30,000 characters are shown.",
        "Longer than 32 tokens: it is learned in pieces of that length, none left out.",
    ]


def test_preview_of_what_is_not_there(preview: Talk, tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "a"}]
    preview.send(do="preview", id=5, model=str(tmp_path), template="model", messages=messages)
    assert "no config.json" in preview.hear("failed")["what"]
    preview.send(do="preview", id=6, model=str(tmp_path), template="model", messages="x")
    assert preview.hear("failed")["id"] == 6


def test_a_changed_tokenizer_is_loaded_again(preview: Talk, tmp_path: Path) -> None:
    base = tiny_llama(byte_level(tmp_path / "base", CHATML))
    request = {"do": "preview", "id": 7, "model": str(base), "template": "model"}
    preview.send(**request, messages=[{"role": "user", "content": "a"}])
    assert preview.hear("preview")["tokens"][0][0] == "<|im_start|>"
    (base / "chat_template.jinja").write_text("{{ messages[0].content }}!")
    os.utime(base / "chat_template.jinja", ns=(1, 1))
    preview.send(**request, messages=[{"role": "user", "content": "a"}])
    assert "".join(token[0] for token in preview.hear("preview")["tokens"]) == "a!"

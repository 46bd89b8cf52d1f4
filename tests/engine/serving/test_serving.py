"""A real worker behind real HTTP on loopback: OpenAI's shapes, streaming, stops, usage, and who is turned away.

That the `openai` package itself talks to it is `tests.parity.openai_client`, which needs that package.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from studio.core.errors import StudioError
from studio.core.messages import Message
from studio.core.serving import check_address, is_loopback
from studio.engine.loading import load_encoder, load_model, pick_precision
from studio.processes.asking import Asking
from tests.engine.conftest import CHATML, byte_level, tiny_llama

pytestmark = pytest.mark.timeout(400)  # a busy machine takes its time to start a worker
GREEDY = {"temperature": 0, "max_tokens": 24}
HELLO = [{"role": "user", "content": "Hello World!"}]


class Served:
    """A worker that serves, and a caller."""

    def __init__(self, worker: Asking, base: Path, token: str = "") -> None:
        self.base, self._worker = base, worker
        words = {"do": "serve", "base": str(base), "adapter": None, "host": "127.0.0.1", "port": 0, "token": token}
        reply = worker.ask(words, "serving")
        self.address, self.model = str(reply["address"]), str(reply["model"])
        self.port = int(self.address.split(":")[2].split("/")[0])

    def call(self, path: str, body: Any = None, method: str = "POST", **headers: str) -> tuple[int, str]:
        caller = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        caller.request(method, path, sent, {"Content-Type": "application/json", **headers})
        reply = caller.getresponse()
        text = reply.read().decode()
        caller.close()
        return reply.status, text

    def chat(self, **values: Any) -> dict[str, Any]:
        status, text = self.call("/v1/chat/completions", {"model": "any", "messages": HELLO, **GREEDY, **values})
        assert status == 200, text
        return json.loads(text)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama(byte_level(tmp_path_factory.mktemp("m") / "tiny base é", CHATML), context=512)


@pytest.fixture(scope="module")
def served(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Asking("serve", tmp_path_factory.mktemp("log") / "serve.log") as worker:
        yield Served(worker, base)


def wanted(base: Path, prompt: list[int], count: int) -> str:
    """What transformers goes on with."""
    import torch

    model: Any = load_model(base, pick_precision("fp32", "cpu", 1, training=False), "cpu")
    ids = torch.tensor([prompt])
    made = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=count)
    return str(load_encoder(base, "model").tokenizer.decode(made[0, len(prompt) :], skip_special_tokens=True))


def test_an_answer_at_once_and_streamed_is_the_models_own(served: Served) -> None:
    encoder = load_encoder(served.base, "model")
    prompt = encoder.prompt([Message("user", "Hello World!")])
    whole = served.chat()
    text = whole["choices"][0]["message"]["content"]
    assert text == wanted(served.base, prompt, 24) and whole["model"] == served.model == served.base.name
    assert whole["object"] == "chat.completion" and whole["choices"][0]["finish_reason"] in ("stop", "length")
    usage = whole["usage"]
    assert usage["prompt_tokens"] == len(prompt) and 0 < usage["completion_tokens"] <= 24
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    body = {"messages": HELLO, **GREEDY, "stream": True, "stream_options": {"include_usage": True}}
    status, streamed = served.call("/v1/chat/completions", body)
    events = [line.removeprefix("data: ") for line in streamed.split("\n\n") if line]
    assert status == 200 and events[-1] == "[DONE]"
    parts = [json.loads(event) for event in events[:-1]]
    assert parts[0]["choices"][0]["delta"]["role"] == "assistant"
    assert "".join(part["choices"][0]["delta"].get("content", "") for part in parts if part["choices"]) == text
    reasons = [part["choices"][0]["finish_reason"] for part in parts if part["choices"]]
    assert reasons[-1] == whole["choices"][0]["finish_reason"] and set(reasons[:-1]) == {None}
    assert parts[-1]["usage"] == usage and parts[-1]["choices"] == []


def test_text_completions_models_and_stops(served: Served) -> None:
    encoder = load_encoder(served.base, "model")
    ids = encoder.tokenizer.encode("the cat", add_special_tokens=False)
    text = wanted(served.base, ids, 24)
    for prompt in ("the cat", ["the cat"], ids):
        status, told = served.call("/v1/completions", {"prompt": prompt, **GREEDY})
        assert status == 200 and json.loads(told)["choices"][0]["text"] == text
    at = len(text) // 2
    stop = text[at : at + 3]
    told = json.loads(served.call("/v1/completions", {"prompt": "the cat", **GREEDY, "stop": [stop, "<|never|>"]})[1])
    assert told["choices"][0]["text"] == text[: text.index(stop)] and told["choices"][0]["finish_reason"] == "stop"
    cut = json.loads(served.call("/v1/completions", {"prompt": "the cat", "temperature": 0, "max_tokens": 3})[1])
    assert cut["choices"][0]["finish_reason"] == "length" and cut["usage"]["completion_tokens"] == 3
    status, models = served.call("/v1/models", method="GET")
    assert status == 200 and [model["id"] for model in json.loads(models)["data"]] == [served.base.name]


def test_seeds_repeat_and_parts_are_joined(served: Served) -> None:
    parts = [{"role": "user", "content": [{"type": "text", "text": "Hello "}, {"type": "text", "text": "World!"}]}]
    assert served.chat(messages=parts)["choices"] == served.chat()["choices"]
    first = served.chat(temperature=1.0, seed=3)["choices"]
    assert first == served.chat(temperature=1.0, seed=3)["choices"] != served.chat(temperature=1.0, seed=4)["choices"]
    assert first == served.chat(temperature=1.0, seed=3, top_p=None, stop=None, n=1)["choices"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "text alone"),
        ({"messages": HELLO, "n": 2}, "“n”"),
        ({"messages": HELLO, "tools": [{"type": "function"}]}, "tools"),
        ({"messages": HELLO, "temperature": 9}, "Temperature"),
        ({"messages": HELLO, "max_tokens": "many"}, "Longest"),
        ({"messages": HELLO, "stop": [1]}, "stop"),
        ({"messages": [{"role": "user", "content": "word " * 900}]}, "512"),
    ],
)
def test_what_cannot_be_done_is_said(served: Served, values: dict[str, Any], said: str) -> None:
    status, text = served.call("/v1/chat/completions", values)
    assert status == 400 and said in json.loads(text)["error"]["message"]


def test_who_is_turned_away(served: Served) -> None:
    body = {"messages": HELLO, **GREEDY}
    chat = "/v1/chat/completions"
    assert served.call(chat, body, Host="evil.example")[0] == 403  # a name that was made to point here
    assert served.call(chat, body, Origin="https://evil.example")[0] == 403
    assert served.call(chat, body, Origin="http://localhost:3000")[0] == 200
    assert served.call(chat, body, **{"Content-Type": "text/plain"})[0] == 415  # what a page may send unasked
    assert served.call(chat, b"{nonsense")[0] == 400
    assert served.call(chat, b"[1]")[0] == 400
    assert served.call("/v1/nothing", body)[0] == 404 and served.call("/", method="GET")[0] == 404
    assert served.call(chat, b"", **{"Content-Length": str(10**9)})[0] == 413
    assert served.call(chat, body)[0] == 200


def test_a_caller_that_goes_away_ends_its_answer(served: Served) -> None:
    body = json.dumps({"messages": HELLO, "temperature": 2.0, "max_tokens": 400, "stream": True}).encode()
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", served.port), timeout=60) as caller:
            head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            caller.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            assert caller.recv(64).startswith(b"HTTP/1.1 200")
    assert served.chat()["choices"][0]["message"]["content"]


def test_a_token_must_be_shown(base: Path, tmp_path: Path) -> None:
    with Asking("serve", tmp_path / "serve.log") as worker:
        served = Served(worker, base, token="a very secret token")
        body = {"messages": HELLO, **GREEDY}
        assert served.call("/v1/chat/completions", body)[0] == 401
        assert served.call("/v1/models", method="GET", Authorization="Bearer wrong")[0] == 401
        assert served.call("/v1/chat/completions", body, Authorization="Bearer a very secret token")[0] == 200
        with pytest.raises(StudioError, match="every computer"):
            worker.ask({"do": "serve", "base": str(base), "host": "0.0.0.0", "port": 0, "token": "short"}, "serving")
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            taken = {"do": "serve", "base": str(base), "host": "127.0.0.1", "port": other.getsockname()[1], "token": ""}
            with pytest.raises(StudioError, match="listen"):
                worker.ask(taken, "serving")


def test_which_addresses_need_a_token() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "localhost", "::1", "[::1]", "127.8.8.8"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "192.168.1.2", "example.org", ""))
    check_address("127.0.0.1", 0, "")
    check_address("0.0.0.0", 8000, "sixteen letters!")
    for host, port, token in (("0.0.0.0", 80, ""), ("127.0.0.1", 70000, ""), ("127.0.0.1", 80, "geheim-ü-geheim-ü")):
        with pytest.raises(StudioError):
            check_address(host, port, token)

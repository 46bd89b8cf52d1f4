"""How fast chat answers, against transformers' own `generate` with a streamer; what a second pane costs; how soon
a stop is heard.

    python -m tests.bench.chat [ROUNDS]

Two models: the starter, and one of 25 million parameters whose random weights write words. Both sides have the same
numbers, number format, threads and priority, and take turns; greedy, 96 tokens an answer. A round is a conversation of
three turns, of prompts that grow from about 130 to about 400 tokens. Theirs is called with the whole conversation each
time, in a thread with a TextIteratorStreamer, as its documentation has it, the model in this process and no pipe; ours
is the real worker, its pipe included.

Times count from the moment at which the message is sent, the writing of the prompt by the template included. "text" is
the first text that can be seen (their streamer holds a word back until the next begins), "token" the first token,
which ours sends as text at once; "first" is the first turn, "later" the second and third. "speed" is tokens of an
answer by the whole time that it took, in all turns. Two panes are the base and an adapter on it, asked something new,
against the base alone and the adapter alone, asked something new too. Each line is a JSON object; medians, in ms.
"""

from __future__ import annotations

import json
import math
import os
import re
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.core.conversation import Voice
from studio.storage.resources import carried
from tests.bench._chat_worker import Talk

TOKENS = 96
STOPS = 40
PRIORITY = 5  # the chat worker's
STORY = (
    "Once upon a time there was a river that had lost its way in the hills. It asked the old stones where the sea was, "
    "but they had never been there. So it went on, past the mill and under the bridge, until a small boy with a paper "
    "boat sat down beside it and told it what he knew. Tell me what the boy said, and what the river did then."
)
FOLLOWING = ("And why did it do that? Tell me a little more.", "How did it end, and what became of the boy?")


def made_model(folder: Path) -> Path:
    """A Llama of 25 million parameters with random weights, with the starter's tokenizer. It writes nothing but words:
    what it wrote is read back as the tokens that it was written as, as what trained models write mostly is."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    starter = carried("resources", "starter")
    tokenizer: Any = AutoTokenizer.from_pretrained(starter)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=512,
        intermediate_size=1376,
        num_hidden_layers=8,
        num_attention_heads=8,
        num_key_value_heads=8,
        max_position_embeddings=2048,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config)
    spelt: list[str] = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    others = [place for place, text in enumerate(spelt) if not re.fullmatch("\u2581[a-z]{2,}", text)]
    model.lm_head.weight.data[others] = 0.0
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def made_adapter(base: Path, folder: Path) -> Path:
    """A random LoRA on it."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    config = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", init_lora_weights=False)
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(str(folder))
    return folder


@dataclass(frozen=True, slots=True)
class Times:
    """Of one answer, in seconds since it was asked: the first text, the first token, the end."""

    text: float
    token: float
    whole: float


class Theirs:
    """transformers' generate with its streamer, as its documentation has it."""

    def __init__(self, base: Path, precision: str) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        from studio.engine.generation import stop_tokens_of
        from studio.engine.loading import load_encoder

        dtype = {"bf16": torch.bfloat16, "fp32": torch.float32}[precision.split()[0]]
        self._model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=dtype).eval()
        self._encoder = load_encoder(base, "model")
        ends = stop_tokens_of(self._model, self._encoder.tokenizer, self._encoder.end_of_turn)
        self._ends = sorted(ends)

    def ask(self, messages: list[dict[str, str]]) -> tuple[str, Times]:
        """Answer; the text and the times."""
        import torch
        from transformers import TextIteratorStreamer

        from studio.core.messages import messages_from

        put: list[float] = []

        class Timed(TextIteratorStreamer):
            def put(self, value: Any) -> None:
                put.append(time.perf_counter() - began)
                super().put(value)

        began = time.perf_counter()
        ids = torch.tensor([self._encoder.prompt(messages_from(messages))])
        streamer = Timed(self._encoder.tokenizer, skip_prompt=True, skip_special_tokens=True)  # type: ignore[arg-type]
        asked = {
            "inputs": ids,
            "attention_mask": torch.ones_like(ids),
            "do_sample": False,
            "max_new_tokens": TOKENS,
            "min_new_tokens": TOKENS,
            "eos_token_id": self._ends,
            "streamer": streamer,
        }
        thread = threading.Thread(target=self._model.generate, kwargs=asked)
        thread.start()
        told, first = "", 0.0
        for text in streamer:
            first = first or (time.perf_counter() - began if text.strip() else 0.0)
            told += text
        whole = time.perf_counter() - began
        thread.join()
        return told, Times(first, put[1], whole)  # the first that is put is the prompt

    def parted(self, messages: list[dict[str, str]], theirs: str, ours: str) -> float:
        """How much likelier the plain model finds its own token where two answers part, in roundings of its logit."""
        import torch

        from studio.core.messages import messages_from

        tokenizer: Any = self._encoder.tokenizer
        one, other = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in (theirs, ours))
        place = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
        if place is None:
            return float("inf")  # one of them is longer
        ids = [*self._encoder.prompt(messages_from(messages)), *one[:place]]
        with torch.inference_mode():
            logits = self._model(input_ids=torch.tensor([ids])).logits[0, -1]
        best, taken = float(logits[one[place]]), float(logits[other[place]])
        return abs(best - taken) / (2 ** math.floor(math.log2(abs(best))) * torch.finfo(logits.dtype).eps)


def conversation(questions: list[str], answers: list[str]) -> list[dict[str, str]]:
    said: list[dict[str, str]] = []
    for number, question in enumerate(questions):
        said.append({"role": "user", "content": question})
        if number < len(answers):
            said.append({"role": "assistant", "content": answers[number]})
    return said


def speed(name: str, base: Path, adapter: Path, rounds: int) -> dict[str, Any]:
    found: dict[str, list[float]] = {}
    turns, parted = 0, list[float]()
    how = {"temperature": 0.0, "max_new_tokens": TOKENS, "min_new_tokens": TOKENS}
    voices = {"left": Voice(base), "right": Voice(base, adapter, asked_like=None)}

    def note(key: str, seconds: float) -> None:
        found.setdefault(key, []).append(seconds * 1000)

    with Talk(voices) as ours:
        precision = ours.loaded["voices"]["left"]["precision"]
        theirs = Theirs(base, precision)
        for number in range(-1, rounds):  # the first round warms up
            questions, answers = [f"{number}. {STORY}", *FOLLOWING], list[str]()
            for turn in range(len(questions)):
                said, when = conversation(questions[: turn + 1], answers), "later" if turn else "first"
                ended, (first, _, whole) = ours.ask({"left": said}, **how)
                text, times = theirs.ask(said)
                answers.append(ended["left"]["text"])
                if number < 0:
                    continue
                turns += 1
                if answers[-1] != text:
                    parted.append(round(theirs.parted(said, text, answers[-1]), 2))
                note(f"{when}_ms", first)
                note(f"their_{when}_text_ms", times.text)
                note(f"their_{when}_token_ms", times.token)
                note("whole_ms", whole)
                note("their_whole_ms", times.whole)
            for key, panes in (("one", ["left"]), ("tuned", ["right"]), ("two", ["left", "right"])):
                new = conversation([f"{number} {key}. {STORY}"], [])
                _, (_, _, whole) = ours.ask(dict.fromkeys(panes, new), **how)
                if number >= 0:
                    note(f"{key}_ms", whole)
        stops = sorted(stop_after(ours, number) * 1000 for number in range(STOPS))
    told = {key: round(statistics.median(values), 2) for key, values in found.items()}
    told |= {"tokens_per_second": round(TOKENS / told["whole_ms"] * 1000)}
    told |= {"their_tokens_per_second": round(TOKENS / told["their_whole_ms"] * 1000)}
    told |= {f"{key} of medians": value for key, value in ratios(found, statistics.median).items()}
    told |= {f"{key} of best": value for key, value in ratios(found, min).items()}
    stop = {"stop_ms": round(statistics.median(stops), 1), "stop_worst_ms": round(stops[-1], 1)}
    return {
        "bench": "chat",
        "model": name,
        "precision": precision,
        "same_text": f"{turns - len(parted)}/{turns}",
        "parted_at_ties": parted,
        **told,
        **stop,
    }


def ratios(found: dict[str, list[float]], of: Callable[[list[float]], float]) -> dict[str, float]:
    """What the times come to: how many times as soon and as fast, and what a second pane costs. The best times of
    both sides are what other programs disturbed least."""
    pairs = {
        "first text x": ("their_first_text_ms", "first_ms"),
        "first token x": ("their_first_token_ms", "first_ms"),
        "later text x": ("their_later_text_ms", "later_ms"),
        "later token x": ("their_later_token_ms", "later_ms"),
        "speed x": ("their_whole_ms", "whole_ms"),
        "two panes to the base's": ("two_ms", "one_ms"),
        "two panes to the adapter's": ("two_ms", "tuned_ms"),
    }
    return {name: round(of(found[above]) / of(found[below]), 2) for name, (above, below) in pairs.items()}


def stop_after(talk: Talk, number: int) -> float:
    """Seconds from a stop, asked in the middle of an answer, to its end."""
    talk.send(
        do="answer",
        id=2,
        panes={
            "left": {
                "voice": "left",
                "messages": conversation([f"Tell a long story. {number}"], []),
                "sampling": {"temperature": 1.0, "min_new_tokens": 400, "max_new_tokens": 400, "seed": number},
            }
        },
    )
    talk.until("text")
    time.sleep(0.02 + 0.0017 * number)
    began = time.perf_counter()
    talk.send(do="stop")
    talk.until("done")
    return time.perf_counter() - began


def main() -> None:
    rounds = next((int(word) for word in sys.argv[1:] if word.isdigit()), 7)
    starter = carried("resources", "starter")
    if hasattr(os, "nice"):
        os.nice(PRIORITY)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        os.environ["PLUMBLINE_HOME"] = str(Path(name) / "home")
        large = made_model(Path(name) / "random-25M")
        for label, base in (("starter", starter), ("25M", large)):
            print(json.dumps(speed(label, base, made_adapter(base, Path(name) / f"{label}-lora"), rounds)), flush=True)


if __name__ == "__main__":
    main()

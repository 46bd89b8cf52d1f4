"""How fast chat answers, against transformers' own `generate` with a streamer; what a second pane costs; how soon
a stop is heard.

    python -m tests.bench.chat [ROUNDS]

Two models: the starter, and one of 25 million parameters with random weights. Both sides have the same numbers, number
format and threads, and take turns; greedy, 128 tokens. Ours is the real worker, its pipe included; theirs has the model
in this process and no pipe. "first" is a question asked anew, "later" the second turn of a conversation, of which ours
need not read the first again. (What random weights write is rarely read back as the tokens that it was written as, so
that there the second turn is read from the first answer on.) Each line is a JSON object; times are medians in
milliseconds.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from studio.core.conversation import Voice
from studio.storage.resources import carried
from tests.bench._chat_worker import Talk

TOKENS = 128
STOPS = 8
QUESTIONS = (
    "Name three colours of the sky.",
    "Write a short poem about a river that has lost its way.",
    "Why do leaves fall from trees in autumn? Explain it to a child.",
    "Count from one to ten.",
)


def made_model(folder: Path) -> Path:
    """A Llama of 25 million parameters with random weights, with the starter's tokenizer."""
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

    def ask(self, messages: list[dict[str, str]]) -> tuple[str, list[float]]:
        """Answer; the text, and the seconds to the first token, to the last, and to the end."""
        import torch
        from transformers import TextStreamer

        from studio.core.messages import messages_from

        times: list[float] = []
        told: list[str] = []

        class Timed(TextStreamer):
            def put(self, value: Any) -> None:
                super().put(value)
                times.append(time.perf_counter() - began)

            def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
                told.append(text)

        began = time.perf_counter()
        ids = torch.tensor([self._encoder.prompt(messages_from(messages))])
        self._model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=TOKENS,
            min_new_tokens=TOKENS,
            eos_token_id=self._ends,
            streamer=Timed(self._encoder.tokenizer, skip_prompt=True, skip_special_tokens=True),  # type: ignore[arg-type]
        )
        return "".join(told), [times[1], times[-1], time.perf_counter() - began]  # times[0] is the prompt's


def conversation(questions: list[str], answers: list[str]) -> list[dict[str, str]]:
    said: list[dict[str, str]] = []
    for number, question in enumerate(questions):
        said.append({"role": "user", "content": question})
        if number < len(answers):
            said.append({"role": "assistant", "content": answers[number]})
    return said


def speed(name: str, base: Path, adapter: Path, rounds: int) -> dict[str, Any]:
    found: dict[str, list[float]] = {}
    same = 0

    def note(key: str, value: float) -> None:
        found.setdefault(key, []).append(value)

    how = {"temperature": 0.0, "max_new_tokens": TOKENS, "min_new_tokens": TOKENS}
    voices = {"left": Voice(base), "right": Voice(base, adapter, asked_like=None)}
    with Talk(voices) as ours:
        precision = ours.loaded["voices"]["left"]["precision"]
        theirs = Theirs(base, precision)
        for number in range(rounds + 1):  # the first round warms up
            question = f"{QUESTIONS[number % len(QUESTIONS)]} ({number})"
            said = conversation([question], [])
            ended, mine = ours.ask({"left": said}, **how)
            text, other = theirs.ask(said)
            later = conversation([question, "And why?"], [ended["left"]["text"]])
            again, mine_later = ours.ask({"left": later}, **how)
            _, other_later = theirs.ask(later)
            _, both = ours.ask({"left": said, "right": said}, **how)
            _, alone = ours.ask({"right": conversation([f"Once more: {question}"], [])}, **how)
            if not number:
                continue
            same += ended["left"]["text"] == text
            tokens = int(ended["left"]["tokens"])
            note("first_ms", mine[0] * 1000)
            note("their_first_ms", other[0] * 1000)
            note("later_ms", mine_later[0] * 1000)
            note("their_later_ms", other_later[0] * 1000)
            note("tokens_per_second", tokens / mine[2])
            note("their_tokens_per_second", TOKENS / other[2])
            note("whole_ms", mine[2] * 1000)
            note("two_panes_ms", both[2] * 1000)
            note("tuned_ms", alone[2] * 1000)
            assert again["left"]["tokens"]
        stops = [stop_after(ours, number) for number in range(STOPS)]
    told = {key: round(statistics.median(values), 2) for key, values in found.items()}
    told |= {f"{key} of medians": value for key, value in ratios(found, statistics.median).items()}
    told |= {f"{key} of best": value for key, value in ratios(found, min).items()}
    worst = {"stop_worst_ms": round(max(stops) * 1000, 1)}
    return {"bench": "chat", "model": name, "precision": precision, "same_text": f"{same}/{rounds}", **told, **worst}


def ratios(found: dict[str, list[float]], of: Callable[[list[float]], float]) -> dict[str, float]:
    """What the times come to: how many times as soon and as fast, and what a second pane costs. The best times of
    both sides are what other programs disturbed least."""
    fast = {key: [1 / value for value in found[key]] for key in ("tokens_per_second", "their_tokens_per_second")}
    return {
        "first x": round(of(found["their_first_ms"]) / of(found["first_ms"]), 2),
        "later x": round(of(found["their_later_ms"]) / of(found["later_ms"]), 2),
        "speed x": round(of(fast["their_tokens_per_second"]) / of(fast["tokens_per_second"]), 2),
        "two panes to one": round(of(found["two_panes_ms"]) / of(found["whole_ms"]), 2),
        "two panes to the tuned one": round(of(found["two_panes_ms"]) / of(found["tuned_ms"]), 2),
    }


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
    time.sleep(0.02 + 0.01 * number)
    began = time.perf_counter()
    talk.send(do="stop")
    talk.until("done")
    return time.perf_counter() - began


def main() -> None:
    rounds = next((int(word) for word in sys.argv[1:] if word.isdigit()), 7)
    starter = carried("resources", "starter")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        os.environ["PLUMBLINE_HOME"] = str(Path(name) / "home")
        large = made_model(Path(name) / "random-25M")
        for label, base in (("starter", starter), ("25M", large)):
            print(json.dumps(speed(label, base, made_adapter(base, Path(name) / f"{label}-lora"), rounds)), flush=True)


if __name__ == "__main__":
    main()

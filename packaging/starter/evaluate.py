"""What the starter shows, measured: the base and a few minutes of SFT on the held-out instructions, by the gold judge.

`python -m starter.evaluate` answers every held-out instruction greedily with the base, trains LoRA adapters on
sample_data/instructions.json (one per seed, answers alone carry loss), answers again, and prints shares with 95 %
intervals. A plain loop of its own, so that these figures do not rest on the program they are shipped with.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch  # noqa: TID253 - a program of its own, which nothing else imports
from peft import LoraConfig, PeftModel, get_peft_model  # noqa: TID253
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: TID253

from starter.pretrain import keep_memory
from starter.tokenizer import MODEL_FOLDER
from starter.write_samples import SAMPLES
from studio.core import gold_judge as judge
from studio.core.intervals import wilson

LONGEST_ANSWER = 96


@dataclass(frozen=True)
class Recipe:
    """The SFT that the figures are measured with."""

    rank: int = 16
    alpha: int = 32
    learning_rate: float = 2e-3
    batch: int = 16
    epochs: float = 3.0
    warmup: float = 0.05


@dataclass(frozen=True)
class Answer:
    text: str
    ended: bool


def prompt_of(row: dict[str, Any]) -> str:
    return f"{row['instruction']}\n{row['input']}" if row["input"] else str(row["instruction"])


def chat_ids(reader: Any, prompt: str) -> list[int]:
    text = reader.apply_chat_template([{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True)
    return reader(text, add_special_tokens=False)["input_ids"]


@torch.no_grad()
def answers(model: Any, reader: Any, prompts: Sequence[list[int]], batch: int = 64) -> list[Answer]:
    """Greedy answers, in the order of the prompts."""
    model.eval()
    found: dict[int, Answer] = {}
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    for start in range(0, len(order), batch):
        places = order[start : start + batch]
        longest = max(len(prompts[place]) for place in places)
        ids = torch.full((len(places), longest), reader.pad_token_id)
        mask = torch.zeros_like(ids)
        for row, place in enumerate(places):
            ids[row, longest - len(prompts[place]) :] = torch.tensor(prompts[place])
            mask[row, longest - len(prompts[place]) :] = 1
        made = model.generate(
            input_ids=ids,
            attention_mask=mask,
            do_sample=False,
            temperature=None,
            top_p=None,
            max_new_tokens=LONGEST_ANSWER,
            eos_token_id=reader.eos_token_id,
            pad_token_id=reader.pad_token_id,
        )
        for row, place in enumerate(places):
            tokens = made[row, longest:].tolist()
            ended = reader.eos_token_id in tokens
            if ended:
                tokens = tokens[: tokens.index(reader.eos_token_id)]
            found[place] = Answer(reader.decode(tokens).replace(reader.pad_token, ""), ended)
    return [found[place] for place in range(len(prompts))]


def fine_tune(reader: Any, rows: Sequence[dict[str, Any]], seed: int, recipe: Recipe, folder: Path) -> PeftModel:
    """A LoRA adapter on every linear layer, trained on the answers and their end mark alone."""
    torch.manual_seed(seed)
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model: Any = get_peft_model(
        base, LoraConfig(r=recipe.rank, lora_alpha=recipe.alpha, target_modules="all-linear", task_type="CAUSAL_LM")
    )
    examples: list[tuple[list[int], list[int]]] = []
    for row in rows:
        prompt = chat_ids(reader, prompt_of(row))
        answer = reader(row["output"], add_special_tokens=False)["input_ids"] + [reader.eos_token_id]
        examples.append((prompt, answer))
    steps = round(len(examples) / recipe.batch * recipe.epochs)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=recipe.learning_rate, weight_decay=0.0, fused=True)
    rate = _rate(steps, recipe.warmup)
    step = 0
    model.train()
    shuffle = random.Random(seed)
    while step < steps:
        for places in _batches(examples, recipe.batch, shuffle):
            if step == steps:
                break
            for group in optimiser.param_groups:
                group["lr"] = recipe.learning_rate * rate(step)
            ids, labels, mask = _padded([examples[place] for place in places], reader.pad_token_id)
            with torch.autocast("cpu", torch.bfloat16):
                loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimiser.step()
            optimiser.zero_grad()
            step += 1
    return model


def _rate(steps: int, warmup: float) -> Callable[[int], float]:
    """Linear up, linear down."""
    rising = max(1, round(steps * warmup))
    return lambda step: min((step + 1) / rising, (steps - step) / max(1, steps - rising))


def _batches(examples: Sequence[tuple[list[int], list[int]]], size: int, shuffle: random.Random) -> list[list[int]]:
    """One pass: batches of like length, which wastes no padding, in random order."""
    order = list(range(len(examples)))
    shuffle.shuffle(order)
    batches: list[list[int]] = []
    for start in range(0, len(order), size * 32):
        window = sorted(order[start : start + size * 32], key=lambda place: sum(map(len, examples[place])))
        batches += [window[place : place + size] for place in range(0, len(window), size)]
    shuffle.shuffle(batches)
    return batches


def _padded(
    examples: Sequence[tuple[list[int], list[int]]], pad: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    longest = max(len(prompt) + len(answer) for prompt, answer in examples)
    ids = torch.full((len(examples), longest), pad)
    labels = torch.full((len(examples), longest), -100)
    mask = torch.zeros_like(ids)
    for row, (prompt, answer) in enumerate(examples):
        length = len(prompt) + len(answer)
        ids[row, :length] = torch.tensor(prompt + answer)
        labels[row, len(prompt) : length] = torch.tensor(answer)
        mask[row, :length] = 1
    return ids, labels, mask


@dataclass(frozen=True)
class Measured:
    """How a model did on the held-out rows."""

    count: int
    follows: int
    ended: int
    score: float
    by_family: dict[str, tuple[int, int]]

    def line(self, name: str) -> str:
        low, high = wilson(self.follows, self.count)
        return (
            f"{name:10} follows {self.follows / self.count:6.1%} [{low:.1%}, {high:.1%}]  "
            f"ends its turn {self.ended / self.count:6.1%}  gold score {self.score:5.2f}  (n = {self.count})"
        )


def measure(given: Sequence[Answer], rows: Sequence[dict[str, Any]]) -> Measured:
    verdicts = [judge.judge(row["check"], answer.text) for row, answer in zip(rows, given, strict=True)]
    families: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row, verdict in zip(rows, verdicts, strict=True):
        right, count = families[row["family"]]
        families[row["family"]] = (right + verdict.follows, count + 1)
    return Measured(
        len(rows),
        sum(v.follows for v in verdicts),
        sum(a.ended for a in given),
        sum(v.score for v in verdicts) / len(verdicts),
        dict(families),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL_FOLDER)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3], help="one SFT for each; none: base only")
    parser.add_argument("--epochs", type=float, default=Recipe.epochs)
    parser.add_argument("--learning-rate", type=float, default=Recipe.learning_rate)
    parser.add_argument("--batch", type=int, default=Recipe.batch)
    parser.add_argument("--show", type=int, default=5, help="how many answers of each model to print")
    options = parser.parse_args()
    recipe = Recipe(epochs=options.epochs, learning_rate=options.learning_rate, batch=options.batch)
    keep_memory()
    reader = AutoTokenizer.from_pretrained(options.model)
    rows = json.loads((SAMPLES / "heldout.json").read_text(encoding="utf-8"))
    training = json.loads((SAMPLES / "instructions.json").read_text(encoding="utf-8"))
    in_chat = [chat_ids(reader, prompt_of(row)) for row in rows]
    bare = [reader(prompt_of(row) + "\n", add_special_tokens=False)["input_ids"] for row in rows]
    base = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32)
    for name, prompts in (("base, chat", in_chat), ("base, bare", bare)):
        given = answers(base, reader, prompts)
        _report(name, given, rows, options.show)
    for seed in options.seeds:
        started = time.monotonic()
        model = fine_tune(reader, training, seed, recipe, options.model)
        seconds = time.monotonic() - started
        given = answers(model, reader, in_chat)
        _report(f"SFT seed {seed}", given, rows, options.show)
        print(f"SFT took {seconds:.0f} s", flush=True)


def _report(name: str, given: Sequence[Answer], rows: Sequence[dict[str, Any]], show: int) -> None:
    measured = measure(given, rows)
    print(measured.line(name), flush=True)
    print("  " + "  ".join(f"{family} {right}/{count}" for family, (right, count) in measured.by_family.items()))
    for place in random.Random(0).sample(range(len(rows)), min(show, len(rows))):
        reasons = ", ".join(judge.judge(rows[place]["check"], given[place].text).reasons)
        print(f"    {prompt_of(rows[place])!r}\n      -> {given[place].text!r} [{reasons}]", flush=True)


if __name__ == "__main__":
    main()

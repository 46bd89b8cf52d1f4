"""How far the forecast of memory is from the truth: real runs of many configurations on the processor.

    python -m tests.bench.forecast [--only 1,5]

Models of random weights from 0.3 to 40 million parameters, vocabularies from 512 to 65,536, batches of 1 to 16 examples
of 64 to 1,024 tokens, with LoRA, all weights or few bits, by every method. A worker trains each for a few steps in a
process of its own; its peak is what it reports itself. The last line is a JSON object with the relative errors; the bar
is 20 %.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.core.fields import settings_of
from studio.core.forecast import Device, Forecast, forecast_memory
from studio.core.messages import Example, Message
from studio.core.methods import METHODS
from studio.core.recipes import Recipe
from studio.core.records import Label, Pair, Prompt
from studio.core.rewards import Rewards
from studio.core.rules import Rule
from studio.core.training_settings import OFF
from studio.processes.launch import worker_command
from studio.storage.datasets import add_dataset
from studio.storage.model_shapes import read_shape
from studio.storage.project import Project
from studio.storage.runs import EventReader, RunFolder

BAR = 0.20
STEPS = 3


@dataclass(frozen=True)
class Case:
    """A model and how it is trained. sizes: layers, hidden, inner, heads, key-value heads, vocabulary."""

    family: str
    sizes: tuple[int, int, int, int, int, int]
    batch: int
    length: int
    rank: int = 16
    tied: bool = False
    method: str = "sft"
    changed: tuple[tuple[str, Any], ...] = ()  # other settings

    def __str__(self) -> str:
        layers, hidden, _, _, _, vocabulary = self.sizes
        what = f"{self.method} {self.family} {layers} x {hidden}"
        told = "".join(f", {name} {value}" for name, value in self.changed)
        return f"{what}, vocabulary {vocabulary:,}, {self.batch} x {self.length}, r {self.rank}{told}"


TINY = (5, 64, 172, 8, 4, 512)
SMALL = (6, 192, 512, 6, 6, 8192)
MIDDLE = (10, 384, 1024, 6, 6, 8192)
LARGE = (12, 768, 2048, 12, 12, 8192)
WIDE = (8, 256, 704, 8, 2, 65_536)
CASES = (
    Case("llama", TINY, 16, 64, tied=True),
    Case("llama", TINY, 4, 512, 4, tied=True),
    Case("llama", TINY, 16, 1024, tied=True),
    Case("llama", SMALL, 4, 256),
    Case("llama", SMALL, 16, 512),
    Case("llama", MIDDLE, 8, 512),
    Case("llama", MIDDLE, 1, 1024, 64),
    Case("llama", MIDDLE, 8, 1024),
    Case("llama", WIDE, 4, 256, 8),
    Case("llama", (4, 256, 704, 8, 8, 65_536), 16, 128, tied=True),
    Case("qwen2", (8, 320, 896, 10, 2, 32_768), 2, 1024, tied=True),
    Case("gpt2", (6, 256, 1024, 8, 8, 50_257), 8, 128, tied=True),
    Case("llama", SMALL, 4, 256, method="dpo"),
    Case("llama", MIDDLE, 4, 512, method="dpo"),
    Case("llama", WIDE, 4, 128, method="dpo"),
    Case("llama", SMALL, 4, 512, method="reward"),
    Case("llama", MIDDLE, 2, 512, method="reward"),
    Case("llama", MIDDLE, 8, 256, method="kto"),
    Case("llama", WIDE, 8, 128, method="kto"),
    Case("llama", MIDDLE, 2, 512, changed=(("way", "full"),)),
    Case("llama", WIDE, 2, 256, changed=(("way", "full"), ("optimiser", "adamw8bit"))),
    Case("llama", WIDE, 2, 256, tied=True, changed=(("way", "full"), ("optimiser", "adafactor"))),
    Case("llama", LARGE, 1, 256, changed=(("way", "qlora"),)),
    Case("llama", MIDDLE, 4, 512, changed=(("way", "qlora"),)),
    Case("llama", LARGE, 1, 256, changed=(("way", "lora8"),)),
    Case("llama", MIDDLE, 4, 1024, changed=(("checkpointing", "on"),)),
    Case("llama", MIDDLE, 2, 512, changed=(("dora", True), ("lora_targets", "attention"))),
    Case("llama", WIDE, 1, 256, method="dpo", changed=(("way", "full"),)),
    Case("llama", SMALL, 4, 256, method="reward", changed=(("way", "full"),)),
    Case("llama", MIDDLE, 8, 256, method="ppo"),
    Case("llama", MIDDLE, 4, 512, method="ppo", changed=(("value_model", "shared"),)),
    Case("llama", WIDE, 8, 128, method="ppo"),
    Case("llama", MIDDLE, 8, 256, method="rloo"),
    Case("llama", WIDE, 8, 128, method="grpo"),
)


def record(method: str, number: int, text: str) -> Any:
    """What the method learns from, as long as is allowed; the answers of a pair begin unlike each other."""
    if METHODS[method].is_rewarded:
        return Prompt((Message("user", f"{number} {text}"),))
    prompt = (Message("user", str(number)),)
    if method == "sft":
        return Example((*prompt, Message("assistant", text)))
    return Label(prompt, text, number % 2 == 0) if method == "kto" else Pair(prompt, text, f"unlike it, {text}")


def make_model(case: Case, folder: Path) -> None:
    """Write random weights and a tokenizer of bytes. Imports torch, so it is called in a process of its own."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, PreTrainedTokenizerFast, Qwen2Config

    end = "<|end|>"
    pieces = [end, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE({piece: number for number, piece in enumerate(pieces)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=end, bos_token=end).save_pretrained(folder)
    layers, hidden, inner, heads, kv_heads, vocabulary = case.sizes
    common: dict[str, Any] = {
        "vocab_size": vocabulary, "bos_token_id": 0, "eos_token_id": 0, "tie_word_embeddings": case.tied
    }  # fmt: skip
    if case.family == "gpt2":
        config: Any = GPT2Config(n_embd=hidden, n_layer=layers, n_head=heads, n_inner=inner, n_positions=2048, **common)
    else:
        config = (LlamaConfig if case.family == "llama" else Qwen2Config)(
            hidden_size=hidden, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=heads,
            num_key_value_heads=kv_heads, max_position_embeddings=2048, **common,
        )  # fmt: skip
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder)


def measure(case: Case, folder: Path) -> tuple[Forecast, int]:
    """The forecast and the measured peak, in bytes."""
    model = folder / "model"
    make = [sys.executable, "-m", "tests.bench.forecast", "--make", repr(case), str(model)]
    subprocess.run(make, check=True, stderr=subprocess.DEVNULL)
    project = Project.create(folder / "project")
    project.close()
    answer = "all of it is learned, and there is more than enough of it; " * (1 + case.length // 40)
    rows = [record(case.method, number, answer) for number in range(case.batch * STEPS + 2)]
    kind, changed = METHODS[case.method].needs[0], dict[str, Any](case.changed)
    if "checkpointing" in {known.name for known in settings_of(METHODS[case.method].settings())}:
        changed.setdefault("checkpointing", OFF)
    if case.method == "reward":  # which leaves out what it would have to cut
        rows = [record(case.method, number, answer[: case.length - 60]) for number in range(len(rows))]
    if METHODS[case.method].is_rewarded:  # half of a sequence is the prompt, with its template around it
        rows = [record(case.method, number, answer[: case.length // 2 - 40]) for number in range(len(rows))]
        changed["answer_tokens"] = case.length // 2
    info = add_dataset(project, "even", "made here", rows, kind=kind)
    settings = METHODS[case.method].settings(
        epochs=1.0, max_length=case.length, batch_size=case.batch, accumulate=1, max_steps=STEPS, evaluations=2,
        lora_rank=case.rank, held_out=2 / len(rows), **changed,
    )  # fmt: skip
    recipe = Recipe(
        str(model), info.id, method=case.method, template="transcript", dataset_hash=info.content_hash,
        settings=settings, rewards=Rewards(rules=(Rule("ends"),)) if METHODS[case.method].is_rewarded else Rewards(),
    )  # fmt: skip
    run = RunFolder.create(project.runs, recipe)
    with run.log.open("ab") as log:
        subprocess.run(worker_command("run", str(run.folder)), stdout=log, stderr=log, check=False)
    reader, peak, said = EventReader(run.events), 0, ""
    while events := reader.read():
        for event in events:
            peak = max(peak, int(event.values.get("memory_peak") or 0))
            said = str(event.values.get("precision") or said)
    if not peak:
        raise SystemExit(f"{case} did not train:\n{run.log_tail()}")
    device = Device("cpu", "processor", 0, 0, bf16=said.startswith("bf16"))
    return forecast_memory(read_shape(model), settings, device, method=case.method), peak


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="numbers of configurations, from 1")
    parser.add_argument("--make", nargs=2, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.make:
        make_model(next(case for case in CASES if repr(case) == told.make[0]), Path(told.make[1]))
        return 0
    chosen = [int(number) for number in told.only.split(",")] if told.only else range(1, len(CASES) + 1)
    errors: dict[str, float] = {}
    for number in chosen:
        case = CASES[number - 1]
        with tempfile.TemporaryDirectory() as scratch:
            forecast, peak = measure(case, Path(scratch))
        errors[str(case)] = round(forecast.total / peak - 1, 3)
        parts = ", ".join(f"{part.name} {part.size / 1e6:,.0f}" for part in forecast.parts)
        print(f"{number:2} {case}: {peak / 1e6:,.0f} MB, forecast {forecast.total / 1e6:,.0f} MB ({parts})", flush=True)
    worst = max(errors.values(), key=abs)
    print(json.dumps({"bar": BAR, "worst": worst, "errors": errors}))
    return 1 if abs(worst) > BAR else 0


if __name__ == "__main__":
    sys.exit(main())

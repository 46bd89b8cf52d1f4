"""Pretraining of the starter's base model on the generator's pages: one plain loop on the CPU or a GPU.

`python -m starter.pretrain` trains, writes a checkpoint every chunk and continues from it when started again;
at the end it writes the model into resources/starter. It knows nothing of instructions being answered.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import math
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch  # noqa: TID253 - a program of its own, which nothing else imports
from tokenizers import Tokenizer
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM  # noqa: TID253

from starter import pages, tokenizer
from starter.dice import Dice

SEED = 1
PEAK_RATE = 3e-3
WARMUP = 200
SLOW = 6000  # steps that the cosine is laid out for
FALLING = 2800  # the step from which the rate falls straight


@dataclass(frozen=True)
class Plan:
    """How much is read. A chunk is what is generated at once and what a stop can lose."""

    steps: int = 4400
    context: int = 256
    batch: int = 8
    chunk: int = 200


def configuration(vocabulary: int) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=160,
        intermediate_size=448,
        num_hidden_layers=5,
        num_attention_heads=5,
        num_key_value_heads=5,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        rms_norm_eps=1e-5,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=3,
    )


def keep_memory() -> None:
    """Let glibc keep freed memory: page faults otherwise cost a third of the time. Harmless elsewhere."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD
            libc.mallopt(-3, 2**30)  # M_MMAP_THRESHOLD


def token_stream(reader: Tokenizer, seed: str, count: int) -> tuple[torch.Tensor, float]:
    """At least `count` tokens of pages laid end to end, cut to `count`, and the entropy bound in nats a token."""
    dice = Dice(seed)
    found: list[int] = []
    endless = pages.pages(dice)
    while len(found) < count:
        batch = [tokenizer.frame(next(endless)) for _ in range(2000)]
        for encoded in reader.encode_batch(batch):
            found += encoded.ids
    return torch.tensor(found[:count]), dice.nats / len(found)


def learning_rate(step: int, steps: int) -> float:
    """Linear warm-up, a slow cosine for the longest part, and from there straight down to nothing."""
    if step < WARMUP:
        return PEAK_RATE * (step + 1) / WARMUP
    progress = (min(step, FALLING) - WARMUP) / (SLOW - WARMUP)
    share = (steps - step) / (steps - FALLING) if step > FALLING else 1.0
    return share * PEAK_RATE * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * progress)))


@torch.no_grad()
def held_out_loss(model: LlamaForCausalLM, reader: Tokenizer, device: str) -> tuple[float, float]:
    """Mean loss on pages of another seed, in nats a token, and the generator's own bound for them."""
    stream, bound = token_stream(reader, "pages held out", 64 * 256)
    model.eval()
    losses = [float(model(input_ids=part.to(device), labels=part.to(device)).loss) for part in stream.view(-1, 16, 256)]
    model.train()
    return sum(losses) / len(losses), bound


def train(checkpoint: Path, plan: Plan, device: str) -> LlamaForCausalLM:
    """The whole plan, from the checkpoint on where there is one."""
    torch.manual_seed(SEED)
    keep_memory()
    reader = Tokenizer.from_file(str(tokenizer.MODEL_FOLDER / "tokenizer.json"))
    model = LlamaForCausalLM(configuration(reader.get_vocab_size()))
    model.to(device=device)  # type: ignore[call-overload]
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim < 2]
    optimiser = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}],
        lr=PEAK_RATE,
        betas=(0.9, 0.95),
        fused=True,
    )
    step = 0
    if checkpoint.exists():
        kept: dict[str, Any] = torch.load(checkpoint, map_location=device, weights_only=True)
        model.load_state_dict(kept["model"])
        optimiser.load_state_dict(kept["optimiser"])
        step = int(kept["step"])
        print(f"Continuing from step {step}", flush=True)
    model.train()
    while step < plan.steps:
        count = min(plan.chunk, plan.steps - step)
        stream, _ = token_stream(reader, f"pages {SEED} {step}", count * plan.batch * plan.context)
        started, total = time.monotonic(), 0.0
        for part in stream.view(count, plan.batch, plan.context).to(device):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step, plan.steps)
            with torch.autocast(device, torch.bfloat16):
                loss = model(input_ids=part, labels=part).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
            total += float(loss.detach())
            step += 1
        speed = count * plan.batch * plan.context / (time.monotonic() - started)
        print(f"step {step}/{plan.steps} loss {total / count:.3f} {speed:.0f} tokens/s", flush=True)
        _save(checkpoint, {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step})
    loss_now, bound = held_out_loss(model, reader, device)
    record = {
        "seed": SEED,
        "steps": plan.steps,
        "tokens": plan.steps * plan.batch * plan.context,
        "held_out_loss": round(loss_now, 4),
        "generator_bound": round(bound, 4),
        "parameters": model.num_parameters(),
    }
    print(json.dumps(record))
    (checkpoint.parent / "pretrain.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return model


def _save(path: Path, state: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path.with_suffix(".part"))
    os.replace(path.with_suffix(".part"), path)


def ship(model: LlamaForCausalLM, folder: Path) -> None:
    """The model in bf16 with its configuration; the tokenizer is there already."""
    model.generation_config = GenerationConfig(
        bos_token_id=1, eos_token_id=2, pad_token_id=3, max_new_tokens=96, do_sample=True, temperature=0.8, top_p=0.95
    )
    model.bfloat16().save_pretrained(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=Plan.steps)
    parser.add_argument("--checkpoint", type=Path, default=tokenizer.ROOT / "build" / "starter" / "checkpoint.pt")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    if options.device == "cpu":
        torch.set_num_threads(1)  # sums in one order: the same bytes each time, and little slower with so small a model
    model = train(options.checkpoint, Plan(steps=options.steps), options.device)
    ship(model, tokenizer.MODEL_FOLDER)
    print(f"Wrote the model to {tokenizer.MODEL_FOLDER}")


if __name__ == "__main__":
    main()

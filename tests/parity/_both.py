"""A run of ours and a plain TRL script over the same data, and how far their losses are apart.

Rows that one of the two would cut or encode otherwise are left out of both, and counted. Numbers are of 32 bits. The
last line is a JSON object; the exit status is 1 when a step's losses differ by more than the bar.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

BAR = 1e-3  # relative
STEPS, BATCH, ACCUMULATE, SEED, LENGTH = 50, 4, 2, 42, 512
RANK, ALPHA = 16, 32
TEMPLATE = "alpaca"

# What a plain script is told beside what is each trainer's own.
ARGUMENTS: dict[str, Any] = {
    "max_steps": STEPS, "per_device_train_batch_size": BATCH, "gradient_accumulation_steps": ACCUMULATE, "seed": SEED,
    "data_seed": SEED, "lr_scheduler_type": "constant", "warmup_steps": 0, "logging_steps": 1, "use_cpu": True,
    "bf16": False, "report_to": "none", "save_strategy": "no", "disable_tqdm": True, "max_length": LENGTH,
}  # fmt: skip

# The whole conversations of a record, each with the answer at its end; and the record as TRL's datasets have it.
Conversations = Callable[[Any], list[Sequence[Any]]]
AsTrl = Callable[[Any], dict[str, Any]]
# Trains a plain script on such rows: (rows, base, folder, learning rate) -> the losses of its steps.
Script = Callable[[list[dict[str, Any]], Path, Path, float], list[float]]


def compare(method: str, about: str, conversations: Conversations, as_trl: AsTrl, script: Script) -> int:
    """Parse the command line, train both, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a file that Plumbline can import")
    parser.add_argument("--model", type=Path, required=True, help="a base model folder")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    told = parser.parse_args()
    os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TQDM_DISABLE="1")

    import datasets

    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        records, kind, left_out = _alike(told.data, told.model, folder, conversations)
        ours = _our_losses(method, records, kind, told.model, folder, told.learning_rate)
        theirs = script([as_trl(record) for record in records], told.model, folder / "theirs", told.learning_rate)
    apart = [abs(a - b) / abs(b) for a, b in zip(ours, theirs, strict=True)]
    for step in (1, 2, 5, 10, 20, 30, 40, STEPS):
        print(f"step {step:2}: ours {ours[step - 1]:.6f}, TRL's {theirs[step - 1]:.6f}, apart {apart[step - 1]:.1e}")
    figures = {
        "method": method, "rows": len(records), "left_out": left_out, "steps": len(apart), "bar": BAR,
        "worst": max(apart), "first_loss": theirs[0], "last_loss": theirs[-1],
    }  # fmt: skip
    print(json.dumps(figures))
    return 1 if max(apart) > BAR or len(apart) != STEPS else 0


def _alike(file: Path, base: Path, folder: Path, conversations: Conversations) -> tuple[list[Any], str, int]:
    """The file's records that fit and that both encode to the same, their kind, and how many others there are."""
    from studio.core.errors import StudioError
    from studio.engine.loading import load_encoder
    from studio.engine.pairs import encode_answer
    from studio.storage.datasets import records_of
    from studio.storage.interchange import import_file
    from studio.storage.project import Project

    project = Project.create(folder / "all")
    project.close()
    info = import_file(project, file)
    encoder, tokenizer = load_encoder(base, TEMPLATE), tokenizer_with_template(base)

    otherwise = 0

    def alike(turns: Sequence[Any]) -> bool:
        nonlocal otherwise
        try:
            row, cut = encode_answer(encoder, turns[:-1], turns[-1].content, LENGTH)
        except StudioError:
            return False  # its prompt alone is too long
        plain = messages(turns)
        prompt = tokenizer.apply_chat_template(plain[:-1], add_generation_prompt=True, return_dict=False)
        whole = tokenizer.apply_chat_template(plain, return_dict=False)
        labels = [-100] * len(prompt) + whole[len(prompt) :]
        if cut:
            return False
        same = row.ids.tolist() == whole and row.labels.tolist() == labels
        otherwise += not same
        return same

    kept = [record for record in records_of(project, info) if all(map(alike, conversations(record)))]
    if len(kept) < BATCH * ACCUMULATE:
        raise SystemExit(f"Only {len(kept)} of {info.rows} rows fit and are encoded alike.")
    print(f"{len(kept)} of {info.rows} rows; {otherwise} are encoded otherwise by TRL, the rest are too long.")
    return kept, info.kind_name, info.rows - len(kept)


def _our_losses(
    method: str, records: Sequence[Any], kind: str, base: Path, folder: Path, learning_rate: float
) -> list[float]:
    """Those of a run in a project, by a worker's own code."""
    from studio.core.methods import METHODS
    from studio.core.recipes import Recipe
    from studio.core.runs import EXIT_SAID
    from studio.engine import training
    from studio.storage.datasets import add_dataset
    from studio.storage.project import Project
    from studio.storage.runs import EventReader, RunFolder

    project = Project.create(folder / "ours")
    project.close()
    info = add_dataset(project, "alike", "made here", records, kind=kind)
    settings = METHODS[method].settings(
        epochs=1000.0, max_steps=STEPS, batch_size=BATCH, accumulate=ACCUMULATE, seed=SEED, max_length=LENGTH,
        learning_rate=learning_rate, schedule="constant", warmup=0.0, held_out=0.0, precision="fp32", lora_rank=RANK,
        lora_alpha=ALPHA,
    )  # fmt: skip
    recipe = Recipe(
        str(base), info.id, method=method, template=TEMPLATE, dataset_hash=info.content_hash, settings=settings
    )
    run = RunFolder.create(project.runs, recipe)
    if training.train(run.folder) != EXIT_SAID:
        raise SystemExit(f"The run failed:\n{run.events.read_text()[-2000:]}")
    reader, losses = EventReader(run.events), list[float]()
    while events := reader.read():
        losses += [float(event.number("loss") or 0.0) for event in events if event.kind == "step"]
    return losses


def tokenizer_with_template(base: Path) -> Any:
    """The tokenizer of a plain script: with the template, and a padding token that no answer ends with."""
    from transformers import AutoTokenizer

    from studio.core.templates import template_named

    tokenizer: Any = AutoTokenizer.from_pretrained(base)
    tokenizer.chat_template = template_named(TEMPLATE).jinja
    tokenizer.pad_token = tokenizer.unk_token
    return tokenizer


def messages(turns: Sequence[Any]) -> list[dict[str, str]]:
    """Messages as TRL has them."""
    return [{"role": turn.role, "content": turn.content} for turn in turns]


def losses_kept() -> Any:
    """A callback that keeps the losses that a trainer logs, in `losses`."""
    from transformers import TrainerCallback

    class Kept(TrainerCallback):
        def __init__(self) -> None:
            self.losses: list[float] = []

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if logs and "loss" in logs:
                self.losses.append(float(logs["loss"]))

    return Kept()

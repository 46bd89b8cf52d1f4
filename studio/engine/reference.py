"""The reference: log-probabilities of the answers under the policy as it is before the first step, computed once.

They are kept in the run's folder, so that a resumed run learns against the very same numbers, and so that training
holds no second model and never switches adapters.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from studio.engine.examples import IGNORED, Row
from studio.engine.fast.forward import fast_log_probs
from studio.engine.fast.low_rank import adds_nothing
from studio.engine.fast.packing import pack, sharing
from studio.engine.pairs import answer_batch

FILE = "reference.safetensors"
Known = NDArray[np.float32]  # log-probabilities of one sequence's trained tokens, in nats


def reference_log_probs(
    trainer: Any,
    groups: Sequence[Sequence[Row]],
    folder: Path,
    *,
    pad: int,
    batch_size: int,
    report: Callable[[int, int], None],
    round_to: int | None = None,
) -> list[list[Known]]:
    """The log-probabilities of each row's trained tokens under the trainer's model, from the folder's file if it has
    those of these rows. The rows of a group begin alike. `report(done, total)` may raise to end the work.

    round_to: where the model takes the fast way, to how many tokens a row of sequences is rounded up.
    """
    rows = [row for group in groups for row in group]
    print_of_rows = _fingerprint(rows)
    kept = _load(folder / FILE, print_of_rows)
    if kept is None:
        kept = np.concatenate(_compute(trainer, groups, pad, batch_size, report, round_to))
        making = folder / f".{FILE}"
        save_file({"values": kept}, making, metadata={"rows": print_of_rows})
        os.replace(making, folder / FILE)
    ends = np.cumsum([row.trained for row in rows])
    each = iter(np.split(kept, ends[:-1]))
    return [[next(each) for _ in group] for group in groups]


def _compute(
    trainer: Any,
    groups: Sequence[Sequence[Row]],
    pad: int,
    batch_size: int,
    report: Callable[[int, int], None],
    round_to: int | None,
) -> list[Known]:
    """Batches of `batch_size` groups of similar lengths, so that little is padded; no random numbers are drawn. What
    is found stands in the order of the rows, group by group."""
    order = sorted(range(len(groups)), key=lambda place: max(len(row.ids) for row in groups[place]))
    found: list[list[Known]] = [[]] * len(groups)
    model = trainer.model
    model.eval()
    # A new LoRA adds nothing yet, so its products are left out: the same numbers a tenth sooner.
    off = model.disable_adapter() if adds_nothing(model) else contextlib.nullcontext()
    with torch.no_grad(), off:
        for first in range(0, len(groups), batch_size):
            report(first, len(groups))
            places = order[first : first + batch_size]
            batch = [groups[place] for place in places]
            with trainer.accelerator.autocast():  # the trainer's forward has it only once training has begun
                known = _padded(model, batch, pad) if round_to is None else _end_to_end(model, batch, round_to)
            ends = np.cumsum([row.trained for group in batch for row in group])
            each = iter(np.split(known.float().cpu().numpy(), ends[:-1]))
            for place, group in zip(places, batch, strict=True):
                found[place] = [next(each) for _ in group]
    report(len(groups), len(groups))
    model.train()
    return [known for group in found for known in group]


def _end_to_end(model: Any, batch: Sequence[Sequence[Row]], round_to: int) -> torch.Tensor:
    """Of all trained tokens, one after another."""
    first = [place for place, group in zip(_starts(batch), batch, strict=True) for _ in group]
    sequences = [(row.ids, row.labels) for group in batch for row in group]
    return fast_log_probs(model, pack(sharing(sequences, first), round_to=round_to))


def _starts(batch: Sequence[Sequence[Row]]) -> list[int]:
    """The place of each group's first row."""
    return [0, *np.cumsum([len(group) for group in batch]).tolist()[:-1]]


def _padded(model: Any, batch: Sequence[Sequence[Row]], pad: int) -> torch.Tensor:
    """Of all trained tokens, one after another, as TRL's own losses compute them."""
    padded = answer_batch(pad, [(row.ids, row.labels) for group in batch for row in group], [None])
    padded = {name: value.to(model.device) for name, value in padded.items()}
    known = model(
        input_ids=padded["input_ids"],
        attention_mask=padded["attention_mask"],
        labels=padded["input_ids"].masked_fill(padded["completion_mask"] == 0, IGNORED),
        use_cache=False,
        fused_lm_head=True,
    ).log_probs
    return known[padded["completion_mask"][:, 1:].bool()]


def _fingerprint(rows: Sequence[Row]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(row.ids.tobytes() + row.labels.tobytes() + b"\n")
    return digest.hexdigest()


def _load(file: Path, print_of_rows: str) -> Known | None:
    """What the file keeps, if it is of these rows."""
    from safetensors import safe_open

    try:
        with safe_open(file, "numpy") as kept:
            if (kept.metadata() or {}).get("rows") != print_of_rows:
                return None
        return load_file(file)["values"]
    except (OSError, SafetensorError, KeyError):
        return None

"""The reference: log-probabilities of the answers under the policy as it is before the first step, computed once.

They are kept in the run's folder, so that a resumed run learns against the very same numbers, and so that training
holds no second model and never switches adapters.
"""

from __future__ import annotations

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
from studio.engine.pairs import answer_batch

FILE = "reference.safetensors"
Known = NDArray[np.float32]  # log-probabilities of one sequence's trained tokens, in nats


def reference_log_probs(
    trainer: Any, rows: Sequence[Row], folder: Path, *, pad: int, batch_size: int, report: Callable[[int, int], None]
) -> list[Known]:
    """The log-probabilities of each row's trained tokens under the trainer's model, from the folder's file if it has
    those of these rows. `report(done, total)` may raise to end the work."""
    print_of_rows = _fingerprint(rows)
    kept = _load(folder / FILE, print_of_rows)
    if kept is None:
        kept = np.concatenate(_compute(trainer, rows, pad, batch_size, report))
        making = folder / f".{FILE}"
        save_file({"values": kept}, making, metadata={"rows": print_of_rows})
        os.replace(making, folder / FILE)
    ends = np.cumsum([row.trained for row in rows])
    return np.split(kept, ends[:-1])


def _compute(
    trainer: Any, rows: Sequence[Row], pad: int, batch_size: int, report: Callable[[int, int], None]
) -> list[Known]:
    """Batches of similar lengths, so that little is padded; no random numbers are drawn."""
    order = sorted(range(len(rows)), key=lambda place: len(rows[place].ids))
    found: list[Known] = [np.empty(0, np.float32)] * len(rows)
    model = trainer.model
    model.eval()
    with torch.no_grad():
        for first in range(0, len(rows), batch_size):
            report(first, len(rows))
            places = order[first : first + batch_size]
            batch = answer_batch(pad, [(rows[place].ids, rows[place].labels) for place in places], [None])
            batch = {name: value.to(model.device) for name, value in batch.items()}
            trained = batch["completion_mask"][:, 1:].bool()
            with trainer.compute_loss_context_manager():
                known = model(
                    input_ids=batch["input_ids"],
                    attention_mask=batch["attention_mask"],
                    labels=batch["input_ids"].masked_fill(batch["completion_mask"] == 0, IGNORED),
                    use_cache=False,
                    fused_lm_head=True,  # TRL's own, which its losses use
                ).log_probs
            for place, values, mask in zip(places, known.float(), trained, strict=True):
                found[place] = values[mask].cpu().numpy()
    report(len(rows), len(rows))
    model.train()
    return found


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

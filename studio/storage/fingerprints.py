"""Which weights a model folder holds: a hash over every weights file's name, size, header and samples of its bytes.

Training changes nearly all weights, so samples tell two versions of a model apart without reading gigabytes.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from studio.storage.runs import RunFolder

_HEADER = 1 << 20  # bytes read from the beginning, where safetensors has names and shapes
_SAMPLE = 65_536  # bytes read at each of so many places
_PLACES = 16


def fingerprint(base: Path) -> str:
    """The hash in hex; "" for a folder without weights. Raises OSError."""
    digest, files = hashlib.sha256(), sorted(base.glob("*.safetensors"))
    for file in files:
        size = file.stat().st_size
        digest.update(f"{file.name} {size}\n".encode())
        with file.open("rb") as stream:
            digest.update(stream.read(_HEADER))
            for place in range(_PLACES):
                stream.seek(max(0, (size - _SAMPLE) * (place + 1) // _PLACES))
                digest.update(stream.read(_SAMPLE))
    return digest.hexdigest() if files else ""


def trained_on(adapter: Path) -> str:
    """The fingerprint of the weights that a run's adapter or checkpoint was trained on; empty where nobody knows, and
    for a whole model, which needs no other."""
    if (adapter / "config.json").is_file():
        return ""
    for run in map(RunFolder, adapter.parents[:2]):
        if run.is_there:
            return next((event.text("base") for event in run.all_events() if event.kind == "started"), "")
    return ""


def changed_since(base: Path, adapter: Path) -> str:
    """A sentence when a base model is no longer what an adapter was trained on; empty when it is, or nobody knows."""
    before = trained_on(adapter)
    if not before:
        return ""
    try:
        now = fingerprint(base)
    except OSError:
        return ""  # that it can't be read is said by who loads it
    if not now:
        return f"The base model “{base.name}” is no longer in “{base}”, so what was trained on it can't be used."
    if now == before:
        return ""
    return (
        f"The base model “{base.name}” has changed since this run: its weights are others now. What was trained on the "
        "old ones may talk nonsense on them; put the old ones back, or train again."
    )

"""Checkpoints and the finished adapter: complete or absent, never half there.

Transformers writes a checkpoint's files; here they get Plumbline's own, then the manifest that makes them count.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import MISSING, Field, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from studio.core.errors import StudioError
from studio.storage.files import write_whole
from studio.storage.models import is_whole_model, tensors_of
from studio.storage.runs import MANIFEST, Checkpoint, RunFolder, seal

ABOUT = "plumbline.json"
FRESH = "fresh.safetensors"  # what was trained, where the adapter beside it holds more (engine.merging)
KEPT = 2
# What only resuming needs; everything else in a checkpoint is the adapter with its tokenizer.
_FOR_RESUMING = {
    MANIFEST,
    "optimizer.pt",
    "scheduler.pt",
    "scaler.pt",
    "rng_state.pth",
    "trainer_state.json",
    "README.md",
    FRESH,
}


@dataclass(frozen=True, slots=True)
class About:
    """What an adapter or a whole model is and where it comes from.

    elapsed: seconds of training; tokens: read so far. adapter: the one that its run started from, if any; merged:
    whether it is part of the weights now. way: what was trained (core.training_settings). done: no step comes after
    it. rewards: a fingerprint of what rewarded it, if models did. best_step, best, waited: of `engine.keeping`.
    """

    name: str
    run: str
    base: str
    dataset: str
    dataset_hash: str
    template: str
    step: int
    total: int
    elapsed: float
    tokens: int
    method: str = "sft"
    adapter: str = ""
    merged: bool = False
    way: str = "lora"
    done: bool = False
    best_step: int = 0
    best: float | None = None
    waited: int = 0
    rewards: str = ""

    @property
    def is_last(self) -> bool:
        """Whether training ended with it."""
        return self.done or self.step >= self.total

    @staticmethod
    def of(folder: Path) -> About:
        """Read it from a checkpoint or adapter. Raises StudioError."""
        try:
            values = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
            # What has a default wasn't told by earlier versions.
            return About(**{field.name: values[field.name] for field in fields(About) if _told(field, values)})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StudioError(
                f"The checkpoint “{folder.name}” can't be read ({error}).",
                "Delete its folder; Resume then takes the one before.",
            ) from error


def _told(field: Field[Any], values: dict[str, Any]) -> bool:
    return field.default is MISSING or field.name in values


def complete(folder: Path, about: About) -> None:
    """Make a checkpoint count, once all that transformers writes is in its folder. Raises OSError or StudioError."""
    # Pickled settings: nothing reads them, and a pickle can hold a program.
    (folder / "training_args.bin").unlink(missing_ok=True)
    write_whole(folder / ABOUT, json.dumps(asdict(about), indent=2, ensure_ascii=False) + "\n")
    seal(folder)


def sweep(run: RunFolder, keep: int = KEPT) -> Checkpoint | None:
    """Delete checkpoints that were never completed and all but the newest complete ones and the best. Returns the
    newest."""
    counting = run.complete_checkpoints()
    kept = {checkpoint.folder for checkpoint in counting[-keep:]}
    if counting:
        kept |= {checkpoint.folder for checkpoint in counting if checkpoint.step == _best_step(counting[-1])}
    if run.checkpoints.is_dir():
        for folder in run.checkpoints.iterdir():
            if folder not in kept:
                (folder / MANIFEST).unlink(missing_ok=True)  # first, so that half a folder never counts
                shutil.rmtree(folder, ignore_errors=True)
    return counting[-1] if counting else None


def _best_step(newest: Checkpoint) -> int:
    try:
        return About.of(newest.folder).best_step
    except StudioError:
        return 0


def publish(run: RunFolder, checkpoint: Path, name: str) -> Path:
    """Make the run's result out of a checkpoint, whole or not at all: an adapter, or a model of its own. Returns its
    folder. Raises OSError or StudioError."""
    making = run.folder / ".result"
    result = run.model if is_whole_model(checkpoint) else run.adapter
    shutil.rmtree(making, ignore_errors=True)
    shutil.copytree(checkpoint, making, ignore=lambda _folder, names: _FOR_RESUMING.intersection(names))
    about = About.of(checkpoint)
    if is_whole_model(checkpoint):
        narrow(making, Path(about.base))
    write_whole(making / ABOUT, json.dumps(asdict(replace(about, name=name)), indent=2, ensure_ascii=False) + "\n")
    seal(making)
    shutil.rmtree(result, ignore_errors=True)
    making.replace(result)
    return result


_NARROW = {"BF16": "bfloat16", "F16": "float16"}


def narrow(folder: Path, base: Path) -> None:
    """Write a whole model in the number format of its base: it is trained in 32 bits, which nobody needs to run it."""
    kinds = Counter(tensor.dtype for tensor in tensors_of(base).values())
    kind = _NARROW.get(kinds.most_common(1)[0][0])
    if kind is None:
        return
    import torch
    from safetensors.torch import load_file, save_file

    for file in folder.glob("*.safetensors"):
        weights = {
            name: value if name.startswith("score.") else value.to(getattr(torch, kind))
            for name, value in load_file(file).items()
        }
        save_file(weights, file, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    write_whole(folder / "config.json", json.dumps({**config, "dtype": kind}, indent=2) + "\n")

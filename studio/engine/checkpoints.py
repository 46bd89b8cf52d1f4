"""Checkpoints and the finished adapter: complete or absent, never half there.

Transformers writes a checkpoint's files; here they get Plumbline's own, then the manifest that makes them count.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from studio.core.errors import StudioError
from studio.storage.files import write_whole
from studio.storage.runs import MANIFEST, Checkpoint, RunFolder, seal

ABOUT = "plumbline.json"
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
}


@dataclass(frozen=True, slots=True)
class About:
    """What an adapter is and where it comes from. elapsed: seconds of training; tokens: read so far; adapter: the one
    that its run went on from, if any."""

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

    @staticmethod
    def of(folder: Path) -> About:
        """Read it from a checkpoint or adapter. Raises StudioError."""
        try:
            values = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
            optional = {"method": "sft", "adapter": ""}  # not told by earlier versions
            return About(**{name: {**optional, **values}[name] for name in About.__slots__})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StudioError(
                f"The checkpoint “{folder.name}” can't be read ({error}).",
                "Delete its folder; Resume then takes the one before.",
            ) from error


def complete(folder: Path, about: About) -> None:
    """Make a checkpoint count, once all that transformers writes is in its folder. Raises OSError or StudioError."""
    # Pickled settings: nothing reads them, and a pickle can hold a program.
    (folder / "training_args.bin").unlink(missing_ok=True)
    write_whole(folder / ABOUT, json.dumps(asdict(about), indent=2, ensure_ascii=False) + "\n")
    seal(folder)


def sweep(run: RunFolder, keep: int = KEPT) -> Checkpoint | None:
    """Delete checkpoints that were never completed and all but the newest complete ones. Returns the newest."""
    counting = run.complete_checkpoints()
    kept = {checkpoint.folder for checkpoint in counting[-keep:]}
    if run.checkpoints.is_dir():
        for folder in run.checkpoints.iterdir():
            if folder not in kept:
                (folder / MANIFEST).unlink(missing_ok=True)  # first, so that half a folder never counts
                shutil.rmtree(folder, ignore_errors=True)
    return counting[-1] if counting else None


def publish(run: RunFolder, checkpoint: Path) -> None:
    """Make the run's `adapter/` out of its last checkpoint, whole or not at all. Raises OSError or StudioError."""
    making = run.folder / ".adapter"
    shutil.rmtree(making, ignore_errors=True)
    shutil.copytree(checkpoint, making, ignore=lambda _folder, names: _FOR_RESUMING.intersection(names))
    seal(making)
    shutil.rmtree(run.adapter, ignore_errors=True)
    making.replace(run.adapter)

"""Converting: weights out of pickle files into safetensors, in a new folder; what was there stays as it is.

A pickle can run programs when it is opened, so it is read by the part of torch that knows numbers alone
(`weights_only`), and in a process of its own. What such a reading refuses stays refused.
"""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

from studio.core.errors import StudioError
from studio.engine.failures import explain
from studio.storage.models import check_model, pickles_of

_KEPT = (".json", ".jinja", ".model", ".txt")  # what else belongs to a model; never code, never other weights


def convert(source: Path, target: Path) -> None:
    """Fill the empty folder `target` with the model of `source`, its weights as safetensors. Raises StudioError; who
    made the folder then deletes it."""
    _write(source, target)
    for file in source.iterdir():
        if file.suffix in _KEPT and not file.name.startswith(("pytorch_model", "model.safetensors")):
            shutil.copy2(file, target)
    check_model(target)


def _write(source: Path, making: Path) -> None:
    import torch
    from safetensors.torch import save_file

    files = pickles_of(source)
    placed: dict[str, str] = {}
    for number, file in enumerate(files, start=1):
        try:
            loaded: Any = torch.load(file, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
            raise StudioError(
                f"“{file.name}” holds more than numbers, or is damaged, so it was not opened further.",
                "Choose a copy of the model in safetensors form.",
                explain(error),
            ) from error
        if not isinstance(loaded, dict) or not all(isinstance(value, torch.Tensor) for value in loaded.values()):
            raise StudioError(
                f"“{file.name}” is not a table of weights.", "Choose a copy of the model in safetensors form."
            )
        name = "model.safetensors" if len(files) == 1 else f"model-{number:05}-of-{len(files):05}.safetensors"
        # Tied weights share their memory, which safetensors doesn't write: each gets its own.
        save_file({key: value.clone().contiguous() for key, value in loaded.items()}, making / name, {"format": "pt"})
        placed.update(dict.fromkeys(loaded, name))
    if len(files) > 1:
        size = sum(file.stat().st_size for file in making.glob("*.safetensors"))
        index = {"metadata": {"total_size": size}, "weight_map": placed}
        (making / "model.safetensors.index.json").write_text(json.dumps(index, indent=1), encoding="utf-8")

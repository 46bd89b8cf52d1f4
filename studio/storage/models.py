"""Model folders: what one must hold before a worker loads it, told without torch; and the project's list of them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from studio.core.errors import StudioError
from studio.storage.files import reading_trouble, whole_path
from studio.storage.hub_places import downloaded_models
from studio.storage.model_code import runs_own_code
from studio.storage.project import Project, now
from studio.storage.resources import carried
from studio.storage.runs import list_runs

_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.ckpt", "consolidated.00.pth")
_SAMPLE = 65_536  # bytes of a fingerprint at each of several places of a weights file
_PLACES = 8


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of a base model before it is loaded. parameters: stored values; context: tokens, 0 when unknown."""

    folder: Path
    architecture: str
    parameters: int
    context: int
    has_chat_template: bool

    @property
    def name(self) -> str:
        """What the run that made it called it, or the folder's name."""
        return model_name(self.folder)

    @property
    def summary(self) -> str:
        """One line for a person."""
        context = f", context {self.context:,} tokens" if self.context else ""
        template = "own chat template" if self.has_chat_template else "no chat template"
        return f"{in_count(self.parameters)} parameters{context}, {template}"


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor as the header of a weights file names it. dtype: as safetensors writes it (F32, BF16, ...)."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def count(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)


class PickledWeights(StudioError):
    """The model could be used if its weights were converted (`processes.converting`)."""


def pickles_of(folder: Path) -> list[Path]:
    """The pickle files that hold a model's weights; none when it has them in another form. Raises StudioError."""
    index = folder / "pytorch_model.bin.index.json"
    try:
        if index.is_file():
            placed = cast("Mapping[str, str]", json.loads(index.read_text(encoding="utf-8"))["weight_map"])
            return [folder / name for name in sorted({Path(name).name for name in placed.values()})]
        return [file for file in (folder / "pytorch_model.bin",) if file.is_file()]
    except (OSError, ValueError, RecursionError, KeyError, AttributeError, TypeError) as error:
        raise StudioError(
            f"The weight index of “{folder.name}” can't be read ({error}).", "Download the model again."
        ) from error


def check_model(folder: Path) -> ModelInfo:
    """Look at a model folder: config, weights as safetensors, tokenizer. Raises StudioError saying what is missing."""
    folder = whole_path(folder)
    try:
        return _checked(folder)
    except OSError as error:
        raise reading_trouble(error, folder) from error


def _checked(folder: Path) -> ModelInfo:
    if not folder.is_dir():
        raise StudioError(f"There is no model folder “{folder}”.", "It may have been moved; choose it again.")
    if (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file():
        raise StudioError(
            f"“{folder.name}” is an adapter, not a base model.",
            "Choose the folder of the model that it was trained on.",
        )
    config = config_of(folder)
    runs_own_code(folder, config)
    parameters = sum(_parameters(file) for file in weights_of(folder))
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model")):
        raise StudioError(
            f"“{folder.name}” has no tokenizer (tokenizer.json), so text can't be turned into tokens.",
            "Download the model again with all its files.",
        )
    names = config.get("architectures")
    architecture = (
        str(cast("list[Any]", names)[0])
        if isinstance(names, list) and names
        else str(config.get("model_type", "unknown"))
    )
    context = config.get("max_position_embeddings", 0)
    return ModelInfo(
        folder,
        architecture,
        parameters,
        context if isinstance(context, int) else 0,
        _has_chat_template(folder),
    )


def config_of(folder: Path) -> dict[str, Any]:
    """A model folder's config.json. Raises StudioError."""
    file = folder / "config.json"
    try:
        if not file.is_file():
            raise StudioError(
                f"“{folder.name}” has no config.json, so it is not a model folder.",
                "Choose the folder that holds config.json, model.safetensors and tokenizer.json.",
            )
        parsed = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise reading_trouble(error, file) from error
    except (ValueError, RecursionError) as error:
        raise StudioError(
            f"The config.json of “{folder.name}” can't be read ({error}).", "Download the model again."
        ) from error
    if not isinstance(parsed, dict):
        raise StudioError(f"The config.json of “{folder.name}” is not a JSON object.", "Download the model again.")
    return cast("dict[str, Any]", parsed)


def model_name(folder: Path) -> str:
    """What a model or an adapter is called: the name that its run wrote beside it, or else its folder's; in Hugging
    Face's cache the one that it has there."""
    try:
        return str(json.loads((folder / "plumbline.json").read_text(encoding="utf-8"))["name"])
    except (OSError, ValueError, KeyError, TypeError):
        cached = folder.parent.parent.name
        if folder.parent.name == "snapshots" and cached.startswith("models--"):
            return cached.split("--")[-1]
        return folder.name


def is_whole_model(folder: Path) -> bool:
    """Whether a run's result is a model of its own, all of whose weights were trained, and no adapter."""
    return (folder / "config.json").is_file() and not (folder / "adapter_config.json").is_file()


def writes_no_text(folder: Path) -> bool:
    """Whether a model folder holds a reward model, all of whose weights were trained."""
    names = config_of(folder).get("architectures")
    return isinstance(names, list) and any("SequenceClassification" in str(name) for name in cast("list[Any]", names))


def tensors_of(folder: Path) -> dict[str, Tensor]:
    """The tensors of all weight files by name, read from the headers alone. Raises StudioError."""
    try:
        return {name: tensor for file in weights_of(folder) for name, tensor in _header(file).items()}
    except OSError as error:
        raise reading_trouble(error, folder) from error


def tensors_of_file(file: Path) -> dict[str, Tensor]:
    """The tensors of one weights file by name, read from its header. Raises StudioError."""
    try:
        return _header(file)
    except OSError as error:
        raise reading_trouble(error, file) from error


def weights_of(folder: Path) -> list[Path]:
    """The weight files of a model folder. Raises StudioError saying what is missing."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            placed = cast("Mapping[str, str]", json.loads(index.read_text(encoding="utf-8"))["weight_map"])
            names = sorted({os.fspath(name) for name in placed.values()})
        except (ValueError, RecursionError, KeyError, AttributeError, TypeError) as error:
            raise StudioError(
                f"The weight index of “{folder.name}” can't be read ({error}).", "Download the model again."
            ) from error
        missing = [name for name in names if not (folder / name).is_file()]
        if missing:
            raise StudioError(
                f"“{folder.name}” lacks {len(missing)} of {len(names)} weight files, first {missing[0]}.",
                "Download the model again.",
            )
        return [folder / name for name in names]
    if (folder / "model.safetensors").is_file():
        return [folder / "model.safetensors"]
    if any((folder / name).is_file() for name in _PICKLES):
        raise PickledWeights(
            f"“{folder.name}” holds its weights as pickle files, which can run programs when they are opened.",
            "Choose a copy in safetensors form, or have one written: “plumbline convert” reads nothing but numbers.",
        )
    raise StudioError(
        f"“{folder.name}” has no weights (model.safetensors).",
        "Download the model again with all its files, or choose another folder.",
    )


def print_of_weights(folder: Path) -> str:
    """A fingerprint of all weights in a folder, from each file's name, size and samples: enough to tell two fine-tuned
    versions of a model apart. Raises OSError."""
    told = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        size = file.stat().st_size
        told.update(f"{file.name}/{size}/".encode())
        with file.open("rb") as stream:
            for place in range(_PLACES):
                stream.seek(size * place // _PLACES)
                told.update(stream.read(_SAMPLE))
    return told.hexdigest()


def _parameters(file: Path) -> int:
    return sum(tensor.count for tensor in _header(file).values())


def _header(file: Path) -> dict[str, Tensor]:
    """What a safetensors file holds, by name, read from its header (8 bytes of length, then JSON)."""
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > 100_000_000:
                raise ValueError(f"its header claims {length} bytes")
            header = cast("dict[str, Any]", json.loads(stream.read(length)))
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
        end = max((entry["data_offsets"][1] for entry in entries.values()), default=0)
        if file.stat().st_size < 8 + length + end:
            raise ValueError("it ends too early")
        return {
            name: Tensor(tuple(int(size) for size in entry["shape"]), str(entry.get("dtype", "")))
            for name, entry in entries.items()
        }
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError, IndexError, struct.error) as error:
        raise StudioError(
            f"The weights file “{file.name}” of “{file.parent.name}” is damaged ({error}).",
            "Download the model again.",
        ) from error


def _has_chat_template(folder: Path) -> bool:
    if (folder / "chat_template.jinja").is_file():
        return True
    try:
        return '"chat_template"' in (folder / "tokenizer_config.json").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False


def in_count(parameters: int) -> str:
    """A number of parameters in few characters, such as “1.24 B”."""
    for size, unit in ((1e9, " B"), (1e6, " M"), (1e3, " k")):
        if parameters >= size * 0.9995:  # what is rounded up to the next unit is told in it
            return f"{parameters / size:.3g}{unit}"
    return str(parameters)


def list_models(project: Project) -> list[Path]:
    """The base-model folders that were chosen in the project, newest first, whether they are still there or not."""
    with project.connect() as connection:
        return [Path(row[0]) for row in connection.execute("SELECT folder FROM models ORDER BY added DESC, folder")]


def offered_models(project: Project) -> list[Path]:
    """What to choose from: the project's models, the whole models that its runs made, those that were downloaded, for
    whichever project, and the starter model that the program carries."""
    known = list_models(project)
    runs = (run for run in list_runs(project.runs) if run.result == run.model)
    made = [run.model for run in runs if run.is_sealed and run.talks]
    starter = starter_model()
    downloaded = [folder for folder in downloaded_models() if (folder / "config.json").is_file()]  # else an adapter
    return list(dict.fromkeys([*known, *made, *downloaded, *([starter] if starter else [])]))


def starter_model() -> Path | None:
    """The folder of the model that the program carries; None when it is missing."""
    with contextlib.suppress(StudioError):
        return carried("resources", "starter")
    return None


def add_model(project: Project, folder: Path) -> ModelInfo:
    """Check a model folder and put it first in the project's list. Raises StudioError."""
    info = check_model(folder)
    with project.writing() as connection:
        connection.execute("INSERT OR REPLACE INTO models (folder, added) VALUES (?, ?)", (str(info.folder), now()))
    return info

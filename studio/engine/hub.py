"""Fetching a dataset from the Hugging Face Hub, row by row into a file that is then imported like any other.

It runs in a worker of its own, the only one that uses the network; a person was asked before it starts. It sends the
dataset's name and no token. What window and worker say to each other is `core.hub`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, cast

import orjson

from studio.core.errors import StudioError
from studio.core.hub import dataset_name
from studio.engine.failures import as_sentence
from studio.engine.pipe import Pipe, Request
from studio.storage.files import disk_trouble

_REPORT_EVERY = 200  # rows
_UNREACHED = (
    "ConnectError",
    "ConnectTimeout",
    "ReadTimeout",
    "ConnectionError",
    "OfflineModeIsEnabled",
    "NewConnectionError",
    "LocalEntryNotFoundError",
)


def serve() -> int:
    """Answer until standard input closes."""
    home = tempfile.mkdtemp(prefix="plumbline-hub-")  # what the libraries keep for next time goes with the worker
    for name, value in {
        "HF_HUB_OFFLINE": "0",
        "HF_DATASETS_OFFLINE": "0",
        "HF_HOME": home,
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        "USE_TORCH": "0",  # which saves seconds: rows are plain values
        "USE_TF": "0",
    }.items():
        os.environ[name] = value
    pipe = Pipe()
    try:
        import datasets  # noqa: F401 - "ready" means that nothing heavy is left to import

        pipe.reply("ready")
        for request in pipe.requests():
            try:
                _answer(pipe, request)
            except Exception as error:
                pipe.fail(_said(error, request), request.values.get("id"))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return 0


def _answer(pipe: Pipe, request: Request) -> None:
    match request.values:
        case {"do": "look", "id": wanted, "name": str(name)}:
            pipe.reply("found", id=wanted, **_look(dataset_name(name), str(request.values.get("config") or "")))
        case {
            "do": "fetch",
            "id": wanted,
            "name": str(name),
            "config": str(config),
            "split": str(split),
            "folder": str(folder),
        }:
            file, rows = _fetch(pipe, request, dataset_name(name), config, split, Path(folder))
            if file is not None:
                pipe.reply("fetched", id=wanted, file=str(file), rows=rows)
        case _:
            raise StudioError(f"The Hub process doesn't know the request {request.values.get('do')!r}.")


def _look(name: str, config: str) -> dict[str, Any]:
    from datasets import get_dataset_config_names, load_dataset_builder

    configs = cast("list[str]", get_dataset_config_names(name, token=False))
    chosen = config if config in configs else configs[0]
    from datasets import get_dataset_split_names

    known = load_dataset_builder(name, chosen, token=False).info.splits or {}
    rows = {split: int(info.num_examples or 0) for split, info in known.items()}
    splits = rows or dict.fromkeys(get_dataset_split_names(name, chosen, token=False), 0)
    return {"configs": configs, "config": chosen, "splits": [list(split) for split in splits.items()]}


def _fetch(pipe: Pipe, request: Request, name: str, config: str, split: str, folder: Path) -> tuple[Path | None, int]:
    from datasets import load_dataset

    rows: Any = load_dataset(name, config or None, split=split, streaming=True, token=False)
    total = getattr((rows.info.splits or {}).get(split), "num_examples", None) or 0
    file, count = folder / f"{name.replace('/', ' ')}.jsonl", 0
    try:
        with file.open("wb") as out:
            for row in rows:
                if count % _REPORT_EVERY == 0:
                    if pipe.interrupted(request):
                        break
                    pipe.reply("progress", id=request.values["id"], rows=count, total=total)
                out.write(orjson.dumps(row, default=_nothing) + b"\n")
                count += 1
    except OSError as error:
        if error.errno is not None and error.filename:
            raise disk_trouble(error, file) from error
        raise
    if pipe.interrupted(request):
        file.unlink(missing_ok=True)
        return None, 0
    return file, count


def _nothing(_value: object) -> None:
    """Pictures and sounds are no text: their columns stay empty."""
    return


def _said(error: Exception, request: Request) -> StudioError:
    """An error in words: that nothing is there, that it can't be reached, or what it is."""
    if isinstance(error, StudioError):
        return error
    from datasets.exceptions import DatasetNotFoundError

    name, details = request.values.get("name"), f"{type(error).__name__}: {error}"
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = cause.__cause__ or cause.__context__
    if any(type(one).__name__ in _UNREACHED for one in chain):
        return StudioError(
            "The Hugging Face Hub can't be reached.",
            "Look at the connection and try again; a file that you have already is imported without it.",
            details,
        )
    if isinstance(error, DatasetNotFoundError):
        return StudioError(
            f"The Hub has no dataset “{name}” that everybody may read.", "Compare the name with its page.", details
        )
    if "Couldn't find" in str(error) or isinstance(error, FileNotFoundError):
        return StudioError(f"“{name}” holds no file that can be read as rows.", "Choose another dataset.", details)
    return as_sentence(error, Path.cwd())

"""Fetching a dataset from the Hugging Face Hub, row by row into a file that is then imported like any other.

It sends the dataset's name and no token.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import orjson

from studio.engine.pipe import Pipe, Request
from studio.storage.files import disk_trouble

_REPORT_EVERY = 200  # rows


def look(name: str, config: str) -> dict[str, Any]:
    """The configurations of a dataset, and the splits of one of them."""
    from datasets import get_dataset_config_names, get_dataset_split_names, load_dataset_builder

    configs = cast("list[str]", get_dataset_config_names(name, token=False))
    chosen = config if config in configs else configs[0]
    known = load_dataset_builder(name, chosen, token=False).info.splits or {}
    rows = {split: int(info.num_examples or 0) for split, info in known.items()}
    splits = rows or dict.fromkeys(get_dataset_split_names(name, chosen, token=False), 0)
    return {"configs": configs, "config": chosen, "splits": [list(split) for split in splits.items()]}


def fetch(pipe: Pipe, request: Request, name: str, config: str, split: str, folder: Path) -> tuple[Path | None, int]:
    """The file with the rows of a split, and how many; no file when it was stopped."""
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

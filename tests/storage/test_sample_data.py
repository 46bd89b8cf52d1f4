"""Each file of sample_data is read for what it is, without help, with as many rows as a plain count finds."""

import csv
import json
from pathlib import Path

import pyarrow.parquet
import pytest

from studio.storage.datasets import records_of
from studio.storage.interchange import import_file, look
from studio.storage.project import Project

SAMPLES = Path(__file__).parent.parent.parent / "sample_data"
SHAPES = {
    "conversations.parquet": "Messages",
    "heldout.json": "Prompt and completion",
    "instructions.json": "Alpaca",
    "preferences.jsonl": "Preference pairs",
    "preferences_heldout.jsonl": "Preference pairs",
    "preferences_hh.jsonl": "HH transcripts",
    "prompts.jsonl": "Prompts",
    "prompts.txt": "Plain text",
    "prompts_heldout.jsonl": "Prompts",
    "rankings.jsonl": "Rankings",
    "ratings.csv": "Ratings",
    "safety.jsonl": "Safe and unsafe answers",
    "village.txt": "Plain text",
}


def counted(file: Path) -> int:
    """How many rows a file has, counted as simply as can be."""
    if file.suffix == ".parquet":
        return pyarrow.parquet.ParquetFile(file).metadata.num_rows
    with file.open(encoding="utf-8", newline="") as lines:
        if file.suffix == ".json":
            return len(json.load(lines))
        if file.suffix == ".csv":
            return sum(1 for _ in csv.reader(lines)) - 1
        return sum(1 for line in lines if line.strip())


def test_no_sample_is_forgotten() -> None:
    assert {file.name for file in SAMPLES.iterdir() if file.suffix != ".md"} == set(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_a_sample_is_read_for_what_it_is(name: str, tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p")
    project.close()
    file = SAMPLES / name
    preview = look(project, file)
    assert (preview.layout.shape, preview.layout.columns, preview.broken) == (SHAPES[name], (), 0)
    info = import_file(project, file)
    assert info.rows == preview.rows == counted(file) == sum(1 for _ in records_of(project, info))

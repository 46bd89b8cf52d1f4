"""The sample data: the same seed gives the same bytes, the split holds, and what is shipped is what is generated."""

from __future__ import annotations

import csv
import json
from itertools import islice

import pytest
from starter import pages, safety, tasks, write_samples
from starter.dice import Dice


@pytest.fixture(scope="module")
def generated():
    return write_samples.files()


def rows_of(generated, name):
    return [json.loads(line) for line in generated[name].decode().splitlines()]


def test_same_seed_same_pages():
    first, second = (list(islice(pages.pages(Dice(5)), 300)) for _ in range(2))
    assert first == second
    assert first != list(islice(pages.pages(Dice(6)), 300))


def test_shipped_files_are_the_generated_ones(generated):
    assert write_samples.files() == generated
    for name, content in generated.items():
        shipped = (write_samples.SAMPLES / name).read_bytes().replace(b"\r\n", b"\n")
        assert shipped == content, f"{name} differs: run python -m starter.write_samples"


def test_parquet_holds_the_generated_conversations():
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(write_samples.SAMPLES / "conversations.parquet")
    assert table.to_pylist() == write_samples.conversations(300)


def test_held_out_prompts_are_in_no_training_file(generated):
    held = {row["prompt"] for row in json.loads(generated["heldout.json"])}
    held |= {row["prompt"] for row in rows_of(generated, "prompts_heldout.jsonl")}
    held |= {row["prompt"] for row in rows_of(generated, "preferences_heldout.jsonl")}
    trained = {write_samples_prompt(row) for row in json.loads(generated["instructions.json"])}
    trained |= {row["prompt"] for row in rows_of(generated, "preferences.jsonl")}
    trained |= {row["prompt"] for row in rows_of(generated, "prompts.jsonl")}
    trained |= {row["prompt"] for row in rows_of(generated, "rankings.jsonl")}
    trained |= {row["prompt"] for row in csv.DictReader(generated["ratings.csv"].decode().splitlines(keepends=True))}
    assert not held & trained


def write_samples_prompt(row):
    return f"{row['instruction']}\n{row['input']}" if row["input"] else row["instruction"]


@pytest.mark.parametrize("family", tasks.FAMILIES)
def test_a_combination_is_on_one_side_whatever_its_wording(family):
    dice = Dice(f"split {family}")
    train = {tasks.draw(dice, family).key for _ in range(300)}
    development, test = ({tasks.draw(dice, family, part).key for _ in range(60)} for part in ("development", "test"))
    assert train and development and test
    assert not train & test and not train & development and not development & test


def test_no_page_answers_a_held_out_passage_or_phrase():
    told = "\n".join(islice(pages.pages(Dice("pages held out test")), 3000))
    dice = Dice("phrases")
    for _ in range(300):
        task = tasks.draw(dice, "translate", "test")
        assert task.check["accept"][0] + "." not in told
    assert "<|" not in told


def test_sizes_families_and_share_of_harm(generated):
    total = sum(map(len, generated.values())) + (write_samples.SAMPLES / "conversations.parquet").stat().st_size
    assert total < 3_000_000
    assert len(tasks.FAMILIES) >= 12
    assert len(json.loads(generated["heldout.json"])) >= 200
    assert len(rows_of(generated, "safety.jsonl")) + sum(
        tasks.part_of(h.key) != "training" for h in safety.HARMS
    ) == len(safety.HARMS)


def test_hh_rows_share_all_but_the_last_answer(generated):
    for row in rows_of(generated, "preferences_hh.jsonl"):
        chosen, rejected = (row[key].rpartition("\n\nAssistant: ") for key in ("chosen", "rejected"))
        assert chosen[0] == rejected[0] and chosen[0].startswith("\n\nHuman: ")
        assert chosen[2] != rejected[2]

"""Which build of torch serves a computer: a row a computer. The same rows are put to the packaged program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.core.torch_builds import BUILDS, Card, Computer, builds_for, choose, version_of

ROWS = json.loads(Path(__file__).with_name("machines.json").read_text(encoding="utf-8"))


def computer(row: dict) -> Computer:
    cards = tuple(
        Card(c["name"], c["driver"], tuple(c["capability"]), c.get("memory", 0)) for c in row.get("cards", ())
    )
    machine = row.get("machine", "x86_64")
    return Computer(row["system"], machine, cards, tuple(row.get("amd", ())), row.get("note", ""))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["is"])
def test_choice(row: dict) -> None:
    choice = choose(computer(row))
    assert choice.build.key == row["build"], choice.reason
    assert row.get("says", "") in choice.reason
    assert choice.reason.endswith(".")


def test_there_are_rows_for_every_build() -> None:
    assert len(ROWS) >= 20
    assert {row["build"] for row in ROWS} == set(BUILDS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["is"])
def test_what_is_chosen_can_be_chosen_by_hand(row: dict) -> None:
    told = computer(row)
    if told.system == "macos" and told.machine == "x86_64":
        return  # nothing can be set up there
    assert choose(told).build in builds_for(told)


def test_versions_are_compared_as_numbers() -> None:
    assert version_of("1000.1") > version_of("580.65.06") > version_of("580.65") > version_of("99")
    assert version_of("[N/A]") == version_of("") == ()

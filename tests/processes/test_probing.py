"""Looking at the computer: NVIDIA's tool can be missing, silent, broken or chatty, and the window goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from studio.core.torch_builds import Card
from studio.processes.probing import amd_generations, ask_nvidia, probe, read_cards

GOOD = "NVIDIA GeForce RTX 4070, 581.29, 8.9, 12282"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the tools here are shell scripts")


@pytest.fixture
def tool(tmp_path):
    """Writes a tool that does what a line of shell says."""

    def make(script: str) -> str:
        path = tmp_path / "nvidia-smi"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    return make


def test_cards_are_read(tool) -> None:
    cards, note = ask_nvidia(tool(f"echo '{GOOD}'; echo 'Tesla, old, 535.1, 6.1, [N/A]'"), 10)
    assert cards == (
        Card("NVIDIA GeForce RTX 4070", "581.29", (8, 9), 12282 * 1024**2),
        Card("Tesla, old", "535.1", (6, 1), 0),
    )
    assert note == ""


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exec sleep 60", "did not answer within 0"),
        ("exit 9", "ended with an error"),
        ("echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18", "version mismatch"),
        ("head -c 4000 /dev/urandom", "could be read"),
        ("printf '\\377\\376,,,\\n,,,,,,\\n'", "could be read"),
        ("echo '<html>not a card</html>'", "not a card"),
        ("echo", "could be read"),
        ("echo 'Field \"compute_cap\" is not a valid field to query.'; exit 2", "compute_cap"),
    ],
)
def test_trouble_is_said_and_gives_no_card(tool, script: str, said: str) -> None:
    cards, note = ask_nvidia(tool(script), 0.3 if "sleep" in script else 10)
    assert cards == ()
    assert said in note


def test_a_good_line_among_garbage_is_taken(tool) -> None:
    cards, _ = ask_nvidia(tool(f"echo 'WARNING: something'; echo '{GOOD}'; echo 'x, y, z'"), 10)
    assert [card.name for card in cards] == ["NVIDIA GeForce RTX 4070"]


def test_no_tool_and_no_devices_are_no_trouble(tool, tmp_path: Path) -> None:
    assert ask_nvidia(tool("echo 'No devices were found'; exit 6"), 10) == ((), "")
    assert ask_nvidia(str(tmp_path / "gone"), 10)[1].startswith("nvidia-smi can't be started")


@pytest.mark.parametrize(
    "line",
    ["a, b, c", "RTX, 581.29, 89, 12", ", 581.29, 8.9, 12", "RTX, drivers, 8.9, 12", "RTX, 581, 8.9.1, 12"],
)
def test_lines_that_are_no_card(line: str) -> None:
    assert read_cards(line) == []


def test_huge_figures_do_no_harm() -> None:
    assert read_cards(f"RTX, 581.29, 8.9, {'9' * 40}")[0].memory == 0


def test_amd_generations_of_the_kernel(tmp_path: Path) -> None:
    for node, version in enumerate(("0", "110000", "90010", "100302", "junk")):
        (tmp_path / str(node)).mkdir()
        (tmp_path / str(node) / "properties").write_text(f"simd_count 4\ngfx_target_version {version}\n")
    assert amd_generations(tmp_path) == ("gfx1100", "gfx90a", "gfx1032")
    assert amd_generations(tmp_path / "none") == ()


def test_probe_never_raises(tool) -> None:
    assert probe(tool("exit 1")).note

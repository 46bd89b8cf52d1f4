"""Each layer contract of pyproject.toml can fail.

A contract that names a wrong module is kept for ever. So a tiny package with the studio's names is built,
imports that a contract forbids are written into it, and the real contract must name each of them. Whether the
studio itself keeps its contracts is for `make lint` to say.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRACTS = {contract["id"]: contract for contract in SETTINGS["tool"]["importlinter"]["contracts"]}

# Module -> what it imports. Every contract is kept: each layer uses the one below and the packages it may.
GOOD_TREE = {
    "studio.__main__": ["studio.cli.commands", "studio.engine.worker", "studio.gui.app"],
    "studio.core.words": ["json"],
    "studio.core.gold_judge": ["json"],
    "studio.storage.project": ["pyarrow", "sqlite3", "studio.core.words"],
    "studio.processes.child": ["psutil", "studio.storage.project"],
    "studio.jobs.runs": ["PySide6", "studio.processes.child"],
    "studio.gui.app": ["PySide6", "pyqtgraph", "studio.gui.pages.chat", "studio.gui.pages.runs"],
    "studio.gui.pages.chat": ["studio.jobs.runs"],
    "studio.gui.pages.runs": ["studio.jobs.runs"],
    "studio.cli.commands": ["studio.processes.child", "tqdm"],
    "studio.engine.worker": ["studio.storage.project", "torch", "transformers"],
}

# Contract, module, what it must not import.
BREACHES = [
    ("window", "studio.jobs.runs", ["studio.gui.app"]),
    ("window", "studio.processes.child", ["studio.jobs.runs"]),
    ("window", "studio.storage.project", ["studio.processes.child", "studio.gui.app"]),
    ("window", "studio.core.words", ["studio.storage.project", "studio.jobs.runs"]),
    ("command-line", "studio.processes.child", ["studio.cli.commands"]),
    ("command-line", "studio.storage.project", ["studio.cli.commands"]),
    ("engine", "studio.storage.project", ["studio.engine.worker"]),
    ("engine", "studio.core.words", ["studio.engine.worker"]),
    ("programs", "studio.gui.app", ["studio.cli.commands", "studio.engine.worker", "studio.__main__"]),
    ("programs", "studio.cli.commands", ["studio.gui.app", "studio.engine.worker"]),
    ("programs", "studio.engine.worker", ["studio.gui.app", "studio.cli.commands"]),
    ("programs", "studio.jobs.runs", ["studio.engine.worker"]),
    ("programs", "studio.processes.child", ["studio.engine.worker"]),
    ("jobs", "studio.cli.commands", ["studio.jobs.runs"]),
    ("jobs", "studio.engine.worker", ["studio.jobs.runs"]),
    ("processes", "studio.engine.worker", ["studio.processes.child"]),
    ("pages", "studio.gui.pages.chat", ["studio.gui.pages.runs"]),
    *(("torch", source, CONTRACTS["torch"]["forbidden_modules"]) for source in
      ("studio.cli.commands", "studio.gui.app", "studio.gui.pages.chat", "studio.jobs.runs",
       "studio.processes.child", "studio.storage.project", "studio.core.words")),
    *(("qt", source, CONTRACTS["qt"]["forbidden_modules"]) for source in
      ("studio.cli.commands", "studio.processes.child", "studio.storage.project", "studio.core.words",
       "studio.engine.worker")),
    ("core", "studio.core.words", CONTRACTS["core"]["forbidden_modules"]),
    ("judge", "studio.engine.worker", ["studio.core.gold_judge"]),
]  # fmt: skip


def write_tree(folder: Path, tree: dict[str, list[str]]) -> None:
    for module, imports in tree.items():
        path = folder.joinpath(*module.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"import {name}\n" for name in imports))
        for package in path.relative_to(folder).parents[:-1]:
            (folder / package / "__init__.py").touch()


def lint_imports(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the real contracts over the package in `folder`."""
    lint = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [
        sys.executable,
        "-c",
        lint,
        "--config",
        str(ROOT / "pyproject.toml"),
        "--no-cache",
        "--no-logo",
    ]
    return subprocess.run(
        [*command, *options], cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False
    )


def test_allowed_imports_keep_every_contract(tmp_path: Path) -> None:
    write_tree(tmp_path, GOOD_TREE)
    result = lint_imports(tmp_path)
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in result.stdout, result.stdout + result.stderr
    assert result.returncode == 0


@pytest.mark.parametrize(("contract", "module", "forbidden"), BREACHES)
def test_contract_finds_the_breach(tmp_path: Path, contract: str, module: str, forbidden: list[str]) -> None:
    write_tree(tmp_path, GOOD_TREE | {module: GOOD_TREE[module] + forbidden})
    result = lint_imports(tmp_path, "--contract", contract)
    assert "Contracts: 0 kept, 1 broken." in result.stdout, result.stdout + result.stderr
    named = set(re.findall(rf"\b{re.escape(module)} -> (\S+)", result.stdout))
    assert set(forbidden) <= named


def test_torch_is_found_behind_a_module_outside_the_layers(tmp_path: Path) -> None:
    write_tree(tmp_path, GOOD_TREE | {"studio.shared": ["torch"], "studio.jobs.runs": ["studio.shared"]})
    result = lint_imports(tmp_path, "--contract", "torch")
    assert "studio.gui is not allowed to import torch" in result.stdout, result.stdout + result.stderr


def test_every_contract_has_a_breach() -> None:
    assert {contract for contract, _, _ in BREACHES} == set(CONTRACTS)


def test_core_forbids_every_dependency() -> None:
    import_names: dict[str, set[str]] = {}
    for import_name, distributions in packages_distributions().items():
        for distribution in distributions:
            import_names.setdefault(re.sub(r"[-_.]+", "-", distribution).lower(), set()).add(import_name)
    forbidden = set(CONTRACTS["core"]["forbidden_modules"])
    for requirement in SETTINGS["project"]["dependencies"]:
        distribution = re.match(r"[\w-]+", requirement)[0].lower()
        assert import_names[distribution] & forbidden, f"core may import {distribution}"


@pytest.mark.parametrize(
    ("path", "line", "rule"),
    [
        ("studio/jobs/new.py", "from PySide6.QtWidgets import QLabel", "TID251"),
        ("studio/jobs/new.py", "from PySide6 import QtGui", "TID251"),
        ("studio/jobs/new.py", "import pyqtgraph", "TID251"),
        ("studio/jobs/new.py", "from PySide6.QtCore import QThread", None),
        ("studio/gui/new.py", "from PySide6.QtWidgets import QLabel", None),
        ("studio/storage/new.py", "import pyarrow.parquet", "TID253"),
        ("studio/storage/new.py", "def read():\n    import pyarrow.parquet", None),
        ("studio/engine/new.py", "import torch", None),
    ],
)
def test_ruff_says_what_contracts_cannot(path: str, line: str, rule: str | None) -> None:
    """Contracts see PySide6 as one; and whether an import waits inside a function."""
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--no-cache",
        "--select",
        "TID",
        "--output-format",
        "concise",
    ]
    result = subprocess.run(
        [*command, "--stdin-filename", path, "-"],
        cwd=ROOT, input=line + "\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert set(re.findall(r"TID\d+", result.stdout)) == ({rule} if rule else set()), result.stdout + result.stderr

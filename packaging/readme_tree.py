"""Brings the tree in README.md up to date: a line for every file of studio/, from the file's own first words.

A line that stands there already is kept as it was written; run by `make format`.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
LAYERS = ("core", "storage", "processes", "engine", "jobs", "gui", "cli")
LONGEST = 88  # characters of a description


def place(path: Path) -> tuple[object, ...]:
    """Where a file stands in the tree: the layers in their order, a folder's own line before its files."""
    parts = path.parts
    if len(parts) == 2:
        return (-1, path.name != "__init__.py", path.name)
    return (LAYERS.index(parts[1]), "/".join(parts[2:-1]), path.name != "__init__.py", path.name)


def first_words(path: Path) -> str:
    """What a file says it is: the first sentence of its docstring, without its own name before a colon."""
    text = " ".join((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0].split())
    text = re.split(r"(?<=[a-z)`”0-9])\. ", text + " ")[0].strip().rstrip(".").replace("`", "")
    named = re.match(r"[A-Za-z.\- ]{2,40}: (.+)$", text)
    if named and len(text) > 60:
        text = named[1]
    if len(text) > LONGEST:
        cut = max(text.rfind(mark, 0, LONGEST) for mark in (", ", "; ", ": "))
        text = text[:cut] if cut > 30 else text[:LONGEST].rsplit(" ", 1)[0]
    return text


def main() -> None:
    readme = ROOT / "README.md"
    before, opening, rest = readme.read_text(encoding="utf-8").partition("```text\nstudio/")
    block, closing, after = rest.partition("\n```")
    kept = dict(line.split(None, 1) for line in ("studio/" + block).splitlines())
    files = sorted((path.relative_to(ROOT) for path in (ROOT / "studio").rglob("*.py")), key=place)
    said = {}
    for path in files:
        name = path.parent.as_posix() + "/" if path.name == "__init__.py" else path.as_posix()
        said[name] = kept.get(name) or first_words(ROOT / path)
    width = max(map(len, said)) + 2
    tree = "\n".join(f"{name:<{width}}{what}" for name, what in said.items())
    readme.write_text(before + opening.removesuffix("studio/") + tree + closing + after, encoding="utf-8")


if __name__ == "__main__":
    main()

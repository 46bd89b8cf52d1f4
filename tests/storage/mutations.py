"""Mutated files: good files of every form, bent in the ways that files go wrong, and each imported.

As a script it does many: `python -m tests.storage.mutations 10000`. Each must end in rows or a sentence, in time, and
leave nothing behind when it fails.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
import tempfile
import time
from collections import Counter
from importlib import import_module
from pathlib import Path

from studio.core.errors import StudioError
from studio.storage.datasets import list_datasets
from studio.storage.interchange import import_file, preview_file
from studio.storage.project import Project

SLOW = 5.0  # seconds of this process's own time
ROWS = {
    "alpaca": {"instruction": "Say hi to Zoë", "input": "", "output": "Hi Zoë!"},
    "messages": {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
    "sharegpt": {
        "conversations": [
            {"from": "human", "value": "q"},
            {"from": "function_call", "value": '{"name": "f", "arguments": {"x": 1}}'},
            {"from": "observation", "value": "r"},
            {"from": "gpt", "value": "a"},
        ],
        "tools": '[{"name": "f"}]',
    },
    "pairs": {"prompt": "q", "chosen": "good", "rejected": "bad", "margin": 0.5},
    "hh": {"chosen": "\n\nHuman: q\n\nAssistant: a", "rejected": "\n\nHuman: q\n\nAssistant: b"},
    "kto": {"prompt": "q", "completion": "a", "label": True},
    "rankings": {"prompt": "q", "responses": ["a", "b"], "ranks": [1, 2]},
}
ODD = [
    None,
    True,
    -1,
    1e308,
    "",
    " ",
    "\0",
    "x" * 70_000,
    [],
    {},
    [[]],
    {"a": {"b": []}},
    "=1+1",
    "\ud800",
    "\u2028",
    10**400,
]
BYTES = [
    b"\0",
    b"\xff",
    b"\xfe\xff",
    b"\n",
    b"\r",
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b"\\",
    b"\\ud800",
    b"'",
    b"\x1b",
    b"\xc3",
]
NAMES = [
    "json",
    "jsonl",
    "csv",
    "tsv",
    "txt",
    "parquet",
    "arrow",
    "json.gz",
    "jsonl.gz",
    "csv.gz",
    "jsonl.zst",
    "parquet.gz",
]


def mutated(chance: random.Random, folder: Path) -> Path:
    """A file that was good once."""
    name, row = chance.choice(NAMES), ROWS[chance.choice(list(ROWS))]
    rows: list[object] = [dict(row) for _ in range(chance.randint(1, 12))]
    if chance.random() < 0.4:
        victim = rows[chance.randrange(len(rows))]
        assert isinstance(victim, dict)
        victim[chance.choice([*victim, "other"])] = chance.choice(ODD)
    if chance.random() < 0.1:
        rows[chance.randrange(len(rows))] = chance.choice(ODD)
    content = written(name.split(".")[0], rows, chance)
    packed = name.endswith((".gz", ".zst"))
    if not packed or chance.random() < 0.6:
        content = bent(content, chance)
    if packed:
        content = (
            gzip.compress(content)
            if name.endswith("gz")
            else import_module("pyarrow").compress(content, "zstd", asbytes=True)
        )
        if chance.random() < 0.5:
            content = bent(content, chance)
    path = folder / f"m.{name}"
    path.write_bytes(content)
    return path


def written(form: str, rows: list[object], chance: random.Random) -> bytes:
    """Rows as a file of a form."""
    safe = [row if isinstance(row, dict) else {"x": "y"} for row in rows]
    if form in ("parquet", "arrow"):
        plain = [
            {key: json.dumps(value)[:500] if not isinstance(value, str) else value for key, value in row.items()}
            for row in safe
        ]
        try:
            arrow = import_module("pyarrow")
            table, sink = arrow.Table.from_pylist(plain), arrow.BufferOutputStream()
            if form == "parquet":
                import_module("pyarrow.parquet").write_table(table, sink)
            else:
                maker = chance.choice([arrow.ipc.new_file, arrow.ipc.new_stream])
                with maker(sink, table.schema) as writer:
                    writer.write_table(table)
            return bytes(sink.getvalue())
        except (UnicodeEncodeError, arrow.ArrowException):
            return b"PAR1"
    if form in ("csv", "tsv"):
        sign = "," if form == "csv" else "\t"
        cells = [[str(value).replace('"', '""') for value in row.values()] for row in safe]
        lines = [sign.join(safe[0]), *(sign.join(f'"{cell}"' for cell in line) for line in cells)]
        return "\r\n".join(lines).encode("utf-8", "surrogatepass")
    if form == "txt":
        return "\n".join(str(row) for row in rows).encode("utf-8", "surrogatepass")
    if form == "jsonl":
        return "\n".join(json.dumps(row) for row in rows).encode()
    return json.dumps(rows, indent=chance.choice([None, 1])).encode()


def bent(content: bytes, chance: random.Random) -> bytes:
    """Content with one thing wrong."""
    place, other = sorted(chance.randrange(len(content) + 1) for _ in range(2))
    match chance.randrange(10):
        case 0:
            return content[:place]
        case 1:
            return content[:place] + content[other:]
        case 2:
            return content[:place] + chance.choice(BYTES) * chance.choice([1, 1, 3, 1000]) + content[place:]
        case 3:
            return content[:place] + chance.randbytes(chance.randint(1, 40)) + content[other:]
        case 4:
            return (
                content[:place]
                + chance.choice([b"[", b'{"a":', b"(", b"[{"]) * chance.choice([500, 5000, 100_000])
                + content[place:]
            )
        case 5:
            return content[:place] + chance.choice([b"x", b" ", b"\n", b"9"]) * 200_000 + content[place:]
        case 6:
            try:
                return content.decode().encode(chance.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1"]))
            except UnicodeError:
                return content[::-1]
        case 7:
            return content * chance.randint(2, 5)
        case 8:
            return (
                content[:place] + bytes([content[place - 1] ^ (1 << chance.randrange(8))]) + content[place:]
                if content
                else b""
            )
        case _:
            return content


def tried(project: Project, path: Path) -> tuple[str, float]:
    """How the import of a file ends, and how long it took. Raises what is no sentence, and AssertionError."""
    before, start, said = len(list_datasets(project)), time.process_time(), ""
    try:
        expected = preview_file(path).rows
        info = import_file(project, path)
        assert info.rows == expected, f"{path}: {expected} rows promised, {info.rows} came"
        outcome = "imported"
    except StudioError as error:
        said = error.what
        assert len(list_datasets(project)) == before, f"{path}: a part was imported"
        outcome = "a sentence"
    assert said[-1:] in ("", ".", "?") and len(said) < 600, f"no sentence, or a long one: {said[:800]!r}"
    spent = time.process_time() - start
    assert spent < SLOW, f"{path}: {spent:.1f} s"
    return outcome, spent


def run(project: Project, folder: Path, count: int, seed: int) -> tuple[Counter[str], float]:
    """Try many; how they ended, and the longest time."""
    outcomes, longest = Counter[str](), 0.0
    for number in range(count):
        path = mutated(random.Random(f"{seed} {number}"), folder)
        try:
            outcome, spent = tried(project, path)
        except BaseException as error:
            error.add_note(f"seed {seed}, number {number}, {path.name}")
            raise
        outcomes[outcome] += 1
        longest = max(longest, spent)
    return outcomes, longest


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as where:
        made = Project.create(Path(where) / "p")
        seen, slowest = run(made, Path(where), int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, 0)
        made.close()
    print(f"{sum(seen.values()):,} files: {dict(seen)}; the slowest took {slowest:.2f} s")

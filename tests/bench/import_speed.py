"""How fast a million rows of JSON lines come in, against the plainest way to do it; and how soon they are on screen.

    python -m tests.bench.import_speed [ROWS]

Wall time and this process's own processor time (other programs may hold the cores): of the preview, which reads all,
and of the import; of json.loads and executemany for the same rows; of the search's index, the first page and searches;
and of drawing the table while it scrolls. The last line is a JSON object.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication

from studio.core.filters import Filter
from studio.gui import theme
from studio.gui.pages.data.examples import ExamplesModel, ExamplesTable
from studio.storage.datasets import records_at
from studio.storage.interchange import import_file, preview_file
from studio.storage.project import Project
from studio.storage.revisions import order_of
from studio.storage.search import find, index_dataset

ROWS = 1_000_000
FRAMES = 300
_SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
_SEARCHES = ("kadola", "kad", "ka", "mirano kad", "nowhere", '"row 4711"', "4711", "言葉")


def rows(count: int, path: Path) -> None:
    """Write a file of Alpaca rows of about 150 bytes."""
    chance = random.Random(1)
    words = ["".join(chance.choices(_SYLLABLES, k=chance.choice((1, 2, 2, 3, 3, 3)))) for _ in range(20_000)]
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            asked, answered = (chance.choices(words, k=chance.randint(4, most)) for most in (10, 18))
            row = {"instruction": f"row {number} {' '.join(asked)}", "input": "", "output": " ".join(answered)}
            file.write(json.dumps(row) + "\n")


def plainly(path: Path, database: Path) -> None:
    """The peer: parse with the standard library, insert row by row."""
    connection = sqlite3.connect(database)
    connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, row TEXT)")
    with path.open(encoding="utf-8") as file:
        parsed = ((json.dumps(json.loads(line)),) for line in file)
        connection.executemany("INSERT INTO rows (row) VALUES (?)", parsed)
    connection.commit()
    connection.close()


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Wall and processor seconds."""
    wall, own = time.perf_counter(), time.process_time()
    work()
    return {"wall": round(time.perf_counter() - wall, 2), "processor": round(time.process_time() - own, 2)}


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    told: dict[str, object] = {"rows": count}
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        file = folder / "rows.jsonl"
        rows(count, file)
        project = Project.create(folder / "p")
        told["megabytes"] = round(file.stat().st_size / 1e6)
        told["preview"] = timed(lambda: preview_file(file))
        made = []
        told["import"] = timed(lambda: made.append(import_file(project, file)))
        told["memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        told["peer"] = timed(lambda: plainly(file, folder / "plain.db"))
        info = made[0]
        told["index"] = timed(lambda: index_dataset(project, info))
        told["memory_with_index_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        told["first_page_ms"] = worst(lambda: records_at(project, info, order_of(project, info)[:64]))
        told["search_ms"] = {
            text: worst(lambda text=text: find(project, info, Filter(text), count=200)) for text in _SEARCHES
        }
        told["frame_ms"] = frames(project, info)
        project.close()
    for name in ("import", "peer"):
        times = told[name]
        assert isinstance(times, dict)
        wall, own = count / times["wall"], count / times["processor"]
        print(f"{name:7}{wall:>12,.0f} rows/s by the clock{own:>12,.0f} by its own time")
    print(json.dumps(told))
    return 0


def worst(work: Callable[[], object]) -> float:
    """The longest of five, in milliseconds."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return round(max(times) * 1000, 1)


def frames(project: Project, info: object) -> dict[str, float]:
    """Milliseconds to draw the table once for each of many steps through all of it."""
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    theme.apply(app, "light")
    model = ExamplesModel(project)
    model.show_dataset(info)  # type: ignore[arg-type]
    table = ExamplesTable(model)
    table.resize(1000, 700)
    table.show()
    app.processEvents()
    bar, times = table.verticalScrollBar(), []
    for number in range(FRAMES):  # half of them as a wheel turns, half as the bar is dragged
        start = time.perf_counter()
        bar.setValue(bar.value() + 108 if number % 2 else bar.maximum() * number // FRAMES)
        table.viewport().repaint()
        times.append((time.perf_counter() - start) * 1000)
    times.sort()
    table.close()
    return {"median": round(statistics.median(times), 1), "99 %": round(times[int(len(times) * 0.99)], 1)}


if __name__ == "__main__":
    sys.exit(main())

"""Labelling by key in a large project: how long from a key to the next item on screen, and whether a kill loses any.

    python -m tests.bench.labelling [PROMPTS] [KEYS] [KILLS]

The set has 100,000 prompts with a pair of answers each, some of 10,000 characters. A scripted user presses keys in the
real window; a verdict is one transaction that is on the disk before the next item shows. Then the user is killed
(signal 9) twenty times at random moments. The last line is a JSON object; times are in milliseconds.
"""

from __future__ import annotations

import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from studio.core.labelling import Candidate, LabelPlan
from studio.core.messages import Message
from studio.storage.label_intake import Incoming, create_set
from studio.storage.label_log import opinions_of
from studio.storage.project import Project
from tests.end_to_end.scripted_labeller import KEYS, open_window, press


def prompts(count: int) -> Iterator[Incoming]:
    long = "A sentence of the long answer, which nobody reads to its end. " * 160  # about 10,000 characters
    for n in range(count):
        text = long if n % 4 == 0 else f"Answer {n}. " * 20
        yield Incoming(
            (Message("user", f"Question number {n}?"),), (Candidate(0, text + "a"), Candidate(0, text + "b"))
        )


def main() -> None:
    given = [int(word) for word in sys.argv[1:4]]
    count, presses, kills = (*given, *(100_000, 400, 20)[len(given) :])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        os.environ["PLUMBLINE_HOME"] = str(Path(name) / "home")
        project = Project.create(Path(name) / "project")
        began = time.perf_counter()
        known = create_set(project, "large", LabelPlan(), prompts(count))
        filled = time.perf_counter() - began
        project.close()
        app = QApplication([])
        began = time.perf_counter()
        studio, judge = open_window(app, str(project.folder))
        opened = time.perf_counter() - began
        rng = random.Random(0)
        took: list[float] = []
        worked: list[float] = []  # processor time of the same keys, which other programs hardly change
        for _ in range(presses):
            before = time.process_time()
            took.append(press(app, judge, rng.choice(KEYS)) * 1000)
            worked.append((time.process_time() - before) * 1000)
        took.sort()
        worked.sort()
        studio.window.close()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

        lost = 0
        for attempt in range(kills):
            words = ("-m", "tests.end_to_end.scripted_labeller", str(project.folder), str(attempt), "0.002")
            child = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True)
            assert child.stdout is not None
            said = [child.stdout.readline() for _ in range(rng.randrange(4, 12))]
            time.sleep(rng.random() * 0.05)
            os.kill(child.pid, signal.SIGKILL)
            said += child.stdout.read().split("\n")
            child.wait()
            safe = max(int(line.split()[1]) for line in said if line.startswith("safe ") and line.strip() != "safe")
            with project.connect() as connection:
                kept = sum(bool(o.mark.verdicts or o.mark.skipped) for o in opinions_of(connection, known))
            lost += max(0, safe - kept)
    told = {
        "bench": "labelling",
        "prompts": count,
        "filled_s": round(filled, 1),
        "window_and_queue_ms": round(opened * 1000),
        "keys": presses,
        "median_ms": round(statistics.median(took), 2),
        "p95_ms": round(took[int(len(took) * 0.95)], 2),
        "worst_ms": round(took[-1], 2),
        "processor_p95_ms": round(worked[int(len(worked) * 0.95)], 2),
        "kills": kills,
        "lost": lost,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()

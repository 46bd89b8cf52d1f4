"""How long until the window can be used, and what it takes: medians over warm starts of the real program.

    python -m tests.bench.startup [STARTS]

Usable: shown, painted, and back in an idle event loop, with a project open. The last line is a JSON object:
seconds from the start of the process (`plain_python` is an empty Python started in the same way, as a yardstick for
the machine), memory in MB (the process's own resident size at that moment).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from studio.core.messages import Example, Message
from studio.storage.datasets import add_dataset
from studio.storage.project import Project

STARTS = 7


def measure(folder: Path) -> dict[str, float]:
    environment = {"QT_QPA_PLATFORM": "offscreen", **os.environ, "PLUMBLINE_HOME": str(folder / "home")}
    began = time.monotonic()
    command = [sys.executable, "-m", "studio", "--check", str(folder / "project")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    plain = time.monotonic()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return {
        "usable_s": told["usable_at"] - began,  # both clocks are the system's monotonic one
        "plain_python_s": time.monotonic() - plain,
        "memory_mb": told["memory"] / 1e6,
    }


def main() -> None:
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else STARTS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = Project.create(folder / "project")
        examples = (Example((Message("user", f"{n}?"), Message("assistant", "yes"))) for n in range(2000))
        add_dataset(project, "examples", "examples.json", examples)
        project.close()
        measure(folder)  # fills the file cache
        rounds = [measure(folder) for _ in range(starts)]
    figures = {name: round(statistics.median(one[name] for one in rounds), 3) for name in rounds[0]}
    figures["usable_worst_s"] = round(max(one["usable_s"] for one in rounds), 3)
    print(json.dumps({"bench": "startup", "starts": starts, **figures}))


if __name__ == "__main__":
    main()

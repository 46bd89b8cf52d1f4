"""`make bench`: every benchmark of this folder, one after the other, each in a process of its own.

    python -m tests.bench [--full]

--full goes to those that have it: the speeds of training, with all arms, ways and vocabularies; hours, not minutes.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> int:
    failed = 0
    for file in sorted(Path(__file__).parent.glob("*.py")):
        if file.name.startswith("_"):
            continue
        print(f"== {file.stem}", flush=True)
        options = ["--full"] if "--full" in sys.argv[1:] and file.stem.endswith("_speed") else []
        command = [sys.executable, "-m", f"tests.bench.{file.stem}", *options]
        failed += subprocess.run(command, check=False).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

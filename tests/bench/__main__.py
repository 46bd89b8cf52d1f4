"""`make bench`: every benchmark of this folder, one after the other, each in a process of its own."""

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
        failed += subprocess.run([sys.executable, "-m", f"tests.bench.{file.stem}"], check=False).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""`plumbline-worker` as a packaged program: torch and what comes with it, without Qt."""

from __future__ import annotations

import os
import sys

from start import start

start()
os.environ["TORCHDYNAMO_DISABLE"] = "1"  # there is no compiler beside a packaged program, nor Python's headers

from studio.__main__ import main  # noqa: E402 - after `start`, which may never return

sys.exit(main())

"""`plumbline` as a packaged program: the window and the command line, without torch."""

from __future__ import annotations

import sys

from start import start

start()
# The worker's part of pandas lies in the same folder, and pyarrow, which would like to use pandas, takes it for whole.
sys.modules["pandas"] = None  # type: ignore[assignment]  # Python's way to say: not installed

from studio.__main__ import main  # noqa: E402 - after `start`, which may never return
from studio.storage.runtimes import lend_packages  # noqa: E402

lend_packages()
sys.exit(main())

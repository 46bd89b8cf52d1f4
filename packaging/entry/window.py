"""`plumbline` as a packaged program: the window and the command line, without torch."""

from __future__ import annotations

import sys

from start import start

start()

from studio.__main__ import main  # noqa: E402 - after `start`, which may never return
from studio.storage.runtimes import lend_packages  # noqa: E402

lend_packages()

sys.exit(main())

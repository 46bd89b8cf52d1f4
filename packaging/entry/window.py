"""`plumbline` as a packaged program: the window and the command line, without torch."""

from __future__ import annotations

import sys

from start import start

start()

from studio.__main__ import main  # noqa: E402 - after `start`, which may never return

sys.exit(main())

"""The worker in a runtime: `python -I FOLDER --worker run ...`, FOLDER being the one this file is in."""

from __future__ import annotations

import sys

from studio.__main__ import main

sys.exit(main())

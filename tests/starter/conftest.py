"""The starter's package is build-time code beside the program; its tests find it here."""

from __future__ import annotations

import sys
from pathlib import Path

PACKAGING = str(Path(__file__).resolve().parents[2] / "packaging")
if PACKAGING not in sys.path:
    # At the end: the folder must never hide an installed package.
    sys.path.append(PACKAGING)

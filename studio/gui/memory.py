"""Memory of large blocks is given back to the system as soon as it is free.

glibc keeps blocks as large as the largest one that was ever freed, such as a window's picture: the curves of a long run
then grow among them and leave holes, as large as they are. Other systems' C libraries don't, and are left as they are.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys

_MMAP_THRESHOLD = -3  # mallopt's name for it
_LARGE = 1 << 20  # bytes


def give_back_large_blocks() -> None:
    """Call once, before the window is made."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # not every C library has it
            ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE)

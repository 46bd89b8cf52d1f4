"""Allocator: asks glibc to keep freed memory instead of giving it back and fetching it again for every operation.

On a processor a training step frees and allocates hundreds of megabytes; with glibc's defaults each large block is
unmapped, and fetched again with its pages cleared. Other C libraries can't be asked; there it does nothing.
"""

from __future__ import annotations

import ctypes
import sys

# Names and values of <malloc.h>.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_NEVER = 2**31 - 1
_GROW_BY = 64 * 1024 * 1024


def keep_freed_memory() -> bool:
    """Tune the allocator of this process, before large tensors are made. Returns whether it could be tuned.

    The process holds its peak until it ends, so this is for workers that end with their work.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    done = 0
    for name, value in ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _NEVER), (_M_TOP_PAD, _GROW_BY)):
        done += mallopt(name, value)
    return done == 3

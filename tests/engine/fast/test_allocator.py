"""The allocator is tuned in a process of its own: the setting can't be taken back."""

from __future__ import annotations

import platform
import subprocess
import sys

CHILD = """
import resource
from studio.engine.fast.allocator import keep_freed_memory
tuned = keep_freed_memory()
assert keep_freed_memory() == tuned
for _ in range(3):
    block = bytearray(64 * 1024 * 1024)
    del block
first = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    block = bytearray(b"x" * 1024) * 65536
    del block
print(tuned, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - first)
"""


def test_freed_memory_is_kept_where_glibc_is_and_elsewhere_nothing_happens():
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    tuned, faults = done.stdout.split()
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        # Fetched anew, 20 blocks of 64 MB are 20 times 16,384 pages, or 32 larger ones.
        assert tuned == "True" and int(faults) < 20 * 32
    elif sys.platform != "linux":
        assert tuned == "False"

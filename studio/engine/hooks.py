"""What a test may ask of a real worker through its environment; without it nothing happens here.

PLUMBLINE_TEST_OUT_OF_MEMORY=STEP:FITS   memory runs out in that step while more than FITS examples are taken at a time
"""

from __future__ import annotations

import os

import torch


def maybe_run_out_of_memory(step: int, batch_size: int) -> None:
    """Raise what torch raises when a test wants it here."""
    asked = os.environ.get("PLUMBLINE_TEST_OUT_OF_MEMORY", "")
    at, _, fits = asked.partition(":")
    if asked and step == int(at) and batch_size > int(fits):
        raise torch.OutOfMemoryError(f"A test wants memory to run out at step {step} with {batch_size} at a time.")

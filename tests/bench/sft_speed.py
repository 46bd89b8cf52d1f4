"""Supervised fine-tuning on instructions, as fast as TRL and how much faster (`_speed` says how it is measured).

python -m tests.bench.sft_speed [--quick | --full] [--search | --best ARM] [--data FILE] [--ways full,lora]
                                [--vocabularies 8192,65536] [--rounds N] [--steps N]
"""

from __future__ import annotations

import sys

from tests.bench._speed import main

if __name__ == "__main__":
    sys.exit(main("sft", __doc__ or ""))

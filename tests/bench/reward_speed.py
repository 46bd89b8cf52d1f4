"""Reward models on pairs, as fast as TRL and how much faster (`_speed` says how it is measured).

python -m tests.bench.reward_speed [--quick | --full] [--search | --best ARM] [--data FILE] [--ways full,lora]
                                [--vocabularies 8192,65536] [--rounds N] [--steps N]
"""

from __future__ import annotations

import sys

from tests.bench._speed import main

if __name__ == "__main__":
    sys.exit(main("reward", __doc__ or ""))

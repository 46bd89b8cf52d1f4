"""What each training benchmark compares: TRL as it comes, TRL with its own options, and ours.

TRL's options are those that could make it faster: no activation checkpointing, batches of similar lengths, 32-bit
numbers, packing where it is allowed, the reference computed beforehand. `TUNED` adds an allocator that keeps memory,
which any program may ask for; the best is searched with and without it.
"""

from __future__ import annotations

from typing import Any

DEFAULT, OURS = "trl_default", "plumbline"
TUNED = "_tuned"  # at the end of a name
PLAIN: dict[str, Any] = {"gradient_checkpointing": False}
GROUPED: dict[str, Any] = {**PLAIN, "train_sampling_strategy": "group_by_length"}
PRECOMPUTED: dict[str, Any] = {"precompute_ref_log_probs": True}
FP32: dict[str, Any] = {"bf16": False}

_SFT: dict[str, dict[str, Any]] = {
    "trl_plain": PLAIN,
    "trl_grouped": GROUPED,
    "trl_grouped_fp32": {**GROUPED, **FP32},
    "trl_padding_free": {**PLAIN, "padding_free": True, "max_length": None},
    # Rows of 512 tokens are filled, so as many of them as hold about the same tokens.
    "trl_packed": {**PLAIN, "packing": True},
    "trl_grouped_tuned": GROUPED,
}
_REWARD: dict[str, dict[str, Any]] = {
    "trl_plain": PLAIN,
    "trl_grouped": GROUPED,
    "trl_grouped_fp32": {**GROUPED, **FP32},
    "trl_plain_tuned": PLAIN,
    "trl_grouped_tuned": GROUPED,
}
_DPO: dict[str, dict[str, Any]] = {
    "trl_plain": PLAIN,
    "trl_precomputed": {**PLAIN, **PRECOMPUTED},
    "trl_grouped": {**GROUPED, **PRECOMPUTED},
    "trl_grouped_fp32": {**GROUPED, **PRECOMPUTED, **FP32},
    "trl_padding_free": {**PLAIN, **PRECOMPUTED, "padding_free": True},
    "trl_grouped_tuned": {**GROUPED, **PRECOMPUTED},
    "trl_precomputed_tuned": {**PLAIN, **PRECOMPUTED},
}
OPTIONS: dict[str, dict[str, dict[str, Any]]] = {"sft": _SFT, "reward": _REWARD, "dpo": _DPO}
LIKELY_BEST = "trl_grouped_tuned"  # as `--search` usually finds, for when none is searched


def options_of(kind: str, arm: str) -> dict[str, Any]:
    """What an arm tells its trainer beside what all are told."""
    return {DEFAULT: {}, OURS: PLAIN, **OPTIONS[kind]}[arm]


def is_tuned(arm: str) -> bool:
    """Whether an arm's process keeps the memory that it frees."""
    return arm == OURS or arm.endswith(TUNED)

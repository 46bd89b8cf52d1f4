"""What learning from a reward needs beside training itself: the other roles, and the answers that are being written.

Roles are adapters on the policy's own base, so they are small; a reward model on another base is held beside it, whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio.core.methods import PpoSettings, RewardedSettings

if TYPE_CHECKING:
    from studio.core.forecast import ModelShape

_FP32, _HALF = 4, 2  # bytes of a number
_TABLES = 3  # of odds, while a token is chosen: logits, their logarithms, and their running sum

ROLE_PARTS: Mapping[str, tuple[str, str]] = {
    "roles": ("Other roles", "reference, reward model, judge and value model, each an adapter on the same base"),
    "answers": ("Answers", "keys and values of all tokens of the answers that are being written together"),
    "beside": ("Held beside", "a reward model or judge that was made on another base model"),
}


@dataclass(frozen=True, slots=True)
class Roles:
    """Models beside the policy. on_base: adapters on the policy's base. beside: parameters of models on
    bases of their own."""

    on_base: int = 0
    beside: int = 0


def role_sizes(
    shape: ModelShape,
    settings: RewardedSettings,
    roles: Roles,
    *,
    adapter: float,
    length: int,
    half: bool,
    holes: float,
) -> dict[str, float]:
    """Bytes of each of `ROLE_PARTS`. adapter: bytes of one adapter. length: tokens of the longest prompt and answer.

    The value model's adapter is trained: it has gradients and Adam's two means, as the policy's.
    """
    number = _HALF if half else _FP32
    trained = adapter * (1 + holes * 3) if getattr(settings, "value_model", "") == "adapter" else 0.0
    keys = 2 * shape.layers * shape.kv_heads * shape.head_dim * number
    return {
        "roles": roles.on_base * adapter + trained,
        "answers": holes * written_together(settings) * length * keys,
        "beside": roles.beside * number,
    }


def odds_of_next_tokens(shape: ModelShape, settings: RewardedSettings) -> int:
    """Bytes of the tables from which the next token of each answer is chosen."""
    return _TABLES * written_together(settings) * shape.vocabulary * _FP32


def logits_of_answers(shape: ModelShape, settings: RewardedSettings) -> int:
    """Bytes of what TRL makes of all logits of a pass's answers: in 16 bits, and eight times in 32 for
    log-probabilities, entropies and their gradients. Told from measured peaks (tests/bench/forecast.py)."""
    return settings.batch_size * settings.answer_tokens * shape.vocabulary * (_HALF + 8 * _FP32)


def written_together(settings: RewardedSettings) -> int:
    """How many answers grow at the same time: all of a step, unless PPO is told otherwise."""
    some = settings.rollout_batch if isinstance(settings, PpoSettings) else 0
    return min(some, settings.episodes) if some else settings.episodes

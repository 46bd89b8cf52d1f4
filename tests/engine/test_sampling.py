"""Sampling: each control against its definition on known odds, and nothing at its neutral value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from studio.core.conversation import NEUTRAL, Sampling
from studio.core.fields import settings_of
from studio.engine.sampling import NextToken, TopP

ODDS = torch.tensor([0.05, 0.4, 0.3, 0.15, 0.1])
LOGITS = ODDS.log()


def odds(sampling: Sampling, written: list[int] | None = None, prompt: list[int] | None = None) -> Tensor:
    return NextToken(sampling, prompt or [], frozenset()).odds(LOGITS, written or [])


def kept(*tokens: int) -> Tensor:
    """The odds when only these tokens may be chosen."""
    allowed = torch.zeros(5).index_fill(0, torch.tensor(tokens), 1.0)
    return ODDS * allowed / (ODDS * allowed).sum()


def test_neutral_controls_change_nothing() -> None:
    assert torch.allclose(odds(NEUTRAL, [1, 1, 2], [3, 4]), ODDS, atol=1e-6)
    changed = {known.name for known in settings_of(Sampling) if getattr(NEUTRAL, known.name) != known.default}
    assert changed == {"temperature", "top_p"}  # the mild defaults; everything else is neutral by default


@pytest.mark.parametrize(
    ("sampling", "wanted"),
    [
        (replace(NEUTRAL, temperature=0.5), ODDS**2 / (ODDS**2).sum()),
        (replace(NEUTRAL, temperature=2.0), ODDS**0.5 / (ODDS**0.5).sum()),
        (replace(NEUTRAL, temperature=0.0), torch.tensor([0, 1.0, 0, 0, 0])),
        (replace(NEUTRAL, top_k=2), kept(1, 2)),
        (replace(NEUTRAL, top_k=99), ODDS),
        # 0.4 + 0.3 < 0.75, so the third is needed to reach it and the fourth is not.
        (replace(NEUTRAL, top_p=0.75), kept(1, 2, 3)),
        (replace(NEUTRAL, top_p=0.01), kept(1)),
        # At least 0.3 x 0.4 = 0.12.
        (replace(NEUTRAL, min_p=0.3), kept(1, 2, 3)),
        (replace(NEUTRAL, min_p=1.0), kept(1)),
    ],
)
def test_each_control_is_its_definition(sampling: Sampling, wanted: Tensor) -> None:
    assert torch.allclose(odds(sampling), wanted, atol=1e-5)


@pytest.mark.parametrize("seed", range(12))
def test_top_p_keeps_what_transformers_keeps(seed: int) -> None:
    from transformers.generation.logits_process import TopPLogitsWarper

    chance = torch.Generator().manual_seed(seed)
    logits = torch.randn(1, [50, 3_000, 20_000][seed % 3], generator=chance) * [0.1, 1.0, 4.0, 12.0][seed % 4]
    nothing: Any = None
    for share in (0.01, 0.3, 0.9, 0.95, 0.999):
        ours, theirs = TopP(share)(nothing, logits), TopPLogitsWarper(share)(nothing, logits)
        differ = ours.isfinite() != theirs.isfinite()
        assert differ.sum() <= 1  # sums of thousands of shares end up a rounding apart
        assert torch.equal(ours[~differ], theirs[~differ])


def test_typical_takes_what_is_as_surprising_as_expected() -> None:
    """Meister et al. 2022: by distance of surprise from the entropy, until the share is reached."""
    entropy = -(ODDS * LOGITS).sum()
    order = (-LOGITS - entropy).abs().argsort().tolist()
    share, wanted = 0.0, []
    for token in order:
        wanted.append(token)
        share += float(ODDS[token])
        if share >= 0.5:
            break
    assert torch.allclose(odds(replace(NEUTRAL, typical_p=0.5)), kept(*wanted), atol=1e-5)


def test_penalties_count_what_was_said() -> None:
    said = [1, 1, 2]
    once = LOGITS.clone()
    once[1] -= 0.5
    once[2] -= 0.5
    assert torch.allclose(odds(replace(NEUTRAL, presence_penalty=0.5), said), once.softmax(-1), atol=1e-6)
    often = LOGITS.clone()
    often[1] -= 1.0
    often[2] -= 0.5
    assert torch.allclose(odds(replace(NEUTRAL, frequency_penalty=0.5), said), often.softmax(-1), atol=1e-6)
    lower = LOGITS.clone()  # negative scores are multiplied (Keskar et al. 2019); the prompt counts too
    lower[[1, 2, 3]] *= 2.0
    assert torch.allclose(odds(replace(NEUTRAL, repetition_penalty=2.0), said, [3]), lower.softmax(-1), atol=1e-6)


def test_no_run_is_said_twice() -> None:
    assert odds(replace(NEUTRAL, no_repeat_ngram=2), [1, 2, 1])[2] == 0
    assert odds(replace(NEUTRAL, no_repeat_ngram=3), [1, 2, 1])[2] > 0


def test_the_turn_cannot_end_too_soon() -> None:
    chooser = NextToken(replace(NEUTRAL, min_new_tokens=2), [7, 7], frozenset({1}))
    assert [float(chooser.odds(LOGITS, [0] * count)[1] > 0) for count in range(4)] == [0, 0, 1, 1]


def test_draws_follow_the_odds_and_the_seed() -> None:
    def drawn(seed: int) -> list[int]:
        chooser = NextToken(replace(NEUTRAL, top_k=3, seed=seed), [], frozenset())
        return [chooser.choose(LOGITS, []) for _ in range(4000)]

    first = drawn(3)
    shares = torch.bincount(torch.tensor(first), minlength=5) / 4000
    assert torch.allclose(shares, kept(1, 2, 3), atol=0.03)  # 0.03 is four standard deviations
    assert drawn(3) == first != drawn(4)

"""Rollouts: what is taken down while an answer is written is what reading it whole gives."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from studio.engine.fast.losses import token_log_probs_and_entropies
from studio.engine.passes import Passes, Sequences, judged
from studio.engine.ppo.losses import KL_ESTIMATORS, policy_loss
from studio.engine.ppo.roles import REFERENCE, Roles
from studio.engine.ppo.rollouts import Rollouts, mask_of, pick, spread_out, write_answers
from tests.engine.ppo.conftest import FP32, make_roles

LONGEST = 12


def stops_of(passes):
    """A fifth of the tokens end an answer, so that many end early and at different places."""
    vocabulary = passes.base.get_input_embeddings().weight.shape[0]
    return frozenset(range(0, vocabulary, 5))


def write(passes, prompts, *, seed=0, **more):
    chances = torch.rand(len(prompts), LONGEST, generator=torch.Generator().manual_seed(seed))
    given = {"temperature": 0.8, "stop_tokens": stops_of(passes), **more}
    return write_answers(passes, prompts, chances, **given)


def as_read(passes, rollouts, temperature=0.8):
    """Log-probabilities and entropies of the answers, read whole."""
    with torch.no_grad():
        read = passes.read(rollouts.sequences)
        hidden = read.before_answers
        told = token_log_probs_and_entropies(hidden, passes.head(hidden, temperature), read.targets)
    return tuple(spread_out(values, rollouts.mask) for values in told)


def assert_same(left: Rollouts, right: Rollouts) -> None:
    assert left.sequences.answers == right.sequences.answers
    assert left.ended.equal(right.ended)
    for name in ("log_probs", "entropies"):
        torch.testing.assert_close(getattr(left, name), getattr(right, name), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("padded", [False, True])
def test_cached_is_uncached_and_the_first_pass_changes_nothing(roles, passes, prompts, padded):
    if padded:
        passes.slower_because = "is read with padding for this test"
    rollouts = write(passes, prompts)
    assert len(set(rollouts.sequences.lengths)) > 1 and 0 < int(rollouts.ended.sum()) < len(prompts)
    log_probs, entropies = as_read(passes, rollouts)
    torch.testing.assert_close(rollouts.log_probs, log_probs, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(rollouts.entropies, entropies, rtol=1e-5, atol=1e-5)
    mask = rollouts.mask
    ratio = (log_probs - rollouts.log_probs).exp()[mask]
    assert float((ratio - 1).abs().max()) < 1e-5
    loss = policy_loss(log_probs[mask], rollouts.log_probs[mask], torch.randn(int(mask.sum())), 0.2)
    assert float(loss.clipped.float().mean()) == 0


def test_a_new_policy_is_its_reference(tiny_base: Path, prompts):
    roles = make_roles(tiny_base, noise=0.0)
    passes = Passes(roles.model, 200, FP32)
    rollouts = write(passes, prompts)
    roles.use(REFERENCE)
    reference, _ = as_read(passes, rollouts)
    for estimator in KL_ESTIMATORS.values():
        assert float((estimator(rollouts.log_probs, reference) * rollouts.mask).abs().max()) < 1e-5


@pytest.mark.parametrize("at_a_time", [0, 1, 2, 5])
def test_who_is_written_with_whom_is_of_no_account(passes, prompts, at_a_time):
    assert_same(write(passes, prompts), write(passes, prompts, at_a_time=at_a_time))


def test_padded_is_end_to_end(passes, prompts):
    ours = write(passes, prompts)
    passes.slower_because = "is read with padding for this test"
    assert_same(ours, write(passes, prompts))


def test_a_token_ends_an_answer_once(passes, prompts):
    stops = stops_of(passes)
    rollouts = write(passes, prompts)
    for answer, ended in zip(rollouts.sequences.answers, rollouts.ended.tolist(), strict=True):
        assert not set(answer[:-1]) & stops
        assert ended == (answer[-1] in stops)
        assert ended or len(answer) == LONGEST
    assert (rollouts.log_probs[~rollouts.mask] == 0).all()


def test_values_of_a_shared_head_are_those_of_reading_whole(passes, prompts):
    head = nn.Linear(32, 1, bias=False)
    rollouts = write(passes, prompts, value_head=head)
    with torch.no_grad():
        values = judged(head, passes.read(rollouts.sequences).before_answers)
    torch.testing.assert_close(rollouts.values, spread_out(values, rollouts.mask), rtol=1e-5, atol=1e-5)


def test_tokens_are_chosen_by_their_odds():
    odds = torch.tensor([0.5, 0.0, 0.3, 0.2])
    chances = torch.rand(20_000, generator=torch.Generator().manual_seed(0))
    chosen = pick(odds.log().expand(len(chances), 4), chances)
    assert torch.allclose(chosen.bincount(minlength=4) / len(chances), odds, atol=0.01)
    assert (chosen != 1).all()
    assert pick(odds.log()[None], torch.tensor([0.0])).tolist() == [0]
    assert pick(odds.log()[None], torch.tensor([1.0 - 2**-24])).tolist() == [3]


def test_numbers_are_spread_out_over_answers():
    mask = mask_of([2, 1, 3])
    assert spread_out(torch.arange(1.0, 7.0), mask).tolist() == [[1, 2, 0], [3, 0, 0], [4, 5, 6]]


def test_it_can_be_ended_between_tokens(passes, prompts):
    asked = 0

    def check():
        nonlocal asked
        asked += 1
        if asked == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        write(passes, prompts, check=check)


def test_sequences_are_picked(roles: Roles):
    some = Sequences([[1], [2], [3]], [[4], [5, 6], [7]]).pick([2, 1])
    assert (some.prompts, some.answers, some.lengths) == ([[3], [2]], [[7], [5, 6]], [1, 2])

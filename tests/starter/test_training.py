"""Pretraining resumes where it stopped."""

from __future__ import annotations

import itertools

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
from starter import pretrain  # noqa: E402

TINY = pretrain.Plan(steps=4, context=32, batch=2, chunk=2)


def test_a_stopped_pretraining_ends_as_one_that_ran_through(tmp_path, monkeypatch):
    whole = pretrain.train(tmp_path / "whole" / "checkpoint.pt", TINY, "cpu")
    save = pretrain._save

    def save_and_stop(path, state):
        save(path, state)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(pretrain, "_save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            pretrain.train(tmp_path / "parts" / "checkpoint.pt", TINY, "cpu")
    resumed = pretrain.train(tmp_path / "parts" / "checkpoint.pt", TINY, "cpu")
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


def test_the_rate_rises_falls_and_ends_at_nothing():
    rates = [pretrain.learning_rate(step, pretrain.Plan.steps) for step in range(pretrain.Plan.steps + 1)]
    top = rates.index(max(rates))
    assert max(rates) == pretrain.PEAK_RATE and rates[-1] == 0.0
    assert rates[: top + 1] == sorted(rates[: top + 1]) and rates[top:] == sorted(rates[top:], reverse=True)
    assert max(abs(one - other) for one, other in itertools.pairwise(rates)) < pretrain.PEAK_RATE / 100

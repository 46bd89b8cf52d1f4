"""Pretraining resumes where it stopped."""

from __future__ import annotations

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


def test_the_rate_rises_stays_and_falls_to_nothing():
    shares = [pretrain.share_of_rate(step, 1000) for step in range(1001)]
    assert shares[0] == 0.01 and shares[1000] == 0.0
    assert shares[99:650] == [1.0] * 551
    assert shares[:100] == sorted(shares[:100]) and shares[650:] == sorted(shares[650:], reverse=True)
    assert pretrain.share_of_rate(300, 1000) == pretrain.share_of_rate(300, 5000)  # so the steps can still be changed

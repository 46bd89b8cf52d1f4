"""Adapters added up and compared, against the sums of their changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.core.errors import StudioError
from studio.core.exporting import WAYS
from studio.engine.exporting.arithmetic import combine, compare
from studio.engine.exporting.weights import Weights
from tests.engine.exporting.conftest import quiet


def changes(base: Path, adapter: Path) -> dict[str, torch.Tensor]:
    plain, tuned = Weights(base), Weights(base, adapter)
    return {name: tuned.tensor(name) - plain.tensor(name) for name in plain}


@pytest.mark.parametrize("way", ["cat", "svd"])
def test_a_weighted_sum_is_the_sum_of_the_changes(
    way: str, tiny_base: Path, make_adapter: Callable[..., Path], tmp_path: Path
) -> None:
    one, other = make_adapter("one", 1), make_adapter("other", 2, r=2 if way == "cat" else 4)
    made = combine([(one, 0.75), (other, -0.5)], tiny_base, way, tmp_path / "both", quiet)
    ours, first, second = (changes(tiny_base, folder) for folder in (made, one, other))
    for name in ours:
        wanted = 0.75 * first[name] - 0.5 * second[name]
        near = 1e-5 if way == "cat" else 0.9 * float(wanted.abs().max())  # svd keeps half of the ranks
        assert torch.allclose(ours[name], wanted, atol=max(near, 1e-6)), name
    assert not (made / "combined").exists() and (made / "tokenizer.json").is_file()


@pytest.mark.parametrize("way", [way for way in WAYS if way not in ("cat", "svd")])
def test_every_way_makes_an_adapter(
    way: str, tiny_base: Path, make_adapter: Callable[..., Path], tmp_path: Path
) -> None:
    made = combine(
        [(make_adapter("one", 1), 0.5), (make_adapter("other", 2), 0.5)], tiny_base, way, tmp_path / "x", quiet
    )
    assert any(bool(change.abs().max() > 0) for change in changes(tiny_base, made).values())


def test_comparing_tells_norms_and_cosines(tiny_base: Path, make_adapter: Callable[..., Path]) -> None:
    one, other = make_adapter("one", 1), make_adapter("other", 2, r=2, use_rslora=True)
    layers, whole = compare(one, other, quiet)
    first, second = changes(tiny_base, one), changes(tiny_base, other)
    assert len(layers) == 14
    for name, norm, beside, cosine in layers:
        a, b = first[f"{name}.weight"].double().flatten(), second[f"{name}.weight"].double().flatten()
        assert norm == pytest.approx(float(a.norm()), rel=1e-4) and beside == pytest.approx(float(b.norm()), rel=1e-4)
        assert cosine == pytest.approx(float(a @ b / a.norm() / b.norm()), abs=1e-4)
    assert compare(one, one, quiet)[1][2] == pytest.approx(1.0)
    assert abs(whole[2]) < 0.5


def test_what_cannot_be_combined_is_said(tiny_base: Path, make_adapter: Callable[..., Path], tmp_path: Path) -> None:
    one, narrow = make_adapter("one", 1), make_adapter("narrow", 2, r=2)
    parts: Any = [(one, 1.0), (narrow, 1.0)]
    for way, told in (("linear", "ranks 2, 4"), ("sum", "no way")):
        with pytest.raises(StudioError, match=told):
            combine(parts, tiny_base, way, tmp_path / "x", quiet)
    with pytest.raises(StudioError, match="two or more"):
        combine(parts[:1], tiny_base, "cat", tmp_path / "x", quiet)
    with pytest.raises(StudioError, match="weights are 0"):
        combine([(one, 0.0), (narrow, 0.0)], tiny_base, "cat", tmp_path / "x", quiet)
    assert not (tmp_path / "x").exists()

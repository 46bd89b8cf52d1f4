"""Adapters of many kinds on a tiny base."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.engine.loading import load_model, pick_precision


def quiet(_done: int, _total: int, _what: str) -> None:
    """Nobody listens."""


def plain(folder: Path) -> Any:
    return load_model(folder, pick_precision("fp32", "cpu", 1, training=False), "cpu")


@pytest.fixture
def make_adapter(tiny_base: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes a random adapter on the tiny base, strong enough to change every answer."""
    from peft import LoraConfig, get_peft_model

    def make(name: str = "adapter ü", seed: int = 0, base: Path = tiny_base, **config: Any) -> Path:
        torch.manual_seed(seed)
        words = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "task_type": "CAUSAL_LM", **config}
        tuned = get_peft_model(plain(base), LoraConfig(init_lora_weights=False, **words))
        if words.get("use_dora"):
            for key, value in tuned.named_parameters():
                if "magnitude" in key:
                    value.data *= 1.0 + 0.2 * torch.rand_like(value)
        if words.get("modules_to_save"):
            for key, value in tuned.named_parameters():
                if "modules_to_save" in key:
                    value.data += 0.1 * torch.randn_like(value)
        folder = tmp_path / name
        tuned.save_pretrained(str(folder))
        return folder

    return make

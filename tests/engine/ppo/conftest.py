"""Models in several roles, small enough for a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.engine.loading import Precision, load_encoder, load_model
from studio.engine.passes import Passes
from studio.engine.ppo.roles import Roles

FP32 = Precision("fp32", "for tests", torch.float32, False)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_roles(base: Path, *, seed: int = 0, noise: float = 0.3) -> Roles:
    """A base with a policy whose adapter does something: without noise it would change nothing yet."""
    from peft import LoraConfig

    torch.manual_seed(seed)
    model: Any = load_model(base, FP32, "cpu")
    roles = Roles(model, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM"))
    with torch.no_grad():
        for weight in roles.weights_of("default"):
            weight.add_(torch.randn_like(weight) * noise)
    return roles


@pytest.fixture
def roles(tiny_base: Path) -> Roles:
    return make_roles(tiny_base)


@pytest.fixture
def passes(roles: Roles) -> Passes:
    made = Passes(roles.model, 200, FP32)
    assert made.slower_because is None
    return made


@pytest.fixture
def prompts(tiny_base: Path) -> list[list[int]]:
    """Prompts of unequal lengths."""
    from studio.core.messages import Message
    from tests.engine.conftest import sentences

    encoder = load_encoder(tiny_base, "model")
    return [encoder.prompt([Message("user", text)]) for text in sentences(3, 9)]

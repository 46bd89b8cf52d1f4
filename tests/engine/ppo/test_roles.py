"""Roles: one base, held once, that is each model bit for bit when that one is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig
from safetensors.torch import load_file, save_file

from studio.core.errors import StudioError
from studio.core.methods import RewardSettings
from studio.engine.loading import load_model
from studio.engine.passes import Passes, in_passes
from studio.engine.ppo.roles import (
    JUDGE,
    POLICY,
    REFERENCE,
    REWARD,
    VALUE,
    ModelOnBase,
    Roles,
    bytes_in_memory,
)
from studio.engine.reward_sources import Written
from studio.engine.scoring import Scorer
from studio.engine.targets import target_modules
from tests.engine.ppo.conftest import FP32, make_roles


def logits_of(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=torch.arange(3, 20)[None], use_cache=False).logits


def reward_adapter(base: Path, folder: Path, *, rank: int = 3, seed: int = 1, doubting: bool = False) -> Path:
    """An adapter as a reward run leaves it: it scores, and brings a head."""
    from peft import get_peft_model

    from studio.engine.loading import load_scorer

    model: Any = load_scorer(base, FP32, "cpu", seed=seed, doubting=doubting)
    layers = target_modules(RewardSettings(), model)
    config = LoraConfig(r=rank, lora_alpha=6, target_modules=layers, modules_to_save=["score"], task_type="SEQ_CLS")
    tuned = get_peft_model(model, config)
    with torch.no_grad():
        for name, weight in tuned.named_parameters():
            if "lora_" in name:
                weight.add_(torch.randn_like(weight) * 0.2)
    tuned.save_pretrained(str(folder))
    return folder


@pytest.mark.parametrize("doubting", [False, True])
def test_a_reward_model_on_the_policys_base_scores_as_it_does_alone(tiny_base: Path, tmp_path: Path, doubting: bool):
    roles = make_roles(tiny_base)
    roles.add_frozen(REWARD, folder := reward_adapter(tiny_base, tmp_path / "rm", doubting=doubting), head=True)
    roles.add_value(LoraConfig(r=4))
    assert roles.heads[VALUE].in_features == roles.width  # which has no doubt of its own
    passes = Passes(roles.model, 64, FP32)
    source = ModelOnBase(roles, passes, REWARD, folder, weight=2.0, at_a_time=2)
    written = [Written("", "", [*range(5, 9), *range(20, 20 + more)], more, True) for more in (3, 1, 6)]
    alone = Scorer(tiny_base, folder, precision="fp32")
    known = 2.0 * alone.score_ids([one.ids for one in written], [one.length for one in written])
    assert source.scores(written) == pytest.approx(known.tolist(), abs=1e-4)
    assert (alone.model.get_base_model().get_output_embeddings() is not None) == doubting


@pytest.fixture
def with_all(tiny_base: Path, tmp_path: Path) -> Roles:
    """Policy from an adapter that is also the reference, reward model, judge and value model: five roles."""
    first = make_roles(tiny_base)
    first.save_policy(tmp_path / "sft")
    roles = make_roles(tiny_base, seed=2, noise=0.0)
    roles.fill_policy(tmp_path / "sft")
    roles.add_frozen(REFERENCE, tmp_path / "sft", head=False)
    roles.add_frozen(REWARD, reward_adapter(tiny_base, tmp_path / "rm"), head=True)
    roles.add_frozen(JUDGE, reward_adapter(tiny_base, tmp_path / "judge", rank=2, seed=5), head=True)
    roles.add_value(LoraConfig(r=4))
    return roles


def test_adapters_off_is_the_base_bit_for_bit(tiny_base: Path, roles: Roles):
    plain: Any = load_model(tiny_base, FP32, "cpu")
    assert not torch.equal(logits_of(roles.model), logits_of(plain))
    roles.use(REFERENCE)  # there is none of its own
    assert torch.equal(logits_of(roles.model), logits_of(plain))


def test_a_policy_from_an_adapter_starts_as_its_reference_bit_for_bit(with_all: Roles):
    roles = with_all
    policy = logits_of(roles.model)
    roles.use(REFERENCE)
    assert torch.equal(policy, logits_of(roles.model))
    with torch.no_grad():
        for weight in roles.weights_of(POLICY):
            weight.add_(0.1)
    assert torch.equal(policy, logits_of(roles.model))  # the reference stays where it was
    roles.use(POLICY)
    assert not torch.equal(policy, logits_of(roles.model))


def test_the_value_model_starts_as_the_reward_model(with_all: Roles):
    roles = with_all
    roles.use(REWARD)
    judged = logits_of(roles.model)
    roles.use(VALUE)
    assert torch.equal(judged, logits_of(roles.model))
    assert torch.equal(roles.heads[VALUE].weight, roles.heads[REWARD].weight)
    assert roles.heads[VALUE].weight.data_ptr() != roles.heads[REWARD].weight.data_ptr()


def test_no_weight_of_the_base_is_held_twice(tiny_base: Path, with_all: Roles):
    plain: Any = load_model(tiny_base, FP32, "cpu")
    ours = [(name, w) for name, w in with_all.model.named_parameters() if "lora_" not in name]
    adapters = [w for name, w in with_all.model.named_parameters() if "lora_" in name]
    assert len({w.untyped_storage().data_ptr() for _, w in ours}) == len(list(plain.parameters()))
    extra = sum(w.nbytes for w in adapters)
    assert bytes_in_memory(with_all.model) - bytes_in_memory(plain) == extra
    assert sum(w.nbytes for _, w in ours) == sum(w.nbytes for w in plain.parameters())


def test_only_policy_and_value_model_can_be_trained(with_all: Roles):
    for role in (POLICY, REFERENCE, REWARD, JUDGE, VALUE):
        with_all.use(role)
        trained = {name.rsplit(".", 2)[1] for name, w in with_all.model.named_parameters() if w.requires_grad}
        assert trained == ({role} if role in (POLICY, VALUE) else set())


def test_a_saved_policy_comes_back(tiny_base: Path, tmp_path: Path, with_all: Roles):
    with_all.save_policy(tmp_path / "saved")
    names = {name.split(".lora_")[0] for name in load_file(tmp_path / "saved" / "adapter_model.safetensors")}
    assert len(names) == 14
    again = make_roles(tiny_base, seed=9)
    again.fill_policy(tmp_path / "saved")
    assert torch.equal(logits_of(again.model), logits_of(with_all.model))


def test_what_does_not_fit_is_refused_in_a_sentence(tiny_base: Path, tmp_path: Path, roles: Roles):
    adapter = reward_adapter(tiny_base, tmp_path / "rm")
    weights = load_file(adapter / "adapter_model.safetensors")
    headless = {name: value for name, value in weights.items() if "score" not in name}
    save_file(headless, adapter / "adapter_model.safetensors")
    with pytest.raises(StudioError, match="no head"):
        roles.add_frozen(REWARD, adapter, head=True)
    wider = {name: torch.cat([value, value], 1) for name, value in headless.items()}
    save_file({**wider, "x.score.weight": torch.zeros(1, 32)}, adapter / "adapter_model.safetensors")
    with pytest.raises(StudioError, match="doesn't fit this base model"):
        roles.add_frozen(REWARD, adapter, head=True)


def test_passes_put_alike_lengths_together():
    assert in_passes([5, 1, 4, 2, 3], 2) == [[1, 3], [4, 2], [0]]

"""What learning from a reward adds to a forecast."""

from dataclasses import replace

import pytest

from studio.core.fitting import make_it_fit
from studio.core.forecast import Device, ModelShape, forecast_memory
from studio.core.forecast_rewards import Roles, written_together
from studio.core.methods import GrpoSettings, PpoSettings, RlooSettings

SHAPE = ModelShape(
    layers=12,
    hidden=768,
    inner=2048,
    heads=12,
    kv_heads=4,
    head_dim=64,
    vocabulary=32000,
    tied=True,
    parameters=110_000_000,
    linears=84,
    linear_in=12 * (5 * 768 + 2048 + 768),
    linear_out=12 * (768 * 3 + 2048 * 2 + 512),
    linear_weights=85_000_000,
    context=2048,
)
CARD = Device("cuda", "card", 8 * 2**30, 7 * 2**30, bf16=True)


def sizes(settings, method="ppo", device=CARD, **roles):
    forecast = forecast_memory(SHAPE, settings, device, method=method, roles=Roles(**roles))
    return {part.name: part.size for part in forecast.parts}


def test_a_role_on_the_base_costs_an_adapter_and_one_beside_a_model():
    plain = sizes(PpoSettings())
    on_base = sizes(PpoSettings(), on_base=2)
    assert on_base["roles"] - plain["roles"] == pytest.approx(2 * plain["adapters"])
    beside = sizes(PpoSettings(), beside=110_000_000)
    assert beside["beside"] == 220_000_000
    assert beside["beside"] > 10 * (on_base["roles"] - plain["roles"])


def test_four_roles_on_one_base_stay_near_the_memory_of_one_model():
    found = sizes(PpoSettings(), on_base=3)
    adapters = found["adapters"] + found["roles"]
    assert adapters + found["weights"] < 1.6 * found["weights"]  # with the value model's gradients and means in it
    assert found["beside"] == 0


def test_a_value_head_on_the_policy_needs_no_adapter_of_its_own():
    assert sizes(PpoSettings(value_model="shared"))["roles"] == 0
    assert sizes(PpoSettings())["roles"] > 0
    for settings, method in ((RlooSettings(), "rloo"), (GrpoSettings(), "grpo")):
        assert sizes(settings, method)["roles"] == 0


def test_on_a_processor_ppos_base_and_the_stream_through_it_have_16_bits():
    processor = Device("cpu", "processor", 32 * 2**30, 24 * 2**30, bf16=True)
    settings = {"max_length": 256, "batch_size": 2}
    ppo, grpo = sizes(PpoSettings(**settings), device=processor), sizes(GrpoSettings(**settings), "grpo", processor)
    assert ppo["weights"] == SHAPE.parameters * 2 < grpo["weights"]
    stream = 2 * SHAPE.hidden * SHAPE.layers * 2 * 512  # norms, and two bytes for each number of two times 256 tokens
    assert grpo["activations"] - ppo["activations"] == pytest.approx(1.68 * stream, rel=0.01)


def test_keys_and_values_grow_with_the_answers_that_are_written_together():
    all_of_a_step, some = PpoSettings(), PpoSettings(rollout_batch=8)
    assert written_together(all_of_a_step) == 32
    assert sizes(some)["answers"] == pytest.approx(sizes(all_of_a_step)["answers"] / 4)
    # 2 x 12 layers x 4 heads x 64 wide x 2 bytes, of 512 tokens in 32 answers, and a tenth more for holes
    assert sizes(all_of_a_step)["answers"] == pytest.approx(1.1 * 2 * 12 * 4 * 64 * 2 * 512 * 32)


def test_what_is_proposed_to_fit_is_a_setting_of_the_method():
    small = replace(CARD, free=1_600_000_000)
    fit = make_it_fit(SHAPE, RlooSettings(max_length=1024), small, method="rloo", roles=Roles(on_base=2))
    assert fit is not None
    assert fit.settings.way == RlooSettings().way  # which RLOO has no choice of
    assert fit.settings.batch_size < RlooSettings().batch_size
    assert fit.forecast.total <= 0.9 * small.free

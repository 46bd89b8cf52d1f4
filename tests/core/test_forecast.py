from dataclasses import replace

import pytest

from studio.core.fitting import cannot_work, make_it_fit
from studio.core.forecast import Device, ModelShape, adapter_weights, forecast_memory, longest_example, rounded, usable
from studio.core.methods import DpoSettings, SftSettings

GB = 10**9
# Llama 3.2 1B: 16 layers of 2048, grouped heads, a tied output layer of 128,256.
LAYER = [(2048, 2048), (2048, 512), (2048, 512), (2048, 2048), (2048, 8192), (2048, 8192), (8192, 2048)]
LLAMA_1B = ModelShape(
    layers=16, hidden=2048, inner=8192, heads=32, kv_heads=8, head_dim=64, vocabulary=128_256, tied=True,
    parameters=1_235_814_400, linears=16 * 7, linear_in=16 * sum(i for i, _ in LAYER),
    linear_out=16 * sum(o for _, o in LAYER), linear_weights=16 * sum(i * o for i, o in LAYER), context=131_072,
)  # fmt: skip
CPU = Device("cpu", "processor", 32 * GB, 24 * GB, bf16=True)
CARD = Device("cuda", "card", 8 * GB, 7 * GB, bf16=True)


def total(device=CPU, shape=LLAMA_1B, **changed):
    return forecast_memory(shape, SftSettings(**{"checkpointing": "off", **changed}), device).total


def test_an_adapter_has_as_many_weights_as_peft_says():
    assert adapter_weights(LLAMA_1B, 16) == 11_272_192  # print_trainable_parameters() of r 16 on all linear layers


def test_adapter_gradients_and_optimiser_take_what_adam_needs():
    found = forecast_memory(LLAMA_1B, SftSettings(lora_rank=8), CARD)
    adapter = found.part("adapters").size
    assert adapter == 4 * adapter_weights(LLAMA_1B, 8)
    assert found.part("optimiser").size == pytest.approx(2 * found.part("gradients").size, rel=1e-6)


def test_weights_are_whole_on_a_processor_and_half_on_a_card():
    there = forecast_memory(LLAMA_1B, SftSettings(), CARD).part("weights").size
    assert there == 2 * LLAMA_1B.parameters
    assert forecast_memory(LLAMA_1B, SftSettings(precision="fp32"), CARD).part("weights").size == 2 * there
    assert forecast_memory(LLAMA_1B, SftSettings(precision="fp32"), CPU).part("weights").size == 2 * there
    assert forecast_memory(LLAMA_1B, SftSettings(), CPU).part("weights").size > 2 * there  # and copies in 16 bits


@pytest.mark.parametrize("device", [CPU, CARD])
def test_everything_that_is_larger_needs_more(device):
    usual = total(device)
    assert total(device, batch_size=8) > usual
    assert total(device, max_length=1024) > usual
    assert total(device, lora_rank=64) > usual
    assert total(device, accumulate=16) == usual
    for name in ("layers", "inner", "heads", "parameters", "norms"):
        larger = replace(LLAMA_1B, **{name: 2 * getattr(LLAMA_1B, name)})
        assert total(device, larger) > usual, name


def test_activations_grow_with_the_tokens_of_a_pass():
    one = forecast_memory(LLAMA_1B, SftSettings(batch_size=1, max_length=512, checkpointing="off"), CPU)
    eight = forecast_memory(LLAMA_1B, SftSettings(batch_size=8, max_length=512, checkpointing="off"), CPU)
    assert eight.tokens == 8 * one.tokens
    assert eight.part("activations").size == pytest.approx(8 * one.part("activations").size)
    assert [rounded(tokens) for tokens in (1, 64, 65)] == [64, 64, 128]


def test_no_example_is_longer_than_the_model_or_the_data_allow():
    short = replace(LLAMA_1B, context=128)
    assert total(shape=short, max_length=4096) == total(shape=short, max_length=128)
    known = forecast_memory(LLAMA_1B, SftSettings(max_length=4096, checkpointing="off"), CPU, longest=400)
    assert known.total == total(max_length=200)
    bytewise = replace(LLAMA_1B, vocabulary=300)
    assert longest_example(bytewise, SftSettings(max_length=4096), 400) == 400


def test_logits_are_made_in_parts():
    def logits(length):
        return forecast_memory(LLAMA_1B, SftSettings(batch_size=4, max_length=length), CPU).part("logits").size

    assert logits(4096) < 2 * logits(1024)


def test_tiny_models_are_foretold_in_32_bits_on_a_processor():
    tiny = replace(LLAMA_1B, parameters=900_000)
    assert total(shape=tiny) == total(shape=tiny, precision="fp32")
    without = replace(CPU, bf16=False)
    assert total(without) == total(without, precision="fp32")


def test_a_model_that_was_not_measured_is_rough():
    assert not forecast_memory(LLAMA_1B, SftSettings(), CPU).rough
    pairs = forecast_memory(LLAMA_1B, SftSettings(), CPU, method="dpo")
    assert not pairs.rough and pairs.tokens == 2 * forecast_memory(LLAMA_1B, SftSettings(), CPU).tokens
    assert forecast_memory(LLAMA_1B, SftSettings(), CPU, method="reward").part("logits").size == 0
    assert forecast_memory(replace(LLAMA_1B, rough=True), SftSettings(), CPU).rough


# ------------------------------------------------------------------------------------------------------- make it fit


def with_free(settings, device, share):
    """The device with so much free that this share of the settings' forecast may be planned with."""
    return replace(device, free=int(forecast_memory(LLAMA_1B, settings, device).total * share / 0.9) + 1)


def test_what_fits_stays():
    settings = SftSettings()
    assert make_it_fit(LLAMA_1B, settings, CPU).settings == settings


@pytest.mark.parametrize("share", [0.95, 0.8, 0.7, 0.6, 0.5, 0.4])
@pytest.mark.parametrize(
    "settings",
    [
        SftSettings(batch_size=16, accumulate=1, max_length=1024),
        SftSettings(batch_size=6, accumulate=3, max_length=2048),
        SftSettings(batch_size=1, max_length=8192, lora_rank=256),
        SftSettings(batch_size=4, precision="fp32", max_length=2048),
    ],
)
def test_what_is_proposed_fits_and_the_first_change_comes_first(settings, share):
    device = with_free(settings, CARD, share)
    found = make_it_fit(LLAMA_1B, settings, device)
    if found is None:
        smallest = replace(settings, batch_size=1, max_length=64, lora_rank=4, precision="auto")
        assert forecast_memory(LLAMA_1B, smallest, device).total > usable(device)
        return
    assert found.forecast.total <= usable(device)
    assert found.forecast == forecast_memory(LLAMA_1B, found.settings, device)
    assert found.settings.effective_batch == settings.effective_batch
    assert found.sentence
    if found.settings.max_length < settings.max_length:
        assert found.settings.batch_size == 1
    if found.settings.batch_size < settings.batch_size:  # no larger one would have done
        for size in range(found.settings.batch_size + 1, settings.batch_size + 1):
            if settings.effective_batch % size == 0:
                assert forecast_memory(LLAMA_1B, replace(settings, batch_size=size), device).total > usable(device)


def test_smaller_passes_leave_the_rest_alone_and_say_what_they_cost():
    settings = SftSettings(batch_size=8, accumulate=1, max_length=1024)
    found = make_it_fit(LLAMA_1B, settings, with_free(settings, CARD, 0.7))
    assert found.settings == replace(
        settings, batch_size=found.settings.batch_size, accumulate=8 // found.settings.batch_size
    )
    assert found.sentence.startswith(f"{found.settings.batch_size} instead of 8 at a time")


def test_nothing_helps_where_the_weights_alone_are_too_much():
    device = replace(CARD, free=2 * GB)
    assert make_it_fit(LLAMA_1B, SftSettings(), device) is None
    assert not cannot_work(LLAMA_1B, SftSettings(), device)  # other programs may be closed
    assert cannot_work(LLAMA_1B, SftSettings(), replace(device, total=GB))
    assert not cannot_work(LLAMA_1B, SftSettings(), replace(CPU, total=4 * GB, swap=16 * GB))


def test_a_token_budget_counts_both_answers_of_a_pair():
    given = {"max_length": 512, "checkpointing": "off"}
    counted = forecast_memory(LLAMA_1B, DpoSettings(batch_size=4, **given), CPU, method="dpo")
    budgeted = forecast_memory(LLAMA_1B, DpoSettings(batch_tokens=4096, **given), CPU, method="dpo")
    assert counted.tokens == budgeted.tokens == 4 * 2 * 512
    alone = forecast_memory(LLAMA_1B, DpoSettings(batch_tokens=64, **given), CPU, method="dpo")
    assert alone.tokens == 2 * 512  # a pair that is larger than the budget is a pass of its own
    room = Device("cpu", "processor", 2 * counted.total, round(1.02 * alone.total / 0.9), bf16=True)
    fit = make_it_fit(LLAMA_1B, DpoSettings(batch_tokens=4096, **given), room, method="dpo")
    assert fit is not None
    assert fit.forecast.total <= 0.9 * room.free

"""What a machine can train, told in words that follow from the forecast."""

import pytest

from studio.core.ability import SIZES, ability_of, largest
from studio.core.forecast import Device

GB = 2**30


@pytest.mark.parametrize(
    ("name", "billions"),
    [("0.5 B", 0.49), ("1.5 B", 1.54), ("3 B", 3.09), ("8 B", 8.03), ("14 B", 14.8), ("32 B", 32.8)],
)
def test_the_sizes_are_those_of_the_families(name, billions):
    assert SIZES[name].parameters == pytest.approx(billions * 1e9, rel=0.02)


def test_more_memory_never_trains_less():
    sizes = ["", *SIZES]
    for way in ("lora", "qlora"):
        reached = [
            sizes.index(largest(Device("cuda", "card", gb * GB, gb * GB, bf16=True), way)) for gb in range(2, 97, 4)
        ]
        assert reached == sorted(reached)
        assert reached[0] < reached[-1]


def test_a_card_is_named_and_a_small_computer_still_trains_the_starter():
    card = ability_of(Device("cuda", "RTX 4090", 24 * GB, 23 * GB, bf16=True), True)
    assert card.where.startswith("RTX 4090")
    assert "QLoRA" in card.trains
    small = ability_of(Device("cpu", "processor", GB, GB // 2), False)
    assert "starter" in small.trains and not small.good
    assert "No NVIDIA card" in ability_of(Device("cpu", "processor", 8 * GB, 6 * GB), True).where
    apple = ability_of(Device("mps", "Apple GPU", 16 * GB, 12 * GB), False)
    assert "4 bits" not in apple.trains  # bitsandbytes has no kernels there

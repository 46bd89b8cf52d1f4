import math
import random

import pytest

from studio.core.methods import METHODS, KtoSettings, SftSettings
from studio.core.recovery import Bounds, Passes, change_of, exploded, out_of_memory, retry_sentence
from studio.core.training_settings import QLORA


@pytest.mark.parametrize(("size", "times"), [(8, 1), (3, 2), (7, 2), (5, 1), (6, 1), (1024, 3)])
def test_passes_shrink_to_one_with_the_same_effective_batch(size, times):
    passes, seen = Passes(size, times), []
    while (smaller := passes.smaller()) is not None:
        assert smaller.batch_size * smaller.accumulate == size * times
        assert smaller.batch_size <= passes.batch_size // 2
        passes = smaller
        seen.append(passes.batch_size)
    assert passes == Passes(1, size * times)
    assert seen == sorted(seen, reverse=True)


def test_a_method_keeps_as_many_as_it_needs():
    assert Passes(4, 1).smaller(2) == Passes(2, 2)
    assert Passes(2, 2).smaller(2) is None
    assert METHODS["kto"].least_batch == 2
    what, hint = retry_sentence(Passes(4, 1), Passes(2, 2), 12, 10, METHODS["kto"])
    assert "step 12" in what
    assert "checkpoint of step 10" in what
    assert "2 at a time in 2 passes per step (before: 4 at a time in 1 pass per step)" in what
    assert "differently" in hint
    assert "the beginning" in retry_sentence(Passes(4, 1), Passes(2, 2), 0, 0, METHODS["sft"])[0]


def test_what_is_proposed_when_nothing_is_left():
    error = out_of_memory(SftSettings(batch_size=1, max_length=512), "trace")
    assert "one example at a time" in error.what
    assert "512" in error.hint
    assert "QLoRA" in error.hint
    assert "QLoRA" not in out_of_memory(SftSettings(way=QLORA), "").hint
    assert "checkpointing" in out_of_memory(SftSettings(checkpointing="off"), "").hint
    budget = out_of_memory(SftSettings(batch_tokens=4096), "")
    assert "4,096 tokens a pass" in budget.what
    assert "a token budget below 4,096" in budget.hint
    assert "2 examples" in out_of_memory(KtoSettings(batch_size=2), "").what


def losses(level, noise, count, seed=0):
    chance = random.Random(seed)
    return [level * math.exp(chance.gauss(0, noise)) for _ in range(count)]


def test_a_loss_that_jumps_and_stays_up_is_out_of_bounds_after_ten_steps():
    bounds = Bounds()
    assert not any(bounds.left(loss) for loss in losses(2.0, 0.2, 60))
    told = [bounds.left(9.0) for _ in range(10)]
    assert told == [False] * 9 + [True]
    assert bounds.suspicious
    assert bounds.level == pytest.approx(2.0, rel=0.1)
    error = exploded(bounds, 9.0, 70, SftSettings(learning_rate=3e-4), 50)
    assert "step 50" in error.what
    assert "0.0001" in error.hint


@pytest.mark.parametrize(
    "curve",
    [
        [11 * 0.98**step for step in range(400)],  # learning from scratch
        losses(0.01, 1.5, 400),  # learned by heart: losses near zero jump by orders of magnitude
        losses(2.0, 0.4, 400),  # small batches
        [9.0 if step % 37 < 9 else 2.0 for step in range(400)],  # spikes that mend
        losses(25.0, 0.5, 400),  # IPO's scale
        [0.69 - 0.001 * step for step in range(400)],
    ],
)
def test_what_is_usual_is_left_alone(curve):
    bounds = Bounds()
    assert not any(bounds.left(loss) for loss in curve)


def test_what_to_change_begins_with_the_learning_rate():
    assert change_of(SftSettings(learning_rate=3e-4)) == (
        "Start again with a learning rate of about 0.0001, a third of this one."
    )
    assert "warm-up" in change_of(SftSettings(warmup=0.0))

"""A run whose worker is killed at random moments, beside one that is left alone: nothing but a step or two is lost.

    python -m tests.bench.kills [KILLS] [SEED]

Each kill comes at a random moment after a random number of words of the worker, so that it falls into loading, steps,
evaluations, samples and half-written checkpoints alike. After each: every checkpoint that counts can be loaded, and the
next attempt begins no earlier than the last one that was told. At the end: the same losses and weights, to 1e-6.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path


def main(kills: int, seed: int) -> None:
    import torch
    from safetensors.torch import load_file

    from tests.engine.conftest import CHATML, byte_level, tiny_llama
    from tests.engine.runs_for_tests import events_of, last_of, losses_of, project_with, run_in, start

    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        base = tiny_llama(byte_level(Path(place) / "base", CHATML))
        project = project_with(Path(place) / "project ü", rows=120)
        settings = {"epochs": 6.0, "lora_dropout": 0.2, "evaluations": 20, "samples": 4}
        whole, broken = (run_in(project, base, **settings, checkpoint_minutes=minutes) for minutes in (60.0, 0.0))
        assert start(whole).wait(900) == 0, whole.log_tail()
        moments: dict[str, int] = {}
        lost = 0
        for number in range(1, kills + 1):
            known = len(events_of(broken))
            worker, words = start(broken), known + chance.choice([0, 1, 3, 8, 15, 25])
            while len(events_of(broken)) < words and worker.poll() is None:
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.25))
            assert worker.poll() is None, f"over before kill {number}: give the run more steps"
            worker.kill()
            worker.wait(60)
            story, saved = broken.story(), broken.complete_checkpoints()
            moments[story.phase or "starting"] = moments.get(story.phase or "starting", 0) + 1
            for checkpoint in saved:
                load_file(checkpoint.folder / "adapter_model.safetensors")
                torch.load(checkpoint.folder / "optimizer.pt", weights_only=True)
            told = int(story.checkpoint_step or 0)
            newest = saved[-1].step if saved else 0
            assert newest >= told, f"checkpoint {told} was told and is gone"
            lost = max(lost, story.step - newest)
            print(
                f"kill {number:2}: step {story.step}, {story.phase or 'starting'}, newest checkpoint {newest}",
                flush=True,
            )
        assert start(broken).wait(900) == 0, broken.log_tail()
        assert last_of(broken).kind == "finished"
        ours, theirs = losses_of(broken), losses_of(whole)
        assert ours.keys() == theirs.keys()
        worst = max(abs(ours[step] - theirs[step]) for step in theirs)
        left, right = (load_file(run.adapter / "adapter_model.safetensors") for run in (broken, whole))
        apart = max(float((left[name] - right[name]).abs().max()) for name in right)
    told = ", ".join(f"{count} while {phase}" for phase, count in sorted(moments.items()))
    print(f"{kills} kills ({told}); {len(theirs)} steps")
    print(f"steps lost at most: {lost}; losses differ by at most {worst:.1e}, weights by {apart:.1e}")
    assert lost <= 1 and worst <= 1e-6 and apart <= 1e-6


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*(numbers + [20, 1][len(numbers) :]))

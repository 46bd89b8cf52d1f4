"""A worker without a model: `fake_worker.py FOLDER MODE [STEPS]` speaks a run's events as the real one does."""

import contextlib
import os
import sys
import time
from pathlib import Path

from studio.core.events import Event
from studio.storage.runs import EventWriter, RunFolder, seal


def main(folder: str, mode: str, steps: int) -> int:
    run = RunFolder(Path(folder))
    writer = EventWriter(run.events)

    def say(kind: str, **values: object) -> None:
        writer.write(Event(kind, time.time(), values))

    if mode == "mute":
        print("ImportError: no torch", file=sys.stderr)
        return 1
    if mode == "slow":
        time.sleep(100)
    say("started", pid=os.getpid())
    say("phase", phase="training")
    last = run.last_checkpoint()
    first = last.step if last else 0
    if last:
        say("resumed", step=first)
    for step in range(first + 1, steps + 1):
        say(
            "step", step=step, total=steps, loss=1.0 / step, lr=0.1, elapsed=float(step), eta=1.0, tokens_per_second=5.0
        )
        if mode == "garbage":
            os.write(1, b"\xff\xfe{not json\n" * 5000)
        if mode == "crash" and step == 3:
            print("ValueError: the model fell over", file=sys.stderr)
            return 7
        if mode == "fail" and step == 3:
            say("failed", what="Loss is nan at step 3.", hint="Lower the learning rate.", details="")
            return 3
        if mode in ("endless", "deaf"):
            time.sleep(0.02)
        asked = run.stop_requested()
        if asked is not None and mode != "deaf":
            if asked.save:
                checkpoint = run.checkpoints / f"checkpoint-{step}"
                checkpoint.mkdir(parents=True)
                (checkpoint / "weights").write_text("x")
                seal(checkpoint)
                say("checkpoint", step=step, path=f"checkpoints/checkpoint-{step}")
            if asked.pause:
                say("paused", step=step, what=f"Paused at step {step}.", hint="Resume goes on exactly from here.")
            else:
                say("stopped", step=step, saved=asked.save)
            return 0
    say("finished", step=steps, adapter="adapter")
    return 0


if __name__ == "__main__":
    if sys.argv[2] == "deaf":
        import signal

        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))

"""The worker's entry: `run DIR` trains, the others answer over pipes. One process, one kind of work.

The environment and the priority are set before any heavy library is imported, which is why they are set here.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from pathlib import Path

from studio.core.errors import StudioError
from studio.engine.fast.allocator import keep_freed_memory

EXIT_USAGE = 2
_ENVIRONMENT = {
    "TOKENIZERS_PARALLELISM": "false",
    # Nothing is ever fetched or reported: models are local folders. (engine.hub alone takes this back for itself.)
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    # The log is for errors; a bar would fill it.
    "TQDM_DISABLE": "1",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "BITSANDBYTES_NOWELCOME": "1",
    "PYTORCH_ENABLE_MPS_FALLBACK": "1",
}
# Threads that wait for each other must sleep, not spin: next to any other busy program, spinning made a small model ten
# times slower to train and thirty times slower to answer. GNU's may look around 1,000 times first, which takes no
# longer than falling asleep and waking: steps of a small model became a quarter faster, next to a program that kept one
# of two cores busy a sixth slower (with 3,000 they took half as long again).
THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"}
# The window must stay smooth while a worker keeps all cores busy; answers matter a little more than training.
_NICE = {
    "run": 10,
    "convert": 5,
    "chat": 5,
    "preview": 5,
    "answers": 10,
    "candidates": 10,
    "judge": 10,
    "hub": 10,
    "export": 10,
    "evaluate": 10,
    "serve": 5,
}
_FOLDERS = {"run": 1, "convert": 2}  # how many folders are named; the others answer over a pipe


def main(argv: list[str]) -> int:
    """Do the work that `argv` names: ["run", folder], or a word alone. Returns the process's exit code."""
    if not argv or argv[0] not in _NICE or len(argv) != 1 + _FOLDERS.get(argv[0], 0):
        known = ", ".join(name + " FOLDER" * _FOLDERS.get(name, 0) for name in _NICE)
        print(f"A worker is told one of: {known}.", file=sys.stderr)
        return EXIT_USAGE
    _prepare(_NICE[argv[0]])
    if argv[0] == "run":
        keep_freed_memory()
    try:
        match argv:
            case ["run", folder]:
                from studio.engine.training import EXIT_AGAIN, train

                code = train(Path(folder))
                return _again(Path(folder)) if code == EXIT_AGAIN else code
            case ["convert", source, target]:
                from studio.engine.converting import convert

                convert(Path(source), Path(target))
                return 0
            case ["chat"]:
                from studio.engine.chat import serve

                return serve()
            case ["answers"]:
                from studio.engine.answering import serve

                return serve()
            case ["candidates"]:
                from studio.engine.candidates import serve

                return serve()
            case ["judge"]:
                from studio.engine.judging import serve

                return serve()
            case ["hub"]:
                from studio.engine.hub import serve

                return serve()
            case ["export"]:
                from studio.engine.exporting.desk import serve

                return serve()
            case ["evaluate"]:
                from studio.engine.evaluating.desk import serve

                return serve()
            case ["serve"]:
                from studio.engine.serving.desk import serve

                return serve()
            case _:
                from studio.engine.preview import serve

                return serve()
    except StudioError as error:
        os.write(2, f"{error.sentence}\n".encode())
        return 1
    finally:
        _let_go_of_the_log()


def _again(folder: Path) -> int:
    """Go on with the run in a fresh process, since only the end of one gives all of its memory back."""
    words = [sys.executable, "--worker", "run", str(folder)]
    if not getattr(sys, "frozen", False):
        words = [sys.executable, *sys.orig_argv[1:]]
    _let_go_of_the_log()
    if sys.platform != "win32":
        os.execv(words[0], words)  # the same process to whoever watches it, with the same standard output
    import subprocess

    from studio.storage.runs import RunFolder
    from studio.storage.workers import worker_of

    run = RunFolder(folder)
    heir = subprocess.Popen(words, creationflags=subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP)
    worker = worker_of(heir.pid, run.heard)
    if worker is not None:
        run.set_worker(worker)  # whoever watches this process then watches its heir
    return 0


def _let_go_of_the_log() -> None:
    """On a full disk what libraries printed can't be written, for which Python would end with a code of its own."""
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except OSError:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - it stays until the process ends


def _prepare(nice: int) -> None:
    os.environ.update(_ENVIRONMENT)
    for name, value in THREADS.items():
        os.environ.setdefault(name, value)
    # With several cards in sight transformers would split batches over them, which TRL refuses.
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "0")
    os.environ["CUDA_VISIBLE_DEVICES"] = seen.split(",")[0]
    # peft would load bitsandbytes (0.8 s and a complaint in the log) although nothing here is quantised.
    sys.modules.setdefault("bitsandbytes", None)  # type: ignore[arg-type]  # Python's way to say: not installed
    # What libraries say to each other about their next versions is no news in a run's log.
    warnings.filterwarnings("ignore", category=FutureWarning)
    with contextlib.suppress(OSError):  # a lower priority is a courtesy, never a reason to fail
        if sys.platform == "win32":
            import psutil

            psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            os.nice(max(0, nice - os.getpriority(os.PRIO_PROCESS, 0)))
            # Desktops group processes by session (autogroup, sched(7)), and then a process's priority counts only
            # within its group: a worker, which leads a session of its own, must lower the group's.
            if sys.platform == "linux" and os.getsid(0) == os.getpid():
                Path("/proc/self/autogroup").write_text(str(nice))

"""`plumbline VERB`: which verbs there are, and how an error is said in a terminal."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from studio import __version__
from studio.cli import (
    chatting,
    converting,
    demo,
    evaluating,
    explaining,
    exporting,
    importing,
    instructing,
    mixing,
    modelling,
    queueing,
    runtimes,
    selftest,
    serving,
    taking_away,
    training,
)
from studio.core.errors import Cancelled, StudioError, did_you_mean

_VERBS = {
    "import": importing,
    "export": exporting,
    "instruct": instructing,
    "mix": mixing,
    "train": training,
    "chat": chatting,
    "models": modelling,
    "convert": converting,
    "evaluate": evaluating,
    "export-model": taking_away,
    "serve": serving,
    "explain": explaining,
    "queue": queueing,
    "runtime": runtimes,
    "selftest": selftest,
    "demo": demo,
}


def verbs() -> tuple[str, ...]:
    """The words that make `plumbline` a command-line program."""
    return tuple(_VERBS)


def main(words: Sequence[str]) -> int:
    """Run one verb. Returns the exit code: 0 done, 1 an error that is said on stderr, 130 cancelled."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a character that a terminal can't show is no reason to end
            stream.reconfigure(errors="replace")
    if words and not words[0].startswith("-") and words[0] not in _VERBS:
        hint = did_you_mean(words[0], _VERBS) or "plumbline --help names the verbs."
        print(f"plumbline: “{words[0]}” is neither a verb nor a folder.\n{hint}", file=sys.stderr)
        return 1
    parser = argparse.ArgumentParser(
        prog="plumbline",
        description="Plumbline makes a language model your own, on this computer. Without a verb it opens the window.",
    )
    parser.add_argument("--version", action="version", version=f"Plumbline {__version__}")
    parts = parser.add_subparsers(title="verbs", dest="verb", required=True, metavar="VERB")
    for name, module in _VERBS.items():
        about = (module.__doc__ or "").split("\n", 1)[0].split(": ", 1)[-1]
        part = parts.add_parser(name, help=about, description=about)
        module.add_arguments(part)
        part.set_defaults(do=module.run)
    arguments = parser.parse_args(words)
    try:
        code = int(arguments.do(arguments))
        sys.stdout.flush()
        return code
    except StudioError as error:
        print(f"plumbline: {error.what}", file=sys.stderr)
        if error.hint:
            print(error.hint, file=sys.stderr)
        return 1
    except (Cancelled, KeyboardInterrupt):
        print("Cancelled.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read the output has seen enough, as `head` does; Python must not flush it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1

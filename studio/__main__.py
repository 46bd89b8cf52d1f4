"""The one entry: `plumbline` is the window, with a verb the command line, with `--worker` a worker process."""

from __future__ import annotations

import os
import sys


def main(arguments: list[str] | None = None) -> int:
    """Run the part of the program that the arguments ask for. Each imports only what it needs."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["--worker"]:
        from studio.engine.worker import main as worker

        return worker(words[1:])
    if words and (not words[0].startswith("-") or words[0] in ("-h", "--help", "--version")):
        from studio.cli.app import main as command_line
        from studio.cli.app import verbs

        # A path that is no verb is a project to open in the window; a bare word that names nothing is a mistyped verb.
        bare = os.path.basename(words[0]) == words[0] and not os.path.exists(words[0])
        if words[0].startswith("-") or words[0] in verbs() or bare:
            return command_line(words)
    from studio.gui.app import main as window

    return window(words)


if __name__ == "__main__":
    sys.exit(main())

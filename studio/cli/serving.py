"""plumbline serve: answer other programs on this computer as OpenAI's API does, until Ctrl+C."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from studio.cli.options import add_project, open_project
from studio.cli.training import run_of
from studio.core.errors import StudioError
from studio.core.serving import LOOPBACK, PORT, check_address
from studio.processes.service import Service
from studio.storage.files import whole_path
from studio.storage.settings import home
from studio.storage.subjects import subject_of

_TOKEN = "PLUMBLINE_SERVE_TOKEN"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    add_project(parser)
    parser.add_argument("--run", metavar="RUN", help="serve what this run of the project made")
    parser.add_argument("--base", type=Path, metavar="FOLDER", help="serve a model's folder, without a project")
    parser.add_argument("--adapter", type=Path, metavar="FOLDER", help="with --base: an adapter trained on it")
    parser.add_argument(
        "--template", default="model", help="“model” for the model's own, or a built-in prompt template"
    )
    parser.add_argument("--host", default=LOOPBACK, help=f"where to listen ({LOOPBACK}: this computer alone)")
    parser.add_argument("--port", type=int, default=PORT, help=f"the port ({PORT}); 0 for any that is free")
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help=f"a file with the token that callers must show (or ${_TOKEN})"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl+C. Raises StudioError."""
    base, adapter = _chosen(arguments)
    token = _token(arguments.token_file)
    check_address(arguments.host, arguments.port, token)
    service = Service("serve", home() / "logs" / "serve.log")
    request = {
        "do": "serve",
        "id": 1,
        "base": str(base),
        "adapter": str(adapter) if adapter else None,
        "template": arguments.template,
        "host": arguments.host,
        "port": arguments.port,
        "token": token,
    }
    try:
        service.send(request)
        for reply in service.replies():
            _say(reply)
    finally:
        service.close()
    raise service.ending() or StudioError("The serving process ended.", "Start it again.")


def _say(reply: dict[str, Any]) -> None:
    match reply:
        case {"reply": "progress", "what": what}:
            print(f"Loading {what} …", flush=True)
        case {"reply": "serving", "address": address, "model": model}:
            print(f"Serving {model} at {address}\nCtrl+C ends it.", flush=True)
        case {"reply": "failed"}:
            raise StudioError(str(reply.get("what")), str(reply.get("hint", "")), str(reply.get("details", "")))
        case _:
            pass


def _token(file: Path | None) -> str:
    """Never an argument: arguments can be read by every program of the computer."""
    if file is None:
        return os.environ.get(_TOKEN, "").strip()
    try:
        return file.expanduser().read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise StudioError(f"The token file “{file}” can't be read ({error}).", "Write the token into it.") from error


def _chosen(arguments: argparse.Namespace) -> tuple[Path, Path | None]:
    if arguments.base is not None:
        return whole_path(arguments.base), whole_path(arguments.adapter) if arguments.adapter else None
    if not arguments.run:
        raise StudioError("No model is named.", "Name a run of the project with --run, or a folder with --base.")
    subject = subject_of(run_of(open_project(arguments.project), arguments.run))
    return subject.base, subject.adapter

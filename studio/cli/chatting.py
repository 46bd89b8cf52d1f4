"""plumbline chat: talk to a base model and its tuned version, one after the other.

An empty line or Ctrl+D ends. Each model goes on with its own answers.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from studio.cli.options import add_project, add_settings, given_settings, open_project
from studio.core.conversation import BASE, TUNED, Sampling, Voice
from studio.core.errors import StudioError
from studio.core.messages import Message
from studio.core.templates import MODELS_OWN
from studio.processes.service import Service
from studio.storage.project import Project
from studio.storage.runs import RunFolder, list_runs
from studio.storage.settings import home
from studio.storage.templates import template_from


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    add_project(parser)
    parser.add_argument(
        "--run", metavar="RUN", help="the run to talk to (default: the newest that has something to say)"
    )
    parser.add_argument("--base", type=Path, metavar="FOLDER", help="talk to this base model, without a project")
    parser.add_argument("--adapter", type=Path, metavar="FOLDER", help="with --base: an adapter trained on it")
    parser.add_argument(
        "--template", default=None, help="“model” for the model's own, a prompt template's name, or a .jinja file"
    )
    parser.add_argument(
        "--prompt", action="append", metavar="TEXT", help="ask this and end; may be given several times"
    )
    add_settings(parser, "sampling", Sampling)


@dataclass(frozen=True, slots=True)
class Talkers:
    """What is loaded: a base and, with an adapter, its tuned version. asked: which of the two answer."""

    base: Path
    adapter: Path | None
    template: str
    asked: tuple[str, ...] = (BASE, TUNED)

    @property
    def voices(self) -> dict[str, Voice]:
        """Those of the two that are there and asked."""
        there = {BASE: Voice(self.base, None, self.template, asked_like=self.adapter)}
        if self.adapter is not None:
            there[TUNED] = Voice(self.base, self.adapter, self.template)
        return {name: voice for name, voice in there.items() if name in self.asked}


def run(arguments: argparse.Namespace) -> int:
    """Load the models and answer until the user ends. Raises StudioError."""
    sampling = replace(Sampling(), **given_settings(arguments, Sampling))
    talkers, log = _talkers(arguments)
    with Conversation(talkers, log) as conversation:
        prompts: Iterator[str] = iter(arguments.prompt) if arguments.prompt else _typed()
        for prompt in prompts:
            if arguments.prompt:
                print(f"> {prompt}")
            conversation.ask(prompt, sampling, out=sys.stdout)
    return 0


def _typed() -> Iterator[str]:
    while True:
        try:
            line = input("> ").strip()
        except EOFError:
            return
        if not line:
            return
        yield line


def _talkers(arguments: argparse.Namespace) -> tuple[Talkers, Path]:
    if arguments.adapter is not None and arguments.base is None:
        raise StudioError("--adapter needs the model that it was trained on.", "Add --base FOLDER.")
    if arguments.base is not None:
        if arguments.run is not None or arguments.project != Path():
            raise StudioError("--base talks to a model without a project.", "Leave out --run and --project, or --base.")
        return Talkers(
            arguments.base, arguments.adapter, arguments.template or MODELS_OWN
        ), home() / "logs" / "chat.log"
    project = open_project(arguments.project)
    folder = _run_to_talk_to(project, arguments.run)
    chosen = template_from(project, arguments.template) if arguments.template else None
    return talkers_of(folder, chosen), project.logs / "chat-terminal.log"


def talkers_of(folder: RunFolder, template: str | None = None) -> Talkers:
    """The base and the adapter of a run. Raises StudioError when it has nothing to talk to yet."""
    recipe, tuned = folder.recipe(), folder.tuned_folder()
    if not folder.talks:
        raise StudioError(f"What “{recipe.how.label}” makes can't be talked to.", "Choose another run.")
    if tuned is None:
        raise StudioError(f"The run “{folder.id}” has neither an adapter nor a checkpoint.", "Train it further first.")
    return Talkers(Path(recipe.base_model), tuned, template or recipe.template)


def _run_to_talk_to(project: Project, wanted: str | None) -> RunFolder:
    for folder in list_runs(project.runs):
        if wanted == folder.id or (wanted is None and folder.talks and folder.tuned_folder()):
            return folder
    if wanted is None:
        raise StudioError(
            f"The project “{project.name}” has no trained model yet.", "Train one, or give --base FOLDER."
        )
    raise StudioError(f"The project “{project.name}” has no run “{wanted}”.", "Look in its runs folder for the name.")


@dataclass(slots=True)
class Pane:
    """One model's side of the conversation."""

    model: str = ""
    history: list[Message] = field(default_factory=list[Message])
    answer: str = ""
    ending: str = ""


class Conversation:
    """A chat worker and what was said. Use as a context: the worker ends with it."""

    def __init__(self, talkers: Talkers, log: Path) -> None:
        self._talkers, self._log = talkers, log
        self.panes = {name: Pane() for name in talkers.voices}
        self._number = 0

    def __enter__(self) -> Conversation:
        self._service = Service("chat", self._log)
        self._replies = self._service.replies()
        voices = {name: voice.as_dict() for name, voice in self._talkers.voices.items()}
        try:
            self._service.send({"do": "load", "voices": voices})
            self._until("loaded", lambda reply: None)
        except BaseException:
            self._service.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._service.close()

    def forget(self) -> None:
        """Begin a new conversation with the same models."""
        for pane in self.panes.values():
            pane.history.clear()

    def ask(self, prompt: str, sampling: Sampling, out: TextIO | None = None) -> dict[str, Pane]:
        """Ask all panes; with `out` the first streams and the others follow whole. Raises StudioError."""
        self._number += 1
        for pane in self.panes.values():
            pane.history.append(Message("user", prompt))
            pane.answer = pane.ending = ""
        panes = {
            name: {"voice": name, "messages": [turn.as_dict() for turn in pane.history], "sampling": asdict(sampling)}
            for name, pane in self.panes.items()
        }
        self._service.send({"do": "answer", "id": self._number, "panes": panes})
        waiting, first = set(self.panes), next(iter(self.panes))
        while waiting:
            reply = self._until("done", lambda reply: self._take(reply, first, out))
            pane = self.panes[reply["pane"]]
            pane.ending = str(reply["ended"])
            pane.history.append(Message("assistant", pane.answer))
            waiting.discard(reply["pane"])
            if out is not None and reply["pane"] == first:
                print(file=out)
        if out is not None:
            for pane in list(self.panes.values())[1:]:
                print(f"{pane.model}: {pane.answer}", file=out, flush=True)
        return self.panes

    def _take(self, reply: dict[str, Any], first: str, out: TextIO | None) -> None:
        pane = self.panes.get(reply.get("pane", ""))
        if pane is None:
            return
        if reply["reply"] == "begun":
            pane.model = str(reply["model"])
            text = f"{pane.model}: "
        else:
            text = str(reply.get("text", ""))
            pane.answer += text
        if out is not None and reply["pane"] == first:
            print(text, end="", file=out, flush=True)

    def _until(self, wanted: str, take: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        for reply in self._replies:
            if reply.get("reply") == wanted:
                return reply
            if reply.get("reply") == "failed":
                raise StudioError(str(reply.get("what")), str(reply.get("hint", "")), str(reply.get("details", "")))
            take(reply)
        raise self._service.ending() or StudioError("The model process ended.", "Start it again.")

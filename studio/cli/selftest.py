"""plumbline selftest: try every part of the program on this computer, a line a step.

It works in a temporary folder on the starter model and sample data that the program carries, and needs no network.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from studio.cli.chatting import Conversation, talkers_of
from studio.cli.training import follow
from studio.core.conversation import Sampling
from studio.core.errors import StudioError
from studio.core.methods import SftSettings
from studio.core.recipes import Recipe
from studio.core.runs import RunState
from studio.processes.launch import has_screen, window_command
from studio.storage.interchange import import_file
from studio.storage.project import Project
from studio.storage.recipes import ready_recipe
from studio.storage.resources import carried
from studio.storage.runs import RunFolder

_ROWS = 64
_WINDOW_TIMEOUT = 60  # seconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb has no arguments."""


def run(arguments: argparse.Namespace) -> int:
    """Run all steps; a step that fails is said and ends the test. Returns 1 then."""
    with tempfile.TemporaryDirectory(prefix="plumbline-selftest-", ignore_cleanup_errors=True) as folder:
        test = _SelfTest(Path(folder))
        steps: list[tuple[str, Callable[[], str]]] = [
            ("open the window", test.open_window),
            ("make a project and import examples", test.import_examples),
            ("train an adapter, with a checkpoint", test.train),
            ("resume from the checkpoint", test.resume),
            ("chat with base and tuned", test.chat),
        ]
        for label, step in steps:
            began = time.monotonic()
            try:
                note = step()
            except StudioError as error:
                print(f"FAILED  {label}: {error.sentence}")
                if error.details:
                    print(error.details, file=sys.stderr)
                return 1
            print(f"ok      {label} ({time.monotonic() - began:.1f} s){': ' + note if note else ''}", flush=True)
    print("All parts work.")
    return 0


class _SelfTest:
    """The steps, each on what the one before it made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._project: Project | None = None
        self._run: RunFolder | None = None

    def open_window(self) -> str:
        screen = {} if has_screen() else {"QT_QPA_PLATFORM": "offscreen"}
        home = {"PLUMBLINE_HOME": str(self._folder / "home")}
        began = time.monotonic()
        try:
            done = subprocess.run(
                window_command("--check"),
                env={**os.environ, **screen, **home},
                capture_output=True,
                text=True,
                timeout=_WINDOW_TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StudioError(
                f"The window did not open ({error}).", "Run plumbline in a terminal to see why."
            ) from error
        if done.returncode:
            raise StudioError(
                f"The window ended with exit code {done.returncode}.", "See the lines below.", done.stderr.strip()
            )
        told = json.loads(done.stdout.splitlines()[-1])
        return f"usable after {told['usable_at'] - began:.2f} s"

    def import_examples(self) -> str:
        rows = json.loads(carried("sample_data", "instructions.json").read_text(encoding="utf-8"))[:_ROWS]
        file = self._folder / "sample rows.json"
        file.write_text(json.dumps(rows), encoding="utf-8")
        self._project = Project.create(self._folder / "project")
        self._project.close()  # a lock that is held can't be deleted on Windows, and nobody else comes here
        info = import_file(self._project, file)
        return f"{info.rows} examples"

    def train(self) -> str:
        assert self._project is not None
        settings = SftSettings(max_steps=4, batch_size=4, accumulate=1, checkpoint_minutes=0.0, evaluations=1)
        recipe = Recipe(str(carried("resources", "starter")), "sample rows", "selftest", settings=settings)
        self._run = RunFolder.create(self._project.runs, ready_recipe(self._project, recipe))
        return self._follow(4)

    def resume(self) -> str:
        assert self._project is not None
        assert self._run is not None
        longer = replace(self._run.recipe(), settings=replace(self._run.recipe().settings, max_steps=6))
        (self._run.folder / "recipe.json").write_text(longer.to_json(), encoding="utf-8")
        note = self._follow(6)
        resumed = any(event.kind == "resumed" for event in self._run.all_events())
        if not resumed:
            raise StudioError(
                "The run began anew instead of resuming.", "Report this with the log.", self._run.log_tail()
            )
        return note

    def chat(self) -> str:
        assert self._project is not None
        assert self._run is not None
        with Conversation(talkers_of(self._run), self._project.logs / "chat.log") as conversation:
            panes = conversation.ask("What is the opposite of hot?", Sampling(temperature=0.0, max_new_tokens=16))
        return "; ".join(f"{pane.model} said {pane.answer[:40]!r}" for pane in panes.values())

    def _follow(self, steps: int) -> str:
        assert self._run is not None
        ended, story = follow(self._run), self._run.story()
        if ended.state is not RunState.FINISHED or story.step != steps:
            raise StudioError(ended.sentence, ended.hint, ended.details)
        if not (self._run.adapter / "adapter_model.safetensors").is_file():
            raise StudioError("Training ended without an adapter.", "See the log below.", self._run.log_tail())
        return f"loss {story.loss:.3f} at step {story.step}"

"""plumbline selftest: try every part of the program on this computer, a line a step.

It works in a temporary folder on the starter model and sample data that the program carries, and needs no network. A
packaged program is released when this passes in it; what only it could lack (a data file that is read while an adapter
is saved, a library that export needs) shows here.
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
from dataclasses import asdict
from pathlib import Path

from studio.cli.chatting import Conversation, talkers_of
from studio.cli.training import follow
from studio.core.conversation import Sampling
from studio.core.errors import StudioError
from studio.core.exporting import FORMS, ExportPlan, default_numbers
from studio.core.methods import METHODS, TrainSettings
from studio.core.recipes import Recipe
from studio.core.rewards import Rewards
from studio.core.runs import RunState
from studio.processes.asking import Asking
from studio.processes.launch import has_screen, window_command
from studio.processes.training import start_run
from studio.storage.datasets import list_datasets
from studio.storage.export import export_dataset
from studio.storage.interchange import import_file
from studio.storage.project import Project
from studio.storage.recipes import ready_recipe
from studio.storage.resources import carried
from studio.storage.runs import RunFolder

_ROWS = 64
_WINDOW_TIMEOUT = 60  # seconds
_FIRST_STEP = 600  # a first start from a slow disk behind a virus scanner takes minutes
_STOP_TIMEOUT = 120
_STEPS = 30
_SETTINGS = {"batch_size": 4, "accumulate": 1, "checkpoint_minutes": 0.0, "evaluations": 1}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb has no arguments."""


def run(arguments: argparse.Namespace) -> int:
    """Run all steps; a step that fails is said and ends the test. Returns 1 then."""
    with tempfile.TemporaryDirectory(prefix="plumbline-selftest-", ignore_cleanup_errors=True) as folder:
        test = _SelfTest(Path(folder))
        steps: list[tuple[str, Callable[[], str]]] = [
            ("open the window", test.open_window),
            ("make a project and import files", test.import_files),
            ("fine-tune an adapter, and stop half-way", test.begin),
            ("resume from the checkpoint", test.resume),
            ("train a reward model", test.reward),
            ("train DPO on the adapter", test.dpo),
            ("train PPO, two steps", test.ppo),
            ("chat with base and tuned", test.chat),
            ("export a dataset", test.export_data),
            ("export the model", test.export_model),
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
    """The steps, each on what the ones before it made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs: dict[str, RunFolder] = {}

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

    def import_files(self) -> str:
        rows = json.loads(carried("sample_data", "instructions.json").read_text(encoding="utf-8"))[:_ROWS]
        file = self._folder / "sample rows.json"
        file.write_text(json.dumps(rows), encoding="utf-8")
        self._project = Project.create(self._folder / "project")
        self._project.close()  # a lock that is held can't be deleted on Windows, and nobody else comes here
        names = ("preferences.jsonl", "prompts.jsonl", "conversations.parquet")
        found = [import_file(self._project, path) for path in (file, *(carried("sample_data", name) for name in names))]
        return ", ".join(info.kind.count(info.rows) for info in found)

    def begin(self) -> str:
        run = self._new_run("sft", "sample rows", max_steps=_STEPS)
        worker = start_run(run)
        until = time.monotonic() + _FIRST_STEP
        while worker.poll() is None and run.story().step < 1 and time.monotonic() < until:
            time.sleep(0.02)
        run.request_stop(save=True)
        try:
            worker.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired as error:
            worker.kill()
            raise StudioError("The run did not stop.", "See the log below.", run.log_tail()) from error
        story = run.story()
        if not 1 <= story.step < _STEPS:
            raise StudioError(f"The run stopped at step {story.step}.", "See the log below.", run.log_tail())
        return f"stopped at step {story.step} of {_STEPS}"

    def resume(self) -> str:
        note = self._follow("sft")
        if not any(event.kind == "resumed" for event in self._runs["sft"].all_events()):
            log = self._runs["sft"].log_tail()
            raise StudioError("The run began anew instead of resuming.", "Report this with the log.", log)
        return note

    def reward(self) -> str:
        self._new_run("reward", "preferences", max_steps=3)
        return self._follow("reward")

    def dpo(self) -> str:
        self._new_run("dpo", "preferences", adapter=str(self._runs["sft"].adapter), max_steps=3)
        return self._follow("dpo")

    def ppo(self) -> str:
        rewards = Rewards(model=str(self._runs["reward"].adapter))
        small = {"minibatches": 1, "update_epochs": 1, "answer_tokens": 16}
        self._new_run("ppo", "prompts", rewards=rewards, max_steps=2, adapter=str(self._runs["sft"].adapter), **small)
        return self._follow("ppo")

    def chat(self) -> str:
        with Conversation(talkers_of(self._runs["dpo"]), self._project.logs / "chat.log") as conversation:
            panes = conversation.ask("What is the opposite of hot?", Sampling(temperature=0.0, max_new_tokens=16))
        return "; ".join(f"{pane.model} said {pane.answer[:40]!r}" for pane in panes.values())

    def export_data(self) -> str:
        pairs = next(info for info in list_datasets(self._project) if info.name == "preferences")
        count = export_dataset(self._project, pairs, self._folder / "pairs.parquet")
        return pairs.kind.count(count)

    def export_model(self) -> str:
        made: list[str] = []
        with Asking("export", self._project.logs / "export.log") as worker:
            for form in FORMS:
                target = self._folder / "exported" / form
                plan = ExportPlan(
                    str(carried("resources", "starter")), str(target), form, str(self._runs["dpo"].adapter),
                    default_numbers(form), 2.0, str(self._project.folder),
                )  # fmt: skip
                plan.check()
                reply = worker.ask({"do": "export", "plan": asdict(plan)}, "exported")
                made.append(f"{form} ({len(reply['files'])} files)")
        return ", ".join(made)

    def _new_run(
        self, method: str, dataset: str, *, adapter: str = "", rewards: Rewards | None = None, **settings: object
    ) -> RunFolder:
        declared: type[TrainSettings] = METHODS[method].settings
        recipe = Recipe(
            str(carried("resources", "starter")),
            dataset,
            f"selftest {method}",
            method=method,
            adapter=adapter,
            rewards=rewards or Rewards(),
            settings=declared(**{**_SETTINGS, **settings}),  # pyright: ignore[reportArgumentType]  # checked below
        )
        self._runs[method] = RunFolder.create(self._project.runs, ready_recipe(self._project, recipe))
        return self._runs[method]

    def _follow(self, method: str) -> str:
        run = self._runs[method]
        wanted = run.recipe().settings.max_steps
        ended, story = follow(run), run.story()
        if ended.state is not RunState.FINISHED or story.step != wanted:
            raise StudioError(ended.sentence, ended.hint, ended.details or run.log_tail())
        if not (run.adapter / "adapter_model.safetensors").is_file():
            raise StudioError("Training ended without an adapter.", "See the log below.", run.log_tail())
        return f"loss {story.loss:.3f} at step {story.step}" if story.loss is not None else f"step {story.step}"

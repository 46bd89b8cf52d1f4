"""A program with something on every page: datasets, a labelling set to judge, finished runs, a vote."""

import time
from functools import partial

import pytest
from PySide6.QtWidgets import QApplication, QDialog

from studio.core.events import Event
from studio.core.labelling import LabelPlan
from studio.core.messages import Message
from studio.core.methods import METHODS
from studio.core.recipes import Recipe
from studio.core.records import Pair
from studio.gui.app import Studio
from studio.gui.preferences import Preferences
from studio.gui.updates import may_look
from studio.storage.datasets import add_dataset
from studio.storage.label_intake import create_set, incoming_of
from studio.storage.models import add_model
from studio.storage.runs import EventWriter, RunFolder, seal


@pytest.fixture
def full(qtbot, project, model_folder):
    """The program in a window of 1280 x 720 with a project that has something of everything."""
    pairs = [Pair((Message("user", f"question {n}"),), f"good {n}", f"bad {n}") for n in range(20)]
    add_dataset(project, "pairs", "pairs.jsonl", pairs, kind="pairs")
    plan = LabelPlan(repeats=0.0)
    create_set(project, "To judge", plan, incoming_of(pairs, plan, "file"))
    add_model(project, model_folder)
    for method, dataset in (("sft", "greetings"), ("dpo", "pairs"), ("reward", "pairs")):
        recipe = Recipe(str(model_folder), dataset, f"{method} run", method=method, settings=METHODS[method].settings())
        run = RunFolder.create(project.runs, recipe)
        writer = EventWriter(run.events)
        writer.write(Event("started", time.time(), {"pid": 1, "device": "cpu"}))
        for step in range(1, 9):
            writer.write(Event("step", time.time(), {"step": step, "total": 8, "loss": 1 / step, "lr": 0.1}))
        writer.write(Event("finished", time.time(), {"step": 8}))
        writer.close()
        run.adapter.mkdir()
        (run.adapter / "adapter_config.json").write_text("{}")
        (run.adapter / "adapter_model.safetensors").write_text("x")
        seal(run.adapter)
    project.close()
    studio = Studio(Preferences())
    qtbot.addWidget(studio.window)
    studio.window.resize(1280, 720)
    studio.window.show()
    studio.open_folder(str(project.folder))
    qtbot.waitUntil(lambda: len(studio.runs.records()) == 3, timeout=10_000)
    yield studio
    studio.window.close()


@pytest.fixture
def every_page(full):
    """Shows page after page, the start page last, and gives the name of each while it is on screen."""

    def pages():
        for page in full.window.header.pages:
            full.show_page(page)
            for _ in range(3):
                QApplication.processEvents()
            yield page
        full.close_project()
        QApplication.processEvents()
        yield "start"

    return pages


@pytest.fixture
def every_dialog(full, qtbot):
    """Opens dialog after dialog, as buttons and menus do, and gives the name and the window of each while it shows."""

    def shown():
        return [one for one in full.window.findChildren(QDialog) if one.isVisible()]

    def dialogs():
        around, openers = full.around, {}
        for key in ("train", "models", "data"):
            full.show_page(key)
        data, train = full.pages["data"], full.pages["train"]
        for show in (around.show_settings, around.show_about, around.show_palette, around.show_keys, around.show_help):
            openers[show.__name__] = show
        openers["new project"] = full.ask_new
        openers["a time to start"] = train.later.at.trigger
        openers["accounts"] = full.pages["models"].get_view.account.click
        openers["may look for versions"] = may_look(full.window, "https://host.example/latest").open
        openers["new example"] = data.view.add
        for row in range(data.list.count()):  # another kind of rows has other tools
            openers[f"dataset {row}"] = partial(data.list.setCurrentRow, row)
            openers |= {f"{name} {row}": action.trigger for name, action in data.view.tools.items()}
        for name, show in openers.items():
            show()
            if name.startswith("dataset"):
                qtbot.waitUntil(lambda: data.view.add_action.isEnabled())
                continue
            for _ in range(3):
                QApplication.processEvents()
            for dialog in shown():
                yield name, dialog
                dialog.close()
            qtbot.waitUntil(lambda: not shown())

    return dialogs

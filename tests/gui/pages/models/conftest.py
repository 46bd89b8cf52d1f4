"""A Models page over a project with a run's adapter, a reward model and a base model, none of which can be loaded."""

import json
import struct

import pytest

from studio.core.methods import RewardSettings
from studio.core.recipes import Recipe
from studio.gui.pages.models import ModelsPage
from studio.jobs.runs import ProjectRuns
from studio.storage.runs import RunFolder, seal


def write_weights(file, names=("w",)):
    """A safetensors file of one number a tensor."""
    header = json.dumps(
        {name: {"dtype": "F32", "shape": [1], "data_offsets": [4 * k, 4 * k + 4]} for k, name in enumerate(names)}
    ).encode()
    file.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 4 * len(names))


@pytest.fixture
def make_run(project, model_folder):
    """Makes a finished run."""

    def make(name, method="sft", adapter="", **settings):
        recipe = Recipe(str(model_folder), "greetings", name=name, method=method, adapter=adapter, **settings)
        run = RunFolder.create(project.runs, recipe)
        run.adapter.mkdir()
        task = "SEQ_CLS" if method == "reward" else "CAUSAL_LM"
        (run.adapter / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "task_type": task}))
        (run.adapter / "plumbline.json").write_text(json.dumps({"name": name, "base": str(model_folder)}))
        write_weights(run.adapter / "adapter_model.safetensors", ("a", "score.weight"))
        seal(run.adapter)
        return run

    return make


@pytest.fixture
def runs(project):
    made = ProjectRuns(project)
    yield made
    made.close()


@pytest.fixture
def page(qtbot, project, runs, make_run, model_folder):
    first = make_run("Küche 1")
    make_run("second", adapter=str(first.adapter))
    make_run("judge", method="reward", settings=RewardSettings())
    (model_folder / "README.md").write_text(
        "---\nlicense: other\nlicense_name: my-licence\n---\n<img src='http://example.org/x.png'>\n# Hi"
    )
    made = ModelsPage(project, runs)
    qtbot.addWidget(made)
    made.resize(1200, 800)
    made.show()
    qtbot.waitUntil(lambda: made.model.rowCount() == 5)
    yield made
    made.close_down()

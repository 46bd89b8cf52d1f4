import pytest

from studio.core.errors import StudioError
from studio.core.methods import METHODS, Method, RewardedSettings
from studio.core.recipes import Recipe
from studio.core.rewards import Rewards
from studio.processes.training import start_run
from studio.storage.consent import allow, read_code
from studio.storage.runs import RunFolder


@pytest.fixture
def run(tmp_path, monkeypatch):
    card = Method("told", "Told", "", ("prompts",), "an adapter", RewardedSettings)
    monkeypatch.setitem(METHODS, "told", card)
    file = tmp_path / "reward.py"
    file.write_text("def score(prompt, answer):\n    return 1\n")
    rewards = Rewards(function=read_code(file)[0])
    recipe = Recipe("/base", "data", method="told", settings=RewardedSettings(), rewards=rewards)
    return RunFolder.create(tmp_path / "runs", recipe)


def test_no_worker_is_started_for_code_that_nobody_here_agreed_to(run):
    with pytest.raises(StudioError, match="not agreed"):
        start_run(run, ["true"])
    assert run.worker() is None
    allow(run.recipe().rewards.function)
    start_run(run, ["true"]).wait()
    assert run.worker() is not None


def test_no_worker_is_started_for_code_that_has_changed(run):
    function = run.recipe().rewards.function
    allow(function)
    with open(function.path, "a") as file:
        file.write("import os\n")
    with pytest.raises(StudioError, match="has changed"):
        start_run(run, ["true"])
    assert run.worker() is None

"""The demo as it stands in the README, shortened: every stage runs, and the project it leaves can be looked at."""

from __future__ import annotations

import subprocess
import sys
from xml.etree import ElementTree

import pytest

from studio.cli.demo.school import School
from studio.core.lessons import LESSONS
from studio.core.runs import RunState
from studio.storage.datasets import list_datasets
from studio.storage.models import list_models
from studio.storage.project import Project
from studio.storage.resources import carried
from studio.storage.runs import list_runs

pytestmark = pytest.mark.timeout(400)


def test_the_quick_demo_runs_every_stage(tmp_path):
    folder = tmp_path / "demo ü"
    command = [sys.executable, "-m", "studio", "demo", "--quick", "--no-window", "--project", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=380)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    for stage in ("base", "SFT", "DPO", "PPO"):
        assert any(line.startswith(stage) and "%" in line for line in lines)
    assert any(line.startswith("Reward model: right about") for line in lines)
    report = (folder / "report.html").read_text(encoding="utf-8")
    page = ElementTree.fromstring(report.removeprefix("<!DOCTYPE html>\n"))
    assert len(list(page.iter("{http://www.w3.org/1999/xhtml}figure"))) >= 9
    names = [cell.text for cell in page.iter("{http://www.w3.org/1999/xhtml}h3")]
    assert names[:4] == ["base", "SFT", "DPO", "PPO"]  # the base's failure first
    assert "<script" not in report
    project = Project.open(folder)
    assert {(info.kind_name, info.rows) for info in list_datasets(project)} == {
        ("examples", 400),
        ("pairs", 400),
        ("prompts", 400),
    }
    assert len(list_models(project)) == 1
    runs = list_runs(project.runs)
    assert {run.recipe().method for run in runs} == {"sft", "reward", "dpo", "ppo"}
    assert all(run.story().state(worker_alive=False) is RunState.FINISHED for run in runs)
    project.close()

    again = School(folder, carried("resources", "starter"), carried("sample_data"))
    assert again.train(LESSONS[0].shortened()).id in {run.id for run in runs}  # what is trained already stays so
    assert len(list_runs(again.project.runs)) == len(runs)
    again.project.close()

"""plumbline evaluate, export-model and serve as they are typed, with a worker that answers at once."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from studio.cli.app import main
from studio.storage.project import Project

ROOT = Path(__file__).resolve().parents[2]
FAKE = ROOT / "tests" / "gui" / "pages" / "models" / "fake_models_worker.py"
STARTER = str(ROOT / "resources" / "starter")


@pytest.fixture(autouse=True)
def fake_workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        "studio.processes.service.worker_command", lambda *words: [sys.executable, str(FAKE), words[0], str(tmp_path)]
    )


def test_a_base_model_is_judged_and_the_table_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = tmp_path / "Projekt ü"
    words = ["evaluate", "--project", str(project), "--base", STARTER, "--prompts", "8", "--rule", "length=1..3"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "starter" in said and "Perplexity" in said and "2.72" in said and "100 % (68–100)" in said
    assert len(list((project / "evaluations").glob("*.json"))) == 1
    assert main(["evaluate", "--project", str(project), "--base", STARTER, "--judge", STARTER, "--prompts", "8"]) == 0
    assert main(["evaluate", "--project", str(project)]) == 0
    assert capsys.readouterr().out.count("against starter") >= 1
    assert main(["evaluate", "--project", str(project), "--base", STARTER, "--rule", "polite"]) == 1
    assert "no rule “polite”" in capsys.readouterr().err
    assert main(["evaluate", "--project", str(project), "--run", "none"]) == 1


def test_a_model_is_taken_away_in_the_form_that_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "mein Modell"
    assert main(["export-model", str(target), "--base", STARTER, "--form", "gguf", "--numbers", "Q8_0"]) == 0
    said = capsys.readouterr().out
    assert "a.gguf" in said and "Note: Mind this." in said and str(target) in said
    plan = json.loads((target / "plan.json").read_text())
    assert (plan["form"], plan["numbers"], plan["adapter"]) == ("gguf", "Q8_0", "")
    for words, reason in (
        (["--base", STARTER, "--form", "adapter"], "no adapter"),
        (["--base", STARTER, "--form", "gguf", "--numbers", "Q8"], "Did you mean"),
        ([], "No model is named"),
    ):
        assert main(["export-model", str(tmp_path / "x"), *words]) == 1
        assert reason in capsys.readouterr().err


def test_serving_beyond_this_computer_needs_a_token(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PLUMBLINE_SERVE_TOKEN", raising=False)
    assert main(["serve", "--base", STARTER, "--host", "0.0.0.0"]) == 1
    assert "every computer" in capsys.readouterr().err
    assert main(["serve", "--base", STARTER, "--token-file", str(tmp_path / "none")]) == 1
    assert main(["serve"]) == 1
    (tmp_path / "fail").touch()
    assert main(["serve", "--base", STARTER]) == 1
    assert "It went wrong." in capsys.readouterr().err


def test_a_run_without_a_result_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Project.create(tmp_path / "p").close()
    assert main(["export-model", str(tmp_path / "x"), "--project", str(tmp_path / "p"), "--run", "r"]) == 1
    assert "no run “r”" in capsys.readouterr().err

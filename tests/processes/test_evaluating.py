"""An evaluation keeps whole conversations, so that whoever judges it later knows what was talked about."""

import sys
from pathlib import Path

from studio.core.evaluation_plan import EvaluationPlan, Measures, Subject
from studio.core.messages import Message
from studio.core.records import Prompt
from studio.processes.asking import Asking
from studio.processes.evaluating import evaluate
from studio.storage.datasets import add_dataset
from studio.storage.project import Project

FAKE = Path(__file__).resolve().parents[1] / "gui" / "pages" / "models" / "fake_models_worker.py"


def test_a_prompt_of_several_turns_is_kept_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "studio.processes.service.worker_command", lambda *words: [sys.executable, str(FAKE), words[0], str(tmp_path)]
    )
    project = Project.create(tmp_path / "p")
    turns = (Message("user", "I am Ada."), Message("assistant", "Hello Ada."), Message("user", "Who am I?"))
    known = add_dataset(project, "talks", "here", [Prompt(turns), Prompt((Message("user", "Alone?"),))], kind="prompts")
    plan = EvaluationPlan(known.id, measures=Measures(prompts=5, heldout=0, harmful=0))
    with Asking("evaluate", tmp_path / "log") as worker:
        found, notes = evaluate(worker, project, Subject("x", tmp_path), plan, lambda _done, _total, _what: None)
    assert found.prompts == ("User: I am Ada.\n\nAssistant: Hello Ada.\n\nUser: Who am I?", "Alone?")
    assert found.harmful == () and found.heldout is None and notes == []
    project.close()

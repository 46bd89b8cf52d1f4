"""The guide reads what people said, not what machines or files did, and remembers itself in the project."""

import pytest

from studio.core.guide import GuideState
from studio.core.labelling import Candidate, LabelPlan, Mark, Verdict
from studio.core.messages import Message
from studio.core.records import Pair
from studio.storage.datasets import add_dataset
from studio.storage.guide import load_state, read_facts, save_state
from studio.storage.label_intake import create_set, incoming_of
from studio.storage.label_log import write_entry
from studio.storage.label_votes import keep_vote
from studio.storage.labels import items_of
from studio.storage.project import Project


@pytest.fixture
def project(tmp_path):
    made = Project.create(tmp_path / "project")
    yield made
    made.close()


def test_facts_count_what_a_person_said(project):
    question = (Message("user", "q"),)
    pair = Pair(question, "good", "bad")
    add_dataset(project, "pairs", "pairs.jsonl", [pair], kind="pairs")
    assert read_facts(project).datasets == {"pairs": "pairs"}
    plan = LabelPlan(repeats=0.0)
    known = create_set(project, "mine", plan, incoming_of([pair], plan, "file"))
    with project.writing() as connection:
        (prompt,) = connection.execute("SELECT id FROM label_prompts").fetchone()
        item = next(iter(items_of(connection, prompt).values()))
        mark = Mark().judged("", Verdict((1, 2)))
        for labeller, action, machine in (("file", "imported", False), ("judge", "judged", True)):
            write_entry(connection, known, item, labeller, mark, action, machine=machine)
    assert read_facts(project).verdicts == 0
    with project.writing() as connection:
        write_entry(connection, known, item, "me", mark, "judged")
    keep_vote(project, "me", question, [Candidate(0, "a", "x"), Candidate(0, "b", "y")], Verdict((1, 2)))
    assert (read_facts(project).verdicts, read_facts(project).votes) == (1, 1)


def test_the_guide_is_resumed_where_it_was(project):
    assert load_state(project) == GuideState()
    state = GuideState("first", "ppo", ("judge",), shown=False)
    save_state(project, state)
    assert load_state(project) == state


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": 7}', '{"format": 1, "course": "gone"}', '{"format": 1, "course": ["first"]}']
)
def test_a_damaged_memory_is_no_guide(project, text):
    (project.folder / "guide.json").write_text(text)
    assert load_state(project).course == ""


def test_an_export_counts_when_it_is_whole(project):
    for name in ("done", ".half-way"):
        (project.folder / "exports" / name).mkdir(parents=True)
        (project.folder / "exports" / name / "README.md").write_text("made")
    (project.folder / "exports" / "empty").mkdir()
    assert read_facts(project).exports == 1

"""Drafts wait, are judged and become data; an answer is drafted only to a question that was accepted."""

from pathlib import Path

import pytest

from studio.core.candidates import Author
from studio.core.datasets import DatasetInfo
from studio.core.drafts import ACCEPTED, ANSWER, PARAPHRASE, REJECTED, SAFE_GUIDE, WAITING, DraftPlan
from studio.core.errors import StudioError
from studio.core.messages import Message
from studio.core.records import Prompt
from studio.storage.datasets import add_dataset, list_datasets, records_of
from studio.storage.drafts import (
    DraftSet,
    begin_drafts,
    count_drafts,
    draft_at,
    drop_drafts,
    finish_drafts,
    judge_draft,
    keep_draft,
    next_waiting,
    unfinished_drafts,
    wanted_drafts,
)
from studio.storage.origins import in_words, origin_of
from studio.storage.project import Project

AUTHOR = Author("tiny", "/m")
SYSTEM = Message("system", "be kind")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.create(tmp_path / "p")
    made.close()
    return made


@pytest.fixture
def prompts(project: Project) -> DatasetInfo:
    texts = ["how to lie?", "how to steal?", "how to lie?"]
    return add_dataset(project, "asked", "a", (Prompt((SYSTEM, Message("user", t))) for t in texts), kind="prompts")


def write_all(project: Project, known: DraftSet) -> None:
    while wanted := wanted_drafts(project, known, 3):
        for one in wanted:
            keep_draft(project, known, one, f"{one.kind} {one.number} of {one.question.question[-1].content}")


def test_answers_to_prompts_become_examples(project: Project, prompts: DatasetInfo) -> None:
    known = begin_drafts(project, prompts, DraftPlan("answers", AUTHOR), 50)
    assert count_drafts(project, known).unwritten == 2  # the same question is one
    write_all(project, known)
    count = count_drafts(project, known)
    assert (count.waiting, count.unwritten) == (2, 0)
    first = next_waiting(project, known)
    assert first is not None and first.kind == ANSWER and first.question[0] == SYSTEM
    judge_draft(project, first, ACCEPTED, " better words ")
    second = next_waiting(project, known)
    assert second is not None
    judge_draft(project, second, REJECTED)
    assert next_waiting(project, known) is None
    again = draft_at(project, first.id)
    assert again is not None and again.is_edited and again.written == "answer 0 of how to lie?"
    info = finish_drafts(project, known)
    (record,) = records_of(project, info)
    assert record.messages == (SYSTEM, Message("user", "how to lie?"), Message("assistant", "better words"))
    origin = origin_of(project, info)
    assert origin is not None and origin["edited"] == 1 and "Drafts of tiny" in in_words(origin)
    assert unfinished_drafts(project, prompts) is None


def test_the_recipe_for_safety_answers_what_was_accepted(project: Project, prompts: DatasetInfo) -> None:
    plan = DraftPlan("safety", AUTHOR, paraphrases=2, answer_guide=SAFE_GUIDE)
    known = begin_drafts(project, prompts, plan, 1)
    assert [one.kind for one in wanted_drafts(project, known, 9)] == [PARAPHRASE, PARAPHRASE, ANSWER]
    write_all(project, known)
    drafts = []
    while draft := next_waiting(project, known):
        judge_draft(project, draft, REJECTED if draft.text.startswith("paraphrase 1") else ACCEPTED)
        drafts.append(draft)
        write_all(project, known)
    assert [draft.kind for draft in drafts] == [PARAPHRASE, PARAPHRASE, ANSWER, ANSWER]
    assert drafts[3].question[-1].content == "paraphrase 0 of how to lie?"
    asked = plan.asked(ANSWER, drafts[3].question)
    assert asked[0] == SYSTEM and "without helping" in asked[-1].content and "paraphrase 0" in asked[-1].content
    judge_draft(project, drafts[0], WAITING)  # its answer goes with it
    assert draft_at(project, drafts[3].id) is None
    judge_draft(project, drafts[0], ACCEPTED, "in my own words")
    write_all(project, known)
    answer = next_waiting(project, known)
    assert answer is not None and answer.question[-1].content == "in my own words"
    judge_draft(project, answer, ACCEPTED)
    info = finish_drafts(project, known, "safe")
    assert [record.prompt for record in records_of(project, info)] == ["how to lie?", "in my own words"]


def test_what_says_nothing_new_is_no_draft_and_is_not_asked_for_again(project: Project, prompts: DatasetInfo) -> None:
    known = begin_drafts(project, prompts, DraftPlan("paraphrases", AUTHOR, 3, False), 1)
    first, second, third = wanted_drafts(project, known, 9)
    keep_draft(project, known, first, "")
    keep_draft(project, known, second, " how to lie? ")
    keep_draft(project, known, third, "what is a lie?")
    count = count_drafts(project, known)
    assert (count.waiting, count.failed, count.unwritten) == (1, 2, 0)
    assert wanted_drafts(project, known, 9) == []
    with pytest.raises(StudioError, match="No draft was accepted"):
        finish_drafts(project, known)
    draft = next_waiting(project, known)
    assert draft is not None
    with pytest.raises(StudioError, match="nothing to accept"):
        judge_draft(project, draft, ACCEPTED, "  ")
    judge_draft(project, draft, ACCEPTED)
    made = finish_drafts(project, known)
    assert [record.cells[0] for record in records_of(project, made)] == ["how to lie?", "what is a lie?"]


def test_a_set_goes_on_after_a_crash_and_can_be_dropped(project: Project, prompts: DatasetInfo) -> None:
    known = begin_drafts(project, prompts, DraftPlan("answers", AUTHOR), 50)
    wanted = wanted_drafts(project, known, 9)
    keep_draft(project, known, wanted[0], "one")
    again = unfinished_drafts(Project(project.folder, None), prompts)
    assert again == known and len(wanted_drafts(project, known, 9)) == 1
    drop_drafts(project, known)
    assert unfinished_drafts(project, prompts) is None and draft_at(project, 1) is None
    keep_draft(project, known, wanted[1], "too late")  # a worker that was still writing
    assert next_waiting(project, known) is None
    assert [info.name for info in list_datasets(project)] == ["asked"]


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (DraftPlan("answers", Author("", "")), "No model"),
        (DraftPlan("answers", AUTHOR, answer_guide="no place"), "doesn't hold the question"),
    ],
)
def test_plans_that_can_not_be_used_are_said(
    project: Project, prompts: DatasetInfo, plan: DraftPlan, said: str
) -> None:
    with pytest.raises(StudioError, match=said):
        begin_drafts(project, prompts, plan, 5)
    assert unfinished_drafts(project, prompts) is None

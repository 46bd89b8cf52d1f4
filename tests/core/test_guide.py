"""A guide looks at what a project holds, in whatever order it came to be."""

import pytest

from studio.core.courses import COURSES, FIRST, GOALS
from studio.core.guide import Facts, GuideState, RunFact, standing
from studio.core.lessons import LESSONS
from studio.core.runs import RunState


def run(method, state=RunState.FINISHED):
    return RunFact(f"{method}-1", method, state, 3, 10)


WHOLE = {
    "examples": Facts({"a": "examples"}),
    "sft": Facts({"a": "examples"}, (run("sft"),)),
    "pairs": Facts({"a": "examples", "b": "pairs"}, (run("sft"),)),
    "judge": Facts({"a": "examples", "b": "pairs"}, (run("sft"),), 4),
    "dpo": Facts({"a": "examples", "b": "pairs"}, (run("sft"), run("dpo")), 4),
    "compare": Facts({"a": "examples", "b": "pairs"}, (run("sft"), run("dpo")), 4, 1),
    "export": Facts({"a": "examples", "b": "pairs"}, (run("sft"), run("dpo")), 4, 1, 1),
}


def test_the_first_course_goes_on_step_by_step_as_the_project_grows():
    state, before = GuideState("first"), Facts()
    for key, facts in WHOLE.items():
        assert standing(FIRST, state, before).current.key == key
        before = facts
    assert standing(FIRST, state, before).current is None


def test_a_run_that_failed_or_goes_on_does_not_count():
    for state in RunState:
        facts = Facts({"a": "examples"}, (run("sft", state),))
        assert ("sft" in standing(FIRST, GuideState("first"), facts).done) == (state is RunState.FINISHED)
    assert Facts(runs=(run("sft", RunState.RUNNING),)).going("sft", "dpo").id == "sft-1"
    assert Facts(runs=(run("sft", RunState.FAILED),)).going("sft") is None


def test_what_is_left_out_is_passed_over_and_what_is_undone_comes_back():
    left_out = GuideState("first", left_out=("judge",))
    assert standing(FIRST, left_out, WHOLE["pairs"]).current.key == "dpo"
    assert standing(FIRST, left_out, Facts()).current.key == "examples"  # its data were deleted


def test_the_other_way_has_its_own_steps():
    keys = [step.key for step in FIRST.steps_of("ppo")]
    assert keys.index("reward") < keys.index("prompts") < keys.index("ppo") < keys.index("compare")
    assert "dpo" not in keys
    assert standing(FIRST, GuideState("first", "ppo"), WHOLE["judge"]).current.key == "reward"


@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES)
def test_every_course_is_whole(course):
    everything = Facts(
        {kind: kind for kind in ("examples", "pairs", "prompts", "labels")},
        tuple(run(method) for method in ("sft", "reward", "dpo", "ppo")),
        100,
        1,
        1,
    )
    for path in course.paths or {"": ""}:
        steps = course.steps_of(path)
        keys = [step.key for step in steps]
        assert len(set(keys)) == len(keys)
        assert standing(course, GuideState(course.key, path), everything).current is None
        assert standing(course, GuideState(course.key, path), Facts()).done == frozenset()
        for step in steps:
            assert step.title and step.text and step.act.label and step.controls
            assert {control.split(":")[0] for control in step.controls} <= {step.page}
            if step.act.verb == "train":
                assert step.act.noun in {lesson.name for lesson in LESSONS}
    assert list(GOALS) == ["task", "style", "preferences", "safer"]


def test_the_times_that_the_guide_tells_are_those_of_the_lessons():
    seconds = {lesson.name: lesson.seconds for lesson in LESSONS}
    said = {"about two minutes": (90, 150), "about a minute": (30, 90)}
    for step in FIRST.steps:
        if step.act.verb == "train":
            low, high = next(span for words, span in said.items() if words in " ".join(step.text.split()))
            assert low <= seconds[step.act.noun] <= high, step.key
    for path in FIRST.paths:  # "about five minutes", of which some are clicking and reading
        trained = sum(seconds[step.act.noun] for step in FIRST.steps_of(path) if step.act.verb == "train")
        assert 120 <= trained <= 240

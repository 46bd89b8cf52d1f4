import pytest

from studio.core.events import Event
from studio.core.runs import EXIT_DISK_FULL, RunState, RunStory, outcome_of


def story_of(*events):
    story = RunStory()
    for kind, values in events:
        story.feed(Event(kind, 1.0, values))
    return story


TRAINING = (("started", {}), ("phase", {"phase": "training"}), ("step", {"step": 12, "total": 60, "loss": 2.0}))


def test_the_story_follows_the_phases():
    assert story_of().state(worker_alive=True) is RunState.STARTING
    assert story_of(("started", {})).state(worker_alive=True) is RunState.STARTING
    assert story_of(*TRAINING).state(worker_alive=True) is RunState.RUNNING
    assert story_of(*TRAINING).state(worker_alive=False) is RunState.INTERRUPTED
    assert story_of(*TRAINING, ("finished", {"step": 60})).state(worker_alive=False) is RunState.FINISHED
    assert story_of(*TRAINING, ("stopped", {"saved": True})).state(worker_alive=False) is RunState.STOPPED


def test_a_resumed_run_is_running_again():
    story = story_of(*TRAINING, ("stopped", {"saved": True}), *TRAINING)
    assert story.state(worker_alive=True) is RunState.RUNNING
    assert story.attempt == 2


def test_many_events_at_once_tell_the_same_as_one_by_one():
    steps = [("step", {"step": n, "total": 60, "loss": 1 / n, "elapsed": n * 2.0}) for n in range(13, 40)]
    told = (*TRAINING, *steps, ("checkpoint", {"step": 39}), *steps, ("warning", {"what": "Hm."}), *steps[:3])
    story = RunStory()
    story.feed_all(Event(kind, 1.0, values) for kind, values in told)
    assert story == story_of(*told)


@pytest.mark.parametrize(
    ("events", "code", "resume", "words"),
    [
        ((*TRAINING, ("finished", {})), 0, True, ["Finished after 12 steps"]),
        ((*TRAINING, ("stopped", {"saved": True})), 0, True, ["step 12 of 60", "saved", "Resume"]),
        ((*TRAINING, ("stopped", {"saved": False})), 0, False, ["discarded", "start it again"]),
        (
            (*TRAINING, ("failed", {"what": "Loss is nan.", "hint": "Lower it."})),
            3,
            True,
            ["Loss is nan.", "Lower it."],
        ),
        (TRAINING, -9, True, ["signal 9", "step 12 of 60", "Resume", "last words"]),
        (TRAINING, -11, False, ["crash in a library", "start it again"]),
        (TRAINING, EXIT_DISK_FULL, True, ["disk is full", "Resume"]),
        (TRAINING, 1, True, ["exit code 1", "last words", "Resume"]),
        (TRAINING, None, True, ["without a word at", "Resume"]),
        ((), 1, False, ["the beginning", "start it again"]),
    ],
)
def test_every_ending_is_a_sentence_with_what_to_do(events, code, resume, words):
    found = outcome_of(story_of(*events), exit_code=code, log_line="RuntimeError: boo", can_resume=resume)
    text = f"{found.sentence} {found.hint}"
    for word in words:
        assert word in text
    assert found.sentence.endswith((".", "”."))
    assert found.state.is_over


def test_a_finished_run_leads_to_what_can_be_done_with_it():
    story = story_of(*TRAINING, ("finished", {"step": 60}))
    ended = outcome_of(story, exit_code=0, log_line="", can_resume=False, next_step="Talk to it.")
    assert ended.hint == "Talk to it."

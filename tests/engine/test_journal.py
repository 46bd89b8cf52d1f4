"""How a worker hears that it should end, and where it writes what it says."""

import shutil

import pytest

from studio.core.recipes import Recipe
from studio.engine.journal import Journal, StopBell, Stopped
from studio.storage.runs import RunFolder, StopRequest
from studio.storage.tensorboard import FILE, FOLDER, TensorboardWriter


@pytest.fixture
def run(tmp_path):
    return RunFolder.create(tmp_path, Recipe("/m", "d"))


def test_nobody_asked(run):
    assert StopBell(run).asked() is None
    StopBell(run).check()


@pytest.mark.parametrize("wish", [StopRequest(True), StopRequest(False), StopRequest(True, pause=True)])
def test_a_request_is_heard_with_its_wish(run, wish):
    run.request_stop(save=wish.save, pause=wish.pause)
    bell = StopBell(run)
    assert bell.asked() == wish
    with pytest.raises(Stopped) as stopped:
        bell.check()
    assert stopped.value.request == wish


def test_a_run_whose_folder_was_deleted_ends_without_saving(run):
    bell = StopBell(run)
    shutil.rmtree(run.folder)
    assert bell.asked() == StopRequest(save=False)


def test_tensorboards_file_grows_with_the_run_and_ends_none(run):
    beside = TensorboardWriter(run)
    journal = Journal(run.events, beside)
    written = run.folder / FOLDER / FILE
    before = written.stat().st_size
    journal.say("step", step=1, loss=0.5)
    assert written.stat().st_size > before
    beside._file.close()
    beside._file = written.open("rb", buffering=0)  # which takes nothing
    journal.say("step", step=2, loss=0.5)
    journal.say("step", step=3, loss=0.5)
    journal.close()
    assert [event.number("step") for event in run.all_events()] == [1, 2, 3]

"""How a worker hears that it should end."""

import shutil

import pytest

from studio.core.recipes import Recipe
from studio.engine.journal import StopBell, Stopped
from studio.storage.runs import RunFolder, StopRequest


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

import os
import subprocess
import sys

import pytest

from studio.storage import workers
from studio.storage.workers import WorkerProcess, worker_of


def test_a_process_is_known_while_it_lives_and_by_its_start():
    me = worker_of(os.getpid(), 7)
    assert me is not None
    assert me.heard_before == 7
    found = me.find()
    assert found is not None
    assert found.pid == os.getpid()
    assert WorkerProcess(me.pid, me.created - 100).find() is None


def test_a_process_that_is_gone_is_nobody():
    process = subprocess.Popen([sys.executable, "-c", ""])
    known = worker_of(process.pid, 0)
    process.wait(20)
    assert worker_of(process.pid, 0) is None
    assert known is None or known.find() is None


@pytest.mark.parametrize(("text", "count"), [("pgfault 3\noom_kill 5\n", 5), ("pgfault 3\n", -1), ("oom_kill x\n", -1)])
def test_the_kernels_count_is_read_or_unknown(tmp_path, monkeypatch, text, count):
    (tmp_path / "vmstat").write_text(text)
    monkeypatch.setattr(workers, "_KERNEL_COUNTS", tmp_path / "vmstat")
    assert workers.memory_kills() == count
    monkeypatch.setattr(workers, "_KERNEL_COUNTS", tmp_path / "nowhere")
    assert workers.memory_kills() == -1

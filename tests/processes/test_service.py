import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from studio.processes.service import Service

FAKE = [sys.executable, str(Path(__file__).with_name("fake_service.py"))]


@pytest.fixture
def service(tmp_path):
    started = Service("chat", tmp_path / "logs" / "chat.log", FAKE)
    yield started
    started.close()
    started.ending()


def test_requests_are_answered(service):
    replies = service.replies()
    assert next(replies) == {"reply": "ready"}
    for text in ("hello", "ünï 🙂\u2028\n", "x" * 1_000_000):
        assert service.send({"do": "say", "text": text})
        assert next(replies)["request"]["text"] == text


def test_garbage_is_skipped_and_a_noisy_log_blocks_nobody(service):
    replies = service.replies()
    next(replies)
    service.send({"mode": "garbage"})
    assert next(replies)["reply"] == "echo"


def test_closing_ends_it_and_is_no_error(service):
    replies = service.replies()
    next(replies)
    service.close()
    assert list(replies) == []
    assert service.ending() is None
    assert not service.send({"do": "say"})


def test_closed_in_the_middle_of_its_replies_it_leaves_no_pipe_open(tmp_path):
    service = Service("chat", tmp_path / "chat.log", FAKE)
    replies = service.replies()
    next(replies)
    service.close()
    deadline = time.monotonic() + 30
    while not service._process.stdout.closed and time.monotonic() < deadline:
        time.sleep(0.01)
    assert service._process.stdout.closed
    assert list(replies) == []


def test_a_crash_is_a_sentence_with_the_last_words(service):
    replies = service.replies()
    next(replies)
    service.send({"mode": "crash"})
    assert list(replies) == []
    error = service.ending()
    assert error is not None
    assert "exit code 9" in error.what
    assert "out of words" in error.what


def test_it_dies_with_its_parent(tmp_path):
    code = (
        "import sys, time, pathlib; from studio.processes.service import Service\n"
        "s = Service('chat', pathlib.Path(sys.argv[1]), sys.argv[2:]); next(s.replies())\n"
        "print(s._process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "log"), *FAKE], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    gone, alive = psutil.wait_procs([child], timeout=10)
    assert not alive or child.status() == psutil.STATUS_ZOMBIE
    assert gone or os.name == "posix"
    assert time.monotonic() > 0

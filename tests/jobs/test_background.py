import threading
import time

from PySide6.QtCore import QCoreApplication, QObject, Qt, Slot
from shiboken6 import isValid

from studio.core.errors import Cancelled, StudioError
from studio.jobs.background import BackgroundTask, end_tasks, wait_for_tasks


def test_the_answer_comes_from_another_thread(qtbot):
    task = BackgroundTask(lambda task: threading.get_ident())
    with qtbot.waitSignal(task.succeeded) as answer:
        task.start()
    assert answer.args[0] != threading.get_ident()
    assert task.wait(5000)


def test_progress_is_thinned_but_its_end_always_comes(qtbot):
    def work(task):
        for number in range(100_001):
            task.report(number, 100_000)

    task, seen = BackgroundTask(work), []
    task.progressed.connect(lambda done, total, note: seen.append(done))
    with qtbot.waitSignal(task.succeeded):
        task.start()
    task.wait(5000)
    assert seen[-1] == 100_000
    assert len(seen) < 1000


def test_progress_in_a_file_of_many_gigabytes_is_told(qtbot):
    task, seen = BackgroundTask(lambda task: task.report(6_000_000_000, 6_000_000_000)), []
    task.progressed.connect(lambda done, total, note: seen.append((done, total)))
    with qtbot.waitSignal(task.succeeded):
        task.start()
    task.wait(5000)
    ((done, total),) = seen
    assert done == total > 1_000_000_000


def test_an_error_arrives_whole(qtbot):
    def work(task):
        raise StudioError("no", "do", "why")

    task = BackgroundTask(work)
    with qtbot.waitSignal(task.failed) as caught:
        task.start()
    assert caught.args[0].details == "why"
    task.wait(5000)


def test_cancel_ends_it_silently(qtbot):
    def work(task):
        while not task.is_cancelled():
            task.msleep(1)
        raise Cancelled

    task = BackgroundTask(work)
    with qtbot.assertNotEmitted(task.failed), qtbot.waitSignal(task.cancelled):
        task.start()
        task.cancel()
    task.wait(5000)


class Asker(QObject):
    """Begins work for each answer."""

    def __init__(self):
        super().__init__()
        self.answers, self.over = [], []
        self.task = BackgroundTask.begin(self, lambda task: 1, self.take, self.take)

    @Slot(object)
    def take(self, answer):
        self.answers.append(answer)
        self.over.append(self.task.is_over)
        if len(self.answers) < 3:
            BackgroundTask.begin(self, lambda task: answer + 1, self.take, self.take)


def test_work_of_somebody_is_over_when_its_answer_is_told_and_then_gone(qtbot):
    asker = Asker()
    qtbot.waitUntil(lambda: not asker.findChildren(BackgroundTask))
    assert asker.answers == [1, 2, 3] and asker.over == [True] * 3
    assert not isValid(asker.task)
    asker.task.cancel()  # harmless


def test_who_is_closed_hears_nothing_more_not_even_an_answer_that_is_on_its_way():
    asker = Asker()
    end_tasks(asker)
    assert asker.answers == []
    for _ in range(3):
        QCoreApplication.processEvents()
        wait_for_tasks(asker)
    assert asker.answers == []


class Listener(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[QObject | None] = []

    @Slot()
    def hear(self) -> None:
        self.heard.append(self.sender())


def test_all_are_told_by_whom_that_it_finished_however_slowly_the_thread_tells_them(qtbot):
    owner, listener = QObject(), Listener()
    task = BackgroundTask(lambda _task: None, owner)
    task.finished.connect(lambda: time.sleep(0.05), Qt.ConnectionType.DirectConnection)
    task.finished.connect(listener.hear)
    task.start()
    qtbot.waitUntil(lambda: bool(listener.heard))
    assert listener.heard == [task]
    qtbot.waitUntil(lambda: not isValid(task))

"""Where Python's cyclic garbage ends. Each test process collects on its main thread alone: see tests/conftest.py."""

import gc
import threading
import weakref

import pytest
from PySide6.QtCore import QObject

from studio.gui.collector import Collector
from studio.jobs.background import BackgroundTask


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.end()
    gc.disable()


def cycle(ended: list[int], held: list[QObject] | None = None) -> None:
    """A QObject that only the collector can end, once it isn't held any more, which tells on which thread it did."""
    thing = QObject()
    if held is not None:
        held.append(thing)
    thing.myself = thing  # type: ignore[attr-defined]
    weakref.finalize(thing, lambda: ended.append(threading.get_ident()))


def make_many(_task: BackgroundTask) -> None:
    kept = [[number] for number in range(100_000)]
    kept.clear()


def test_what_another_thread_makes_is_collected_on_the_windows(collector, qtbot):
    ended: list[int] = []
    cycle(ended)
    task = BackgroundTask(make_many)
    with qtbot.waitSignal(task.finished):
        task.start()
    task.wait()
    kept = [[number] for number in range(1_000)]
    qtbot.waitUntil(lambda: bool(ended))
    assert ended == [threading.get_ident()] and len(kept) == 1_000


def test_old_objects_are_gone_through_only_when_there_are_many_new_ones(collector):
    """With 700,000 rows alive that takes a second, and the window stands still for it."""
    collected: list[int] = []
    kept: list[list[list[int]]] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "stop":
            collected.append(info["generation"])

    def make_and_collect(count: int) -> None:
        collected.clear()
        for _ in range(40):  # of which each asks for a look at the young
            kept.append([[number] for number in range(count)])
            gc.collect(1)
            collector.collect()

    gc.callbacks.append(note)
    try:
        make_and_collect(1_000)
        assert 2 in collected
        make_and_collect(30)
        assert collected.count(2) <= 1 < collected.count(1)  # one may still have been due
        make_and_collect(1_000)
        assert 2 in collected
    finally:
        gc.callbacks.remove(note)


def test_old_objects_that_are_gone_no_longer_count(collector):
    """Else the cycles of a window from which many rows went would live on until they were as many as those."""
    ended: list[int] = []

    def live_on(rounds: int) -> None:
        for _ in range(rounds):
            gc.collect(1)
            collector.collect()

    rows = [[number] for number in range(100_000)]
    held: list[QObject] = []
    cycle(ended, held)
    live_on(30)  # and all of that is old
    held.clear()
    rows.clear()
    live_on(30)
    rows.extend([number] for number in range(50_000))
    live_on(30)
    assert ended


def test_with_nothing_new_nothing_is_done(collector):
    for _ in range(40):
        gc.collect(1)
    collector.collect()
    for _ in range(12):  # of which each asks for a look at the old, that have not grown
        gc.collect(1)
        collector.collect()
    before = gc.get_count()[2]
    for _ in range(50):
        collector.collect()
    assert gc.get_count()[2] == before


def test_left_to_python_it_ends_on_the_thread_that_makes_objects(qtbot):
    """Why it is needed. The object's end on that thread is harmless here: it has no window, child or connection."""
    ended: list[int] = []
    gc.collect()
    gc.enable()
    try:
        cycle(ended)
        task = BackgroundTask(make_many)
        with qtbot.waitSignal(task.finished):
            task.start()
        task.wait()
    finally:
        gc.disable()
    assert len(ended) == 1 and ended[0] != threading.get_ident()


def test_afterwards_python_collects_again():
    Collector().end()
    assert gc.isenabled()
    gc.disable()

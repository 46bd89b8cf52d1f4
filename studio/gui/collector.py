"""Python's cyclic garbage is collected on the window's thread alone.

Left to itself, Python collects on whichever thread makes an object at that moment. A widget that hangs in a cycle then
ends on a thread that reads a file, which Qt doesn't allow: the program ends, or stands still for ever, because that
thread holds one of Qt's locks and waits for Python's while the window holds Python's and waits for Qt's.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer, Slot

_EVERY = 500  # ms
_LIMITS = (700, 10, 10)  # objects made, collections of the young, of the middle-aged: CPython's thresholds up to 3.12
_WORTH = 1.25  # the old are gone through when they have grown by a fourth, as CPython has it: many rows take a second


class Collector(QObject):
    """Collects from a timer of the thread that it is made on, while it lives. What is there already stays for good."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        gc.freeze()  # modules: they needn't be looked through again
        self._old = 0  # objects that outlived the last look at the old, or fewer since then
        self._limits = _LIMITS  # over which each generation is due
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY)
        self._timer.timeout.connect(self.collect)
        self._timer.start()

    def end(self) -> None:
        """Leave it to Python again."""
        self._timer.stop()
        gc.unfreeze()
        gc.enable()

    @Slot()
    def collect(self) -> None:
        """Collect the oldest generation that is due."""
        counts = gc.get_count()
        due = [generation for generation in range(3) if counts[generation] > self._limits[generation]]
        if not due:
            return
        if due[-1] < 2 or not self._has_grown():
            gc.collect(min(due[-1], 1))
            return
        gc.collect(2)
        self._old, self._limits = _old_objects(), _LIMITS

    def _has_grown(self) -> bool:
        """Whether there are so many more old objects that it is worth while; if not, it is asked again later."""
        old = _old_objects()
        if old > self._old * _WORTH:
            return True
        young, middle, before = _LIMITS
        self._old, self._limits = min(self._old, old), (young, middle, gc.get_count()[2] + before)
        return False


def _old_objects() -> int:
    return len(gc.get_objects(generation=2))

"""Alarm watch: what `core.alarms` tells of a run's figures, said once each as a warning when it begins.

A resumed run is watched as if it had never stopped: the figures of earlier attempts are read from its events.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from studio.core.alarms import alarms_of
from studio.core.curves import Curves
from studio.core.events import Event
from studio.core.methods import RewardedSettings
from studio.storage.runs import RunFolder


class AlarmWatch:
    """Feed it the figures of each step and evaluation. warn: takes what goes wrong, what would help, and the alarm's
    name. Make it once the events say where the run goes on from."""

    def __init__(self, settings: RewardedSettings, folder: Path, warn: Callable[[str, str, str], None]) -> None:
        self._settings, self._warn = settings, warn
        self._curves = Curves()
        for event in RunFolder(folder).all_events():
            self._curves.feed(event)
        self._ringing = {alarm.name for alarm in alarms_of(self._curves, settings)}

    def step(self, step: int, figures: Mapping[str, Any]) -> None:
        """Figures of a step, by the names of `core.metrics`."""
        self._feed("step", step, figures)

    def evaluation(self, step: int, figures: Mapping[str, Any]) -> None:
        """Figures on held-out prompts."""
        self._feed("evaluation", step, figures)

    def _feed(self, kind: str, step: int, figures: Mapping[str, Any]) -> None:
        self._curves.feed(Event(kind, time.time(), {**figures, "step": step}))
        now = {alarm.name: alarm for alarm in alarms_of(self._curves, self._settings)}
        for name, alarm in now.items():
            if name not in self._ringing:
                self._warn(alarm.what, alarm.hint, alarm.name)
        self._ringing = set(now)

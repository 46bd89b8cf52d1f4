"""When a run was made and how long one takes, as a person says it. A run's id begins with the moment."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from studio.gui.language import tr


def started_at(run_id: str) -> datetime | None:
    """When the run was made, from its id; None when somebody renamed its folder."""
    try:
        return datetime.strptime(run_id[:15], "%Y%m%d-%H%M%S")
    except ValueError:
        return None


def when(run_id: str, today: date) -> str:
    """When the run was made, for a list: "today 14:05", "yesterday 14:05", "3 Mar 14:05", "3 Mar 2025"."""
    moment = started_at(run_id)
    if moment is None:
        return ""
    if moment.date() == today:
        return tr("today {moment:%H:%M}", moment=moment)
    if moment.date() == today - timedelta(days=1):
        return tr("yesterday {moment:%H:%M}", moment=moment)
    if moment.year == today.year:
        return tr("{day} {moment:%b} {moment:%H:%M}", day=moment.day, moment=moment)
    return tr("{day} {moment:%b} {year}", day=moment.day, moment=moment, year=moment.year)


def in_time(seconds: float) -> str:
    """A span of time as a person says it."""
    if seconds < 60:
        return tr("{seconds} s", seconds=max(1, round(seconds)))
    minutes = round(seconds / 60)
    if minutes < 60:
        return tr("{minutes} min", minutes=minutes)
    hours, minutes = divmod(minutes, 60)
    return tr("{hours} h {minutes} min", hours=hours, minutes=minutes) if minutes else tr("{hours} h", hours=hours)

"""Settings declared once: a dataclass field that knows its label, explanation, range, choices and unit.

Forms, validation, JSON, command-line flags and help texts are all made from these declarations.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from studio.core.errors import StudioError, did_you_mean

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OnlyIf:
    """When a setting means something: while `holds` of another one's value. words: complete “It counts only …”."""

    name: str
    holds: Callable[[Any], bool]
    words: str


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known about one setting. low and high are inclusive (text with a low may not be empty); `choices` maps a
    stored value to its label. lines: text of several lines. folder: text that is a folder's path. only_if: all of these
    must hold, or it changes nothing.
    """

    name: str
    kind: type
    default: Any
    label: str
    about: str
    low: float | None = None
    high: float | None = None
    choices: Mapping[str, str] | None = None
    unit: str = ""
    advanced: bool = False
    lines: bool = False
    folder: bool = False
    only_if: tuple[OnlyIf, ...] = ()

    def idle(self, values: Any) -> str:
        """Why the setting changes nothing beside the others' values, as a sentence; empty when it counts."""
        for condition in self.only_if:
            other = getattr(values, condition.name, None)
            if other is not None and not condition.holds(other):
                return f"{self.label} counts only {condition.words}."
        return ""

    def problem(self, value: Any) -> str:
        """Why `value` cannot be used, as a sentence; empty when it can."""
        if self.kind is bool:
            return "" if isinstance(value, bool) else f"{self.label} is {value!r}; it must be true or false."
        if self.kind in (int, float):
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                return f"{self.label} is {value!r}; it must be a number."
            if not _is_finite(value):
                return f"{self.label} is {value}; it must be a finite number."
            if self.kind is int and value != int(value):
                return f"{self.label} is {value}; it must be a whole number."
            if self.low is not None and value < self.low or self.high is not None and value > self.high:
                return f"{self.label} is {value:g}; {self._range()}."
            return ""
        if not isinstance(value, str):
            return f"{self.label} is {value!r}; it must be text."
        if self.low and not value.strip():
            return f"{self.label} is empty; type something."
        if self.choices is not None and value not in self.choices:
            known = list(self.choices)
            return f"{self.label} is “{value}”. {did_you_mean(value, known) or 'Choose ' + ', '.join(known) + '.'}"
        return ""

    def _range(self) -> str:
        if self.high is None:
            return f"it must be {self.low:g} or more"
        if self.low is None:
            return f"it must be {self.high:g} or less"
        return f"it must be between {self.low:g} and {self.high:g}"


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def setting(
    default: Any,
    label: str,
    about: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Mapping[str, str] | None = None,
    unit: str = "",
    advanced: bool = False,
    lines: bool = False,
    folder: bool = False,
    only_if: tuple[OnlyIf, ...] = (),
) -> Any:
    """A dataclass field that is a setting; the field's type is the type of `default` (bool, int, float or str)."""
    known = Setting(
        "", default.__class__, default, label, about, low, high, choices, unit, advanced, lines, folder, only_if
    )
    return dataclasses.field(default=default, metadata={"setting": known})


def settings_of(declared: type[Any] | Any) -> list[Setting]:
    """The settings of a dataclass in the order in which they are declared."""
    return list(_declared(declared if isinstance(declared, type) else type(declared)))


@cache  # a project with a thousand runs asks for them thousands of times
def _declared(declared: type[Any]) -> tuple[Setting, ...]:
    return tuple(
        dataclasses.replace(field.metadata["setting"], name=field.name)
        for field in dataclasses.fields(declared)
        if "setting" in field.metadata
    )


def problems_of(values: Any) -> dict[str, str]:
    """For a dataclass instance: the name of each setting that cannot be used, with the sentence why. One that changes
    nothing beside the others is no problem."""
    found = {
        known.name: "" if known.idle(values) else known.problem(getattr(values, known.name))
        for known in settings_of(values)
    }
    return {name: sentence for name, sentence in found.items() if sentence} or conflicts_of(values)


def conflicts_of(values: Any) -> dict[str, str]:
    """For a dataclass instance whose settings can be used one by one: which can't be used together, and why. It says so
    itself, in `conflicts`, if it has any."""
    said = getattr(values, "conflicts", None)
    return said() if said is not None else {}


def settings_from(declared: type[T], values: Mapping[str, Any], where: str) -> T:
    """An instance of a dataclass of settings from parsed JSON; what is absent takes its default.

    Raises StudioError naming the setting for an unknown name or a value that cannot be used. `where` names the source.
    """
    known = {item.name: item for item in settings_of(declared)}
    for name in values:
        if name not in known:
            raise StudioError(
                f"{where} has a setting “{name}” that Plumbline does not know.",
                did_you_mean(name, known) or "Remove it, or update Plumbline.",
            )
    ready: dict[str, Any] = {}
    for name, value in values.items():
        sentence = known[name].problem(value)
        if sentence:
            raise StudioError(f"{where} cannot be used: {sentence}", "Correct the value and try again.")
        ready[name] = known[name].kind(value) if known[name].kind in (int, float) else value
    return declared(**ready)

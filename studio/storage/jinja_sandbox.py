"""Jinja from people, rendered so that it can do no harm: no attributes of objects, no endless loops, no endless text.

A fault is a StudioError that says the line. Chat templates are rendered elsewhere, in workers (`engine.rendering`).
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from studio.core.errors import StudioError

_MOST_TURNS = 10_000  # of all loops over range() in one text
_LONGEST = 1_000_000  # characters of a text, and of anything on the way to it
_METHODS = frozenset(
    "lower upper title capitalize strip lstrip rstrip split rsplit splitlines startswith endswith count find isdigit "
    "items keys values get index".split()
)
# Written as HTML, or text of any length from a few characters.
_NO_FILTERS = ("center", "indent", "format", "pprint", "xmlattr", "urlize", "batch", "slice", "forceescape", "tojson")
Rendered = Callable[[Mapping[str, Any]], str]


def compiled(text: str, what: str) -> Rendered:
    """A function that renders a template. `what` names it in sentences. Raises StudioError for a fault in its words;
    so does the function for one that shows only with values."""
    from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError, nodes
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Sandbox(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset({"*", "**", "+", "%"})

        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            if isinstance(obj, (str, list, tuple, dict)):
                return attr in _METHODS
            return (
                attr in ("index", "index0", "first", "last", "length", "revindex")
                and type(obj).__name__ == "LoopContext"
            )

        def wrap_str_format(self, value: Any) -> None:
            return None  # it can be asked for text of any length

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            if operator == "**" or _size(left) * (_size(right) if operator == "*" else 1) > _LONGEST:
                raise TemplateError(f"{operator} would make something too large")
            if operator == "%" and isinstance(left, str):
                raise TemplateError("% is not for text; write {{ }} instead")
            return super().call_binop(context, operator, left, right)

    def join(values: Iterable[Any], between: str = "") -> str:
        parts = [str(value) for value in values]
        if sum(map(len, parts)) + len(parts) * len(between) > _LONGEST:
            raise TemplateError(f"it writes more than {_LONGEST:,} characters")
        return between.join(parts)

    def replace(value: Any, old: str, new: str) -> str:
        text = str(value)
        if len(text) + text.count(old) * len(new) > _LONGEST:
            raise TemplateError(f"it writes more than {_LONGEST:,} characters")
        return text.replace(old, new)

    environment: Any = Sandbox(trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    environment.globals.clear()
    environment.filters = {name: made for name, made in environment.filters.items() if name not in _NO_FILTERS}
    environment.filters |= {"join": join, "replace": replace}
    try:
        glued = next(environment.parse(text).find_all(nodes.Concat), None)
        if glued is not None:
            raise TemplateSyntaxError("~ is not known here; write {{ one }}{{ other }}", glued.lineno)
        template = environment.from_string(text)
    except TemplateSyntaxError as error:
        raise StudioError(
            f"{what}, line {error.lineno}: {str(error.message or error).rstrip('.')}.", "Correct this line."
        ) from error

    def render(values: Mapping[str, Any]) -> str:
        turns, length, parts = 0, 0, list[str]()

        def counted(*bounds: int) -> range:
            nonlocal turns
            turns += len(range(*bounds))
            if turns > _MOST_TURNS:
                raise TemplateError(f"its loops take more than {_MOST_TURNS:,} turns")
            return range(*bounds)

        try:
            for part in template.generate({**values, "range": counted}):
                parts.append(part)
                length += len(part)
                if length > _LONGEST:
                    raise TemplateError(f"it writes more than {_LONGEST:,} characters")
        except UndefinedError as error:
            reason = str(error).replace("'", "“", 1).replace("' is undefined", "” is no column")
            raise _at_line(what, error, f"{reason}; there are {', '.join(values)}") from error
        except (
            TemplateError, TypeError, ValueError, KeyError, IndexError, ArithmeticError, RecursionError, AttributeError
        ) as error:  # fmt: skip
            raise _at_line(what, error, str(error).rstrip(".") or type(error).__name__) from error
        return "".join(parts)

    return render


def _at_line(what: str, error: Exception, reason: str) -> StudioError:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    line = f", line {frames[-1].lineno}" if frames else ""
    return StudioError(f"{what}{line}: {reason}.", "Correct this line.")


def _size(value: Any) -> float:
    if isinstance(value, (str, list, tuple)):
        return len(cast("str", value))
    return min(abs(value), 1e300) if isinstance(value, (int, float)) and not isinstance(value, bool) else 1

"""Writes the help pages that repeat what the code declares: recipe.md (methods and settings) and words.md.

Run by `make format`; a test fails when a page is not what this would write.
"""

from __future__ import annotations

from pathlib import Path

from studio.core.fields import Setting, settings_of
from studio.core.glossary import GLOSSARY
from studio.core.glossary.words import WORDS
from studio.core.methods import METHODS

HELP = Path(__file__).parent.parent / "resources" / "help"

_OPENING = """\
# The recipe

`recipe.json` decides a run. What is absent takes its default. Made by **Copy as command** in the Train tab, by
`plumbline train`, or by hand; the same settings are flags of `plumbline train` (`learning_rate` is `--learning-rate`).

```json
{"format": 1, "method": "sft", "name": "my run", "base_model": "/models/some-base", "adapter": "",
 "dataset": "my examples", "template": "model", "settings": {"epochs": 2.0}}
```

| key | what it is |
|---|---|
| `method` | one of those below |
| `base_model` | the folder of a base model |
| `adapter` | the folder of an adapter on it to go on from, or empty |
| `dataset` | a dataset's id or name in the project |
| `template` | a prompt template's name, or `model` for the model's own |
| `settings` | the settings below |
| `rewards` | for methods that learn from a reward: the reward model's folder, rules, a function of your own |
"""


def pages() -> dict[str, str]:
    """The text of each page by its file's name."""
    return {"recipe.md": _recipe(), "words.md": _words()}


def _words() -> str:
    entries = [f"## {word.term}\n\n{word.text}\n" for word in WORDS.values()]
    return "\n".join(["# What the words mean\n", *entries])


def _recipe() -> str:
    parts = [_OPENING, "## Methods\n", "| method | name | what it does |", "|---|---|---|"]
    parts += [f"| `{name}` | {method.label} | {method.about} |" for name, method in METHODS.items()]
    parts += ["", "## Settings\n", "Where methods differ in a default, all are given.\n"]
    seen: dict[str, Setting] = {}
    defaults: dict[str, dict[str, list[str]]] = {}
    for name, method in METHODS.items():
        for known in settings_of(method.settings):
            seen.setdefault(known.name, known)
            defaults.setdefault(known.name, {}).setdefault(_shown(known.default), []).append(name)
    for name, known in seen.items():
        parts.append(_entry(known, defaults[name], len(METHODS)))
    return "\n".join(parts)


def _entry(known: Setting, defaults: dict[str, list[str]], methods: int) -> str:
    lines = [f"### {known.name}\n", f"**{known.label}.** {known.about}\n"]
    if len(defaults) == 1:
        lines.append(f"- Default: {next(iter(defaults))}{f' {known.unit}' if known.unit else ''}")
    else:
        lines.append("- Default: " + "; ".join(f"{value} ({', '.join(who)})" for value, who in defaults.items()))
    having = sorted({who for some in defaults.values() for who in some}, key=list(METHODS).index)
    if len(having) < methods:
        lines.append(f"- Methods: {', '.join(having)}")
    if known.choices is not None:
        lines.append("- Choices: " + "; ".join(f"`{value}` {label}" for value, label in known.choices.items()))
    elif known.low is not None or known.high is not None:
        low = "" if known.low is None else f"from {known.low:g}"
        high = "" if known.high is None else f"up to {known.high:g}"
        lines.append(f"- Range: {' '.join(part for part in (low, high) if part)}")
    if known.name in GLOSSARY:
        lines += [f"- {heading}: {text}" for heading, text in GLOSSARY[known.name].paragraphs()]
    return "\n".join(lines) + "\n"


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"`{value:.10g}`".replace("e-0", "e-")
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if value != "" else "empty"


if __name__ == "__main__":
    for name, text in pages().items():
        (HELP / name).write_text(text, encoding="utf-8")

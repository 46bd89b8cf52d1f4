"""Writes the help pages that repeat what the code declares: recipe.md (methods and settings) and words.md.

In English, and in each language that has a folder of pages, by the translations of resources/languages. Run by
`make format`, after packaging/languages.py; a test fails when a page is not what this would write.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

from studio.core.fields import Setting, settings_of
from studio.core.glossary import GLOSSARY
from studio.core.glossary.words import WORDS
from studio.core.methods import METHODS

RESOURCES = Path(__file__).parent.parent / "resources"
HELP = RESOURCES / "help"
Say = Callable[[str], str]
_EXAMPLE = """\
```json
{"format": 1, "method": "sft", "name": "my run", "base_model": "/models/some-base", "adapter": "",
 "dataset": "my examples", "template": "model", "settings": {"epochs": 2.0}}
```
"""


def mark(text: str) -> str:
    """The text itself; packaging/languages.py finds it by this name."""
    return text


_OPENING = mark(
    "`recipe.json` decides a run. What is absent takes its default. Made by **Copy as command** in the Train tab, by "
    "`plumbline train`, or by hand; the same settings are flags of `plumbline train` (`learning_rate` is "
    "`--learning-rate`)."
)
_KEYS = {
    "method": mark("one of those below"),
    "base_model": mark("the folder of a base model"),
    "adapter": mark("the folder of an adapter on it to go on from, or empty"),
    "dataset": mark("a dataset's id or name in the project"),
    "template": mark("a prompt template's name, or `model` for the model's own"),
    "settings": mark("the settings below"),
    "rewards": mark("for methods that learn from a reward: the reward model's folder, rules, a function of your own"),
}


def folders() -> dict[str, Path]:
    """Where the pages of each language are."""
    others = {folder.name: folder for folder in sorted(HELP.iterdir()) if folder.is_dir()}
    return {"en": HELP, **others}


def pages(language: str = "en") -> dict[str, str]:
    """The text of each page in a language, by its file's name."""
    known = _translations(language)

    def say(text: str) -> str:
        return known.get(text, text)

    return {"recipe.md": _recipe(say), "words.md": _words(say)}


def _translations(language: str) -> dict[str, str]:
    if language == "en":
        return {}
    found = dict[str, str]()
    for message in ElementTree.parse(RESOURCES / "languages" / f"{language}.ts").iter("message"):
        translation = message.find("translation")
        if translation is not None and translation.get("type") is None:
            found[message.findtext("source") or ""] = "".join(translation.itertext())
    return found


def _words(say: Say) -> str:
    entries = [f"## {_both(word.term, say)}\n\n{say(word.text)}\n" for word in WORDS.values()]
    return "\n".join([f"# {say(mark('What the words mean'))}\n", *entries])


def _both(term: str, say: Say) -> str:
    """A word as a heading: in another language with the English one, which links name and papers use."""
    return term if say(term).lower() == term.lower() else f"{say(term)} · {term}"


def _recipe(say: Say) -> str:
    parts = [f"# {say(mark('The recipe'))}\n", f"{say(_OPENING)}\n", _EXAMPLE]
    parts += [f"| {say(mark('Key'))} | {say('What it is')} |", "|---|---|"]
    parts += [f"| `{key}` | {say(about)} |" for key, about in _KEYS.items()]
    parts += ["", f"## {say(mark('Methods'))}\n"]
    parts += [f"| {say('Method')} | {say('Name')} | {say('What it does')} |", "|---|---|---|"]
    parts += [f"| `{name}` | {say(method.label)} | {say(method.about)} |" for name, method in METHODS.items()]
    parts += ["", f"## {say('Settings')}\n", f"{say(mark('Where methods differ in a default, all are given.'))}\n"]
    seen: dict[str, Setting] = {}
    defaults: dict[str, dict[str, list[str]]] = {}
    for name, method in METHODS.items():
        for known in settings_of(method.settings):
            seen.setdefault(known.name, known)
            defaults.setdefault(known.name, {}).setdefault(_shown(known.default, say), []).append(name)
    parts += [_entry(known, defaults[name], len(METHODS), say) for name, known in seen.items()]
    return "\n".join(parts)


def _entry(known: Setting, defaults: dict[str, list[str]], methods: int, say: Say) -> str:
    lines = [f"### {known.name}\n", f"{_term(known.label, known.about, say)}\n"]
    if len(defaults) == 1:
        unit = f" {say(known.unit)}" if known.unit else ""
        lines.append(_fact(say, mark("Default"), f"{next(iter(defaults))}{unit}"))
    else:
        lines.append(_fact(say, "Default", "; ".join(f"{value} ({', '.join(who)})" for value, who in defaults.items())))
    having = sorted({who for some in defaults.values() for who in some}, key=list(METHODS).index)
    if len(having) < methods:
        lines.append(_fact(say, "Methods", ", ".join(having)))
    if known.choices is not None:
        told = "; ".join(f"`{value}` {say(label)}" for value, label in known.choices.items())
        lines.append(_fact(say, mark("Choices"), told))
    elif known.low is not None or known.high is not None:
        lines.append(_fact(say, mark("Range"), _range(known, say)))
    if known.name in GLOSSARY:
        lines += [_fact(say, heading, say(text)) for heading, text in GLOSSARY[known.name].paragraphs()]
    return "\n".join(lines) + "\n"


def _term(name: str, told: str, say: Say) -> str:
    return say(mark("**{name}.** {told}")).format(name=say(name), told=say(told))


def _fact(say: Say, heading: str, told: str) -> str:
    return "- " + say(mark("{heading}: {told}")).format(heading=say(heading), told=told)


def _range(known: Setting, say: Say) -> str:
    if known.low is None:
        return say(mark("up to {high:g}")).format(high=known.high)
    if known.high is None:
        return say(mark("from {low:g}")).format(low=known.low)
    return say(mark("from {low:g} up to {high:g}")).format(low=known.low, high=known.high)


def _shown(value: object, say: Say) -> str:
    if isinstance(value, float):
        return f"`{value:.10g}`".replace("e-0", "e-")
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if value != "" else say("(empty)")


if __name__ == "__main__":
    for language, folder in folders().items():
        for name, text in pages(language).items():
            (folder / name).write_text(text, encoding="utf-8")

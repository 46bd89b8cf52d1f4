"""The README of a model that is taken away: what it is, from what and how it was made, how well it does, its licence.

Markdown with the front matter that the Hugging Face Hub reads. What is not known is said to be so, and nothing is made
up: the licence is the base model's, and people read it there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Made:
    """One stage of training: its name, its method in words, its facts and settings, each as a label and a value, and
    the pictures of its curves as (title, file)."""

    name: str
    method: str
    facts: Rows
    settings: Rows
    pictures: Rows


@dataclass(frozen=True, slots=True)
class Facts:
    """What a README tells.

    adapter: the name of what was added to the base, or empty. base: its name on the Hub, or its folder's name;
    base_is_hub says which. licence: an identifier, or empty. library: peft, transformers or gguf. evaluation: the head
    and the rows of a table.
    """

    name: str
    adapter: str
    form: str
    base: str
    base_is_hub: bool
    licence: str
    library: str
    template: str
    stops: Sequence[str]
    usage: str
    stages: Sequence[Made]
    evaluation: tuple[Sequence[str], Rows] | None
    version: str


def readme(facts: Facts) -> str:
    """The whole file."""
    front = [f"library_name: {facts.library}"] if facts.library != "gguf" else []
    if facts.licence:
        front.append(f"license: {json.dumps(facts.licence)}")
    if facts.base_is_hub:
        front.append(f"base_model: {json.dumps(facts.base)}")
        relation = {"peft": "adapter", "gguf": "quantized"}.get(facts.library, "finetune" if facts.stages else "")
        front += [f"base_model_relation: {relation}"] if relation else []
    front += ["pipeline_tag: text-generation", "tags:", "- plumbline", *([f"- {facts.library}"])]
    parts = [
        "---",
        *front,
        "---",
        f"# {_line(facts.name)}",
        "",
        _opening(facts),
        "",
        "## Use it",
        "",
        facts.usage,
        "",
        "## What it was made from",
        "",
        *_table(("", ""), _origin(facts)),
    ]
    for number, stage in enumerate(facts.stages, start=1):
        parts += ["", f"### {number}. {_line(stage.name)}: {stage.method}", "", *_table(("", ""), stage.facts)]
        parts += ["", *(f"![{_line(title)}]({file})" for title, file in stage.pictures)]
        if stage.settings:
            parts += ["", "<details><summary>All settings</summary>", "", *_table(("Setting", "Value"), stage.settings)]
            parts += ["", "</details>"]
    parts += ["", "## How well it does", ""]
    if facts.evaluation is None:
        parts.append("It was not evaluated.")
    else:
        parts += [*_table(*facts.evaluation), "", "Intervals are 95 % (Wilson)."]
    parts += ["", "## Licence", "", _licence(facts), "", f"Made with Plumbline {facts.version}.", ""]
    return "\n".join(parts)


def _opening(facts: Facts) -> str:
    if not facts.stages:
        added = f"made from {_line(facts.base)} and the adapter {_line(facts.adapter)}, whose training isn't recorded"
        return f"{facts.form}, {added}." if facts.adapter else f"{facts.form} of {_line(facts.base)}, as it was."
    how = ", then ".join(stage.method for stage in facts.stages)
    return f"{facts.form}, made from {_line(facts.base)} by {how}."


def _origin(facts: Facts) -> Rows:
    rows = [("Base model", facts.base), ("Prompt template", facts.template)]
    if facts.stops:
        rows.append(("An answer ends at", ", ".join(facts.stops)))
    return rows


def _licence(facts: Facts) -> str:
    if facts.licence:
        return f"The base model is under “{_line(facts.licence)}”, which goes for what is made from it, too."
    return (
        "The base model's folder doesn't say under which licence it is. Look it up where the model came from before "
        "passing this on."
    )


def _table(head: Sequence[str], rows: Rows) -> list[str]:
    """A table of plain texts."""
    lines = [f"| {' | '.join(map(_cell, head))} |", f"|{'---|' * len(head)}"]
    return [*lines, *(f"| {' | '.join(map(_cell, row))} |" for row in rows)]


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|") or " "


def _line(text: str) -> str:
    """Text that can't become anything else in Markdown: on one line, without tags."""
    return " ".join(text.split()).replace("<", "&lt;")

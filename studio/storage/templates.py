"""Prompt templates of one's own, kept in the project by name. The built-in ones, and what a template is, are
`core.templates`.
"""

from __future__ import annotations

from pathlib import Path

from studio.core.errors import StudioError
from studio.core.templates import BUILT_IN, PromptTemplate, own_template, without_name
from studio.storage.files import reading_trouble
from studio.storage.project import Project

_LONGEST = 200_000  # characters of a template's file


def own_templates(project: Project) -> list[PromptTemplate]:
    """The project's own, by name."""
    with project.connect() as connection:
        kept = connection.execute("SELECT name, jinja FROM prompt_templates ORDER BY name")
        return [own_template(jinja, name) for name, jinja in kept]


def offered_templates(project: Project) -> list[PromptTemplate]:
    """What can be chosen: the built-in ones and the project's own."""
    return [*BUILT_IN, *own_templates(project)]


def keep_template(project: Project, name: str, jinja: str) -> PromptTemplate:
    """Keep a template under a name, in place of one that has it. Raises StudioError."""
    name = " ".join(name.split())
    if not name:
        raise StudioError("A prompt template needs a name.", "Type one.")
    if name in {template.label for template in BUILT_IN}:
        raise StudioError(f"“{name}” is a built-in prompt template.", "Choose another name.")
    if "{{" not in jinja:
        raise StudioError(
            "This prompt template writes nothing of a conversation: there is no {{ … }} in it.",
            "Begin with a built-in one and change it.",
        )
    with project.writing() as connection:
        connection.execute("INSERT OR REPLACE INTO prompt_templates VALUES (?, ?)", (name, without_name(jinja)))
    return own_template(without_name(jinja), name)


def delete_template(project: Project, name: str) -> None:
    """Forget a template. Runs and recipes that use it keep its text."""
    with project.writing() as connection:
        connection.execute("DELETE FROM prompt_templates WHERE name = ?", (name,))


def template_from(project: Project, word: str) -> str:
    """What a recipe holds for a word of the command line: a built-in name, or the text of one of the project's own or
    of a .jinja file. Raises StudioError."""
    for template in own_templates(project):
        if template.label == word:
            return template.name
    path = Path(word)
    if path.suffix not in (".jinja", ".jinja2", ".j2"):
        return word
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LONGEST)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError):
            raise reading_trouble(error, path) from error
        raise StudioError(f"“{path.name}” is not text in UTF-8.", "Save it as UTF-8.") from error
    return own_template(text, path.stem).name

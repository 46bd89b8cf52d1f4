"""The report of one run: a page by itself, with how it ended, its curves, its samples, its settings and its machine."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from studio.core.errors import StudioError
from studio.core.history import RunHistory
from studio.core.reading import reading_of
from studio.core.recipe_words import setting_rows
from studio.core.recipes import Recipe
from studio.core.report.page import heading, page, paragraph, table, text
from studio.core.report.run import run_section
from studio.core.samples import SampleBook
from studio.storage.datasets import find_dataset
from studio.storage.label_datasets import labels_used
from studio.storage.project import Project
from studio.storage.run_notes import RunNotes
from studio.storage.runs import RunFolder

_ENVIRONMENT = {
    "device": "Device",
    "precision": "Number format",
    "threads": "Threads",
    "plumbline": "Plumbline",
    "torch": "torch",
    "transformers": "transformers",
    "trl": "TRL",
    "peft": "PEFT",
    "base": "Base model's fingerprint",
}


def run_report(project: Project, run: RunFolder, name: str, notes: RunNotes, said: str) -> str:
    """The page as HTML. said: how the run ended. Raises StudioError when its recipe can't be read."""
    recipe, history = run.recipe(), RunHistory()
    for event in run.all_events():
        history.feed(event)
    reading = reading_of(history.curves, recipe.method)
    parts = [paragraph(said), *([paragraph(reading.sentence)] if reading else [])]
    if notes.note:
        parts.append(paragraph(f"Note: {notes.note}"))
    if notes.tags:
        parts.append(paragraph(f"Tags: {', '.join(notes.tags)}", soft=True))
    parts.append(run_section("Curves", recipe.method, history.curves))
    parts += _samples(history.samples)
    parts += [
        heading("What was asked"),
        table(("Setting", "Value"), [*_made_of(project, recipe), *setting_rows(recipe)]),
    ]
    parts += [heading("Where it ran"), table(("", ""), environment_rows(history.story.environment))]
    parts.append(paragraph(f"Run {run.id}", soft=True))
    return page(name, parts)


def environment_rows(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """What a worker said of itself, as label and value."""
    return [(label, environment[key]) for key, label in _ENVIRONMENT.items() if environment.get(key)]


def _made_of(project: Project, recipe: Recipe) -> list[tuple[str, str]]:
    dataset, labels = recipe.dataset, ""
    with contextlib.suppress(StudioError):
        dataset = find_dataset(project, recipe.dataset).name
    with contextlib.suppress(StudioError):
        used = labels_used(project, recipe.dataset_hash)
        labels = used.sentence if used else ""
    rows = [
        ("Method", recipe.how.label),
        ("Base model", recipe.base_model),
        ("Starts from", recipe.adapter or "the base model itself"),
        ("Dataset", dataset),
        ("Data hash", recipe.dataset_hash),
        ("Labels", labels),
    ]
    return [(label, value) for label, value in rows if value]


def _samples(book: SampleBook) -> list[str]:
    steps = book.steps()
    if not steps:
        return []
    parts = [heading("Samples")]
    for number in sorted(book.by_prompt):
        first, last = book.at(number, steps[0]), book.at(number, steps[-1])
        answers = "".join(
            f'<div class="answer right"><h3>{text(when)}</h3><p class="said">{text(sample.answer)}</p></div>'
            for when, sample in (
                ("Before training" if not steps[0] else f"After step {steps[0]:,}", first),
                (f"After step {steps[-1]:,}", last),
            )
            if sample is not None
        )
        prompt = (last or first).prompt if last or first else ""  # type: ignore[union-attr]
        parts.append(
            f'<div class="asked"><p class="prompt">{text(prompt)}</p><div class="answers">{answers}</div></div>'
        )
    return parts

"""For the family tree: what a project's datasets are called and which labels they were made of, and what evaluations
said of its models."""

from __future__ import annotations

from studio.core.evaluation import COLUMNS, Evaluation, figures
from studio.core.lineage import DataFacts, EvaluationFacts
from studio.storage.datasets import list_datasets
from studio.storage.evaluations import list_evaluations
from studio.storage.project import Project


def data_facts(project: Project) -> list[DataFacts]:
    """Every dataset with the labelling set that it came from, if any. Raises StudioError."""
    with project.connect() as connection:
        made = dict(connection.execute("SELECT dataset, set_name FROM label_datasets").fetchall())
    return [DataFacts(info.id, info.name, info.size, made.get(info.id, "")) for info in list_datasets(project)]


def evaluation_facts(project: Project) -> list[EvaluationFacts]:
    """Of every model that was evaluated: its newest evaluation, and the first figure of it."""
    by_folder: dict[str, list[Evaluation]] = {}
    for known in list_evaluations(project):
        by_folder.setdefault(known.adapter or known.base, []).append(known)
    return [_facts(folder, found[0], len(found)) for folder, found in by_folder.items()]


def _facts(folder: str, newest: Evaluation, count: int) -> EvaluationFacts:
    measured = ((name, figure) for name, figure in figures(newest).items() if figure.value is not None)
    name, figure = next(measured, ("", None))
    said = f"{COLUMNS[name][0]} {figure.text}" if figure is not None else "Nothing could be measured"
    about = f"on {newest.prompt_set}" if count == 1 else f"the newest of {count}, on {newest.prompt_set}"
    return EvaluationFacts(newest.id, folder, said, about)

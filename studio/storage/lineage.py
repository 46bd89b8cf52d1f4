"""What a project's datasets are called and which labels they were made of, for the family tree."""

from __future__ import annotations

from studio.core.lineage import DataFacts
from studio.storage.datasets import list_datasets
from studio.storage.project import Project


def data_facts(project: Project) -> list[DataFacts]:
    """Every dataset with the labelling set that it came from, if any. Raises StudioError."""
    with project.connect() as connection:
        made = dict(connection.execute("SELECT dataset, set_name FROM label_datasets").fetchall())
    return [DataFacts(info.id, info.name, info.size, made.get(info.id, "")) for info in list_datasets(project)]

"""What a window shows of all judging in a project, read in one go: evaluations with their figures, what can be asked,
reward models to score with, and who won against whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.core.contests import Contest
from studio.core.evaluation import Evaluation, Figure, contests_of, figures, told
from studio.storage.evaluations import heldout_sets, list_evaluations, newest_of, prompt_sets, votes_between
from studio.storage.library import Kind, LibraryModel, list_library
from studio.storage.project import Project


@dataclass(frozen=True, slots=True)
class Shelf:
    """evaluations: newest first, each with its figures. prompts, heldout: keys and names. rewards: reward models with
    the base that each lies on; writers: models that can be asked to judge."""

    evaluations: tuple[tuple[Evaluation, Mapping[str, Figure]], ...]
    prompts: Sequence[tuple[str, str]]
    heldout: Sequence[tuple[str, str]]
    rewards: Sequence[LibraryModel]
    writers: Sequence[LibraryModel]


def read_shelf(project: Project) -> Shelf:
    """Read it all. Raises StudioError."""
    models = [model for model in list_library(project) if model.folder.is_dir()]
    return Shelf(
        tuple((known, figures(known)) for known in list_evaluations(project)),
        prompt_sets(project),
        heldout_sets(project),
        [model for model in models if model.kind is Kind.JUDGE],
        [model for model in models if model.writes],
    )


def contests_against(
    project: Project, known: Evaluation, others: Sequence[Evaluation]
) -> list[tuple[Evaluation, str, Contest]]:
    """How a model did against each other one, by everybody who says: the other's evaluation, who says, how often."""
    found: list[tuple[Evaluation, str, Contest]] = []
    voted: set[str] = set()
    for other in others:
        if other.id == known.id:
            continue
        if other.name != known.name and other.name not in voted:
            voted.add(other.name)
            found += [(other, who, votes) for who, votes in votes_between(project, known.name, other.name).items()]
        found += [(other, who, contest) for who, contest in contests_of(known, other).items()]
    return found


def newest_figures(project: Project, folder: Path) -> str:
    """What the newest evaluation of the model in a folder found, in a line; empty when there is none."""
    known = newest_of(project, folder)
    return f"{told(known)}, on {len(known.prompts)} prompts of {known.prompt_set}" if known is not None else ""


def reward_of(model: LibraryModel) -> tuple[Path, Path]:
    """A reward model's folder, and the folder of the base that it lies on."""
    return model.folder, model.base if model.base is not None else model.folder

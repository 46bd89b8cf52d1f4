"""Lineage: the family tree of a project's runs, with the models, datasets and labels that went into each, and what
evaluations said of them.

Only names and ids come in, and places in a grid come out; painting them is the window's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import PurePath
from statistics import fmean

from studio.core.recipes import Recipe

_SWEEPS = 4  # over the columns, each time setting nodes beside what they come from and what comes of them


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run as the tree shows it. state: in words."""

    id: str
    name: str
    state: str
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class DataFacts:
    """A dataset by its id, and the labelling set that it was made of, if any."""

    id: str
    name: str
    size: str
    labels: str = ""


@dataclass(frozen=True, slots=True)
class EvaluationFacts:
    """What is known of a model by its newest evaluation. folder: the model's, or its adapter's."""

    id: str
    folder: str
    figure: str
    about: str


@dataclass(frozen=True, slots=True)
class Node:
    """A model, dataset, labelling set, run or evaluation. ref: its folder, id or name, to open it by. column, row: its
    place."""

    key: str
    kind: str
    title: str
    detail: str
    ref: str
    method: str = ""
    column: int = 0
    row: float = 0.0

    @property
    def sort(self) -> str:
        """What it is, in words."""
        return f"{self.method.upper()} run" if self.method else _KINDS[self.kind]


_KINDS = {"model": "Base model", "dataset": "Dataset", "labels": "Labels", "run": "Run", "evaluation": "Evaluation"}


@dataclass(frozen=True, slots=True)
class Edge:
    """What goes into what, and as what: base, start, data, labels, reward, judge or evaluation. via: places between, as
    (column, row), that are kept free for it."""

    start: str
    end: str
    role: str
    via: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """The tree with everything in its place."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()

    def inputs_of(self, key: str) -> list[Edge]:
        """What goes into a node."""
        return [edge for edge in self.edges if edge.end == key]


@dataclass(slots=True)
class _Growing:
    nodes: dict[str, Node] = field(default_factory=dict[str, Node])
    edges: dict[tuple[str, str], Edge] = field(default_factory=dict[tuple[str, str], Edge])

    def link(self, start: str, end: str, role: str) -> None:
        if start != end:
            self.edges.setdefault((start, end), Edge(start, end, role))


def family_of(
    runs: Sequence[RunFacts], data: Iterable[DataFacts], evaluations: Iterable[EvaluationFacts] = ()
) -> Family:
    """The tree of these runs, oldest first. Datasets that no run used, and models that no run knows, are left out."""
    tree, known, ids = _Growing(), {info.id: info for info in data}, {run.id for run in runs}
    for run in runs:
        recipe, key = run.recipe, f"run {run.id}"
        tree.nodes[key] = Node(key, "run", run.name, run.state, run.id, recipe.method)
        _link_model(tree, recipe.adapter or recipe.base_model, key, ids, "start" if recipe.adapter else "base")
        _link_data(tree, known, recipe, key)
        for folder, role in ((recipe.rewards.model, "reward"), (recipe.rewards.judge, "judge")):
            if folder:
                _link_model(tree, folder, key, ids, role)
    for known in evaluations:
        path = PurePath(known.folder)
        start = f"run {path.parent.name}" if path.parent.name in ids else f"model {known.folder}"
        if start in tree.nodes:
            key = f"evaluation {known.id}"
            tree.nodes[key] = Node(key, "evaluation", known.figure, known.about, known.id)
            tree.link(start, key, "evaluation")
    return _placed(tree)


def _link_model(tree: _Growing, folder: str, key: str, ids: set[str], role: str) -> None:
    """To the run whose result lies in that folder, or to a model from elsewhere."""
    path = PurePath(folder)
    if path.parent.name in ids:
        tree.link(f"run {path.parent.name}", key, role)
        return
    model = f"model {folder}"
    tree.nodes.setdefault(model, Node(model, "model", path.name, str(path.parent), folder))
    tree.link(model, key, role)


def _link_data(tree: _Growing, known: Mapping[str, DataFacts], recipe: Recipe, key: str) -> None:
    info = known.get(recipe.dataset)
    node = f"data {recipe.dataset}"
    title, detail = (info.name, info.size) if info else ("a dataset that was deleted", recipe.dataset_hash[:12])
    tree.nodes.setdefault(node, Node(node, "dataset", title, detail, recipe.dataset if info else ""))
    tree.link(node, key, "data")
    if info and info.labels:
        labels = f"labels {info.labels}"
        tree.nodes.setdefault(labels, Node(labels, "labels", info.labels, "labelled here", info.labels))
        tree.link(labels, node, "labels")


def _placed(tree: _Growing) -> Family:
    columns = _columns(tree)
    before: dict[str, list[str]] = {key: [] for key in tree.nodes}
    after: dict[str, list[str]] = {key: [] for key in tree.nodes}
    ways: dict[tuple[str, str], list[str]] = {}
    for start, end in tree.edges:
        stops = [f"{start} > {end} {column}" for column in range(columns[start] + 1, columns[end])]
        for column, stop in enumerate(stops, columns[start] + 1):
            columns[stop], before[stop], after[stop] = column, [], []
        ways[start, end] = stops
        for one, other in pairwise([start, *stops, end]):
            before[other].append(one)
            after[one].append(other)
    order: dict[int, list[str]] = {}
    for key in columns:
        order.setdefault(columns[key], []).append(key)
    rows = _rows(order, before, after)
    nodes = tuple(replace(node, column=columns[key], row=rows[key]) for key, node in tree.nodes.items())
    edges = (
        replace(edge, via=tuple((columns[stop], rows[stop]) for stop in ways[pair]))
        for pair, edge in tree.edges.items()
    )
    return Family(nodes, tuple(edges))


def _rows(
    order: dict[int, list[str]], before: Mapping[str, list[str]], after: Mapping[str, list[str]]
) -> dict[str, float]:
    """A row for everything in each column, so that few arrows cross; short columns stand in the middle."""
    rows = {key: float(place) for keys in order.values() for place, key in enumerate(keys)}
    for sweep in range(_SWEEPS):
        near = before if sweep % 2 == 0 else after
        for column in sorted(order, reverse=sweep % 2 == 1):
            keys = order[column]
            wanted = {key: fmean([rows[other] for other in near[key]] or [rows[key]]) for key in keys}
            keys.sort(key=lambda key: wanted[key])
            for place, key in enumerate(keys):
                rows[key] = float(place)
    tallest = max((len(keys) for keys in order.values()), default=0)
    return {key: rows[key] + (tallest - len(keys)) / 2 for keys in order.values() for key in keys}


def _columns(tree: _Growing) -> dict[str, int]:
    """A run stands right after the latest of the runs and models that it came of; data and labels right before the
    first that they went into, and an evaluation right after what it is about."""
    columns = {key: 0 for key, node in tree.nodes.items() if node.kind == "model"}
    for key, node in tree.nodes.items():  # runs come oldest first, so what one starts from has its place already
        if node.kind == "run":
            columns[key] = 1 + max(
                (columns[start] for start, end in tree.edges if end == key and start in columns), default=0
            )
    for kind in ("dataset", "labels"):
        for key, node in tree.nodes.items():
            if node.kind == kind:
                columns[key] = min(columns[end] for start, end in tree.edges if start == key) - 1
    for start, end in tree.edges:
        if tree.nodes[end].kind == "evaluation":
            columns[end] = columns[start] + 1
    first = min(columns.values(), default=0)
    return {key: column - first for key, column in columns.items()}

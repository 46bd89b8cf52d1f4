"""A model's card: what is known of it without loading it, as lines for a person, and the README it came with.

It reads configs and the headers of weights, and counts bytes; that takes moments to seconds, so a window asks in a
thread. A README is text and stays text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from studio.core.errors import StudioError
from studio.core.hub import host_of
from studio.storage.catalogue import needs_of
from studio.storage.files import in_bytes
from studio.storage.hub_places import read_download
from studio.storage.library import Kind, LibraryModel, Origin
from studio.storage.machine import read_device
from studio.storage.model_shapes import read_shape
from studio.storage.models import ModelInfo, check_model, model_name, tensors_of_file
from studio.storage.project import Project
from studio.storage.reward_models import WEIGHTS, check_reward_model
from studio.storage.runs import RunFolder, list_runs

_SHOWN_REVISION = 10  # characters of a version's name
_README = 256 * 1024  # characters that are read of it
_FRONT = re.compile(r"\A---\s*\n(.*?\n)---\s*(?:\n|\Z)", re.DOTALL)
_ENTRY = re.compile(r"^(license|license_name):[ \t]*[\"']?([^\"'\n#\[]+?)[\"']?[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ModelCard:
    """rows: a name and a value for each fact. trouble: why it can't be used, None when it can.

    lineage: from the base model to this one. template: its chat template's text. readme: as its author wrote it.
    hub_name: of a downloaded one, on the Hub.
    """

    model: LibraryModel
    rows: tuple[tuple[str, str], ...]
    lineage: tuple[str, ...] = ()
    template: str = ""
    readme: str = ""
    trouble: StudioError | None = None
    hub_name: str = ""
    info: ModelInfo | None = field(default=None, compare=False)


def read_card(project: Project, model: LibraryModel) -> ModelCard:
    """Look at a model. What is wrong with it is in the card."""
    base = model.base or model.folder
    info, trouble = None, None
    try:
        info = check_model(base)
        if model.kind is Kind.JUDGE:
            check_reward_model(model.folder)
    except StudioError as error:
        trouble = error
    text, licence = _readme(model.folder)
    licence = licence or _readme(base)[1]
    own_size = size_of(model.folder)
    rows = [("What it is", _what(model, info))]
    if info is not None:
        rows.append(("Size", f"{info.parameters:,} parameters" + _adapter_size(model)))
        rows.append(("Context", f"{info.context:,} tokens" if info.context else "not said in its config"))
        rows += _memory(info.folder)
    rows.append(("On disk", in_bytes(own_size)))
    rows.append(("Licence", licence or "not said; look at where it comes from before you pass it on"))
    template = _template(model.folder) or (_template(base) if model.base else "")
    if info is not None and model.writes:
        none = "none: Plumbline's own is used, and a base model first has to learn to answer"
        rows.append(("Chat template", "its own" if template else none))
    rows.append(("Where", str(model.folder)))
    download = read_download(model.folder)
    if download is not None:
        came = f"{download.name} on {host_of(download.endpoint)}, version {download.revision[:_SHOWN_REVISION]}"
        rows.append(("From", came))
    elif model.origin is not Origin.FOLDER:
        rows.append(("From", str(model.origin)))
    name = download.name if download is not None else ""
    return ModelCard(model, tuple(rows), _lineage(project, model), template, text, trouble, name, info)


def _memory(folder: Path) -> list[tuple[str, str]]:
    """What a model needs on this computer, as the catalogue tells it of others."""
    try:
        needs = needs_of(read_shape(folder), read_device())
    except StudioError:
        return []
    told = (
        f"{in_bytes(needs.chat)} to talk to it, from {in_bytes(needs.lora)} to train an adapter (LoRA), "
        f"from {in_bytes(needs.qlora)} over 4 bits (QLoRA); {needs.verdict}"
    )
    return [("Memory", told)]


def _what(model: LibraryModel, info: ModelInfo | None) -> str:
    architecture = f" ({info.architecture})" if info else ""
    match model.kind:
        case Kind.BASE:
            return f"A model to start from{architecture}"
        case Kind.TUNED:
            return f"A model all of whose weights were trained here{architecture}"
        case Kind.ADAPTER:
            return f"An adapter on “{model_name(model.base or model.folder)}”{architecture}"
        case Kind.JUDGE:
            on = f", an adapter on {model_name(model.base)}" if model.base else ""
            return f"A reward model: it scores answers, and writes none{on}{architecture}"


def _adapter_size(model: LibraryModel) -> str:
    if model.base is None:
        return ""
    try:
        count = sum(tensor.count for tensor in tensors_of_file(model.folder / WEIGHTS).values())
    except StudioError:
        return ""
    return f", and {count:,} in the adapter"


def _lineage(project: Project, model: LibraryModel) -> tuple[str, ...]:
    """What was trained on what: the base model, then each run on the way to this one."""
    if not model.run:
        return ()
    by_result = {run.result: run for run in list_runs(project.runs)}
    steps: list[str] = []
    run: RunFolder | None = RunFolder(project.runs / model.run)
    seen: set[str] = set()
    while run is not None and run.id not in seen:
        seen.add(run.id)
        try:
            recipe = run.recipe()
        except StudioError:
            break
        steps.append(recipe.name or run.id)
        base = Path(recipe.base_model)
        run = by_result.get(Path(recipe.adapter) if recipe.adapter else base)
        if run is None:
            steps += [*([model_name(Path(recipe.adapter))] if recipe.adapter else []), model_name(base)]
    return tuple(reversed(steps))


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; a file that is linked to counts as what it is."""
    total = 0
    try:
        for file in folder.rglob("*"):
            if file.is_file():
                total += file.stat().st_size
    except OSError:  # it is being written or deleted
        pass
    return total


def licence_of(folder: Path) -> str:
    """The licence that a model's README names; empty when it names none."""
    return _readme(folder)[1]


def _readme(folder: Path) -> tuple[str, str]:
    """The README's text without its front matter, and the licence that this names."""
    try:
        with (folder / "README.md").open(encoding="utf-8", errors="replace") as file:
            text = file.read(_README)
    except OSError:
        return "", ""
    front = _FRONT.match(text)
    if front is None:
        return without_front_matter(text), ""
    named = dict(_ENTRY.findall(front[1]))
    licence = named.get("license", "")
    if licence in ("", "other"):
        licence = named.get("license_name", licence)
    return without_front_matter(text), licence


def without_front_matter(text: str) -> str:
    """A README without the block of settings that the Hub reads at its beginning."""
    front = _FRONT.match(text)
    said = (text[front.end() :] if front else text).strip()
    blank = said.startswith("# Model Card for Model ID") and "[More Information Needed]" in said  # PEFT's form
    return "" if blank else said


def _template(folder: Path) -> str:
    """The chat template of a model or adapter; empty when it has none."""
    try:
        if (folder / "chat_template.jinja").is_file():
            return (folder / "chat_template.jinja").read_text(encoding="utf-8")
        config: Any = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        kept: Any = config.get("chat_template")
        if isinstance(kept, list):  # several, by name
            named = {entry["name"]: entry["template"] for entry in cast("list[Any]", kept)}
            kept = named.get("default") or next(iter(named.values()), "")
    except (OSError, ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return ""
    return kept if isinstance(kept, str) else ""

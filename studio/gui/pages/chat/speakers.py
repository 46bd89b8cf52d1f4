"""Who can be talked to: the base models of a project, and what its runs have made of them. No widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from studio.core.conversation import Voice
from studio.gui.language import tr
from studio.jobs.runs import RunRecord
from studio.storage.models import model_name


@dataclass(frozen=True, slots=True)
class Speaker:
    """A model to choose, and what it is called in a list."""

    label: str
    voice: Voice


def voice_of(record: RunRecord) -> Voice | None:
    """What a run has made, as far as it is; None when there is nothing to talk to yet."""
    tuned = record.folder.tuned_folder()
    if record.recipe is None or tuned is None:
        return None
    return _voice(Path(record.recipe.base_model), tuned)


def _voice(base: Path, tuned: Path) -> Voice:
    if (tuned / "config.json").is_file():  # a whole model, not an adapter on one
        return Voice(tuned)
    return Voice(base, tuned)


def earlier_of(record: RunRecord) -> list[Speaker]:
    """The checkpoints that a run has kept beside what it is talked to as, the newest first."""
    now = voice_of(record)
    if record.recipe is None or now is None:
        return []
    base = Path(record.recipe.base_model)
    kept = reversed(record.folder.complete_checkpoints())
    found = [
        Speaker(tr("{name} (step {step:,})", name=record.name, step=one.step), _voice(base, one.folder)) for one in kept
    ]
    return [speaker for speaker in found if speaker.voice != now]


def base_of(record: RunRecord) -> Voice | None:
    """A run's base model, asked in the way in which the run was trained to be asked."""
    voice = voice_of(record)
    if voice is None or record.recipe is None:
        return None
    base = Path(record.recipe.base_model)
    return Voice(base, asked_like=voice.adapter) if voice.adapter else Voice(base)


def label_of(record: RunRecord) -> str:
    """A run's name, with the step when it is not finished."""
    last = None if record.folder.is_sealed else record.folder.last_checkpoint()
    return tr("{name} (step {step:,})", name=record.name, step=last.step) if last else record.name


def speakers_of(
    records: Sequence[RunRecord], models: Sequence[Path], adapters: Sequence[tuple[Path, Path]] = ()
) -> list[Speaker]:
    """Everyone, what the newest runs made first, then linked adapters (each with its base), then the base models."""
    found: list[Speaker] = []
    bases: dict[Path, Voice] = {}
    for record in records:
        voice, base = voice_of(record), base_of(record)
        if voice is not None and base is not None:
            found += [Speaker(label_of(record), voice), *earlier_of(record)]
            bases.setdefault(base.base, base)
    found += [Speaker(model_name(folder), Voice(base, folder)) for folder, base in adapters]
    for folder in models:
        bases.setdefault(folder, Voice(folder))
    return [
        *found,
        *(Speaker(tr("{base} (base model)", base=model_name(voice.base)), voice) for voice in bases.values()),
    ]


@dataclass(frozen=True, slots=True)
class Judge:
    """A reward model of the project, and what it is called in a list."""

    label: str
    folder: Path
    base: Path


def judges_of(records: Sequence[RunRecord]) -> list[Judge]:
    """What reward runs have made, the newest first."""
    return [
        Judge(record.name, record.folder.result, Path(record.recipe.base_model))
        for record in records
        if record.recipe is not None and record.recipe.method == "reward" and record.folder.is_sealed
    ]


def name_of(voice: Voice) -> str:
    """What a model is called until the worker that has loaded it says so itself."""
    base = model_name(voice.base)
    return f"{base} + {model_name(voice.adapter)}" if voice.adapter else base


def same(one: Voice, other: Voice) -> bool:
    """Whether they are the same model, however they are asked."""
    return replace(one, asked_like=None) == replace(other, asked_like=None)

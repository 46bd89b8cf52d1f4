"""A project's models as subjects of an evaluation: by the name under which they answer, with the base for their KL."""

from __future__ import annotations

from pathlib import Path

from studio.core.errors import StudioError
from studio.core.evaluation_plan import Subject
from studio.storage.files import object_in
from studio.storage.library import Kind, LibraryModel
from studio.storage.models import is_whole_model, model_name
from studio.storage.provenance import ABOUT
from studio.storage.runs import RunFolder


def subject_of(run: RunFolder) -> Subject:
    """What a run has made. Raises StudioError when that can't be talked to."""
    folder = run.tuned_folder()
    if folder is None:
        raise StudioError(f"The run “{run.id}” has made nothing that writes text.", "Choose another run.")
    base = Path(run.recipe().base_model)
    if is_whole_model(folder):
        return Subject(model_name(folder), folder, None, run.id, base if base.is_dir() else None)
    return Subject(f"{model_name(base)} + {model_name(folder)}", base, folder, run.id)


def subject_of_model(model: LibraryModel) -> Subject:
    """A model of the library. Raises StudioError for one that can't be talked to."""
    if model.kind is Kind.JUDGE:
        raise StudioError(f"“{model.name}” is a reward model: it writes no answers.", "Choose another model.")
    if model.base is not None:
        return Subject(f"{model_name(model.base)} + {model_name(model.folder)}", model.base, model.folder, model.run)
    began = object_in(model.folder / ABOUT).get("base")  # of one all of whose weights were trained here
    origin = Path(began) if isinstance(began, str) and Path(began).is_dir() else None
    return Subject(model_name(model.folder), model.folder, None, model.run, origin)

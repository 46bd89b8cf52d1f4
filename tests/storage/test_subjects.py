"""Models as subjects of an evaluation: what they are called, and what their KL is measured against."""

import json

import pytest

from studio.core.errors import StudioError
from studio.storage.library import Kind, LibraryModel, Origin
from studio.storage.subjects import subject_of_model


def test_a_whole_model_is_measured_against_what_it_began_as(tmp_path):
    base, model = tmp_path / "base é", tmp_path / "model"
    base.mkdir()
    model.mkdir()
    (model / "plumbline.json").write_text(json.dumps({"name": "Höflich", "base": str(base)}))
    found = subject_of_model(LibraryModel(model, "x", Kind.TUNED, Origin.RUN, None, "run"))
    assert (found.name, found.base, found.adapter, found.run, found.origin) == ("Höflich", model, None, "run", base)
    base.rmdir()
    assert subject_of_model(LibraryModel(model, "x", Kind.TUNED, Origin.RUN)).origin is None


def test_an_adapter_is_called_as_it_answers_and_a_judge_is_none(tmp_path):
    found = subject_of_model(LibraryModel(tmp_path / "a", "a", Kind.ADAPTER, Origin.RUN, tmp_path / "base"))
    assert found.name == "base + a" and found.origin is None
    with pytest.raises(StudioError, match="reward model"):
        subject_of_model(LibraryModel(tmp_path, "j", Kind.JUDGE, Origin.RUN, tmp_path))

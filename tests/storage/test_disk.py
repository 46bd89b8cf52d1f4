import json
import shutil

import pytest

from studio.core.errors import Cancelled
from studio.core.recipes import Recipe
from studio.storage.disk import Kind, kept_checkpoints, size_on_disk, spare_checkpoints, survey
from studio.storage.hub_places import Download, models_home, partial_of, place_of, record_download
from studio.storage.models import starter_model
from studio.storage.runs import RunFolder, seal
from studio.storage.trash import project_trash


@pytest.fixture
def run(project):
    """A run with three checkpoints, the second the best, and one that was never completed."""
    made = RunFolder.create(project.runs, Recipe(str(place_of(models_home(), "o/tiny")), "d", name="Küche"))
    for step in (10, 20, 30):
        folder = made.checkpoints / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / "weights").write_bytes(b"x" * step * 100)
        (folder / "plumbline.json").write_text(json.dumps({"best_step": 20}))
        seal(folder)
    (made.checkpoints / "checkpoint-40").mkdir()
    (made.checkpoints / "checkpoint-40" / "weights").write_bytes(b"x" * 50)
    return made


def test_the_last_and_the_best_checkpoint_are_kept(run):
    assert [folder.name for folder in kept_checkpoints(run)] == ["checkpoint-20", "checkpoint-30"]
    assert [folder.name for folder in spare_checkpoints(run)] == ["checkpoint-10", "checkpoint-40"]


def test_everything_is_counted_once_largest_first(project, run, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    cache = tmp_path / "hf" / "hub" / "models--o--n"
    (cache / "blobs").mkdir(parents=True)
    (cache / "blobs" / "x").write_bytes(b"x" * 77_777)
    (cache / "snapshots" / "a").mkdir(parents=True)
    (cache / "snapshots" / "a" / "model.safetensors").symlink_to(cache / "blobs" / "x")
    model = place_of(models_home(), "o/tiny")
    shutil.copytree(starter_model(), model)
    record_download(model, Download("o/tiny", "a", "b", {}))
    partial = partial_of(models_home(), "p/q")
    partial.mkdir(parents=True)
    (partial / "x.part").write_bytes(b"x" * 500)
    thrown = run.folder / "worker.log"
    thrown.write_bytes(b"x" * 900)
    project_trash(project.folder).throw(thrown, "The log")
    exports, models = project.exports, project.models
    for folder in (exports / "Küche GGUF", exports / ".second.0123abcd", models / ".third.4567cdef", project.logs):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "x").write_bytes(b"x" * 600)

    pieces = survey(project)
    assert [piece.size for piece in pieces] == sorted((piece.size for piece in pieces), reverse=True)
    by_kind = {kind: [piece for piece in pieces if piece.kind is kind] for kind in Kind}
    assert by_kind[Kind.MODEL][0].name == "o/tiny" and by_kind[Kind.MODEL][0].note == "used by “Küche”"
    assert 77_777 <= by_kind[Kind.CACHE][0].size < 80_000 and not by_kind[Kind.CACHE][0].can_go
    assert by_kind[Kind.PARTIAL][0].name == "p/q" and by_kind[Kind.PARTIAL][0].size == 500
    assert by_kind[Kind.TRASH][0].name == "The log"
    assert [piece.name for piece in by_kind[Kind.CHECKPOINT] if piece.spare] == ["Küche, step 10", "Küche, step 40"]
    taken = [(piece.name, piece.size, piece.note.split(":")[0], piece.can_go) for piece in by_kind[Kind.EXPORT]]
    assert sorted(taken) == [("Küche GGUF", 600, "", True), ("second", 600, "unfinished", True)]
    half = [piece for piece in by_kind[Kind.CONVERTED] if piece.note.startswith("unfinished")]
    assert [(piece.name, piece.size) for piece in half] == [("third", 600)]
    inside = [Kind.PROJECT, Kind.CONVERTED, Kind.RUN, Kind.CHECKPOINT, Kind.EXPORT, Kind.TRASH]
    assert sum(piece.size for kind in inside for piece in by_kind[kind]) == size_on_disk(project.folder)
    whole = by_kind[Kind.RUN][0].size + sum(piece.size for piece in by_kind[Kind.CHECKPOINT])
    assert whole == size_on_disk(run.folder)
    with pytest.raises(Cancelled):
        survey(project, lambda: True)

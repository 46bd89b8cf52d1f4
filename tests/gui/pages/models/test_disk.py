import json
import shutil

import pytest
from PySide6.QtWidgets import QMessageBox

from studio.gui.pages.models.disk_view import DiskView
from studio.storage.disk import Kind
from studio.storage.hub_places import Download, models_home, place_of, record_download
from studio.storage.models import starter_model
from studio.storage.runs import seal


@pytest.fixture
def view(qtbot, project, runs, make_run, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "none"))
    run = make_run("Küche")
    (run.folder / "process.json").write_text('{"pid": 1, "created": 1.0}')  # it has been trained, by whom is gone
    for step in (10, 20, 30):
        folder = run.checkpoints / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / "weights").write_bytes(b"x" * 10_000 * step)
        (folder / "plumbline.json").write_text(json.dumps({"best_step": 30}))
        seal(folder)
    model = place_of(models_home(), "o/tiny")
    shutil.copytree(starter_model(), model)
    record_download(model, Download("o/tiny", "a", "b", {}))
    (project.exports / "Küche GGUF").mkdir(parents=True)
    (project.exports / "Küche GGUF" / "a.gguf").write_bytes(b"x" * 5_000)
    made = DiskView(project, runs)
    qtbot.addWidget(made)
    made.resize(1000, 700)
    made.show()
    qtbot.waitUntil(lambda: any(record.outcome is not None for record in runs.records()))
    qtbot.waitUntil(lambda: len(made.model.pieces()) >= 5)
    made._tell()
    yield made
    made.close_down()


def select(view, name):
    view.table.clearSelection()
    view.table.selectRow(next(row for row, piece in enumerate(view.model.pieces()) if piece.name == name))


def names(view, kind):
    return {piece.name for piece in view.model.pieces() if piece.kind is kind}


def asked(view):
    return next(box for box in view.findChildren(QMessageBox) if box.isVisible())


def answer(view, yes):
    role = QMessageBox.ButtonRole.AcceptRole if yes else QMessageBox.ButtonRole.RejectRole
    box = asked(view)
    next(button for button in box.buttons() if box.buttonRole(button) == role).click()


def test_everything_is_listed_and_drawn(view):
    assert view.model.pieces()[0].name == "o/tiny"
    assert names(view, Kind.CHECKPOINT) == {"Küche, step 10", "Küche, step 20", "Küche, step 30"}
    assert "Downloaded model: 4.0 MB" in view.bar.accessibleName() and "free on" in view.about.text()
    assert view.spare.text() == "Clear spare checkpoints (300 kB)"


def test_a_model_is_thrown_away_and_put_back(view, qtbot):
    select(view, "o/tiny")
    view.throw.click()
    assert not place_of(models_home(), "o/tiny").exists()
    qtbot.waitUntil(lambda: names(view, Kind.TRASH) == {"Downloaded model “o/tiny”"})
    view.notice.action.click()
    assert place_of(models_home(), "o/tiny").is_dir()
    qtbot.waitUntil(lambda: "o/tiny" in names(view, Kind.MODEL) and not names(view, Kind.TRASH))


def test_what_was_taken_away_counts_and_goes_to_the_projects_trash(view, qtbot, project):
    assert names(view, Kind.EXPORT) == {"Küche GGUF"}
    select(view, "Küche GGUF")
    view.throw.click()
    assert not (project.exports / "Küche GGUF").exists()
    qtbot.waitUntil(lambda: names(view, Kind.TRASH) == {"Taken away “Küche GGUF”"})
    assert len(list((project.folder / "trash").iterdir())) == 1
    view.notice.action.click()
    assert (project.exports / "Küche GGUF").is_dir()


def test_spare_checkpoints_are_cleared_and_the_trash_is_emptied(view, qtbot, project):
    view.spare.click()
    qtbot.waitUntil(lambda: names(view, Kind.CHECKPOINT) == {"Küche, step 30"} and len(names(view, Kind.TRASH)) == 2)
    assert not view.spare.isVisible()
    select(view, next(iter(names(view, Kind.TRASH))))
    assert view.back.isVisible() and not view.throw.isEnabled()
    view.empty.click()
    answer(view, yes=False)
    assert len(list((project.folder / "trash").iterdir())) == 2
    view.empty.click()
    answer(view, yes=True)
    qtbot.waitUntil(lambda: not names(view, Kind.TRASH))
    assert list((project.folder / "trash").iterdir()) == []


def test_what_is_needed_is_asked_about(view, qtbot):
    select(view, "Küche, step 30")
    view.throw.click()
    assert "the last one" in asked(view).informativeText()
    answer(view, yes=False)
    assert names(view, Kind.CHECKPOINT) == {"Küche, step 10", "Küche, step 20", "Küche, step 30"}
    view.throw.click()
    answer(view, yes=True)
    qtbot.waitUntil(lambda: "Küche, step 30" not in names(view, Kind.CHECKPOINT))


def test_a_run_goes_with_its_checkpoints_and_comes_back(view, qtbot, project, runs):
    run = runs.records()[0].folder.folder
    select(view, "Küche")
    view.throw.click()
    assert not run.exists() and runs.records() == []
    qtbot.waitUntil(lambda: not names(view, Kind.CHECKPOINT))
    select(view, next(iter(names(view, Kind.TRASH))))
    view.back.click()
    assert run.is_dir()
    qtbot.waitUntil(lambda: len(names(view, Kind.CHECKPOINT)) == 3)

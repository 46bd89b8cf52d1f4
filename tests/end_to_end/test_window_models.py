"""A model from a Hub to the trash: downloaded, trained on, found among all others, deleted and put back."""

from __future__ import annotations

import pytest

from studio.core.runs import RunState
from studio.gui.pages.models.model_list import MODEL
from studio.storage.disk import Kind
from tests.engine.model_hub_for_tests import model_hub

pytestmark = pytest.mark.timeout(300)
_SOON = 120_000  # ms; a worker imports torch first, and two cores are shared


@pytest.fixture(autouse=True)
def hub(tmp_path, base_model, monkeypatch):
    """A Hub with one model, which is the Hub while the test runs."""
    with model_hub() as hub:
        hub.repositories = {"some-one/tiny": {file.name: file.read_bytes() for file in base_model.iterdir()}}
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        yield hub


def test_a_model_from_the_hub_to_the_trash(qtbot, studio):
    studio.show_page("models")
    models = studio.pages["models"]
    models.get.click()
    get = models.get_view
    get.words.setText("some-one/tiny")
    get.search.click()
    get.offer.look.click()
    qtbot.waitUntil(get.offer.go.isVisible, timeout=_SOON)
    get.offer.go.click()
    qtbot.waitUntil(lambda: models.view.name.whole == "tiny", timeout=_SOON)

    models.view.train.click()
    train = studio.pages["train"]
    model = train.form.model
    qtbot.waitUntil(lambda: model.model() is not None and model.model().name == "tiny", timeout=_SOON)
    train.form.settings.rows["max_steps"].set_value(2)
    train.start.click()
    record = studio.runs.records()[0]
    qtbot.waitUntil(lambda: record.outcome is not None, timeout=_SOON)  # its worker is gone, too
    assert record.state is RunState.FINISHED

    studio.show_page("models")
    qtbot.waitUntil(lambda: names(models)[0] == record.name, timeout=_SOON)
    models.list.setCurrentIndex(models.model.index(0))
    card = models.view.stack.widget(0).widget()
    qtbot.waitUntil(lambda: card.lineage.text() == f"tiny  →  {record.name}", timeout=_SOON)

    models.disk.click()
    disk = models.disk_view
    qtbot.waitUntil(lambda: record.name in named(disk, Kind.RUN), timeout=_SOON)
    assert named(disk, Kind.MODEL) == {"some-one/tiny"}
    select(disk, record.name)
    disk.throw.click()
    qtbot.waitUntil(lambda: record.name not in names(models), timeout=_SOON)
    disk.notice.action.click()
    qtbot.waitUntil(lambda: record.name in names(models), timeout=_SOON)


def names(models):
    return [models.model.index(row).data(MODEL).name for row in range(models.model.rowCount())]


def named(disk, kind):
    return {piece.name for piece in disk.model.pieces() if piece.kind is kind}


def select(disk, name):
    disk.table.selectRow(next(row for row, piece in enumerate(disk.model.pieces()) if piece.name == name))

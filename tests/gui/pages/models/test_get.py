"""Getting a model: the catalogue, and a Hub on loopback asked by the real worker."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox

from studio.core.hub import DEFAULT_ENDPOINT
from studio.core.recipes import Recipe
from studio.gui.pages.models.account_dialog import AccountDialog
from studio.gui.pages.models.candidates import CANDIDATE
from studio.gui.pages.models.get_view import GetView
from studio.storage.catalogue import read_catalogue
from studio.storage.hub_places import endpoint, models_home, partial_downloads, place_of
from studio.storage.models import list_models
from studio.storage.runs import RunFolder
from tests.engine.model_hub_for_tests import TOKEN, model_hub, starter


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with model_hub() as server:
        own_code = {
            "config.json": b'{"auto_map": {"AutoModel": "m.M"}}',
            "model.safetensors": b"",
            "tokenizer.json": b"{}",
        }
        server.repositories = {"o/starter": starter(), "o/own-code": own_code}
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        monkeypatch.setenv("HF_HUB_DOWNLOAD_TIMEOUT", "2")
        monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        yield server


@pytest.fixture
def view(qtbot, empty_project, hub):
    made = GetView(empty_project)
    qtbot.addWidget(made)
    made.resize(1000, 700)
    made.show()
    qtbot.waitUntil(lambda: made._device is not None)
    yield made
    made.close_down()


def names(view):
    return [row.name for row in view.model.rows()]


def enter(view, qtbot, text):
    view.words.setFocus()
    view.words.clear()
    qtbot.keyClicks(view.words, text)
    qtbot.keyClick(view.words, Qt.Key.Key_Return)


def test_the_catalogue_needs_no_network_and_tells_what_fits(view, hub):
    assert names(view) == [model.name for model in read_catalogue()]
    current = view.table.currentIndex().data(CANDIDATE)
    assert current.needs is not None and "to train an adapter" in view.offer.memory.text()
    assert not view.offer.go.isVisible() and hub.asked == []
    assert view.asking._service is None and view.fetching._service is None


def test_a_model_is_searched_for_looked_at_downloaded_and_joins_the_project(view, hub, qtbot, empty_project):
    enter(view, qtbot, "star")
    qtbot.waitUntil(lambda: names(view) == ["o/starter"], timeout=20_000)
    assert hub.address.removeprefix("http://") in view.offer.look.text()
    view.offer.look.click()
    qtbot.waitUntil(view.offer.go.isVisible, timeout=20_000)
    assert view.offer.go.text() == "Download 4.0 MB" and "The starter" in view.offer.readme.toPlainText()
    with qtbot.waitSignal(view.added, timeout=20_000) as added:
        view.offer.go.click()
        assert view.offer.cancel.isVisible()
    folder = place_of(models_home(), "o/starter")
    assert added.args == [folder] and list_models(empty_project) == [folder]
    assert "checksums are right" in view.offer.said.text() and "here already" in view.offer.place.text()
    assert not view.offer.bar.isVisible()


def test_a_download_is_cancelled_kept_and_gone_on_with(view, hub, qtbot):
    hub.moods = {"model.safetensors": [("stall", 1_000_000), ("stall", 0), ("stall", 0)]}
    enter(view, qtbot, f"{hub.address}/o/starter/tree/main")
    assert names(view) == ["o/starter"]
    view.offer.look.click()
    qtbot.waitUntil(view.offer.go.isVisible, timeout=20_000)
    view.offer.go.click()
    qtbot.waitUntil(lambda: view.offer.bar.value() > 0, timeout=20_000)
    view.offer.cancel.click()
    qtbot.waitUntil(lambda: "are kept" in view.offer.said.text(), timeout=20_000)
    assert len(partial_downloads()) == 1
    hub.moods = {}
    view.offer.look.click()
    qtbot.waitUntil(lambda: view.offer.go.text().startswith("Go on"), timeout=20_000)
    with qtbot.waitSignal(view.added, timeout=20_000):
        view.offer.go.click()


def test_a_newer_version_is_looked_for_and_taken_only_after_a_yes(view, hub, qtbot, empty_project):
    enter(view, qtbot, "o/starter")
    view.offer.look.click()
    qtbot.waitUntil(view.offer.go.isVisible, timeout=20_000)
    with qtbot.waitSignal(view.added, timeout=20_000):
        view.offer.go.click()
    folder = place_of(models_home(), "o/starter")
    RunFolder.create(empty_project.runs, Recipe(str(folder), "d", name="Küche"))
    hub.commit, hub.repositories["o/starter"] = "b" * 40, {**starter(), "README.md": b"# Newer"}
    view.show_name("o/starter")
    assert not view.offer.go.isVisible()  # nothing is asked before somebody wants that
    view.offer.look.click()
    qtbot.waitUntil(lambda: "newer version (7 bytes)" in view.offer.go.text(), timeout=20_000)
    view.offer.go.click()
    qtbot.waitUntil(lambda: view.offer.findChild(QMessageBox) is not None)
    box = view.offer.findChild(QMessageBox)
    assert "“Küche”" in box.informativeText() and (folder / "README.md").read_bytes() != b"# Newer"
    with qtbot.waitSignal(view.added, timeout=20_000):
        next(button for button in box.buttons() if button.text() == "Download it").click()
    assert (folder / "README.md").read_bytes() == b"# Newer" and not view.offer.go.isVisible()


@pytest.mark.parametrize(
    ("typed", "words"), [("what ever/x", "is no name of a model"), ("o/none", "has no model “o/none”")]
)
def test_wrong_names_are_said_where_they_are_typed(view, hub, qtbot, typed, words):
    enter(view, qtbot, typed)
    if names(view) == [typed]:
        view.offer.look.click()
    qtbot.waitUntil(lambda: words in view.offer.said.text() + view.notice.what.text(), timeout=20_000)


def test_a_model_with_its_own_code_says_so_before_it_is_downloaded(view, hub, qtbot):
    enter(view, qtbot, "o/own-code")
    view.offer.look.click()
    qtbot.waitUntil(lambda: "its own Python code" in view.offer.said.text(), timeout=20_000)


def test_nothing_found_is_said(view, hub, qtbot):
    enter(view, qtbot, "zzz")
    qtbot.waitUntil(lambda: "no model for “zzz”" in view.listed.text(), timeout=20_000)
    view.back.click()
    assert len(names(view)) >= 12


def test_offline_the_catalogue_stays_and_the_search_says_why(view, qtbot, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    enter(view, qtbot, "star")
    qtbot.waitUntil(lambda: "can't be reached" in view.notice.what.text(), timeout=20_000)
    assert len(names(view)) >= 12 and view.search.isEnabled()


def test_a_token_is_given_and_forgotten(view, hub, qtbot, tmp_path):
    assert not view.offer.use_token.isVisible()
    view.account.click()
    dialog = view.findChild(AccountDialog)
    qtbot.waitUntil(lambda: dialog.state.text() == "Not signed in.", timeout=20_000)
    dialog.token.setText("hf_wrong")
    dialog.sign_in.click()
    qtbot.waitUntil(lambda: "doesn't accept" in dialog.said.text(), timeout=20_000)
    dialog.token.setText(TOKEN)
    dialog.sign_in.click()
    qtbot.waitUntil(lambda: dialog.state.text() == "Signed in as küche.", timeout=20_000)
    assert dialog.token.text() == "" and (tmp_path / "token").read_text() == TOKEN
    assert view.offer.use_token.isVisible() and not view.offer.use_token.isChecked()
    dialog.sign_out.click()
    box = dialog.findChild(QMessageBox)
    next(button for button in box.buttons() if button.text() == "Forget it").click()
    qtbot.waitUntil(lambda: not (tmp_path / "token").exists(), timeout=20_000)
    dialog.accept()


def test_the_settings_name_the_mirror(monkeypatch, home):
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert endpoint() == DEFAULT_ENDPOINT
    Path(home / "settings.json").write_text('{"format": 1, "hub_mirror": "mirror.example"}')
    assert endpoint() == "https://mirror.example"

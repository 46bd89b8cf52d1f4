import shutil
from pathlib import Path

import pytest

from studio.core.conversation import Voice
from studio.gui.pages.models.model_list import MODEL
from studio.storage.library import Kind
from studio.storage.models import add_model


def rows(page):
    return [page.model.index(row).data(MODEL) for row in range(page.model.rowCount())]


def choose(page, qtbot, name):
    row = next(row for row, model in enumerate(rows(page)) if model.name == name)
    page.list.setCurrentIndex(page.model.index(row))
    card = page.view.stack.widget(0).widget()
    qtbot.waitUntil(lambda: card.rows.rowCount() > 0 and str(rows(page)[row].folder) in facts(card).values())
    return card


def facts(card):
    return {
        card.rows.itemAt(row, card.rows.ItemRole.LabelRole).widget().text(): card.rows.itemAt(
            row, card.rows.ItemRole.FieldRole
        )
        .widget()
        .text()
        for row in range(card.rows.rowCount())
    }


def test_all_models_of_the_project_are_listed_and_told_apart(page, model_folder):
    found = {model.name: model.kind for model in rows(page)}
    assert found == {
        "judge": Kind.JUDGE,
        "second": Kind.ADAPTER,
        "Küche 1": Kind.ADAPTER,
        "starter": Kind.BASE,
        model_folder.name: Kind.BASE,
    }


def test_a_card_says_what_it_is_and_where_it_comes_from(page, qtbot, model_folder):
    card = choose(page, qtbot, "second")
    told = facts(card)
    assert told["What it is"].startswith(f"An adapter on “{model_folder.name}”")
    assert told["Licence"] == "my-licence" and told["Context"] == "64 tokens"
    assert card.lineage.text().split("  →  ") == [model_folder.name, "Küche 1", "second"]
    assert page.view.chat.isVisible() and not page.view.train.isVisible()


def test_a_readme_is_text_and_never_html(page, qtbot, model_folder):
    card = choose(page, qtbot, model_folder.name)
    assert card.readme.toPlainText() == "<img src='http://example.org/x.png'>\n# Hi"
    assert page.view.train.isVisible() and page.view.chat.isVisible()


def test_what_is_wrong_with_a_model_is_said_on_its_card(page, qtbot, model_folder):
    (model_folder / "tokenizer.json").unlink()
    card = choose(page, qtbot, model_folder.name)
    assert "has no tokenizer" in card.notice.what.text()


def test_requests_name_the_run_and_the_folder(page, qtbot, model_folder):
    choose(page, qtbot, "second")
    with qtbot.waitSignal(page.chat_requested) as asked:
        page.view.chat.click()
    assert asked.args == [page.view._model.run]
    choose(page, qtbot, model_folder.name)
    with qtbot.waitSignal(page.train_requested) as asked:
        page.view.train.click()
    assert asked.args == [model_folder]


def test_a_folder_is_linked_and_shown(page, qtbot, tmp_path, model_folder):
    other = tmp_path / "other model 项"
    shutil.copytree(model_folder, other)
    page.get.click()
    page.get_view.local.add(tmp_path)
    qtbot.waitUntil(lambda: "has no config.json" in page.get_view.notice.what.text())
    page.get_view.local.add(other)
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.view)
    assert page.view.name.whole == other.name and page.list.currentIndex().data(MODEL).folder == other


@pytest.mark.parametrize("gone", [True, False])
def test_a_model_that_is_gone_stays_listed_and_says_so(page, qtbot, project, model_folder, gone):
    add_model(project, model_folder)
    if gone:
        model_folder.rename(Path(f"{model_folder} moved"))
    page.refresh()
    qtbot.waitUntil(lambda: any("not there" in model.about for model in rows(page)) == gone)
    if gone:
        row = next(row for row, model in enumerate(rows(page)) if model.folder == model_folder)
        page.list.setCurrentIndex(page.model.index(row))
        assert not page.view.train.isVisible()


def test_a_model_that_no_run_made_is_talked_to_as_a_voice(page, qtbot, model_folder):
    choose(page, qtbot, model_folder.name)
    with qtbot.waitSignal(page.voice_requested) as asked:
        page.view.chat.click()
    assert asked.args == [Voice(model_folder)]


def test_a_linked_model_is_taken_out_of_the_list_with_undo(page, qtbot, tmp_path, model_folder):
    other = tmp_path / "other"
    shutil.copytree(model_folder, other)
    page.get.click()
    page.get_view.local.add(other)
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.view)
    assert page.view.forget.isVisible() and not page.view.delete.isVisible()
    page.view.forget.click()
    qtbot.waitUntil(lambda: "other" not in [model.name for model in rows(page)])
    assert other.is_dir()
    page.notice.action.click()
    qtbot.waitUntil(lambda: "other" in [model.name for model in rows(page)])


def test_deleting_is_done_among_what_takes_room(page, qtbot):
    choose(page, qtbot, "second")
    page.view.delete.click()
    qtbot.waitUntil(lambda: [piece.name for piece in page.disk_view._chosen()] == ["second"])

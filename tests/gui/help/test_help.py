"""Help in the window: whole, current, without a dead link, and never a page of the web."""

import importlib.util
import re
from pathlib import Path

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QTextDocument
from PySide6.QtWidgets import QLabel, QMessageBox, QVBoxLayout, QWidget

from studio.core.glossary.words import WORDS, words_in
from studio.core.settings import LANGUAGES
from studio.gui.help.browser import HelpBrowser
from studio.gui.help.window import PAGES, HelpWindow, words_on

ROOT = Path(__file__).resolve().parents[3]
HELP = ROOT / "resources" / "help"
TRANSLATED = [code for code in LANGUAGES if code not in ("system", "en")]


@pytest.fixture
def window(qtbot):
    made = HelpWindow()
    qtbot.addWidget(made)
    return made


def generated():
    found = importlib.util.spec_from_file_location("help_pages", ROOT / "packaging" / "help_pages.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_what_repeats_the_code_is_current_in_every_language():
    script = generated()
    assert set(script.folders()) == {"en", *TRANSLATED}
    for language, folder in script.folders().items():
        for name, text in script.pages(language).items():
            assert (folder / name).read_text(encoding="utf-8") == text, f"{language} {name}: run make format"


def test_every_page_is_listed_and_every_link_leads_somewhere():
    assert {path.stem for path in HELP.glob("*.md")} == set(PAGES)
    for path in HELP.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        assert text.startswith("# "), path.name
        for address in re.findall(r"\]\(([^)]+)\)", text):
            file, _, heading = address.partition("#")
            assert (HELP / file).is_file(), f"{path.name}: {address}"
            assert not heading or f"\n## {heading}\n" in (HELP / file).read_text(encoding="utf-8"), address


def test_links_between_pages_and_to_a_word_are_followed(window):
    window.show_page("index")
    assert "Every arrow in this picture is a button" in window.browser.toPlainText()
    window.browser.anchorClicked.emit(QUrl("ppo.md"))
    assert window.list.currentItem().text() == "PPO explained"
    window.browser.anchorClicked.emit(QUrl("words.md#temperature"))
    assert window.browser.textCursor().block().text() == "temperature"
    window.show_word("reward hacking")
    assert window.browser.textCursor().block().text() == "reward hacking"
    window.close()


def test_the_search_looks_into_the_pages(window):
    window.search.setText("reward hacking")
    listed = [window.list.item(row).text() for row in range(window.list.count())]
    assert "PPO explained" in listed and "Privacy" not in listed
    assert window.browser.textCursor().selectedText().lower() == "reward hacking"
    window.search.setText("zzqx")
    assert not window.list.count() and not window.nothing.isHidden()


def test_the_picture_is_drawn_and_nothing_else_is_loaded(qtbot):
    browser = HelpBrowser()
    qtbot.addWidget(browser)
    image = QTextDocument.ResourceType.ImageResource.value
    assert browser.loadResource(image, QUrl("pipeline.svg")).width() >= 500
    for other in (
        "http://localhost/pipeline.svg",
        "../icons/x.svg",
        "/etc/passwd",
        "file:///etc/passwd",
        "nothing.svg",
    ):
        assert browser.loadResource(image, QUrl(other)) is None, other
    browser.show_text("<b>bold</b> <img src='file:///x.png'>")
    assert "<b>bold</b>" in browser.toPlainText()


def test_an_address_of_the_web_is_asked_about(qtbot, monkeypatch):
    browser, opened = HelpBrowser(), []
    qtbot.addWidget(browser)
    browser.show()
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    browser.anchorClicked.emit(QUrl("https://example.org/"))
    box = browser.findChild(QMessageBox)
    assert opened == []
    box.accept()
    assert opened == [QUrl("https://example.org/")]
    browser.close()


def test_words_are_found_whole_and_where_they_stand(qtbot):
    assert [word.term for word in words_in("The KL penalty, and a loss. Glossy.")] == ["KL", "loss"]
    assert words_in("tokenise nothing") == []
    screen = QWidget()
    qtbot.addWidget(screen)
    layout = QVBoxLayout(screen)
    layout.addWidget(QLabel("Held-out rows and LoRA"))
    hidden = QLabel("temperature")
    layout.addWidget(hidden)
    screen.show()
    hidden.hide()
    assert [word.term for word in words_on(screen)] == ["held-out", "LoRA"]
    assert len(WORDS) >= 35

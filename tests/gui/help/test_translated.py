"""The help in another language: page for page, heading for heading, link for link, and shown where it is spoken."""

import re
from pathlib import Path

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QLabel, QWidget

from studio.core.glossary.words import WORDS
from studio.core.settings import LANGUAGES
from studio.gui.help.browser import HelpBrowser, page_file
from studio.gui.help.window import PAGES, HelpWindow, words_on

HELP = Path(__file__).resolve().parents[3] / "resources" / "help"
TRANSLATED = [code for code in LANGUAGES if code not in ("system", "en")]
SAID = re.compile(r"[^\x00-\x7f“”‘’…·→›↺×−–—]")  # a letter that English has not


def shape(text):
    """What a page and its translation have in common."""
    headings = re.findall(r"^#+(?= )", text, re.MULTILINE)
    pictures_and_links = re.findall(r"\]\(([^)]+)\)", text)
    blocks = re.findall(r"```.*?```", text, re.DOTALL)
    rows = len(re.findall(r"^\|", text, re.MULTILINE))
    items = len(re.findall(r"^(?:\d+\.|-) ", text, re.MULTILINE))
    return headings, pictures_and_links, blocks, rows, items


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_page_is_translated_in_the_same_shape(code):
    assert {path.name for path in (HELP / code).iterdir()} == {path.name for path in HELP.iterdir() if path.is_file()}
    for name in PAGES:
        english = (HELP / f"{name}.md").read_text(encoding="utf-8")
        text = (HELP / code / f"{name}.md").read_text(encoding="utf-8")
        assert shape(text) == shape(english), name
        plain = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        left = [line for line in plain.splitlines() if re.search(r"[a-z]{3}", line) and not SAID.search(line)]
        names = {f"### {name}" for name in re.findall(r"^### (\w+)", english, re.MULTILINE)} | {
            f"## {w}" for w in WORDS
        }
        assert set(left) - names == set(), f"{name} has English left"


def test_the_window_shows_the_pages_of_its_language_and_follows_links(chinese, qtbot):
    window = HelpWindow()
    qtbot.addWidget(window)
    for row, name in enumerate(PAGES):
        window.list.setCurrentRow(row)
        text = window.browser.toPlainText()
        assert SAID.search(text) and "**" not in text, name  # else a mark was not understood
        if name not in ("recipe", "words", "formats"):
            assert not re.search(r"(?<!\w)\*\w", text), name
    window.browser.anchorClicked.emit(QUrl("words.md#temperature"))
    assert window.browser.textCursor().block().text() == "温度 · temperature"
    window.show_word("reward hacking")
    assert window.browser.textCursor().block().text().startswith("奖励作弊")
    window.search.setText("奖励作弊")
    assert "讲解 PPO" in [window.list.item(row).text() for row in range(window.list.count())]
    window.close()


def test_words_on_the_screen_are_found_in_its_language(chinese, qtbot):
    screen = QWidget()
    qtbot.addWidget(screen)
    QLabel("每步的学习率，用 LoRA 训练适配器", screen)
    screen.show()
    assert [word.term for word in words_on(screen)] == ["adapter", "learning rate", "LoRA"]
    window = HelpWindow()
    qtbot.addWidget(window)
    window.show_page("train", words_on(screen))
    assert "此屏幕上出现的词" in window.browser.toPlainText() and "学习率：" in window.browser.toPlainText()
    window.close()


def test_drawings_are_of_the_language_and_what_it_lacks_is_english(chinese, qtbot, monkeypatch):
    browser = HelpBrowser()
    qtbot.addWidget(browser)
    assert browser.loadResource(QTextDocument.ResourceType.ImageResource.value, QUrl("pipeline.svg")).width() >= 500
    assert page_file("pipeline.svg").parent.name == "zh_CN"
    monkeypatch.setattr("studio.gui.help.browser.spoken", lambda: "tlh")
    assert page_file("index.md") == HELP / "index.md"

"""In another language nothing stays English, and longer words have room, also at 200 %."""

import re

import pytest
from PySide6.QtCore import Qt, QTranslator
from PySide6.QtGui import QAction, QShortcut
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QSpinBox,
    QTabBar,
    QTableView,
    QTextEdit,
    QWidget,
)

from studio.gui import language
from studio.gui.help.window import HelpWindow
from tests.gui.access.pseudo import write_pseudo
from tests.gui.access.test_clipped import SIZES, cut_off_at_rest

pytestmark = pytest.mark.no_qt_log  # reading all sources collects windows of earlier tests, which Qt complains of
# The same in every language: names, files, keys, what is in the project of these tests, and what Qt and plots say
# themselves, which has files of its own.
SAME = re.compile(
    r"""
    <[^>]+> | (\w+:\ )?\{+[^{}]*(\}+|…) | \(\.\w+\) | \S*/\.cache/[^,\n]* | huggingface\.co | host\.example |
    “[^”]*” | https?://\S* | \S*/pytest-of-\w+/[^,\n]* | \S+\.(json|jsonl|csv|txt|py|co)\b | \S*Ctrl\+\S* |
    \b(Alt|Shift|Tab|Esc|Space|Backspace)\b | Scroll\ (Left|Right) | Export\.\.\. |
    \b(sft|dpo|reward)\ run | tiny\ model | \+\ adapter | To\ judge | Mein\ Projekt | My\ project |
    \b(greetings|pairs|starter|llama|cat|cpu|svd|linear|ties|dare_linear|magnitude_prune|bfloat|bit|fp16|bytes)\b |
    \b(Cancel|Del|JSON\ lines|Messages\ \(OpenAI|Parquet)\b |
    \b(AdamW|Apache-2\.0|Bradley-Terry|ChatML|DARE|GGUF|Gemma|GitHub|HH|Llama|LoRA|LLM|Mistral|Ollama|Phi|Plumbline|
        Python|QLoRA|ShareGPT|TIES|Zephyr|torch)\b
    """,
    re.VERBOSE,
)
PLAIN = re.compile(r"\b(?=\w*[aeiou])[A-Za-z]{3,}\b")


def words_of(part):
    """Everything that a widget says, to the eye or to a screen reader."""
    yield from (part.toolTip(), part.accessibleName(), part.accessibleDescription())
    match part:
        case QLabel() | QAbstractButton():
            yield part.text()
        case QLineEdit() | QPlainTextEdit() | QTextEdit():
            yield part.placeholderText()
        case QTabBar():
            yield from (part.tabText(place) for place in range(part.count()))
        case QComboBox():
            yield from (part.itemText(place) for place in range(part.count()))
        case QSpinBox():
            yield from (part.suffix(), part.specialValueText())
        case QListWidget():
            yield from (part.item(place).text() for place in range(part.count()))
        case QTableView() if part.model() is not None:
            columns = range(part.model().columnCount())
            yield from (str(part.model().headerData(place, Qt.Orientation.Horizontal) or "") for place in columns)
        case _:
            pass


def english(window):
    """What a window says that no language was asked for."""
    found = [text for part in window.findChildren(QWidget) for text in words_of(part)]
    found += [action.text() for action in window.findChildren(QAction)]
    found += [key.whatsThis() for key in window.findChildren(QShortcut)]
    return {text for text in found if PLAIN.search(SAME.sub("", text.replace("\u200b", "")))}


@pytest.fixture
def spoken(qapp, tmp_path):
    """The window in the language of `pseudo`, as long as the test takes."""
    language.speak_from(qapp, write_pseudo(tmp_path))
    yield
    for kind in (QTranslator, language.Sentences):
        for made in qapp.findChildren(kind, options=Qt.FindChildOption.FindDirectChildrenOnly):
            if kind is QTranslator:
                qapp.removeTranslator(made)
            made.setParent(None)
            made.deleteLater()


def test_what_is_not_translated_is_found(spoken, qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    QLabel(language.tr("Save"), window)
    assert english(window) == set()
    QLabel("Some English", window)
    assert english(window) == {"Some English"}


def test_nothing_stays_english_and_nothing_is_cut_off(spoken, full, every_page, qtbot):
    full.guiding.guide.change(course="first", shown=True)
    qtbot.waitUntil(lambda: full.guiding.panel.isVisible() and full.guiding.panel.step is not None)
    plain = {"guide": english(full.guiding.panel)}
    cut = {"guide": cut_off_at_rest(full.guiding.panel, qtbot)}
    full.guiding.panel.fold.click()
    for page in every_page():
        plain[page] = english(full.window.stack.currentWidget())
        for size in SIZES:
            full.window.resize(*size)
            cut[f"{page} {size}"] = cut_off_at_rest(full.window, qtbot)
    full.around.show_runtime()  # over the start page, the last of them
    plain["runtime"], cut["runtime"] = english(full.window), cut_off_at_rest(full.window, qtbot)
    told(plain, cut)


def test_nothing_in_the_dialogs_stays_english_and_nothing_is_cut_off(spoken, every_dialog, qtbot):
    plain, cut = {}, {}
    for name, dialog in every_dialog():
        if isinstance(dialog, HelpWindow):  # its pages are files of each language
            continue
        plain[name], cut[name] = english(dialog), cut_off_at_rest(dialog, qtbot)
    told(plain, cut)


def told(plain, cut):
    """Nothing is found, or it is said where."""
    english_ones = [f"{where}: {text}" for where, texts in plain.items() for text in sorted(texts)]
    # Tabs that lack the room scroll, with Qt's own narrow buttons.
    cut_ones = [f"{where}: {text}" for where, texts in cut.items() for text in texts if "Scroll" not in text]
    assert "\n".join(english_ones) == ""
    assert "\n".join(cut_ones) == ""

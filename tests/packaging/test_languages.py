"""The languages: nothing in the window is unmarked, nothing that is offered lacks a translation, places agree."""

import ast
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from studio.core.settings import LANGUAGES

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "packaging"))

import languages  # noqa: E402

pytestmark = pytest.mark.no_qt_log  # they open no window; one of an earlier test may be collected meanwhile
OFFERED = [code for code in LANGUAGES if code not in ("system", "en")]
FILES = sorted(languages.LANGUAGES.glob("*.ts"))
# What is no text of the window, by file: all of it (None), or these.
NO_TEXTS = {
    "key_sheet.py": {"Tab", "Space", "Esc"},  # keys
    "language.py": {"Plumbline"},  # the name
    "main_window.py": {"Plumbline"},
    "notify.py": {"Plumbline"},
    "pages/start/page.py": {"Plumbline"},
    "pages/chat/prompt_source.py": None,  # prompts, in the language that the models learned
    "pages/chat/turn_bar.py": {"go on", "copy message", "to data"},  # names of actions
    "pages/data/dataset_view.py": {"Del"},
    "pages/data/examples.py": {"Verdict", "Rating", "Answers", "Turns"},  # looked for among columns
    "pages/data/legend.py": None,  # styles
    "pages/data/page.py": None,  # endings of files
    "pages/data/preview_pane.py": {"last answer"},  # a value of a setting
    "pages/label/judge_keys.py": {"Return", "Enter"},
    "pages/label/verdict_bar.py": {"Backspace", "Space"},
    "pages/label/ways.py": {"Left", "Right", "Up", "Down"},
    "pages/models/vote_dialog.py": {"Backspace"},
    "pages/runs/actions.py": {"It is still going on."},  # stands in a saved report, which is English
    "pages/runs/diagnostics.py": None,  # is pasted into reports, which the makers read
    "pages/runs/history_model.py": {"Steps", "Time"},
    "pages/runtime/options.py": {"Python"},
    "pages/train/memory_bar.py": {"shape of {folder}", "length of {id}", "roles {key}"},  # names of work
}


@pytest.fixture(scope="module")
def texts():
    return languages.texts()


def messages(file):
    return list(ElementTree.parse(file).iter("message"))


def translations(message):
    translation = message.find("translation")
    return [form.text or "" for form in translation.iter("numerusform")] or [translation.text or ""]


def test_every_text_of_the_window_is_marked():
    found = {}
    for file, said in languages.unmarked():
        if file not in NO_TEXTS or (NO_TEXTS[file] is not None and said not in NO_TEXTS[file]):
            found.setdefault(file, []).append(said)
    assert found == {}, "wrap it in tr(), see studio/gui/language.py; or name it above when no person reads it"


def test_what_is_not_marked_is_found():
    tree = ast.parse(
        'QLabel("Save all rows")\nbutton.setText("Stop")\nset_role(label, "muted")\nx = tr("A text of it")'
    )
    found = languages._below(tree, languages._DEAF | languages._MARKS | languages._DEAF_IN_WINDOW)
    assert sorted(found) == ["Save all rows", "Stop"]


def test_values_of_each_text_are_given():
    wrong = []
    for file in (ROOT / "studio" / "gui").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("tr", "trn"):
                given = {keyword.arg for keyword in node.keywords}
                for text in (argument.value for argument in node.args if isinstance(argument, ast.Constant)):
                    places = languages._places(text) - ({"count"} if node.func.id == "trn" else set())
                    spread = None in given  # of a dictionary, which only running tells
                    if not spread and given != places and (given or node.func.id == "trn"):
                        wrong.append(f"{file.name}:{node.lineno}: {text}")
    assert wrong == []


def test_sentences_from_below_become_templates():
    tree = ast.parse(
        """raise StudioError(f"“{self.path.name}” has {len(rows):,} row{'s' * (len(rows) != 1)}.", "Try again.")"""
    )
    assert list(languages._below(tree)) == ["“{name}” has {count:,} row(s).", "Try again."]


@pytest.mark.parametrize("code", OFFERED)
def test_what_is_offered_is_complete(texts, code):
    done = {
        message.findtext("source")
        for message in messages(languages.LANGUAGES / f"{code}.ts")
        if message.find("translation").get("type") is None and all(translations(message))
    }
    assert sorted(set(texts) - done) == [], "run `make format`, then translate what is new"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_places_agree_and_the_compiled_file_is_of_its_source(file, tmp_path):
    wrong = [
        f"{source}: {problem}"
        for message in messages(file)
        if (source := message.findtext("source")) and message.find("translation").get("type") is None
        for said in translations(message)
        if (problem := languages.wrong_places(source, said))
    ]
    assert wrong == []
    languages.compile_ts(file, tmp_path / "made.qm")
    assert (tmp_path / "made.qm").read_bytes() == file.with_suffix(".qm").read_bytes(), "run `make format`"


def test_translations_are_kept_and_new_texts_are_unfinished():
    known = {
        said: languages.Found(said, counts, {"studio/gui/x.py"})
        for said, counts in (("A", False), ("{count} rows", True))
    }
    first = languages.ts_of("xx", known, "")
    assert first.count('type="unfinished"') == 2
    done = first.replace('<translation type="unfinished"></translation>', "<translation>Á &amp; ß</translation>")
    known["B"] = languages.Found("B")
    again = languages.ts_of("xx", known, done)
    assert "<translation>Á &amp; ß</translation>" in again and languages.ts_of("xx", known, again) == again
    del known["A"]
    gone = languages.ts_of("xx", known, again)
    assert '<translation type="vanished">Á &amp; ß</translation>' in gone
    known["A"] = languages.Found("A")
    assert "<translation>Á &amp; ß</translation>" in languages.ts_of("xx", known, gone)


@pytest.mark.parametrize(
    ("source", "translation", "wrong"),
    [
        ("{count:,} rows", "{count:,} 行", ""),
        ("{count:,} rows", "行", "count is missing"),
        ("No rows", "{count} 行", "count is not in the source"),
        ("It begins with {", "以 { 开头", ""),
        ("It begins with {", "开头", "its braces are not those of the source"),
    ],
)
def test_wrong_places_are_told(source, translation, wrong):
    assert languages.wrong_places(source, translation) == wrong


def test_qt_comes_with_its_own_words_for_each_language():
    import bundle

    for code in OFFERED:
        assert not bundle.is_dropped(f"PySide6/Qt/translations/qtbase_{code}.qm")
    assert re.search("resources", str(bundle.CARRIED))

"""Words in another language: what counts, what comes from below with its values in place, and whose names stay."""

import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QTranslator

from studio.core.settings import LANGUAGES
from studio.gui.language import CONTEXT, Template, one_of, speak, speak_from, templates_of, tr, translated, trn

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "packaging"))

import languages

TEXTS = {
    "Save": "Sichern",
    "learning rate": "Lernrate",
    "{name} is {value}; {range}.": "{name} ist {value}: {range}.",
    "it must be {low:g} or more": "es muss mindestens {low:g} sein",
    "“{name}” has {count:,} row(s).": "{count:,} Zeilen hat „{name}“.",
    "Try again.": "Versuchen Sie es nochmals.",
    "Write it as {“kind”: “ends”}.": "So: {“kind”: “ends”}.",
    "{number:,} pairs": "{number:,} Paare",
    "own chat template": "eigene Vorlage",
    ", ": "; ",
    "Learn from thumbs up and down (KTO)": "Von Daumen lernen (KTO)",
    "Adapter": "Adapter-Gewichte",
    "{one} and {other}": "{one} und {other}",
    ", and {count:,} in the adapter": ", und {count:,} im Adapter",
    "; its budget is {short}": "; das Budget ist {short}",
    "The model is {distance} from its start{whole}.": "Das Modell ist {distance} vom Anfang{whole}.",
    "The score was {held}.": "Die Punkte waren {held}.",
    " The result is step {best:,.0f}.": " Das Ergebnis ist Schritt {best:,.0f}.",
    " It is too old.": " Er ist zu alt.",
    "{a}: {b}": "FALSCH {a} {b}",
    "{a} of {b}": "FALSCH {a} {b}",
}


@pytest.fixture
def german(qapp, tmp_path):
    """The application speaks the texts above."""
    texts = "".join(
        f"<message><source>{source}</source><translation>{said}</translation></message>"
        for source, said in TEXTS.items()
    )
    file = tmp_path / "de.ts"
    file.write_text(
        f'<TS version="2.1" language="de"><context><name>{CONTEXT}</name>{texts}</context></TS>', encoding="utf-8"
    )
    languages.compile_ts(file, file.with_suffix(".qm"))
    before = list(qapp.children())
    speak_from(qapp, file.with_suffix(".qm"))
    yield file
    fall_silent(qapp, before)


def fall_silent(app, before):
    """Take away what was installed since."""
    for made in [one for one in app.children() if one not in before]:
        if isinstance(made, QTranslator):
            app.removeTranslator(made)
        made.setParent(None)
        made.deleteLater()


def test_in_english_every_text_is_its_own(qapp):
    assert tr("Save {name}", name="{x}") == "Save {x}"
    assert tr("{{ name }} stands for a column") == "{{ name }} stands for a column"
    assert trn("{count:,} row of {name}", "{count:,} rows of {name}", 1, name="x") == "1 row of x"
    assert trn("{count:,} row of {name}", "{count:,} rows of {name}", 1200, name="x") == "1,200 rows of x"
    assert one_of([]) == "" and one_of(["A", "B", "C"]) == "A or B or C"
    assert translated("“x” has 3 rows.") == "“x” has 3 rows."


def test_texts_and_sentences_with_values_are_translated(german):
    assert tr("Save") == "Sichern"
    assert translated("learning rate") == "Lernrate"
    assert translated("“My data” has 1,200 rows.") == "1,200 Zeilen hat „My data“."
    assert translated("“My data” has 1 row.") == "1 Zeilen hat „My data“."
    assert translated("300 pairs") == "300 Paare"


def test_values_are_translated_too_but_names_are_not(german):
    said = "learning rate is 0; it must be 0.1 or more."
    assert translated(said) == "Lernrate ist 0: es muss mindestens 0.1 sein."
    assert translated("“learning rate” has 2 rows.") == "2 Zeilen hat „learning rate“."


def test_several_sentences_and_facts_are_translated_one_by_one(german):
    assert translated("“x” has 3 rows. Try again.") == "3 Zeilen hat „x“. Versuchen Sie es nochmals."
    assert translated("300 pairs, own chat template, 7 wonders") == "300 Paare; eigene Vorlage; 7 wonders"
    assert translated("Try again. The result is step 9. Try again.") == (
        "Versuchen Sie es nochmals. Das Ergebnis ist Schritt 9. Versuchen Sie es nochmals."
    )
    assert translated("Try again. It is too old.") == "Versuchen Sie es nochmals. Er ist zu alt."
    assert translated("Try again.\nSave") == "Versuchen Sie es nochmals.\nSichern"


@pytest.mark.parametrize(
    "text",
    ["", "Permission denied: /tmp", "a: b", "many pairs", "one, two", "a cup of tea", "x" * 5000, "{", "Save as"],
)
def test_what_is_not_known_stays_as_it_is(german, text):
    assert translated(text) == text


def test_facts_that_are_known_are_not_taken_apart_in_the_middle(german):
    assert translated("Adapter, Learn from thumbs up and down (KTO)") == "Adapter-Gewichte; Von Daumen lernen (KTO)"
    assert translated("Save and learning rate") == "Sichern und Lernrate"


def test_a_sentence_that_goes_on_is_translated_to_its_end(german):
    assert translated("1,916 pairs, and 24,832 in the adapter") == "1,916 Paare, und 24,832 im Adapter"
    assert translated("The score was 0.99; its budget is 6.") == "Die Punkte waren 0.99; das Budget ist 6."
    assert (
        translated("The model is 3 from its start; its budget is 6.")
        == "Das Modell ist 3 vom Anfang; das Budget ist 6."
    )
    assert translated("Something unknown; its budget is 6") == "Something unknown; its budget is 6"


def test_facts_between_dots_are_translated_one_by_one(german):
    assert translated("300 pairs  ·  own chat template  ·  7 wonders") == "300 Paare  ·  eigene Vorlage  ·  7 wonders"


@pytest.mark.timeout(20)
def test_a_long_text_that_looks_like_many_templates_is_gone_through_at_once():
    wordy = "{a} is {b}, {c} has {d} of {e} and {f} in {g}; {h} for {i}."
    template = Template(wordy, wordy)
    assert template.said("x is x, x has x of x and x in x; x for x." * 40 + "~", str) is None
    assert template.said("A is B, C has D of E and F in G; H for I.", str.lower) == wordy.format_map(
        dict(zip("abcdefghi", "abcdefghi", strict=True))
    )


def test_braces_of_its_own_make_no_template(german):
    assert translated("Write it as {“kind”: “ends”}.") == "So: {“kind”: “ends”}."
    assert not any("kind" in template.anchor for template in templates_of(german))


def test_a_place_that_stands_twice_holds_the_same():
    template = Template("{name} of {name} was left out", "{name} fehlt")
    assert template.said("A of A was left out", str) == "A fehlt"
    assert template.said("A of B was left out", str) is None


def test_what_is_not_offered_is_english(qapp):
    before = qapp.children()
    assert speak(qapp, "en") == "en" and speak(qapp, "tlh") == "en"
    assert qapp.children() == before


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code not in ("system", "en")])
def test_each_language_that_is_offered_speaks(qapp, code):
    before = list(qapp.children())
    try:
        assert speak(qapp, code) == code
        assert tr("Settings") != "Settings"
        assert QCoreApplication.translate("QPlatformTheme", "Cancel") != "Cancel"
    finally:
        fall_silent(qapp, before)

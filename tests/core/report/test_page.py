"""The page of a report: what others wrote stays text, and the whole is well-formed and needs nothing from anywhere."""

from __future__ import annotations

from xml.etree import ElementTree

from studio.core.report import page

NASTY = '</p><script>alert("1")</script>&amp; \x00\x1b[31m \ud800 \u202eevil\u202c <!-- ]]> \r\n'


def read(whole: str) -> ElementTree.Element:
    return ElementTree.fromstring(whole.removeprefix("<!DOCTYPE html>\n"))


def test_what_models_wrote_is_text_to_the_letter():
    shown = page.text(NASTY)
    assert "<" not in shown and ">" not in shown and "\u202e" not in shown and "\x1b" not in shown
    whole = page.page(NASTY, [page.paragraph(NASTY), page.table([NASTY], [[NASTY, NASTY]], NASTY), page.heading(NASTY)])
    whole.encode("utf-8")
    assert 'alert("1")' in "".join(read(whole).itertext())
    assert "<script" not in whole


def test_ordinary_text_comes_through_unchanged():
    told = "León & Söhne: 2 < 3\n\tλ 漢字 🙂"
    assert "".join(read(page.page("t", [page.paragraph(told)])).find(".//{*}p").itertext()) == told


def test_a_page_asks_for_nothing_and_forbids_scripts():
    whole = page.page("Report", [page.paragraph("All is well.", soft=True)])
    assert "default-src 'none'" in whole
    named = read(whole)
    assert {element.tag.rpartition("}")[2] for element in named.iter()}.isdisjoint({"script", "link", "img", "iframe"})
    assert not [name for element in named.iter() for name in element.attrib if name in ("src", "href", "onload")]
    assert "url(" not in whole and "@import" not in whole
    assert "prefers-color-scheme: dark" in whole


def test_rows_of_a_table_are_named_by_their_first_cell():
    tree = ElementTree.fromstring(page.table(["stage", "follows"], [["base", "1 %"], ["SFT", "90 %"]], "Shares"))
    assert [cell.text for cell in tree.iter("th")] == ["stage", "follows", "base", "SFT"]
    assert [cell.text for cell in tree.iter("td")] == ["1 %", "90 %"]

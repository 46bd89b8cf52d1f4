"""Markdown: safe whatever a model writes, and the same while it is written as afterwards."""

from __future__ import annotations

import random

import pytest
from PySide6.QtGui import QTextCursor, QTextDocument

from studio.gui.widgets.markdown_text import Growing, insert_markdown

RICH = """# A heading

Some *words* and **more** with `code <b>` and a
new line.

1. one
2. two
   - inner **bold**

> quoted

```python
def f(x):
    return "<script>"

```

| a | long head |
|---|---|
| 1 | 2 |

~~gone~~ [a link](https://example.org/?a=1&b=2) ![picture](https://example.org/x.png) <img src=x onerror=alert(1)>

---
The end &amp; more"""


def made(text):
    document = QTextDocument()
    cursor = QTextCursor(document)
    insert_markdown(cursor, text)
    return document


def pieces(document):
    block = document.begin()
    while block.isValid():
        for fragment in block:
            yield fragment.fragment()
        block = block.next()


def test_what_is_meant_is_seen(qapp):
    document = made(RICH)
    text = document.toPlainText()
    assert "# A heading" not in text
    assert "A heading" in text
    assert "•\u2002inner bold" in text
    assert "2.\u2002two" in text
    assert 'return "<script>"' in text
    assert "a  long head\n─  ─────────\n1  2" in text
    assert "[picture: picture]" in text
    assert "<img src=x onerror=alert(1)>" in text
    assert "The end & more" in text
    looks = {fragment.text(): fragment.charFormat() for fragment in pieces(document)}
    assert looks["words"].fontItalic()
    assert looks["more"].fontWeight() > 500
    assert looks["code <b>"].fontFixedPitch()
    assert looks["gone"].fontStrikeOut()
    assert looks["a link"].anchorHref() == "https://example.org/?a=1&b=2"


@pytest.mark.parametrize(
    "text",
    [
        "<b>bold</b><script>x</script>",
        "![x](file:///etc/passwd)",
        "[x](javascript:alert(1))",
        "[x](file:///etc/passwd)",
        "[x](data:text/html,hi)",
        "<https://example.org/x.png>",
        "![a][b]\n\n[b]: \\\\server\\share\\x.png",
        "<style>*{}</style>\n<iframe src='http://x'>",
    ],
)
def test_nothing_is_fetched_or_run(qapp, text):
    document = made(text)
    for fragment in pieces(document):
        look = fragment.charFormat()
        assert not look.isImageFormat()
        assert not look.isAnchor() or look.anchorHref().startswith("https://")
    if "<b>" in text:
        assert document.toPlainText().strip() == text


@pytest.mark.parametrize("seed", range(12))
def test_an_answer_that_grows_ends_as_the_whole(qapp, seed):
    chance = random.Random(seed)
    text = RICH if seed % 2 else "".join(chance.choices("ab *_`#>\n\n-|1.[]()<~\\", k=400))
    document = QTextDocument()
    growing, at = Growing(document), 0
    while at < len(text):
        at += chance.randint(1, 30)
        growing.show(text[:at])
    growing.finish(text)
    assert document.toPlainText().split() == made(text).toPlainText().split()


def test_a_very_long_block_is_not_made_again_for_each_word(qapp, monkeypatch):
    from studio.gui.widgets import markdown_text

    text = "```\n" + "x = 1\n" * 3000
    document = QTextDocument()
    growing = Growing(document)
    growing.show(text[:10_000])
    parsed = []
    monkeypatch.setattr(markdown_text, "last_block", lambda text: parsed.append(len(text)) or 0)
    for at in range(10_000, len(text), 50):
        growing.show(text[:at])
    assert parsed == []
    growing.finish(text)
    assert document.toPlainText().count("x = 1") == 3000


@pytest.mark.parametrize("text", ["", "\n", "*", "`", "#", "> " * 200, "- " * 200, "[" * 500, "\ufffd\x00\ud83d"])
def test_odd_text_is_no_trouble(qapp, text):
    made(text)
    growing = Growing(QTextDocument())
    growing.show(text)
    growing.finish(text)

"""The page of a report: its frame, its style for light and dark, and its tables. Charts are `core.report.chart`.

Every function takes text and gives HTML that is well-formed XML too, so that a test can read it.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Sequence

# No script, no font, no picture, nothing from anywhere, whatever a text may hold.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --paper: #fdfdfc; --ink: #1c1e21; --soft: #5d646d; --line: #d9dce0; --panel: #f2f3f5;
  --first: #0b63a8; --second: #b1480b; --good: #1a6b35; --bad: #a3232d; }
@media (prefers-color-scheme: dark) { :root { --paper: #17191c; --ink: #e7e9ec; --soft: #a2a9b3; --line: #3a3f46;
  --panel: #212429; --first: #66b3ff; --second: #ffab66; --good: #7bd897; --bad: #ff969d; } }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; }
p { max-width: 46rem; margin: .5rem 0; } .soft { color: var(--soft); }
.wide { overflow-x: auto; } table { border-collapse: collapse; margin: .75rem 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .4rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .9rem .4rem 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 600; } tbody th { font-weight: 600; white-space: nowrap; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: 1rem; margin: 1rem 0; }
figure { margin: 0; padding: .8rem; background: var(--panel); border-radius: 8px; }
figure h3 { margin: 0 0 .3rem; font-size: 1rem; } figcaption { font-size: .85rem; color: var(--soft); }
svg { display: block; width: 100%; height: auto; overflow: visible; } svg text { fill: var(--soft); font-size: 11px; }
.grid { stroke: var(--line); stroke-width: 1; } .raw { opacity: .3; } polyline { fill: none; stroke-width: 1.8; }
.first { stroke: var(--first); } .second { stroke: var(--second); stroke-dasharray: 6 3; }
circle { stroke-width: 1.5; stroke-dasharray: none; fill: var(--panel); }
.key { font-size: .85rem; } .key svg { display: inline; width: 26px; }
.asked { margin: 2rem 0; } .answers { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit,
  minmax(13rem, 1fr)); } .prompt { white-space: pre-wrap; font-weight: 600; }
.answer { background: var(--panel); border-radius: 8px; padding: .7rem .8rem; border-top: 3px solid var(--bad); }
.answer.right { border-color: var(--good); } .answer h3 { margin: 0; font-size: .95rem; }
.said { white-space: pre-wrap; overflow-wrap: anywhere; margin: .4rem 0; } .small { font-size: .85rem; }
details { margin: .75rem 0; } summary { cursor: pointer; }
"""


def text(value: str) -> str:
    """Text as HTML shows it to the letter: escaped, and without what a page can't hold or what turns writing round."""
    return html.escape("".join(character if _shown(character) else "�" for character in value), quote=True)


def _shown(character: str) -> bool:
    if character in "\n\t":
        return True
    if character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufffe\uffff":
        return False
    return unicodedata.category(character) not in ("Cc", "Cs")


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page. `parts` are HTML already."""
    body = "\n".join(parts)
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en" xmlns="http://www.w3.org/1999/xhtml"><head><meta charset="utf-8"/>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>{text(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body>\n<h1>{text(title)}</h1>\n{body}\n</body></html>\n"
    )


def heading(words: str) -> str:
    """The heading of a section."""
    return f"<h2>{text(words)}</h2>"


def paragraph(words: str, *, soft: bool = False) -> str:
    """A paragraph of plain text."""
    return f'<p class="soft">{text(words)}</p>' if soft else f"<p>{text(words)}</p>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    """A table of plain texts; the first cell of a row names it."""
    top = "".join(f'<th scope="col">{text(cell)}</th>' for cell in head)
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{text(cell)}</th>' if place == 0 else f"<td>{text(cell)}</td>"
            for place, cell in enumerate(row)
        )
        + "</tr>\n"
        for row in rows
    )
    told = f"<caption>{text(caption)}</caption>" if caption else ""
    return f'<div class="wide"><table>{told}<thead><tr>{top}</tr></thead>\n<tbody>{body}</tbody></table></div>'

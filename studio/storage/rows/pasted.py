"""What pasted text is: JSON, a table or plain text. A file has an ending to tell by; text has only itself."""

from __future__ import annotations

import csv

_LOOKED_AT = 20  # lines


def ending_of(text: str) -> str:
    """The ending that a file of this text should have."""
    start = text.lstrip()
    if start[:1] in ("[", "{"):
        return ".json"
    lines = start.splitlines()[:_LOOKED_AT]
    for sign, ending in (("\t", ".tsv"), (",", ".csv"), (";", ".csv")):
        try:
            widths = {len(cells) for cells in csv.reader(lines, delimiter=sign, strict=True) if cells}
        except csv.Error:
            continue
        if len(lines) > 1 and len(widths) == 1 and widths.pop() > 1:
            return ending
    return ".txt"

"""A language that nobody speaks: every text of the window accented and a good third longer, its values as they are.

What a person sees without an accent was never given to be translated; what is cut off has no room for German.
"""

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "packaging"))

import languages

_VOWELS = dict(zip("aeiouAEIOU", ("áá", "éé", "íí", "óó", "úú", "Áá", "Éé", "Íí", "Óó", "Úú"), strict=True))
_WHOLE = re.compile(r"(\{\{|\}\}|\{[^{}]*\}|\(s\)|&\w|\*\.\w+)")  # values, keys and endings of files


def accented(text):
    """A text in that language."""
    parts = _WHOLE.split(text.replace("(s)", ""))
    return "".join(
        part if place % 2 else "".join(_VOWELS.get(one, one) for one in part) for place, part in enumerate(parts)
    )


def write_pseudo(folder):
    """Write the language as .ts and .qm; the path of the .qm."""
    root = ElementTree.fromstring(languages.ts_of("xx", languages.texts(), "").encode())
    for message in root.iter("message"):
        translation = message.find("translation")
        del translation.attrib["type"]
        for form in [*translation.iter("numerusform")] or [translation]:
            form.text = accented(message.findtext("source"))
    file = folder / "xx.ts"
    file.write_bytes(b"<!DOCTYPE TS>\n" + ElementTree.tostring(root, encoding="utf-8"))
    languages.compile_ts(file, file.with_suffix(".qm"))
    return file.with_suffix(".qm")

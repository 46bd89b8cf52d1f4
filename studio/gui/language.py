"""The window's words in the language of whoever reads them. The sources say everything in English.

`tr` takes a sentence of the window, `trn` one that counts; `mark` names a constant that `tr` will get when it is shown.
What is said below the window stays English in records, logs and the command line; `translated` gives its translation
where it is shown. Languages are in resources/languages, kept in step with the sources by packaging/languages.py.
"""

from __future__ import annotations

import contextlib
import re
import string
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QObject, Qt, QTranslator

from studio.core.errors import StudioError
from studio.core.settings import LANGUAGES
from studio.storage.resources import carried

CONTEXT = "Plumbline"
_LONGEST = 2000  # characters of a sentence that is looked at; what is longer is a person's own text
_REMEMBERED = 4096  # sentences
_FEWEST = 6  # letters beside its values by which a template is told from any other text
_NEXT = re.compile(r"(?<=[.!?…]) (?=[A-Z“])")  # where one sentence ends and the next begins
_ENDS = re.compile(r"(\n+|(?<=[.!?…:;]) )")
_ANYTHING = ".*?"
_DOT = "  ·  "
_GOES_ON = (", ", "; ", ". ")  # what a sentence that another began goes on with


def tr(text: str, /, **values: object) -> str:
    """A text of the window, with its {values} in place."""
    said = QCoreApplication.translate(CONTEXT, text)
    return said.format(**values) if values else said


def trn(one: str, many: str, count: int, /, **values: object) -> str:
    """A text that counts: `one` for 1, else `many`; both may say {count}. Other languages have forms of their own."""
    said = QCoreApplication.translate(CONTEXT, many, None, count)
    return (one if said == many and count == 1 else said).format(count=count, **values)


def mark(text: str) -> str:
    """The text itself: a constant that is translated when it is shown."""
    return text


def paragraph(*sentences: str) -> str:
    """Sentences one after another; a full stop that brings its own room gets no space."""
    return _without_spaces(" ".join(filter(None, sentences)))


def _without_spaces(text: str) -> str:
    return re.sub(r"(?<=[。！？：；]) ", "", text)


def one_of(names: list[str]) -> str:
    """Names of which one is enough: “A”, “A or B”."""
    said = names[0] if names else ""
    for name in names[1:]:
        said = tr("{one} or {other}", one=said, other=name)
    return said


def spoken() -> str:
    """The code of the language that the window speaks, such as "zh_CN"."""
    sentences = _sentences()
    return "en" if sentences is None else sentences.code


def translated(text: str) -> str:
    """A sentence from below the window; one that is not known, such as a name, stays as it is."""
    sentences = _sentences()
    return text if sentences is None or not text else sentences.translated(text)


def _sentences() -> Sentences | None:
    app = QCoreApplication.instance()
    return app.findChild(Sentences, options=Qt.FindChildOption.FindDirectChildrenOnly) if app is not None else None


def speak(app: QCoreApplication, choice: str) -> str:
    """Let the application speak a language of `LANGUAGES`; "system" is the desktop's. Its code, such as "zh_CN"."""
    code = _desktops() if choice == "system" else choice
    if code == "en" or code not in LANGUAGES:
        return "en"
    try:
        speak_from(app, carried("resources", "languages", f"{code}.qm"))
    except StudioError:  # a window in English is a window
        return "en"
    qt = QTranslator(app)  # buttons of Qt's own dialogs
    if qt.load(QLocale(code), "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        app.installTranslator(qt)
    return code


def speak_from(app: QCoreApplication, file: Path) -> None:
    """Let the application speak a .qm file; the .ts beside it is read when a sentence with values is first met."""
    ours = QTranslator(app)
    if ours.load(str(file)):
        app.installTranslator(ours)
        Sentences(file.with_suffix(".ts"), app)


def _desktops() -> str:
    """The first of the desktop's languages that is spoken here."""
    for name in QLocale.system().uiLanguages():
        wanted = QLocale(name)
        for code in LANGUAGES:
            if code != "system" and (wanted.language(), wanted.script()) == (
                QLocale(code).language(),
                QLocale(code).script(),
            ):
                return code
    return "en"


class Sentences(QObject):
    """Finds the translation of sentences whose values are already in place, by the templates of a .ts file."""

    def __init__(self, file: Path, parent: QObject) -> None:
        super().__init__(parent)
        self.code = file.stem
        self._file = file
        self._templates: list[Template] | None = None
        self._said: dict[str, str] = {}

    def translated(self, text: str) -> str:
        """The translation of a sentence, or the sentence itself; what was looked for once is remembered."""
        if text not in self._said:
            if len(self._said) >= _REMEMBERED:
                self._said.clear()
            self._said[text] = self._translated(text)
        return self._said[text]

    def _translated(self, text: str) -> str:
        if len(text) > _LONGEST:
            return text
        for known in (text, f" {text}"):  # what was written to follow another sentence
            said = QCoreApplication.translate(CONTEXT, known)
            if said != known:
                return said if known == text else said.strip()
        if _DOT in text:  # facts of one line
            return _DOT.join(map(self.translated, text.split(_DOT)))
        if self._templates is None:
            self._templates = templates_of(self._file)
        return (
            self._gone_on(text, numbers=True)
            or self._as_one(text, telling=True, within=True)
            or self._sentence_by_sentence(text)
            or self._as_one(text, telling=True)
            or self._in_parts(text)
        )

    def _as_one(self, text: str, *, telling: bool, within: bool = False) -> str | None:
        """A text that one template says whole; `within` it, no value is more than a part of a sentence."""
        for template in self._templates or ():
            if template.is_telling is telling and template.anchor in text:
                said = template.said(text, self.translated, within)
                if said is not None:
                    return said
        return None

    def _gone_on(self, text: str, *, numbers: bool) -> str | None:
        """A known sentence that goes on. One that goes on with `numbers` alone is told by them from any other."""
        for template in self._templates or ():
            if template.goes_on and template.is_numbers is numbers and template.anchor in text:
                said = template.said_at_the_end(text, self.translated)
                if said is not None:
                    return said
        return None

    def _sentence_by_sentence(self, text: str) -> str | None:
        """Several sentences, each of which is known."""
        parts = _NEXT.split(text)
        if len(parts) == 1:
            return None
        told = [self.translated(part) for part in parts]
        if any(one == part for one, part in zip(told, parts, strict=True)):
            return None
        return _without_spaces(" ".join(told))

    def _in_parts(self, text: str) -> str:
        """What no sentence with letters enough is: facts, a sentence that goes on, several, or one such as “A and B”.

        Facts go first where each of them is known: “A and B” would fit them too, and take them apart in the middle.
        """
        facts = text.split(", ")
        told = [self.translated(fact) for fact in facts] if len(facts) > 1 else facts
        if all(one != fact for one, fact in zip(told, facts, strict=True)):
            return tr(", ").join(told)
        said = self._as_one(text, telling=False)
        if said is not None:
            return said
        said = self._gone_on(text, numbers=False)
        if said is not None:
            return said
        parts = _ENDS.split(text)  # several sentences may stand in one paragraph
        if len(parts) > 1:
            joined = "".join(part if place % 2 else self.translated(part) for place, part in enumerate(parts) if part)
            return _without_spaces(joined)
        return tr(", ").join(told) if told != facts else text


class Template:
    """A sentence with places for values, and its translation. A value in “ ” is a name, and is not translated.

    is_numbers: its values are numbers. is_telling: it is told from other texts by its letters, or as a number of
    something. goes_on: it goes on with a sentence that another began.
    """

    def __init__(self, source: str, translation: str) -> None:
        self._places = [(literal, name, form or "") for literal, name, form, _ in string.Formatter().parse(source)]
        pieces = [piece for literal, *_ in self._places for piece in literal.split("(s)")]
        self.letters = sum(character.isalpha() for piece in pieces for character in piece)
        self.anchor = max(pieces, key=len, default="")  # must be there; looking for it costs next to nothing
        self._translation = re.sub(r"\{(\w+)[^{}]*\}", r"{\1}", translation)  # the values are text by now
        self._pattern: re.Pattern[str] | None = None
        self.is_numbers = all(_shape(form) != _ANYTHING for _, name, form in self._places if name is not None)
        self.is_telling = self.is_numbers or self.letters >= _FEWEST
        self.goes_on = source.startswith(_GOES_ON)

    @property
    def is_one(self) -> bool:
        """Whether its places are values: else it is a text with braces of its own."""
        names = [name for _, name, _ in self._places if name is not None]
        return bool(names) and all(map(str.isidentifier, names)) and self.letters > 1

    def said(self, text: str, translate: Callable[[str], str], within: bool = False) -> str | None:
        """The translation with the values of `text`; nothing where it is not this sentence, or, `within` it, where a
        value goes on into the next one."""
        if self._pattern is None:
            self._pattern = re.compile(self._written(), re.DOTALL)
        found = self._pattern.fullmatch(text)
        if found is None:
            return None
        names = {name for literal, name, _ in self._places if literal.endswith("“")}
        if within and any(_NEXT.search(value) for name, value in found.groupdict().items() if name not in names):
            return None
        values = {name: value if name in names else translate(value) for name, value in found.groupdict().items()}
        if values == found.groupdict() and not self.is_telling:
            return None
        return _without_spaces(self._translation.format(**values))

    def said_at_the_end(self, text: str, translate: Callable[[str], str]) -> str | None:
        """The translation of a text that ends with this one; nothing where it does not, or its beginning is unknown."""
        begins = self._places[0][0]
        place = text.find(begins)
        while place > 0:
            end = self.said(text[place:], translate)
            if end is not None:
                head = translate(text[:place])
                if head != text[:place] or not any(map(str.isalpha, head)):  # a number is the same in all languages
                    return _without_spaces(head + end)
            place = text.find(begins, place + 1)
        return None

    def _written(self) -> str:
        """A value of any shape ends where what follows it first fits: were every other end tried too, a text of two
        thousand characters would take minutes."""
        parts, seen = [""], set[str]()
        for literal, name, form in self._places:
            parts[-1] += re.escape(literal).replace(r"\(s\)", r"(?:\(s\)|s)?")
            if name is None:
                continue
            if name not in seen and _shape(form) == _ANYTHING:
                parts.append("")
            parts[-1] += f"(?P={name})" if name in seen else f"(?P<{name}>{_shape(form)})"
            seen.add(name)
        return "".join(f"(?>{part})" for part in parts[:-1]) + parts[-1]


def templates_of(file: Path) -> list[Template]:
    """The templates of a .ts file, the most telling first."""
    found: list[Template] = []
    for message in ElementTree.parse(file).iter("message"):
        source, translation = message.findtext("source") or "", message.find("translation")
        if "{" in source and translation is not None and translation.text and translation.get("type") is None:
            said = translation.text
            if source[:1] == " " and source[1:2].isupper():  # written to follow another sentence, met alone
                source, said = source.strip(), said.strip()
            with contextlib.suppress(ValueError):  # a brace of its own
                found.append(Template(source, said))
    return sorted((one for one in found if one.is_one), key=lambda one: -one.letters)


def _shape(form: str) -> str:
    """What a value may look like: a number or a time of day where it is written as one."""
    if re.fullmatch(r"(%[HMSYmd]\W*)+", form):
        return r"\d[\d:./ -]*"
    return r"[-+−\d][\d,.e+-]*%?" if form and form[-1] in ",defg%" else _ANYTHING

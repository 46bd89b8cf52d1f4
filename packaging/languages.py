"""Keeps resources/languages in step with the sources: what is new joins each .ts, what is gone leaves, .qm is written.

In the window these are the arguments of `tr`, `trn` and `mark`. Below it, sentences that people read are found by how
they look and where they stand; an f-string becomes a template with a named place for each value. Run by `make format`;
a test fails when a .ts or .qm is not what this would write.
"""

from __future__ import annotations

import ast
import keyword
import re
import string
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import PySide6

from studio.core.fields import settings_of
from studio.core.glossary.words import WORDS
from studio.core.methods import METHODS
from studio.core.records import KINDS
from studio.storage.catalogue import read_catalogue

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ROOT / "resources" / "languages"
CONTEXT = "Plumbline"
_LAYERS = ("core", "storage", "processes", "engine", "jobs")
_PAGES = "packaging/help_pages.py"  # says a few words of its own in the pages that it writes
_MARKS = frozenset({"tr", "trn", "mark"})
# Files whose texts are no part of the window: what stays English for models, files and programs to read.
_ASIDE = (
    "core/gold_judge.py", "core/readme.py", "core/report/", "engine/exporting/ollama.py", "engine/fast/",
    "engine/serving/http.py", "storage/tensorboard.py", "storage/contrast.py",
)  # fmt: skip
# Words that sentences below the window are completed with; nothing tells them from keys.
_SINGLE = (
    "a list", "a number", "an object", "bad", "characters", "downloaded", "failed", "fallen", "first", "good",
    "longer", "newer", "no", "none", "other", "People's", "processor", "risen", "rules in code", "second",
    "shorter", "something else", "stopped", "tie", "true or false", "unloaded", "yes",
)  # fmt: skip

# Calls whose texts nobody reads, or only people who read sources.
_DEAF = frozenset(
    """
    AssertionError ArgumentParser Decimal ImportError KeyError LookupError NotImplementedError Path Pattern Popen
    RuntimeError TypeError TypeVar add_argument aggregate basename cast check compile connect count critical
    debug decode dumps encode endswith environ error escape exception executemany execute executescript field find
    findall finditer fromisoformat fullmatch get getattr getLogger glob hasattr import_module index info isinstance
    joinpath lstrip match mktemp open partition pop prefix print read_text relative_to removeprefix removesuffix
    replace rfind rglob rpartition rsplit rstrip run search setattr setdefault split startswith strftime strip strptime
    sub suffix warn warning with_name with_suffix write write_text
    """.split()
)
_DEAF_IN_WINDOW = frozenset(
    """
    Message OSError ValueError QColor QKeySequence Signal StudioError WorkerService carried findData getAxis offer
    property setApplicationName setDefaultSuffix setDesktopFileName setDisplayFormat setObjectName setProperty setStyle
    setStyleSheet set_role show_page show_part translated
    """.split()
)
_NOT_WORDS = re.compile(
    r"^\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|PRAGMA|WITH|BEGIN|FROM|WHERE|AND|ORDER|JOIN|REPLACE)\b|<\w+|"
    r"\{%|\{\{|\\[bdsw]|^https?://|^[\w.-]+/[\w./-]+$|^--|^\w+=|;\w+="
)


@dataclass
class Found:
    """A text, the files that say it, and whether it counts."""

    source: str
    counts: bool = False
    files: set[str] = field(default_factory=set)


def texts() -> dict[str, Found]:
    """Everything that is to be translated, by its English text."""
    found: dict[str, Found] = {}
    for layer in ("gui", *_LAYERS):
        for file in sorted((ROOT / "studio" / layer).rglob("*.py")):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            name = file.relative_to(ROOT / "studio").as_posix()
            if name.startswith(_ASIDE):
                continue
            pairs = (
                [*_of_window(tree), *_of_errors(tree)] if layer == "gui" else [(said, False) for said in _below(tree)]
            )
            for said, counts in pairs:
                known = found.setdefault(said, Found(said))
                known.counts |= counts
                known.files.add(f"studio/{name}")
    for said in (*_SINGLE, *_counted()):
        found.setdefault(said, Found(said)).files.add("studio/core/records.py")
    for model in read_catalogue():
        found.setdefault(model.about, Found(model.about)).files.add("resources/models.json")
    for said in filter(str.islower, WORDS):  # the others are the same in every language
        found.setdefault(said, Found(said)).files.add("studio/core/glossary/words.py")
    for said, _ in _of_window(ast.parse((ROOT / _PAGES).read_text(encoding="utf-8"))):
        found.setdefault(said, Found(said)).files.add(_PAGES)
    return dict(sorted(found.items()))


def _counted() -> Iterator[str]:
    """What `Kind.count` says, the names of rows, and settings with their units."""
    for kind in KINDS.values():
        yield from (kind.rows, f"{{number:,}} {kind.rows}", f"{{number:,}} {kind.rows.removesuffix('s')}")
    for unit in {known.unit for method in METHODS.values() for known in settings_of(method.settings)} - {""}:
        yield from (unit, f"{{value:g}} {unit}")


def unmarked() -> Iterator[tuple[str, str]]:
    """What the window says without `tr` or `mark`, as far as it can be told from keys: file and text."""
    for file in sorted((ROOT / "studio" / "gui").rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for said in _below(tree, _DEAF | _MARKS | _DEAF_IN_WINDOW):
            yield file.relative_to(ROOT / "studio" / "gui").as_posix(), said


def _of_window(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _MARKS:
            place = 1 if node.func.id == "trn" else 0  # the second of `trn` is the one for many
            for text in _constants(node.args[place]):
                yield text, node.func.id == "trn"


def _constants(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from (*_constants(node.body), *_constants(node.orelse))
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _constants(value)


def _of_errors(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """What errors say that the window itself raises: translated where they are shown, as all others."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) == "StudioError":
            yield from ((said, False) for said in _below(ast.Module([ast.Expr(node)], [])))


def _below(tree: ast.Module, deaf: frozenset[str] = _DEAF) -> Iterator[str]:
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
        if is_text and _is_told(node, parents, deaf) and _is_words(said := template_of(node), node):
            yield said


def _is_told(node: ast.AST, parents: dict[ast.AST, ast.AST], deaf: frozenset[str]) -> bool:
    """Whether a text stands where people may read it."""
    child: ast.AST = node
    while (parent := parents.get(child)) is not None:
        match parent:
            case ast.FormattedValue() if child is parent.format_spec:
                return False
            case ast.JoinedStr() if child is node:
                return False  # a part of the text around it
            case ast.Expr() if child is node:
                return False  # a docstring
            case ast.Compare() | ast.Subscript() | ast.MatchValue() | ast.arg() | ast.Assert():
                return False
            case ast.Dict() if child in parent.keys:
                return False
            case ast.AnnAssign() if child is parent.annotation:
                return False
            case ast.FunctionDef() if child is parent.returns:
                return False
            case ast.Call(func=ast.Name(id="replace")):
                pass  # of a dataclass, not of a text
            case ast.Call() if _name(parent.func) in deaf and child is not parent.func:
                return False
            case _:
                pass
        child = parent
    return True


def _is_words(text: str, node: ast.AST) -> bool:
    plain = re.sub(r"\{[^{}]*\}", "", text)
    if _NOT_WORDS.search(text) or not re.search(r"[^\W\d_]{2,}", plain):
        return False
    if re.search(r"[^\W\d_]{2,}([,;:.]? | / )[^\W\d_]|^\d+ [a-z]+\.$", plain):
        return True
    if isinstance(node, ast.JoinedStr):
        return " " in text
    return bool(re.fullmatch(r"[A-Z][a-z]+(-[a-z]+)*[.…:]?|[a-z]+[.…]", text))


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def template_of(node: ast.AST) -> str:
    """A text as it is translated: an f-string with a name for each place, and “(s)” for an ending that counts."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.JoinedStr)
    text, names = "", dict[str, str]()
    for part in node.values:
        if isinstance(part, ast.Constant):
            text += str(part.value).replace("{", "{{").replace("}", "}}")
            continue
        assert isinstance(part, ast.FormattedValue)
        if _is_ending(part.value):
            text += "(s)"
            continue
        code = ast.unparse(part.value)
        if code not in names:
            names[code] = _unlike(_called(part.value), set(names.values()))
        text += f"{{{names[code]}{_form(part.format_spec)}}}"
    return text


def _form(spec: ast.expr | None) -> str:
    if not isinstance(spec, ast.JoinedStr):
        return ""
    return ":" + "".join(str(one.value) for one in spec.values if isinstance(one, ast.Constant))


def _is_ending(node: ast.expr) -> bool:
    """Whether a value is the s of a plural, such as "s" * (count != 1)."""
    match node:
        case ast.BinOp(left=ast.Constant(value="s"), op=ast.Mult()):
            return True
        case ast.IfExp(body=ast.Constant(value="s" | ""), orelse=ast.Constant(value="s" | "")):
            return True
        case _:
            return False


def _unlike(name: str, others: set[str]) -> str:
    number, told = 1, name
    while told in others:
        number += 1
        told = f"{name}_{number}"
    return told


def _called(node: ast.expr) -> str:
    """What a value is called in a template."""
    match node:
        case ast.Name():
            name = node.id
        case ast.Attribute():
            name = node.attr
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            pass
        case ast.Subscript():
            return _called(node.value)
        case ast.Call(func=ast.Name(id="len")):
            name = "count"
        case ast.Call(func=ast.Attribute(attr="join")):
            name = "list"
        case ast.Call(
            func=ast.Attribute(value=ast.expr() as inner, attr="strip" | "lower" | "upper" | "get" | "capitalize")
        ):
            return _called(inner)
        case ast.Call(args=[ast.Name() | ast.Attribute(), *_], func=ast.Name()):
            return _called(node.args[0])
        case ast.Call():
            name = _name(node.func)
        case ast.IfExp():
            return _called(node.body if not isinstance(node.body, ast.Constant) else node.orelse)
        case ast.BoolOp():
            return _called(node.values[0])
        case ast.BinOp():
            return _called(node.left if not isinstance(node.left, ast.Constant) else node.right)
        case _:
            name = ""
    name = re.sub(r"\W", "_", name).strip("_").lower()
    return name if name.isidentifier() and not keyword.iskeyword(name) else "value"


# ------------------------------------------------------------------------------------------------------------ .ts, .qm


def ts_of(language: str, known: dict[str, Found], before: str) -> str:
    """The text of a .ts file: every text that is known, with the translations of the file as it was."""
    old = {message.findtext("source") or "": message for message in _messages(before)}
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        "<!DOCTYPE TS>",
        f'<TS version="2.1" language="{language}" sourcelanguage="en">',
        f"<context>\n    <name>{CONTEXT}</name>",
    ]
    for said, found in known.items():
        files = "".join(f'\n        <location filename="../../{file}"/>' for file in sorted(found.files))
        translation = _translation(old.get(said), found.counts)
        counts = ' numerus="yes"' if found.counts else ""
        source = f"<source>{escape(said)}</source>"
        lines.append(f"    <message{counts}>{files}\n        {source}\n        {translation}\n    </message>")
    for said, message in sorted(old.items()):
        kept = message.findtext("translation") or ""
        if said not in known and kept.strip():
            lines.append(
                f"    <message>\n        <source>{escape(said)}</source>\n"
                f'        <translation type="vanished">{escape(kept)}</translation>\n    </message>'
            )
    return "\n".join([*lines, "</context>", "</TS>", ""])


def _messages(text: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(text.encode()).iter("message")) if text else []


def _translation(message: ElementTree.Element | None, counts: bool) -> str:
    old = message.find("translation") if message is not None else None
    forms = [form.text or "" for form in old.iter("numerusform")] if old is not None else []
    if counts:
        said = "".join(f"<numerusform>{escape(form)}</numerusform>" for form in forms or [""])
        done = bool(forms) and all(forms)
    else:
        plain = (old.text or "") if old is not None else ""
        said, done = escape(plain or (forms[0] if forms else "")), bool(plain)
    unfinished = not done or (old is not None and old.get("type") == "unfinished")
    state = ' type="unfinished"' if unfinished else ""
    return f"<translation{state}>{said}</translation>"


def wrong_places(source: str, translation: str) -> str:
    """What is wrong with the places of a translation, as a sentence: each {value} must be there, and no other."""
    try:
        wanted, given = _places(source), _places(translation)
    except ValueError:
        wanted, given = set[str](), set[str]()
        if source.count("{") != translation.count("{") or source.count("}") != translation.count("}"):
            return "its braces are not those of the source"
    if missing := wanted - given:
        return f"{', '.join(sorted(missing))} is missing"
    if unknown := given - wanted:
        return f"{', '.join(sorted(unknown))} is not in the source"
    return ""


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def compile_ts(file: Path, target: Path) -> None:
    """Write the .qm of a .ts, by the tool that comes with PySide6."""
    tool = Path(PySide6.__file__).parent / ("lrelease.exe" if sys.platform == "win32" else "lrelease")
    subprocess.run([tool, "-silent", file, "-qm", target], check=True)


def main() -> None:
    known = texts()
    for file in sorted(LANGUAGES.glob("*.ts")):
        file.write_text(ts_of(file.stem, known, file.read_text(encoding="utf-8")), encoding="utf-8")
        compile_ts(file, file.with_suffix(".qm"))


if __name__ == "__main__":
    main()

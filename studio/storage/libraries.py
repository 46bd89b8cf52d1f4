"""What the program is built on: every library with its version and licence, as their own metadata tell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata

from studio.core.errors import StudioError
from studio.storage.resources import carried

_OWN = "plumbline-studio"
_TEXTS = re.compile(r"(^|/)(LICEN[CS]E|COPYING|NOTICE|COPYRIGHT)[^/]*$", re.IGNORECASE)
_LONGEST = 40  # characters of a licence's name; some write the whole text there


@dataclass(frozen=True, slots=True)
class Library:
    """A library that the program carries or was installed with."""

    name: str
    version: str
    licence: str


def libraries() -> list[Library]:
    """All of them, by name: what the program asks for and what that asks for, as far as it is here."""
    found: dict[str, Library] = {}
    waiting = [_OWN]
    while waiting:
        name = waiting.pop()
        if _key(name) in found:
            continue
        try:
            known = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        found[_key(name)] = Library(known.metadata["Name"], known.version, _licence(known))
        waiting += [match[0] for need in known.requires or () if (match := _needed(need))]
    if _key(_OWN) not in found:  # a packaged program has no metadata of its own
        for known in metadata.distributions():
            name = known.metadata["Name"]
            found[_key(name)] = Library(name, known.version, _licence(known))
    found.pop(_key(_OWN), None)
    found["lucide"] = Library("Lucide", "icons", "ISC")
    return sorted(found.values(), key=lambda library: library.name.lower())


def licence_text(library: Library) -> str:
    """The texts that a library brings about its licence; a sentence where it brings none. Raises StudioError."""
    if library.name == "Lucide":
        return carried("resources", "icons", "LICENSE").read_text(encoding="utf-8")
    try:
        files = metadata.distribution(library.name).files or []
        texts = [file.read_text(encoding="utf-8") for file in files if _TEXTS.search(file.as_posix())]
    except (metadata.PackageNotFoundError, OSError, UnicodeDecodeError) as error:
        raise StudioError(
            f"The licence of {library.name} can't be read ({error}).", "Look at its home page."
        ) from error
    return "\n\n".join(text for text in texts if text) or (
        f"{library.name} brings no licence text; its metadata say: {library.licence or 'nothing'}."
    )


def _licence(known: metadata.Distribution) -> str:
    told = _told(known, "License-Expression")
    if not told:
        classified = [text for text in known.metadata.get_all("Classifier") or () if text.startswith("License ::")]
        told = ", ".join(text.rsplit(" :: ", 1)[-1] for text in classified)
    if not told:
        told = next(iter(_told(known, "License").splitlines()), "")
    return told if len(told) <= _LONGEST else told[: _LONGEST - 1] + "…"


def _told(known: metadata.Distribution, field: str) -> str:
    return next(iter(known.metadata.get_all(field) or ()), "").strip()


def _needed(need: str) -> re.Match[str] | None:
    """The name of what is needed, unless an extra asks for it."""
    return None if "extra ==" in need else re.match(r"[A-Za-z0-9._-]+", need)


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

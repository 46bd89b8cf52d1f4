"""New versions of the program: where they are announced, what such an address answers, and which version is newer.

Nothing is asked here (`processes.updates`), and nothing is asked at all unless a person turned it on.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from studio.core.errors import StudioError

# The one place where the address of releases is declared: one that answers as GitHub's releases/latest does. There is
# none yet, so a person who turns the check on types the address of whoever they have the program from.
RELEASES = ""
_NUMBERS = re.compile(r"v?(\d+(?:\.\d+)*)(?:-?(a|b|rc|alpha|beta|dev|pre)\.?\d*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Release:
    """A version that is announced, and the page that tells of it."""

    version: str
    page: str


def releases_at(text: str) -> str:
    """The address of releases out of what a person typed. Raises StudioError."""
    address = text.strip()
    if not address:
        raise StudioError(
            "There is no address to ask for new versions.",
            "Type the one of whoever you have Plumbline from, or leave the check off.",
        )
    parts = _split(address if "://" in address else f"https://{address}")
    local = parts is not None and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts is None or not parts.hostname or parts.username or not (parts.scheme == "https" or local):
        raise StudioError(
            f"“{address}” is no address that can be asked for new versions.", "Write it as https://host/…."
        )
    return parts.geturl()


def host_in(address: str) -> str:
    """The host of an address, as a sentence names it."""
    parts = _split(address)
    return parts.netloc if parts is not None else address


def release_in(answer: bytes, address: str) -> Release:
    """The release that an address answered with. Its page must be a web page. Raises StudioError."""
    try:
        parsed: Any = json.loads(answer)
    except ValueError:  # UnicodeDecodeError is one
        parsed = None
    said = cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}
    version, page = said.get("tag_name"), said.get("html_url")
    if not isinstance(version, str) or not _NUMBERS.fullmatch(version.strip()):
        raise StudioError(
            f"What {host_in(address)} answered tells of no version.",
            "Check the address of new versions in the settings.",
        )
    parts = _split(page) if isinstance(page, str) else None
    if parts is None or parts.scheme not in ("https", "http") or not parts.hostname or parts.username:
        raise StudioError(
            f"{host_in(address)} tells of version {version.strip()[:40]}, but of no page about it.",
            "Look for it where you have Plumbline from.",
        )
    return Release(version.strip().lstrip("vV"), parts.geturl())


def is_newer(version: str, than: str) -> bool:
    """Whether a version is newer than another; a preview of a version is older than the version."""
    return _order(version) > _order(than)


def _order(version: str) -> tuple[list[int], bool]:
    found = _NUMBERS.match(version.strip())
    numbers = [int(number) for number in found[1].split(".")] if found else []
    while numbers and not numbers[-1]:  # 1.0 is 1
        numbers.pop()
    return numbers, not (found and found[2])


def _split(address: str) -> Any:
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    return parts

"""Asks the address of releases which version is the newest. Called in a thread, and only where a person turned it on.

One request to the one host that was agreed to: it is never sent on to another, and says nothing but the program's name.
"""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from typing import IO, Any

from studio.core.errors import StudioError
from studio.core.updates import Release, host_in, release_in, releases_at

_PATIENCE = 10.0  # seconds of silence until the host is given up on, and seconds for the whole of its answer
_LARGEST = 1_000_000  # bytes of an answer; a release's notes stand in it, too


class _Here(urllib.request.HTTPRedirectHandler):
    """Goes nowhere else than where it was agreed to."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        fp.close()
        raise StudioError(
            f"{host_in(req.full_url)} points to {host_in(newurl) or 'another address'}, which was not asked.",
            "If you trust it, write that address into the settings.",
        )


def _whole(reply: http.client.HTTPResponse) -> bytes:
    """The answer, as far as it is read. Raises TimeoutError: a host may drip it without end."""
    until, answer = time.monotonic() + _PATIENCE, b""
    while len(answer) <= _LARGEST and (more := reply.read1(_LARGEST + 1 - len(answer))):
        answer += more
        if time.monotonic() > until:
            raise TimeoutError(f"no end of the answer after {_PATIENCE:g} s")
    return answer


def newest_release(address: str) -> Release:
    """The newest release that an address tells of. Raises StudioError, whatever goes wrong."""
    address = releases_at(address)
    host = host_in(address)
    request = urllib.request.Request(address, headers={"User-Agent": "Plumbline", "Accept": "application/json"})
    try:
        with urllib.request.build_opener(_Here()).open(request, timeout=_PATIENCE) as reply:
            answer = _whole(reply)
    except urllib.error.HTTPError as error:
        error.close()
        raise StudioError(
            f"{host} did not say which version is the newest (HTTP {error.code}).",
            "Check the address of new versions in the settings.",
        ) from error
    except (OSError, ValueError, urllib.error.URLError, EOFError) as error:
        raise StudioError(
            f"{host} could not be asked which version is the newest.",
            "Check the connection, or turn the check off in the settings.",
            repr(error),
        ) from error
    except Exception as error:  # http.client has errors of its own
        if isinstance(error, StudioError):
            raise
        raise StudioError(
            f"{host} answered with something else than a web server does.",
            "Check the address of new versions in the settings.",
            repr(error),
        ) from error
    if len(answer) > _LARGEST:
        raise StudioError(
            f"What {host} answered is too long to tell of a version.",
            "Check the address of new versions in the settings.",
        )
    return release_in(answer, address)

"""What goes wrong between here and the Hub, in sentences: not there, not allowed, too much, broken, or silent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from studio.core.errors import StudioError
from studio.core.hub import host_of
from studio.engine.failures import as_sentence
from studio.engine.pipe import Request

_SILENT = ("ReadTimeout", "WriteTimeout", "PoolTimeout")
_UNREACHED = (
    "ConnectError",
    "ConnectTimeout",
    "ConnectionError",
    "OfflineModeIsEnabled",
    "NewConnectionError",
    "LocalEntryNotFoundError",
    "ReadError",
    "RemoteProtocolError",
    "ProxyError",
)
_KEPT = "What was downloaded so far is kept, and the next try goes on from there."


def said(error: BaseException, request: Request) -> StudioError:
    """An error in words."""
    if isinstance(error, StudioError):
        return error
    chain = _chain(error)
    is_dataset = request.values.get("do") in ("look", "fetch")
    name, what = str(request.values.get("name") or ""), "dataset" if is_dataset else "model"
    details = f"{type(error).__name__}: {error}"
    names = {type(one).__name__ for one in chain}
    if "GatedRepoError" in names:
        return _gated(name, bool(request.values.get("use_token")), details)
    status = _status(chain)
    if status is not None:
        found = _by_status(status, name, what, bool(request.values.get("use_token")), details)
        if found is not None:
            return found
    if names & set(_SILENT):
        return StudioError(f"{_host()} has stopped answering.", f"Try again later. {_KEPT}", details)
    if names & set(_UNREACHED):
        return StudioError(
            f"{_host()} can't be reached.",
            f"Look at the connection and try again; a {what if is_dataset else 'model folder'} that you have already "
            "is used without it.",
            details,
        )
    if "DatasetNotFoundError" in names:
        return _nothing(name, what, details)
    if "HFValidationError" in names:
        return StudioError(f"“{name}” is no name of a {what}.", "Write it as owner/name, as its page has it.", details)
    if is_dataset and ("Couldn't find" in str(error) or isinstance(error, FileNotFoundError)):
        return StudioError(f"“{name}” holds no file that can be read as rows.", "Choose another dataset.", details)
    return as_sentence(error, Path.cwd())


def _by_status(status: int, name: str, what: str, with_token: bool, details: str) -> StudioError | None:
    match status:
        case 401 if with_token:
            return StudioError(
                "Hugging Face doesn't accept your token.",
                "It may have been revoked; sign in with another one.",
                details,
            )
        case 401 | 404:
            return _nothing(name, what, details)
        case 403:
            return StudioError(
                f"{_host()} doesn't let you have “{name}” (403).",
                "Sign in with a token that may read it, or look at its page for what it asks for.",
                details,
            )
        case 429:
            return StudioError(
                f"{_host()} asks for a pause: it was asked too often (429).",
                f"Try again in some minutes. {_KEPT}",
                details,
            )
        case _ if status >= 500:
            return StudioError(f"{_host()} has trouble of its own ({status}).", f"Try again later. {_KEPT}", details)
        case _:
            return None


def _nothing(name: str, what: str, details: str) -> StudioError:
    private = "" if what == "dataset" else " For a model of your own, sign in and let your token be sent."
    return StudioError(
        f"The Hub has no {what} “{name}” that everybody may read.", f"Compare the name with its page.{private}", details
    )


def _gated(name: str, with_token: bool, details: str) -> StudioError:
    if with_token:
        return StudioError(
            f"“{name}” is gated, and your account has no access yet.",
            f"Accept its terms on its page, {_host()}/{name}; some authors take days to answer.",
            details,
        )
    return StudioError(
        f"“{name}” is gated: its author wants to know who downloads it.",
        f"Accept its terms on its page, {_host()}/{name}, then sign in and let your token be sent.",
        details,
    )


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an error tells of."""
    return _status(_chain(error))


def is_passing(error: BaseException) -> bool:
    """Whether a download may well go on at a second try: a broken line, silence, or a server that is busy."""
    status = status_of(error)
    if status is not None:
        return status in (408, 429) or status >= 500
    return any(type(one).__name__ in (*_SILENT, *_UNREACHED) for one in _chain(error))


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = cause.__cause__ or cause.__context__
    return chain


def _status(chain: list[BaseException]) -> int | None:
    for one in chain:
        response: Any = getattr(one, "response", None)
        status = getattr(response, "status_code", None)
        if isinstance(status, int):
            return status
    return None


def _host() -> str:
    from huggingface_hub import constants

    return host_of(constants.ENDPOINT)

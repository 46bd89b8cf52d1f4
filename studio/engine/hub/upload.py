"""Uploading: the folder of a model that was taken away becomes a new model on the Hub, in one commit or not at all.

A person was asked, and said under which name. What is there already is never written over.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from studio.core.errors import StudioError
from studio.core.hub import host_of
from studio.engine.hub.troubles import status_of
from studio.engine.pipe import Pipe, Request

_OWN = {".gitattributes"}  # what the Hub itself puts into a new model


def upload(pipe: Pipe, request: Request, name: str, folder: Path, token: str | bool, *, private: bool) -> str:
    """Upload a folder under a name; the new model's address. Raises StudioError, and what the client raises."""
    from huggingface_hub import HfApi, constants

    files = [file for file in folder.rglob("*") if file.is_file()] if folder.is_dir() else []
    if not files:
        raise StudioError(f"There is nothing to upload in “{folder}”.", "Write the model first.")
    if token is False:
        raise StudioError("An upload needs your token.", "Sign in first, under Get a model.")
    api: Any = HfApi(token=token)
    size = sum(file.stat().st_size for file in files)
    pipe.reply("progress", id=request.values["id"], done=0, total=0, what=f"Uploading {len(files)} files")
    host = host_of(constants.ENDPOINT)
    try:
        api.create_repo(name, private=private, exist_ok=False)
    except Exception as error:
        if status_of(error) == 409:
            _check_empty(api, name, host)
        elif status_of(error) in (401, 403):
            raise _not_allowed(name, host, error) from error
        else:
            raise
    try:
        api.upload_folder(repo_id=name, folder_path=str(folder), commit_message="Made with Plumbline")
    except Exception as error:
        if status_of(error) in (401, 403):
            raise _not_allowed(name, host, error) from error
        raise
    pipe.reply("progress", id=request.values["id"], done=size, total=size, what="")
    return f"{constants.ENDPOINT}/{name}"


def _check_empty(api: Any, name: str, host: str) -> None:
    """Raise StudioError for a model that holds files; an empty one is what an upload that failed has left."""
    there = {known.rfilename for known in api.model_info(name).siblings or []} - _OWN
    if there:
        raise StudioError(
            f"{host} has a model “{name}” already, with {len(there)} files.",
            "Choose another name: nothing that is there is written over.",
        )


def _not_allowed(name: str, host: str, error: Exception) -> StudioError:
    return StudioError(
        f"{host} doesn't let your token write to “{name}”.",
        "Write your own name before the /, and sign in with a token of the kind “Write”.",
        f"{type(error).__name__}: {error}",
    )

"""The Hub worker: the only process that uses the network, and a person was asked before it starts.

What window and worker say to each other is `core.hub`. Which address is asked is `storage.hub_places`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from studio.core.errors import StudioError
from studio.core.hub import dataset_name, model_id
from studio.engine.pipe import Interrupted, Pipe, Request
from studio.storage.hub_places import endpoint, token_file


def serve() -> int:
    """Answer until standard input closes."""
    home = tempfile.mkdtemp(prefix="plumbline-hub-")  # what the libraries keep for next time goes with the worker
    for name, value in {
        "HF_HUB_OFFLINE": "0",
        "HF_DATASETS_OFFLINE": "0",
        "HF_ENDPOINT": endpoint(),
        "HF_TOKEN_PATH": str(token_file()),  # the token stays where other programs of the user find it
        "HF_HOME": home,
        "HF_HUB_CACHE": str(Path(home) / "hub"),
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        "HF_HUB_DISABLE_XET": "1",  # plain HTTP can be resumed and its checksum compared
        "USE_TORCH": "0",  # which saves seconds: rows are plain values
        "USE_TF": "0",
    }.items():
        os.environ[name] = value
    pipe = Pipe()
    try:
        from studio.engine.hub.connection import connect
        from studio.engine.hub.troubles import said

        connect()
        pipe.reply("ready")
        for request in pipe.requests():
            try:
                _answer(pipe, request)
            except Interrupted:
                continue
            except Exception as error:
                pipe.fail(said(error, request), request.values.get("id"))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return 0


def _answer(pipe: Pipe, request: Request) -> None:
    from studio.engine.hub import account, datasets, download, models
    from studio.engine.hub import upload as uploads
    from studio.engine.hub.connection import reach

    values = request.values
    if values.get("do") not in ("account", "sign out"):
        reach()
    match values:
        case {"do": "look", "id": wanted, "name": str(name)}:
            pipe.reply("found", id=wanted, **datasets.look(dataset_name(name), str(values.get("config") or "")))
        case {
            "do": "fetch",
            "id": wanted,
            "name": str(name),
            "config": str(config),
            "split": str(split),
            "folder": str(folder),
        }:
            file, rows = datasets.fetch(pipe, request, dataset_name(name), config, split, Path(folder))
            if file is not None:
                pipe.reply("fetched", id=wanted, file=str(file), rows=rows)
        case {"do": "search", "id": wanted, "words": str(words)}:
            found = models.search(words, int(values.get("limit") or 30))
            pipe.reply("models", id=wanted, models=[model.as_dict() for model in found])
        case {"do": "model", "id": wanted, "name": str(name), "models": str(folder)}:
            model, offer = models.look(model_id(name), Path(folder), account.token_for(values))
            pipe.reply("model", id=wanted, model=model.as_dict(), offer=offer.as_dict())
        case {"do": "get", "id": wanted, "name": str(name), "revision": str(revision), "models": str(folder)}:
            token, newer = account.token_for(values), bool(values.get("newer"))
            download.get(pipe, request, model_id(name), revision, Path(folder), token, newer=newer)
        case {"do": "upload", "id": wanted, "name": str(name), "folder": str(folder)}:
            private, token = bool(values.get("private", True)), account.token_for(values)
            address = uploads.upload(pipe, request, model_id(name), Path(folder), token, private=private)
            pipe.reply("uploaded", id=wanted, address=address)
        case {"do": "account", "id": wanted}:
            pipe.reply("account", id=wanted, signed_in=account.is_signed_in(), name="")
        case {"do": "sign in", "id": wanted, "token": str(token)}:
            pipe.reply("account", id=wanted, signed_in=True, name=account.sign_in(token))
        case {"do": "sign out", "id": wanted}:
            account.sign_out()
            pipe.reply("account", id=wanted, signed_in=account.is_signed_in(), name="")
        case _:
            raise StudioError(f"The Hub process doesn't know the request {values.get('do')!r}.")

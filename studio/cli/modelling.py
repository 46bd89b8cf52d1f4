"""plumbline models: list models, find and download them from the Hugging Face Hub, link folders, and remove them."""

from __future__ import annotations

import argparse
from pathlib import Path

from studio.cli.importing import Bar
from studio.cli.options import agree, open_project
from studio.cli.rewarding import SHORTEST_HASH
from studio.core.errors import StudioError, did_you_mean
from studio.core.hub import Offer, host_of, model_id
from studio.processes.hub import HubClient, hub_client
from studio.storage.catalogue import needs_of, read_catalogue
from studio.storage.consent import RISK, allow, is_allowed
from studio.storage.disk import size_on_disk
from studio.storage.files import free_space, in_bytes, whole_path
from studio.storage.hub_places import (
    downloaded_models,
    endpoint,
    models_home,
    partial_downloads,
    partial_of,
    place_of,
    read_download,
)
from studio.storage.library import add_to_library, forget, list_library
from studio.storage.machine import read_device
from studio.storage.model_code import own_code
from studio.storage.model_shapes import foretold_shape
from studio.storage.models import config_of, in_count
from studio.storage.trash import models_trash

_WHAT = {
    "list": "the models that are here; with --project those that it knows",
    "catalogue": "good small models to start from, with what each needs on this computer",
    "search": "models on the Hub, by words",
    "get": "download a model, or go on with that",
    "update": "download a newer version of a model that is here; the older one goes to the trash",
    "add": "let a project use a model's or an adapter's folder where it lies",
    "trust": "read a model's own code, and agree that it runs",
    "remove": "move a downloaded model to the trash; a linked one only leaves the project's list",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    told = "; ".join(f"{word}: {about}" for word, about in _WHAT.items())
    parser.add_argument("what", nargs="?", choices=list(_WHAT), default="list", metavar="WHAT", help=told)
    parser.add_argument("name", nargs="*", help="the model's name on the Hub, words to search for, or a folder")
    parser.add_argument("--project", type=Path, metavar="FOLDER", help="the project that is to know the model")
    parser.add_argument(
        "--yes", action="store_true", help="ask nothing before the network is used or a model is removed"
    )
    parser.add_argument(
        "--allow-code", metavar="HASH", help="agree to run a model's code, by the hash that “trust” says"
    )
    parser.add_argument(
        "--use-token", action="store_true", help="send the token that huggingface_hub keeps (hf auth login)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Do it. Raises StudioError."""
    name = " ".join(arguments.name)
    match arguments.what:
        case "list":
            _list(arguments.project)
        case "catalogue":
            _catalogue()
        case "search":
            _search(_named(name, "words to search for"), arguments.yes)
        case "get":
            _get(model_id(_named(name, "which model")), arguments)
        case "update":
            _update(model_id(_named(name, "which model")), arguments)
        case "trust":
            _trust(Path(_named(name, "which folder")), arguments.allow_code)
        case "add":
            _add(Path(_named(name, "which folder")), arguments.project)
        case _:
            _remove(_named(name, "which model"), arguments)
    return 0


def _list(project: Path | None) -> None:
    if project is not None:
        for model in list_library(open_project(project)):
            print(f"{model.name:<40}  {model.about:<32}  {model.folder}")
        return
    for folder in downloaded_models():
        print(f"{_name_of(folder):<40}  {in_bytes(size_on_disk(folder)):>8}  {folder}")
    for folder in partial_downloads():
        name = folder.name.replace("--", "/")
        print(f"{name:<40}  {in_bytes(size_on_disk(folder)):>8}  unfinished; “plumbline models get {name}” goes on")
    print(f"Models are kept in {models_home()} ({free_space(models_home())} free).")


def _catalogue() -> None:
    device = read_device()
    print(f"{'':<40}  {'size':>7}  {'to talk':>8}  {'LoRA':>8}  {'QLoRA':>8}  licence")
    for model in read_catalogue():
        shape = foretold_shape(model.config)
        if shape is None:
            continue
        needs = needs_of(shape, device)
        sizes = "  ".join(f"{in_bytes(size):>8}" for size in (needs.chat, needs.lora, needs.qlora))
        gated = ", gated" if model.gated else ""
        print(f"{model.name:<40}  {in_count(model.parameters):>7}  {sizes}  {model.licence}{gated}; {needs.verdict}")


def _search(words: str, yes: bool) -> None:
    agree(f"Search {host_of(endpoint())} for “{words}”?", yes)
    with hub_client() as hub:
        found = hub.search(words)
    for model in found:
        size = in_count(model.parameters) if model.parameters else ""
        gated = ", gated" if model.gated else ""
        print(f"{model.name:<56}  {size:>7}  {model.downloads:>12,} downloads  {_printable(model.licence)}{gated}")
    if not found:
        print(f"No model for “{words}” that writes text and has safetensors.")


def _get(name: str, arguments: argparse.Namespace) -> None:
    project = open_project(arguments.project) if arguments.project else None
    place, host = place_of(models_home(), name), host_of(endpoint())
    if not read_download(place):
        token = " and send it your token" if arguments.use_token else ""
        agree(f"Ask {host} about “{name}”{token}?", arguments.yes)
        with hub_client() as hub:
            model, offer = hub.look(name, models_home(), use_token=arguments.use_token)
            have = f", {in_bytes(offer.have)} are here" if offer.have else ""
            size = f"{in_bytes(offer.size - offer.have)} to download{have}"
            licence = _printable(model.licence) or "not said"
            print(f"{model.name}: {size}, licence {licence}{', gated' if model.gated else ''}")
            if offer.trouble:
                print(offer.trouble)
            if not offer.usable:
                raise StudioError(f"“{name}” was not downloaded.", "Choose another model.")
            agree(f"Download it to {place} ({free_space(models_home())} free)?", arguments.yes)
            _download(hub, name, offer, arguments.use_token)
    if project is not None:
        add_to_library(project, place)
    print(f"Here: {place}")


def _add(folder: Path, project: Path | None) -> None:
    if project is None:
        raise StudioError("A folder is added to a project.", "Name it with --project.")
    print(f"Added: {add_to_library(open_project(project), folder)}")


def _update(name: str, arguments: argparse.Namespace) -> None:
    place, host = place_of(models_home(), name), host_of(endpoint())
    if not read_download(place):
        raise StudioError(f"“{name}” was not downloaded.", f"“plumbline models get {name}” downloads it.")
    agree(f"Ask {host} whether there is a newer version of “{name}”?", arguments.yes)
    with hub_client() as hub:
        _, offer = hub.look(name, models_home(), use_token=arguments.use_token)
        if not offer.newer:
            print(f"The version that is here is the newest one: {place}")
            return
        size = in_bytes(offer.size - offer.have)
        agree(f"Download {size} and move the version that is here to the trash?", arguments.yes)
        _download(hub, name, offer, arguments.use_token)
    print(f"Here: {place}")


def _download(hub: HubClient, name: str, offer: Offer, use_token: bool) -> None:
    with Bar("Downloading") as report:
        hub.get(
            name,
            offer.revision,
            models_home(),
            lambda done, total: report(done, total, ""),
            use_token=use_token,
            newer=offer.newer,
        )


def _trust(folder: Path, allowed: str | None) -> None:
    folder = whole_path(folder)
    code = own_code(folder, config_of(folder))
    if code is None:
        print(f"“{folder.name}” runs no code of its own.")
        return
    short = code.sha256[:SHORTEST_HASH]
    if is_allowed(code.sha256):
        print(f"You have agreed to the code of “{folder.name}” ({short}).")
    elif allowed is None:
        for name, text in code.files:
            print(f"----- {name}\n{_printable(text)}")
        print(f"-----\n{RISK}\nIf you agree to run it: plumbline models trust {folder} --allow-code {short}")
    elif len(allowed) < SHORTEST_HASH or not code.sha256.startswith(allowed.lower()):
        raise StudioError(f"--allow-code is {allowed!r}, and the code of “{folder.name}” has another hash.", "Read it.")
    else:
        allow(code)
        print(f"Agreed: the code of “{folder.name}” may run as it is now.")


def _remove(named: str, arguments: argparse.Namespace) -> None:
    project = open_project(arguments.project) if arguments.project else None
    known = {_name_of(folder): folder for folder in downloaded_models()}
    folder = known.get(named) or (partial_of(models_home(), named) if "/" in named else None)
    if folder is not None and folder.is_dir():
        agree(f"Move “{named}” ({in_bytes(size_on_disk(folder))}) to the trash?", arguments.yes)
        models_trash(models_home()).throw(folder, f"Downloaded model “{named}”")
        if project is not None:
            forget(project, folder)
        print("It is in the trash; Models, Disk in the window puts it back or empties that.")
        return
    if project is not None:
        linked = {str(model.folder): model for model in list_library(project)}
        path = whole_path(Path(named))
        if str(path) in linked:
            forget(project, path)
            print(f"{path} stays where it is; the project doesn't list it any more.")
            return
    raise StudioError(
        f"There is no downloaded model “{named}”.", did_you_mean(named, known) or "“plumbline models” lists them."
    )


def _name_of(folder: Path) -> str:
    download = read_download(folder)
    return download.name if download else folder.name


def _printable(text: str) -> str:
    """What a terminal would take for orders made visible."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else f"<{ord(sign):04X}>" for sign in text)


def _named(name: str, what: str) -> str:
    if not name:
        raise StudioError(f"Say {what}.", "“plumbline models --help” shows how.")
    return name

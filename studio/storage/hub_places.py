"""Where the Hub's things are: which address is asked, where downloaded models lie, and what other programs left in
Hugging Face's own cache.

Downloads go to one folder of Plumbline's, shared by all projects, not into Hugging Face's cache: a model is then a
plain folder with plain names that any program opens, it can be put on the disk that has room, and what it takes is seen
and deleted as one thing. The cache keeps files by hash and, on Windows, often twice. What is there already is used
where it lies.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from studio.core.errors import StudioError
from studio.core.hub import DEFAULT_ENDPOINT, endpoint_of
from studio.storage.files import write_whole
from studio.storage.settings import home, is_portable, load_settings

RECORD = "plumbline-download.json"
_PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class Download:
    """Where a downloaded model came from, kept beside its files. checksums: by file, as the Hub named them."""

    name: str
    revision: str
    endpoint: str
    checksums: dict[str, str]


def endpoint() -> str:
    """The address that is asked: the settings' mirror, or HF_ENDPOINT's, or the Hub itself."""
    try:
        chosen = endpoint_of(load_settings().hub_mirror) or endpoint_of(os.environ.get("HF_ENDPOINT", ""))
    except StudioError:
        chosen = ""
    return chosen or DEFAULT_ENDPOINT


def models_home() -> Path:
    """The folder that downloaded models go to: the settings', or one of the user's own that no cloud copies."""
    chosen = load_settings().models_folder
    if chosen:
        return Path(chosen)
    if os.environ.get("PLUMBLINE_HOME") or is_portable():
        return home() / "models"
    return Path(platformdirs.user_data_dir("Plumbline", appauthor=False)) / "models"


def place_of(models: Path, name: str) -> Path:
    """The folder of a downloaded model."""
    return models.joinpath(*name.split("/"))


def partial_of(models: Path, name: str) -> Path:
    """The folder of a download that is under way, or was broken off."""
    return models / _PARTIAL / name.replace("/", "--")


def record_download(folder: Path, download: Download) -> None:
    """Write where a model came from. Raises StudioError."""
    write_whole(folder / RECORD, json.dumps(asdict(download), indent=1) + "\n")


def read_download(folder: Path) -> Download | None:
    """Where a model came from; None when it wasn't downloaded."""
    try:
        return Download(**json.loads((folder / RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def downloaded_models(models: Path | None = None) -> list[Path]:
    """The folders of downloaded models, by name."""
    owners = _folders(models or models_home())
    found = [folder for owner in owners for folder in (owner, *_folders(owner))]
    return sorted(folder for folder in found if (folder / RECORD).is_file())


def partial_downloads(models: Path | None = None) -> list[Path]:
    """The folders of downloads that were broken off."""
    return sorted(_folders((models or models_home()) / _PARTIAL))


def hugging_face_home() -> Path:
    """Hugging Face's folder of the user's: its cache, and the token."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache")
    chosen = os.environ.get("HF_HOME") or os.path.join(cache, "huggingface")
    return Path(os.path.expandvars(os.path.expanduser(chosen)))


def token_file() -> Path:
    """Where huggingface_hub keeps the token."""
    return Path(os.environ.get("HF_TOKEN_PATH") or hugging_face_home() / "token").expanduser()


def has_token() -> bool:
    """Whether huggingface_hub would find a token of the user's."""
    return bool(os.environ.get("HF_TOKEN")) or token_file().is_file()


def cached_models() -> list[Path]:
    """Model folders in Hugging Face's cache, each the snapshot that its main branch stood at, by name."""
    cache = Path(os.environ.get("HF_HUB_CACHE") or hugging_face_home() / "hub").expanduser()
    found: list[Path] = []
    for repository in sorted(_folders(cache)):
        if not repository.name.startswith("models--"):
            continue
        snapshots = [folder for folder in _folders(repository / "snapshots") if (folder / "config.json").is_file()]
        try:
            main = (repository / "refs" / "main").read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            main = ""
        chosen = [folder for folder in snapshots if folder.name == main] or snapshots[-1:]
        found += chosen
    return found


def _folders(folder: Path) -> list[Path]:
    """The folders in a folder; none when it isn't there or can't be looked at."""
    try:
        return [entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
    except OSError:
        return []

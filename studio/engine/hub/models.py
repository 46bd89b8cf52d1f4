"""Models on the Hub: found by words, and looked at before they are downloaded. Nothing is written here."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast

from studio.core.errors import StudioError
from studio.core.hub import HubModel, Offer
from studio.storage.hub_places import partial_of, place_of, read_download
from studio.storage.model_cards import without_front_matter
from studio.storage.model_code import NATIVE

# What a model folder needs to be used, and what people should read. Weights in other forms stay where they are.
_WANTED = (
    "*.json", "*.jinja", "tokenizer.model", "*.tiktoken", "merges.txt", "vocab.txt", "*.py",
    "README.md", "LICENSE*", "LICENCE*", "NOTICE*", "USE_POLICY*",
)  # fmt: skip
_SAFE = ("model.safetensors", "model-*.safetensors", "adapter_model.safetensors")
_PICKLED = ("pytorch_model*.bin", "pytorch_model.bin.index.json")
_NOT_WANTED = ("pytorch_model*.json", "tf_model*", "flax_model*", "consolidated*", "params.json", "trainer_state.json")
_SHOWN = 256 * 1024  # bytes of a README or config that are read


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository. checksum: SHA-256 of a large file, git's SHA-1 of a small one (its header included)."""

    name: str
    size: int
    checksum: str

    def new_digest(self) -> Any:
        """Takes the file's bytes; its `hexdigest` must be the checksum."""
        if len(self.checksum) == hashlib.sha256().digest_size * 2:
            return hashlib.sha256()
        return hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)


def search(words: str, limit: int) -> list[HubModel]:
    """Models that write text and have safetensors, the most downloaded first."""
    from huggingface_hub import HfApi

    found = HfApi().list_models(
        search=words.strip() or None,
        pipeline_tag="text-generation",
        filter=["safetensors", "transformers"],
        sort="downloads",
        limit=limit,
        expand=["downloads", "likes", "gated", "tags", "safetensors"],
        token=False,
    )
    return [_as_model(info) for info in found]


def look(name: str, models: Path, token: str | bool) -> tuple[HubModel, Offer]:
    """What a model is, and what downloading it would bring."""
    info, files = files_of(name, None, token)
    wanted = chosen(files)
    names = {file.name for file in wanted}
    partial = partial_of(models, name)
    place = place_of(models, name)
    there = read_download(place)
    same = {file.name for file in wanted if there is not None and there.checksums.get(file.name) == file.checksum}
    left = sum(
        file.size if file.name in same else min(_size(partial / file.name) or _size(part_of(partial, file)), file.size)
        for file in wanted
    )
    config = _json_of(name, info.sha, "config.json", token) if "config.json" in names else None
    trouble, usable = _trouble(names, config)
    return _as_model(info), Offer(
        revision=info.sha,
        files=tuple((file.name, file.size) for file in wanted),
        size=sum(file.size for file in wanted),
        have=left,
        there=str(place) if there is not None else "",
        newer=there is not None and there.revision != info.sha,
        trouble=trouble,
        usable=usable,
        readme=without_front_matter(_text_of(name, info.sha, "README.md", token)) if "README.md" in names else "",
        config=config,
    )


def files_of(name: str, revision: str | None, token: str | bool) -> tuple[Any, list[HubFile]]:
    """What the Hub knows of a model, and its files. Raises StudioError for one whose sizes aren't told."""
    from huggingface_hub import HfApi

    info = HfApi().model_info(name, revision=revision, files_metadata=True, token=token)
    files: list[HubFile] = []
    for sibling in info.siblings or []:
        checksum = sibling.lfs.sha256 if sibling.lfs else sibling.blob_id
        if sibling.size is None or not checksum:
            raise StudioError(
                f"The Hub doesn't tell the size and checksum of “{sibling.rfilename}”, so it isn't downloaded.",
                "Use the Hub itself, not a mirror, or choose another model.",
            )
        files.append(HubFile(sibling.rfilename, int(sibling.size), str(checksum)))
    return info, files


def chosen(files: list[HubFile]) -> list[HubFile]:
    """The files of a repository that are downloaded: the weights as safetensors, else as pickles, and what goes with
    them. Folders within it hold the same in other forms."""
    at_root = [file for file in files if "/" not in file.name and "\\" not in file.name]
    rest = [file for file in at_root if _like(file.name, _WANTED) and not _like(file.name, _NOT_WANTED)]
    weights = [file for file in at_root if _like(file.name, _SAFE)]
    return [*rest, *(weights or [file for file in at_root if _like(file.name, _PICKLED)])]


def part_of(folder: Path, file: HubFile) -> Path:
    """Where a file's beginning lies until it is whole. Another version of it doesn't go on from there."""
    return folder / f"{file.name}.{file.checksum[:12]}.part"


def _trouble(names: set[str], config: dict[str, Any] | None) -> tuple[str, bool]:
    """Why a model could not be used as it is, and whether it is of any use at all."""
    if "adapter_config.json" in names and "config.json" not in names:
        return "It is an adapter. It is used together with the base model that it was trained on.", True
    if config is None:
        return "It has no config.json, so it is no model that can be trained or talked to here.", False
    weights = {name for name in names if name.endswith((".safetensors", ".bin"))}
    if not weights:
        return "It has no weights as safetensors (perhaps GGUF alone), so it can't be used here.", False
    if not names & {"tokenizer.json", "tokenizer.model"}:
        return "It has no tokenizer.json, so text couldn't be turned into tokens.", False
    if all(name.endswith(".bin") for name in weights):
        return "Its weights are pickle files. They are converted by a reading that knows numbers alone.", True
    if config.get("auto_map") and config.get("model_type") not in NATIVE:
        return "It needs its own Python code to run. You read that code and agree before it does.", True
    return "", True


def _as_model(info: Any) -> HubModel:
    weights: Any = getattr(info, "safetensors", None)
    tags = cast("list[str]", getattr(info, "tags", None) or [])
    licence = next((tag.removeprefix("license:") for tag in tags if tag.startswith("license:")), "")
    return HubModel(
        info.id,
        int(getattr(weights, "total", 0) or 0),
        int(getattr(info, "downloads", 0) or 0),
        int(getattr(info, "likes", 0) or 0),
        licence,
        bool(getattr(info, "gated", False)),
    )


def _text_of(name: str, revision: str, file: str, token: str | bool) -> str:
    """The beginning of a small text file; empty when it may not be read yet, as in a gated model."""
    from studio.engine.hub.download import open_file
    from studio.engine.hub.troubles import status_of

    text = b""
    try:
        with open_file(name, revision, file, token) as response:
            for chunk in response.iter_bytes():
                text += chunk
                if len(text) > _SHOWN:
                    break
    except Exception as error:
        if status_of(error) in (401, 403, 404):
            return ""
        raise
    return text[:_SHOWN].decode("utf-8", "replace")


def _json_of(name: str, revision: str, file: str, token: str | bool) -> dict[str, Any]:
    try:
        parsed = json.loads(_text_of(name, revision, file, token) or "{}")
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}


def _like(name: str, forms: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, form) for form in forms)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0

"""Code of a model's own: Python files beside its weights that must run to load it, which only who has read them allows.

Consent is for what all of these files hold, by one hash (`storage.consent`); a changed file asks again. A model whose
architecture the program knows is loaded by the program's code, and its files are never run.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.core.errors import StudioError
from studio.storage.consent import LARGEST, is_allowed
from studio.storage.files import object_in

# Text models that transformers has code for, by their model_type.
NATIVE = frozenset({
    "bloom", "cohere", "cohere2", "falcon", "gemma", "gemma2", "gemma3", "gemma3_text", "glm", "gpt2", "gpt_bigcode",
    "gpt_neo", "gpt_neox", "gptj", "granite", "helium", "llama", "mistral", "mixtral", "mpt", "nemotron", "olmo",
    "olmo2", "opt", "persimmon", "phi", "phi3", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "smollm3",
    "stablelm", "starcoder2",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class ModelCode:
    """The code of a model. files: name and text of each. sha256: of all of them, and of what the config takes there."""

    path: str
    sha256: str
    files: tuple[tuple[str, str], ...]


class NeedsConsent(StudioError):
    """The model could be used if somebody read its code and agreed that it runs."""

    def __init__(self, code: ModelCode) -> None:
        name = Path(code.path).name
        super().__init__(
            f"“{name}” needs its own Python code to run (files: {len(code.files)}), and you have not agreed to that.",
            "Read the code and agree (“plumbline models trust” in a terminal), or choose another model.",
        )
        self.code = code


def own_code(folder: Path, config: dict[str, Any]) -> ModelCode | None:
    """The code that must run to load a model; None when none must. Raises StudioError when it can't be read first."""
    wanted: Any = config.get("auto_map")
    if not wanted or config.get("model_type") in NATIVE:
        return None
    named = {"config": wanted, "tokenizer": object_in(folder / "tokenizer_config.json").get("auto_map")}
    if "--" in json.dumps(named):
        raise StudioError(
            f"“{folder.name}” would load code from the Hub while it runs, and that can't be read first.",
            "Choose a copy of the model that brings its code, or another model.",
        )
    digest = hashlib.sha256(json.dumps(named, sort_keys=True).encode())
    files: list[tuple[str, str]] = []
    for file in sorted(folder.rglob("*.py")):
        name = file.relative_to(folder).as_posix()
        data = file.read_bytes()
        if len(data) > LARGEST:
            raise StudioError(f"“{name}” of “{folder.name}” is too long to be read first.", "Choose another model.")
        digest.update(f"\0{name}\0{len(data)}\0".encode("utf-8", "replace") + data)
        files.append((name, data.decode("utf-8", "replace")))
    if not files:
        raise StudioError(
            f"“{folder.name}” needs its own Python code to run, and the code isn't there.",
            "Download the model again with all its files.",
        )
    return ModelCode(str(folder), digest.hexdigest(), tuple(files))


def runs_own_code(folder: Path, config: dict[str, Any]) -> bool:
    """Whether loading a model runs its own code, which somebody agreed to. Raises NeedsConsent when nobody did."""
    code = own_code(folder, config)
    if code is None:
        return False
    if not is_allowed(code.sha256):
        raise NeedsConsent(code)
    return True

"""The weights of a base model with an adapter added in, one tensor at a time: memory for one is enough.

What PEFT's `merge_and_unload` makes, in 32 bits: LoRA with its scale (rsLoRA, patterns), DoRA's magnitudes, LoRA on
embeddings, and layers that were trained whole. Other kinds of adapters are refused in a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from studio.core.errors import StudioError
from studio.engine.adapters import check_base, check_kind, config_of_adapter
from studio.storage.models import config_of, model_name, tensors_of, weights_of

_PREFIX = "base_model.model."
_EMBEDDING, _HEAD = "model.embed_tokens.weight", "lm_head.weight"
_PART = re.compile(r"\.(lora_A|lora_B|lora_embedding_A|lora_embedding_B|lora_magnitude_vector)(\.weight)?$")


class Weights:
    """All tensors by name. unties: whether the adapter makes input and output embeddings differ that were one."""

    def __init__(self, base: Path, adapter: Path | None = None) -> None:
        """Raises StudioError for an adapter that can't be added in, or doesn't fit."""
        self._files = {name: file for file in weights_of(base) for name in tensors_of_file_names(file)}
        self._shapes = {name: tensor.shape for name, tensor in tensors_of(base).items()}
        self.kinds = {name: tensor.dtype for name, tensor in tensors_of(base).items()}
        self._changes = _Changes(adapter) if adapter is not None else None
        self.unties = False
        if self._changes is None or adapter is None:
            return
        check_base(adapter, base)
        tied = bool(config_of(base).get("tie_word_embeddings")) and _HEAD not in self._files
        touched = self._changes.names & {_EMBEDDING, _HEAD}
        if tied and touched:
            self.unties = True
            for known in (self._files, self._shapes, self.kinds):
                known[_HEAD] = known[_EMBEDDING]  # type: ignore[assignment]
        strange = sorted(self._changes.names - self._files.keys())
        if strange:
            raise StudioError(
                f"The adapter “{model_name(adapter)}” changes “{strange[0]}”, which the weights of “{base.name}” "
                "don't have under that name.",
                "Choose the base model that it was trained on. If it is that one, its architecture can't be merged.",
            )

    def __iter__(self) -> Iterator[str]:
        """The names, in the order of the files."""
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def shape(self, name: str) -> tuple[int, ...]:
        """A tensor's shape."""
        return self._shapes[name]

    def tensor(self, name: str) -> Tensor:
        """A tensor: as it is stored, or in 32 bits where the adapter changes it. Raises StudioError."""
        stored = _EMBEDDING if name == _HEAD and self.unties else name
        with safe_open(self._files[name], framework="pt", device="cpu") as file:
            value: Tensor = file.get_tensor(stored)
        if self._changes is None or name not in self._changes.names:
            return value
        return self._changes.apply(name, value.float())


def tensors_of_file_names(file: Path) -> list[str]:
    """The names in a weights file."""
    with safe_open(file, framework="pt", device="cpu") as stream:
        return list(stream.keys())


class _Changes:
    """What an adapter changes. names: the tensors of the base that it touches."""

    def __init__(self, adapter: Path) -> None:
        check_kind(adapter)
        self._config = config_of_adapter(adapter)
        self._file = adapter / "adapter_model.safetensors"
        if not self._file.is_file():
            raise StudioError(
                f"The adapter in “{adapter}” has no weights in safetensors form.", "Choose another adapter."
            )
        self._parts: dict[str, dict[str, str]] = {}
        self._whole: dict[str, str] = {}
        for key in tensors_of_file_names(self._file):
            name = key.removeprefix(_PREFIX)
            found = _PART.search(name)
            if found:
                self._parts.setdefault(f"{name[: found.start()]}.weight", {})[found.group(1)] = key
            elif ".lora_" in name or "trainable_tokens" in name:
                raise StudioError(
                    f"The adapter “{model_name(adapter)}” has parts that can't be merged ({name.rsplit('.', 2)[-2]}).",
                    "Take it away as an adapter.",
                )
            else:
                self._whole[name.replace(".modules_to_save.default", "").replace(".base_layer", "")] = key
        self.names = {*self._parts, *self._whole}

    def apply(self, name: str, weight: Tensor) -> Tensor:
        """A weight in 32 bits with the change in it."""
        with safe_open(self._file, framework="pt", device="cpu") as file:
            if name in self._whole:  # PEFT saves an embedding beside the change to it, too
                weight = file.get_tensor(self._whole[name]).float()
            parts = {part: file.get_tensor(key).float() for part, key in self._parts.get(name, {}).items()}
        if not parts:
            return weight
        module = name.removesuffix(".weight")
        if "lora_embedding_A" in parts:
            rank = parts["lora_embedding_A"].shape[0]
            return weight + (parts["lora_embedding_B"] @ parts["lora_embedding_A"]).T * self._scale(module, rank)
        change = parts["lora_B"] @ parts["lora_A"] * self._scale(module, parts["lora_A"].shape[0])
        if self._config.get("fan_in_fan_out"):
            change = change.T
        merged = weight + change
        magnitude = parts.get("lora_magnitude_vector")
        if magnitude is None:
            return merged
        return magnitude[:, None] / torch.linalg.norm(merged, dim=1, keepdim=True) * merged

    def _scale(self, module: str, rank: int) -> float:
        patterns: dict[str, Any] = self._config.get("alpha_pattern") or {}
        alpha = next((patterns[key] for key in patterns if re.match(rf"(.*\.)?({key})$", module)), None)
        alpha = float(self._config["lora_alpha"] if alpha is None else alpha)
        return alpha / (rank**0.5 if self._config.get("use_rslora") else rank)

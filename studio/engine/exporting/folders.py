"""An adapter as PEFT reads it, and base and adapter as one model in safetensors: each with the tokenizer and the prompt
template that were trained, and the tokens that end an answer."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from studio.core.errors import StudioError
from studio.core.exporting import SAME, ExportPlan
from studio.engine.encoding import Encoder
from studio.engine.exporting.weights import Weights
from studio.storage.files import write_whole
from studio.storage.models import config_of

Tell = Callable[[int, int, str], None]  # done, total, what; raises when the work is no longer wanted
_KINDS = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}
_SIZES = {"F64": 8, "F32": 4, "I64": 8, "I32": 4, "BF16": 2, "F16": 2}
_NAMES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}
_LEGAL = ("LICENSE*", "LICENCE*", "NOTICE*", "USE_POLICY*")


def write_adapter(plan: ExportPlan, encoder: Encoder, folder: Path, tell: Tell) -> None:
    """Copy an adapter so that plain PEFT finds its base: by its name on the Hub if it has one, else by its folder."""
    adapter = Path(plan.adapter)
    tell(0, 1, adapter.name)
    config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = hub_name(Path(plan.base)) or plan.base
    write_whole(folder / "adapter_config.json", json.dumps(config, indent=2) + "\n")
    shutil.copyfile(adapter / "adapter_model.safetensors", folder / "adapter_model.safetensors")
    write_tokenizer(encoder, folder)
    tell(1, 1, "")


def write_merged(plan: ExportPlan, encoder: Encoder, folder: Path, tell: Tell) -> None:
    """Write base and adapter as one model, in files of at most so many gigabytes."""
    base = Path(plan.base)
    weights = Weights(base, Path(plan.adapter) if plan.adapter else None)
    kinds = {name: _kind_of(weights.kinds[name], plan.numbers) for name in weights}
    sizes = {name: math.prod(weights.shape(name)) * _SIZES[kinds[name]] for name in weights}
    shards = _shards(sizes, int(plan.shard * 1e9))
    placed: dict[str, str] = {}
    done = 0
    for number, names in enumerate(shards, start=1):
        part = "" if len(shards) == 1 else f"-{number:05}-of-{len(shards):05}"
        file = f"model{part}.safetensors"
        held: dict[str, torch.Tensor] = {}
        for name in names:
            tell(done, len(sizes), name)
            value = weights.tensor(name)
            held[name] = value.to(_KINDS.get(kinds[name], value.dtype)).contiguous()
            done += 1
        save_file(held, folder / file, metadata={"format": "pt"})
        placed.update(dict.fromkeys(names, file))
    if len(shards) > 1:
        index = {"metadata": {"total_size": sum(sizes.values())}, "weight_map": placed}
        write_whole(folder / "model.safetensors.index.json", json.dumps(index, indent=1) + "\n")
    config = dict(config_of(base))
    config.pop("quantization_config", None)
    if weights.unties:
        config["tie_word_embeddings"] = False
    if plan.numbers != SAME:
        config["dtype"] = _NAMES[plan.numbers]
        config.pop("torch_dtype", None)
    write_whole(folder / "config.json", json.dumps(config, indent=2) + "\n")
    write_tokenizer(encoder, folder)
    _write_generation(base, encoder, folder)
    for pattern in _LEGAL:
        for file in base.glob(pattern):
            if file.is_file():
                shutil.copyfile(file, folder / file.name)
    tell(len(sizes), len(sizes), "")


def write_tokenizer(encoder: Encoder, folder: Path) -> None:
    """The tokenizer with the template that conversations are written through."""
    tokenizer: Any = encoder.tokenizer
    before = tokenizer.chat_template
    try:
        tokenizer.chat_template = encoder.jinja
        tokenizer.save_pretrained(str(folder))
    finally:
        tokenizer.chat_template = before


def end_tokens(base: Path, encoder: Encoder) -> list[int]:
    """The tokens that end an answer, as the program itself stops at them; the template's own end of turn first."""
    own: Any = None
    try:
        own = json.loads((base / "generation_config.json").read_text(encoding="utf-8")).get("eos_token_id")
    except (OSError, ValueError, AttributeError):
        own = config_of(base).get("eos_token_id")
    tokens: list[Any] = [encoder.end_of_turn, encoder.tokenizer.eos_token_id]
    tokens += own if isinstance(own, list) else [own]
    return list(dict.fromkeys(token for token in tokens if isinstance(token, int)))


def hub_name(base: Path) -> str:
    """owner/name, when a base model's folder is one of the Hugging Face cache; else empty."""
    for part in base.parts:
        if part.startswith("models--"):
            return part.removeprefix("models--").replace("--", "/", 1)
    return ""


def _write_generation(base: Path, encoder: Encoder, folder: Path) -> None:
    values: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        values = json.loads((base / "generation_config.json").read_text(encoding="utf-8"))
    ends = end_tokens(base, encoder)
    if ends:
        values["eos_token_id"] = ends if len(ends) > 1 else ends[0]
    write_whole(folder / "generation_config.json", json.dumps(values, indent=2) + "\n")


def _kind_of(stored: str, wanted: str) -> str:
    """The kind of number that a stored tensor is written in; whole numbers stay what they are."""
    if stored not in _SIZES:
        raise StudioError(
            f"This model's weights are kept as {stored}, which can't be written in another form.",
            "Choose the copy of the model in 16 or 32 bits.",
        )
    return stored if wanted == SAME or stored.startswith("I") else wanted


def _shards(sizes: dict[str, int], most: int) -> list[list[str]]:
    """The names in groups, each of at most so many bytes but for a single tensor that is larger."""
    found: list[list[str]] = [[]]
    held = 0
    for name, size in sizes.items():
        if found[-1] and held + size > most:
            found.append([])
            held = 0
        found[-1].append(name)
        held += size
    return found

"""Adapters made of others: several added up with weights, by PEFT's own ways, and two compared layer by layer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from studio.core.errors import StudioError, did_you_mean
from studio.core.exporting import WAYS
from studio.engine.adapters import check_base, check_kind, config_of_adapter
from studio.engine.exporting.folders import Tell, write_tokenizer
from studio.engine.failures import explain
from studio.storage.files import whole_path, write_whole
from studio.storage.models import check_model, model_name
from studio.storage.new_folder import new_folder
from studio.storage.provenance import ABOUT

_KEPT = 0.5  # the share of an adapter's numbers that the ways which drop some of them keep
_NAME = "combined"
Layer = tuple[str, float, float, float]  # name, norm of the first's change, of the second's, cosine between them


def combine(parts: Sequence[tuple[Path, float]], base: Path, way: str, target: Path, tell: Tell) -> Path:
    """Write the adapter that several add up to. parts: each with its weight. Returns its folder. Raises StudioError."""
    from studio.engine.loading import load_adapter, load_encoder, load_model, pick_precision

    if way not in WAYS:
        raise StudioError(f"There is no way “{way}” to combine.", did_you_mean(way, WAYS) or ", ".join(WAYS))
    if len(parts) < 2:
        raise StudioError("One adapter alone can't be combined.", "Choose two or more.")
    if all(weight == 0 for _, weight in parts):
        raise StudioError("All weights are 0, so nothing would be left.", "Give one of them a weight.")
    base = whole_path(base)
    for folder, _ in parts:
        check_kind(folder)
        check_base(folder, base)
    ranks = {int(config_of_adapter(folder)["r"]) for folder, _ in parts}
    if way not in ("cat", "svd") and len(ranks) > 1:
        raise StudioError(
            f"These adapters have the ranks {', '.join(map(str, sorted(ranks)))}, and this way needs one rank.",
            "Choose “cat” or “svd”, which take any.",
        )
    info = check_model(base)
    tell(0, len(parts) + 2, info.name)
    model: Any = load_model(base, pick_precision("fp32", "cpu", info.parameters, training=False), "cpu")
    names: list[str] = []
    for number, (folder, _) in enumerate(parts):
        tell(1 + number, len(parts) + 2, model_name(folder))
        names.append(f"part{number}")
        model = load_adapter(model, folder, names[-1])
    tell(1 + len(parts), len(parts) + 2, way)
    dense = {"density": _KEPT} if way in ("ties", "dare_linear", "magnitude_prune") else {}
    torch.manual_seed(0)  # DARE drops by chance
    try:
        model.add_weighted_adapter(names, [weight for _, weight in parts], _NAME, combination_type=way, **dense)
    except (ValueError, RuntimeError, KeyError) as error:
        raise StudioError(
            f"These adapters can't be combined ({str(error).splitlines()[0][:300].rstrip('.')}).",
            "Choose “cat”, or adapters that were trained on the same layers.",
            explain(error),
        ) from error
    with new_folder(target) as made:
        model.save_pretrained(str(made), selected_adapters=[_NAME])
        for file in (made / _NAME).iterdir():
            file.replace(made / file.name)
        (made / _NAME).rmdir()
        (made / "README.md").unlink(missing_ok=True)  # PEFT's form, with nothing filled in
        write_tokenizer(load_encoder(base, "model", parts[0][0]), made)
        about = _about(parts, base, way, target.name)
        write_whole(made / ABOUT, json.dumps(about, indent=2, ensure_ascii=False) + "\n")
    return whole_path(target)


def compare(first: Path, second: Path, tell: Tell) -> tuple[list[Layer], tuple[float, float, float]]:
    """How much each of two adapters changes each layer, and how far they pull the same way; and the same for all layers
    together. Raises StudioError."""
    tell(0, 1, "")
    ours, theirs = _factors(first), _factors(second)
    layers: list[Layer] = []
    total = [0.0, 0.0, 0.0]
    for name in dict.fromkeys([*ours, *theirs]):
        one, other = ours.get(name), theirs.get(name)
        if one and other and (one[0].shape[1], one[1].shape[0]) != (other[0].shape[1], other[1].shape[0]):
            raise StudioError(
                f"The two adapters lie on different models: “{name}” has another size in each.",
                "Choose two adapters on the same base model.",
            )
        squares = [_inner(one, one), _inner(other, other), _inner(one, other)]
        total = [known + new for known, new in zip(total, squares, strict=True)]
        layers.append((name, *_told(squares)))
    tell(1, 1, "")
    return layers, _told(total)


def _told(squares: Sequence[float]) -> tuple[float, float, float]:
    first, second = (max(0.0, square) ** 0.5 for square in squares[:2])
    return first, second, squares[2] / (first * second) if first and second else 0.0


def _factors(adapter: Path) -> dict[str, tuple[Tensor, Tensor]]:
    """An adapter's two matrices for each layer, in 64 bits, with its scale in the second."""
    check_kind(adapter)
    config = config_of_adapter(adapter)
    file = adapter / "adapter_model.safetensors"
    if not file.is_file():
        raise StudioError(f"The adapter “{model_name(adapter)}” has no weights.", "Choose another adapter.")
    weights = load_file(file)
    found: dict[str, tuple[Tensor, Tensor]] = {}
    for key, inward in weights.items():
        if not key.endswith(".lora_A.weight"):
            continue
        name = key.removesuffix(".lora_A.weight")
        rank = inward.shape[0]
        scale = float(config["lora_alpha"]) / (rank**0.5 if config.get("use_rslora") else rank)
        found[name.removeprefix("base_model.model.")] = (
            inward.double(),
            weights[f"{name}.lora_B.weight"].double() * scale,
        )
    return found


def _inner(one: tuple[Tensor, Tensor] | None, other: tuple[Tensor, Tensor] | None) -> float:
    """The inner product of two changes, B1 A1 and B2 A2, without making either: the sum of (B1ᵀ B2) * (A1 A2ᵀ)."""
    if one is None or other is None:
        return 0.0
    return float(((one[1].T @ other[1]) * (one[0] @ other[0].T)).sum())


def _about(parts: Sequence[tuple[Path, float]], base: Path, way: str, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "run": "",
        "base": str(base),
        "dataset": "",
        "dataset_hash": "",
        "template": "",
        "step": 0,
        "total": 0,
        "elapsed": 0.0,
        "tokens": 0,
        "method": "combined",
        "combined": [[str(folder), weight] for folder, weight in parts],
        "combined_by": way,
    }

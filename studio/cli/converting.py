"""plumbline convert: write a model's pickled weights as safetensors, into a new folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from studio.core.errors import StudioError
from studio.processes.converting import convert_model
from studio.storage.files import whole_path
from studio.storage.models import pickles_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("model", type=Path, help="the folder of a model with pickled weights (pytorch_model.bin)")
    parser.add_argument("target", type=Path, nargs="?", help="the new folder (default: beside it, named -safetensors)")


def run(arguments: argparse.Namespace) -> int:
    """Convert it. Raises StudioError."""
    source = whole_path(arguments.model)
    if not pickles_of(source):
        raise StudioError(f"“{source}” holds no pickled weights.", "There is nothing to convert.")
    target = whole_path(arguments.target) if arguments.target else source.with_name(f"{source.name}-safetensors")
    print(f"Written: {convert_model(source, target)}")
    return 0

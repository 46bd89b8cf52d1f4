"""plumbline explain: what a training setting does, when to raise or lower it, and what is usual, in plain words."""

from __future__ import annotations

import argparse

from studio.core.fields import Setting, settings_of
from studio.core.glossary import explanation_of
from studio.core.methods import METHODS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument(
        "name",
        nargs="?",
        help="a setting, such as learning_rate, or ppo, rloo or grpo; without it all settings are listed",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print one setting, or the names of all. Raises StudioError."""
    found: dict[str, dict[str, Setting]] = {}
    for method in METHODS.values():
        for known in settings_of(method.settings):
            found.setdefault(known.name, {})[method.name] = known
    if arguments.name is None:
        for name, methods in found.items():
            print(f"{name:20}  {next(iter(methods.values())).label}")
        return 0
    explained = explanation_of(arguments.name)
    methods = found.get(explained.name, {})
    defaults: dict[str, list[str]] = {}
    for method, known in methods.items():
        defaults.setdefault(f"{known.default}", []).append(method)
    if methods:
        print(f"{next(iter(methods.values())).label} (--{explained.name.replace('_', '-')})")
    print(explained)
    if defaults:
        print("Default: " + "; ".join(f"{value} ({', '.join(names)})" for value, names in defaults.items()))
    return 0

"""plumbline demo: teach the starter model to follow instructions and show what changed."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""


def run(arguments: argparse.Namespace) -> int:
    """Replaced below."""
    return 1

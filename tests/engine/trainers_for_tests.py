"""Trainers without a worker: rows made by hand go in, what was told comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from studio.core.events import Event
from studio.engine.fast.norms import fuse_norms
from studio.engine.fast.rotary import fuse_rotary
from studio.engine.journal import Journal, StopBell
from studio.engine.loading import load_encoder, pick_precision
from studio.engine.supervision import Supervision, evaluation_steps
from studio.engine.trainers import Place
from studio.storage.runs import EventReader, RunFolder


def not_taken(model: Any, _longest: int) -> str:
    """In place of `enable`: a model whose sequences are padded, and which rounds as the fast way has it."""
    fuse_norms(model)
    fuse_rotary(model)
    return "has a reason"


# Small adapters that learn fast.
SMALL: dict[str, Any] = {"learning_rate": 0.01, "warmup": 0.0, "lora_rank": 4, "lora_alpha": 8, "schedule": "constant"}


@dataclass
class Told:
    """A trainer that has trained, and the events of its run."""

    trainer: Any
    events: list[Event]

    def curve(self, name: str, kind: str = "step") -> list[float]:
        """A metric, event by event."""
        return [float(value) for e in self.events if e.kind == kind and (value := e.number(name)) is not None]

    def adapter(self) -> dict[str, torch.Tensor]:
        """What was trained."""
        return {name: value.detach() for name, value in self.trainer.model.named_parameters() if value.requires_grad}


def trained(
    method: Any,
    settings: Any,
    base: Path,
    folder: Path,
    rows: Sequence[Any],
    held_out: Sequence[Any] = (),
    *,
    adapter: Path | None = None,
    precision: str = "fp32",
) -> Told:
    """A method's trainer, trained for the settings' steps."""
    folder.mkdir(parents=True)
    place = Place("cpu", pick_precision(precision, "cpu", 1, training=True), folder / "checkpoints", adapter)
    journal = Journal(folder / "events.jsonl")
    supervision = Supervision(
        journal,
        StopBell(RunFolder(folder)),
        lambda *_: None,
        settings=settings,
        evaluate_at=evaluation_steps(settings.steps_for(len(rows)), 2) if held_out else frozenset(),
        checkpoint_seconds=1e9,
    )
    try:
        model = method.load(base, place, settings)
        tokenizer = load_encoder(base, "model").tokenizer
        trainer = method.build_trainer(model, tokenizer, rows, held_out, settings, place, supervision)
        trainer.train()
    finally:
        journal.close()
    reader, events = EventReader(folder / "events.jsonl"), list[Event]()
    while found := reader.read():
        events += found
    return Told(trainer, events)

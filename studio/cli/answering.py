"""Answers in bulk for what the command line measures: a worker that answers many prompts, and scores answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from studio.core.answering import Answered
from studio.core.conversation import Sampling
from studio.core.templates import MODELS_OWN
from studio.processes.asking import Asking


class Answering:
    """The worker. Use as a context: it ends with it. All methods raise StudioError."""

    def __init__(self, log: Path) -> None:
        self._asking = Asking("answers", log)

    def __enter__(self) -> Answering:
        self._asking.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._asking.__exit__()

    def answers(
        self,
        base: Path,
        adapter: Path | None,
        prompts: Sequence[str],
        sampling: Sampling,
        *,
        template: str = MODELS_OWN,
        report: Callable[[int, int], None] = lambda done, total: None,
    ) -> list[Answered]:
        """An answer of a base model, or of one with an adapter, to each prompt. report: told (done, total)."""
        reply = self._asking.ask(
            {
                "do": "answer",
                "base": str(base),
                "adapter": str(adapter) if adapter else None,
                "template": template,
                "prompts": list(prompts),
                "sampling": asdict(sampling),
            },
            "answers",
            lambda done, total, _what: report(done, total),
        )
        return [Answered(str(a["text"]), bool(a["ended"]), int(a["tokens"])) for a in reply["answers"]]

    def scores(self, base: Path, adapter: Path, answers: Sequence[tuple[str, str]]) -> list[float]:
        """The reward that a reward model gives to each (prompt, answer)."""
        request = {"do": "score", "base": str(base), "adapter": str(adapter), "answers": [list(a) for a in answers]}
        return [float(score) for score in self._asking.ask(request, "scores")["scores"]]

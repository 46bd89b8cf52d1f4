"""Answers in bulk for what the command line measures: a worker that answers many prompts, and scores answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from studio.core.answering import Answered
from studio.core.conversation import Sampling
from studio.core.errors import StudioError
from studio.core.templates import MODELS_OWN
from studio.processes.service import Service


class Answering:
    """The worker. Use as a context: it ends with it. All methods raise StudioError."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._number = 0

    def __enter__(self) -> Answering:
        self._service = Service("answers", self._log)
        self._replies = self._service.replies()
        return self

    def __exit__(self, *_: object) -> None:
        self._service.close()

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
        reply = self._ask(
            {
                "do": "answer",
                "base": str(base),
                "adapter": str(adapter) if adapter else None,
                "template": template,
                "prompts": list(prompts),
                "sampling": asdict(sampling),
            },
            "answers",
            report,
        )
        return [Answered(str(a["text"]), bool(a["ended"]), int(a["tokens"])) for a in reply["answers"]]

    def scores(self, base: Path, adapter: Path, answers: Sequence[tuple[str, str]]) -> list[float]:
        """The reward that a reward model gives to each (prompt, answer)."""
        request = {"do": "score", "base": str(base), "adapter": str(adapter), "answers": [list(a) for a in answers]}
        return [float(score) for score in self._ask(request, "scores")["scores"]]

    def _ask(
        self, request: dict[str, Any], wanted: str, report: Callable[[int, int], None] = lambda done, total: None
    ) -> dict[str, Any]:
        self._number += 1
        self._service.send({**request, "id": self._number})
        for reply in self._replies:
            match reply:
                case {"reply": "failed"}:
                    what, hint = str(reply.get("what")), str(reply.get("hint", ""))
                    raise StudioError(what, hint, str(reply.get("details", "")))
                case {"reply": "progress", "done": int(done), "total": int(total)}:
                    report(done, total)
                case _ if reply.get("reply") == wanted:
                    return reply
                case _:
                    pass
        raise self._service.ending() or StudioError("The model process ended.", "Start it again.")

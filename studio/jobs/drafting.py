"""Drafts written beside the window: a thread with a candidate worker that writes what a set of drafts still wants, and
keeps each as it comes. It ends when nothing is wanted; what a person accepts meanwhile may be wanted anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from PySide6.QtCore import QObject

from studio.core.messages import tools_of
from studio.jobs.beside import Beside
from studio.processes.service import Service
from studio.storage.drafts import DraftSet, Wanted, count_drafts, keep_draft, wanted_drafts
from studio.storage.project import Project

_BATCH = 8


class DraftWriter(Beside):
    """Writes the drafts of a set."""

    def __init__(
        self, project: Project, known: DraftSet, parent: QObject | None = None, command: Sequence[str] | None = None
    ) -> None:
        super().__init__("candidates", project, parent, command)
        self._known = known
        self._asked: dict[int, Wanted] = {}
        self._next = 1

    def _work(self, service: Service, replies: Iterator[dict[str, Any]]) -> None:
        for reply in replies:
            match reply:
                case {"reply": "ready"}:
                    service.send({"do": "load", "authors": [asdict(self._known.plan.author)]})
                case {"reply": "loaded"}:
                    self.said.emit(f"Writing on the {reply.get('device') or 'processor'}…")
                    self._ask(service)
                case {"reply": "written", "id": int(number), "answers": [{"text": str(text)}, *_]}:
                    self._keep(service, number, text)
                case {"reply": "written", "id": int(number)}:
                    self._keep(service, number, "")
                case _:
                    self._hear(reply)
                    if isinstance(reply.get("id"), int):
                        self._keep(service, reply["id"], "")

    def _keep(self, service: Service, number: int, text: str) -> None:
        wanted = self._asked.pop(number, None)
        if wanted is not None:
            keep_draft(self._project, self._known, wanted, text)
            self.came.emit()
        if not self._asked:
            self._ask(service)

    def _ask(self, service: Service) -> None:
        plan, prompts = self._known.plan, list[dict[str, Any]]()
        for wanted in wanted_drafts(self._project, self._known, _BATCH):
            asked = plan.asked(wanted.kind, wanted.question.question)
            sampling = plan.sampling(wanted.question.id, wanted.number)
            prompts.append(
                {
                    "id": self._next,
                    "messages": [turn.as_dict() for turn in asked],
                    "tools": tools_of(asked),
                    "texts": list(wanted.known),
                    "voices": [{"author": 0, **asdict(sampling)}],
                }
            )
            self._asked[self._next] = wanted
            self._next += 1
        count = count_drafts(self._project, self._known)
        self.progressed.emit(count.waiting + count.accepted + count.rejected, count.unwritten)
        if prompts:
            service.send({"do": "write", "prompts": prompts})
        else:
            service.close()

"""Candidates written and machine judges run beside the labeller: each a thread that owns a worker and keeps what it
says in the project, prompt by prompt, so that nothing is lost whenever it ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from PySide6.QtCore import QObject

from studio.core.candidates import Author, Writing
from studio.core.judging import margin_of, mark_of_scores
from studio.core.labelling import POINTWISE, Candidate, Item
from studio.core.messages import tools_of
from studio.jobs.beside import Beside
from studio.processes.service import Service
from studio.storage.label_log import judged_by, labellers_of, set_margins, write_entry
from studio.storage.labels import LabelSet, add_candidates, item_of, original_items, prompt_states, waiting_prompts
from studio.storage.project import Project

_STEADY = 60.0  # per cent; a coin agrees with itself in half of the pairs
_FIRST, _BATCH = 2, 16  # prompts at a time: few at first, so that labelling can begin


class CandidateWriter(Beside):
    """Has candidates written for every prompt of a set that waits for them, in order, ahead of the labeller."""

    def __init__(
        self,
        project: Project,
        known: LabelSet,
        parent: QObject | None = None,
        command: Sequence[str] | None = None,
    ) -> None:
        super().__init__("candidates", project, parent, command)
        self._known = known
        self._writing = Writing.from_json(known.writing)
        self._asked: set[int] = set()

    def _work(self, service: Service, replies: Iterator[dict[str, Any]]) -> None:
        for reply in replies:
            match reply:
                case {"reply": "ready"}:
                    service.send({"do": "load", "authors": [asdict(author) for author in self._writing.authors]})
                case {"reply": "loaded"}:
                    self.said.emit(f"Writing on the {reply.get('device') or 'processor'}…")
                    self._ask(service, _FIRST)
                    self._ask(service, _BATCH)  # one batch is always ahead
                case {"reply": "written", "id": int(prompt), "answers": list()}:
                    self._keep(prompt, reply["answers"])
                    self._settle(service, prompt)
                case _:
                    self._hear(reply)
                    if isinstance(reply.get("id"), int):
                        self._keep(reply["id"], [])
                        self._settle(service, reply["id"])

    def _settle(self, service: Service, prompt: int) -> None:
        self._asked.discard(prompt)
        if len(self._asked) <= _BATCH // 2:
            self._ask(service, _BATCH)

    def _ask(self, service: Service, count: int) -> None:
        waiting = waiting_prompts(self._project, self._known, count + len(self._asked))
        new = [(identity, turns) for identity, turns in waiting if identity not in self._asked][:count]
        if new:
            prompts = [
                {
                    "id": identity,
                    "messages": [turn.as_dict() for turn in turns],
                    "tools": tools_of(turns),
                    "texts": [],
                    "voices": [{"author": a, **asdict(s)} for a, s in self._writing.voices(identity)],
                }
                for identity, turns in new
            ]
            self._asked.update(identity for identity, _ in new)
            service.send({"do": "write", "prompts": prompts})
        waits, ready, none = prompt_states(self._project, self._known)
        self.progressed.emit(ready + none, waits + ready + none)
        if not self._asked:
            service.close()

    def _keep(self, prompt: int, answers: Sequence[Mapping[str, Any]]) -> None:
        candidates = [
            Candidate(0, str(a.get("text") or ""), str(a.get("author") or ""), json.dumps(a.get("sampling") or {}))
            for a in answers
        ]
        with self._project.writing() as connection:
            add_candidates(connection, self._known, prompt, candidates)
        self.came.emit()


class MachineJudge(Beside):
    """Has a machine judge say what it thinks of each item; it is kept as a labeller of its own, marked as a machine."""

    def __init__(
        self,
        project: Project,
        known: LabelSet,
        judge: Author,
        kind: str,
        parent: QObject | None = None,
        command: Sequence[str] | None = None,
    ) -> None:
        super().__init__("judge", project, parent, command)
        self._known = known
        self._judge, self._how = judge, kind
        self._name = judge.name
        self._left: list[int] = []
        self._items: dict[int, Item] = {}
        self._total = self._done = self._left_out = 0
        self._same = self._both = 0.0
        self._scored: dict[int, dict[str, list[float]]] = {}

    def _work(self, service: Service, replies: Iterator[dict[str, Any]]) -> None:
        with self._project.connect() as connection:
            judged = judged_by(connection, self._known, self._name)
            every = original_items(connection, self._known)
            people = {name for name, machine, _ in labellers_of(connection, self._known) if not machine}
        if self._name in people:  # two of one name would be one labeller
            self._name, judged = f"{self._name} (judge)", set[int]()
        # Ratings are places among all answers, so all are scored again when new ones came.
        self._left = every if self._known.plan.way == POINTWISE else [item for item in every if item not in judged]
        self._total = len(self._left)
        if not self._left:
            self.said.emit("Everything is judged already.")
            service.close()
        for reply in replies:
            match reply:
                case {"reply": "ready"}:
                    base, adapter = self._judge.base, self._judge.adapter or None
                    service.send({"do": "load", "kind": self._how, "base": base, "adapter": adapter})
                case {"reply": "loaded"}:
                    self.said.emit(f"Judging on the {reply.get('device') or 'processor'}…")
                    self._ask(service)
                    self._ask(service)
                case {"reply": "judged", "id": int(item), "scores": dict()}:
                    self._take(item, reply["scores"], reply.get("both_ways"))
                    self._settle(service, item)
                case _:
                    self._hear(reply)
                    if isinstance(reply.get("id"), int):
                        self._left_out += 1
                        self._settle(service, reply["id"])
        if self._known.plan.way == POINTWISE and not self._stopped:
            self._keep_ratings()
        left_out = (
            f" {self._left_out:,} item{'s' * (self._left_out != 1)} could not be judged." if self._left_out else ""
        )
        if self._both and not self._stopped:
            share = 100 * self._same / self._both
            told = f"Done. Asked in both orders, it preferred the same answer in {share:.0f} % of the pairs."
            if share < _STEADY:
                told += " It goes by the order more than by the answers, so it is no good judge."
            self.said.emit(told + left_out)
        elif self._total and not self._stopped:
            self.said.emit("Done." + left_out)

    def _ask(self, service: Service) -> None:
        part, self._left = self._left[:_BATCH], self._left[_BATCH:]
        if not part:
            return
        with self._project.connect() as connection:
            items = [item_of(connection, identity) for identity in part]
        self._items.update({item.id: item for item in items})
        plan = self._known.plan
        service.send(
            {
                "do": "judge",
                "way": plan.way,
                "values": plan.scale_values,
                "criteria": plan.criterion_names,
                "items": [
                    {
                        "id": item.id,
                        "messages": [turn.as_dict() for turn in item.prompt],
                        "answers": [candidate.text for candidate in item.candidates],
                    }
                    for item in items
                ],
            }
        )

    def _settle(self, service: Service, item: int) -> None:
        self._items.pop(item, None)
        self._done += 1
        self.progressed.emit(self._done, self._total)
        if len(self._items) <= _BATCH:
            self._ask(service)
        if not self._items:
            service.close()

    def _take(self, item: int, scores: dict[str, list[float]], both_ways: object) -> None:
        if isinstance(both_ways, float):
            self._same += both_ways
            self._both += 1
        plan = self._known.plan
        if plan.way == POINTWISE:
            self._scored[item] = scores
            return
        mark, margin = mark_of_scores(scores, plan, {}), margin_of(scores)
        with self._project.writing() as connection:
            write_entry(connection, self._known, item, self._name, mark, "judged", machine=True)
            if margin is not None:
                set_margins(connection, {item: margin})
        self.came.emit()

    def _keep_ratings(self) -> None:
        """An answer's rating is its place among all that were scored, which is known only now."""
        plan = self._known.plan
        names = {name for scores in self._scored.values() for name in scores}
        ladders = {name: sorted(s[name][0] for s in self._scored.values() if name in s) for name in names}
        with self._project.writing() as connection:
            for item, scores in self._scored.items():
                mark = mark_of_scores(scores, plan, ladders)
                write_entry(connection, self._known, item, self._name, mark, "judged", machine=True)
        self.came.emit()

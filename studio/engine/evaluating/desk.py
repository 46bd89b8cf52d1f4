"""The evaluation worker: one model asked and measured, or two models' answers shown to a third, request by request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.core.answering import Answered
from studio.core.conversation import Sampling
from studio.core.errors import StudioError
from studio.core.fields import settings_from
from studio.core.labelling import PAIRWISE
from studio.core.messages import Message, messages_from
from studio.engine.pipe import Interrupted, Pipe, Request
from studio.storage.models import check_model, is_whole_model

if TYPE_CHECKING:
    from studio.engine.encoding import Encoder

_BATCH = 16  # answers written at a time
_LONGEST = 1024  # tokens of a held-out example that are read
Turns = Sequence[Message]
Step = Callable[[int, int, str], None]  # done, total, what; raises when the work is no longer wanted


def serve() -> int:
    """Work until standard input closes."""
    pipe = Pipe()
    return pipe.serve(Desk(pipe).handle)


class Desk:
    """Does one request after the other."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def handle(self, request: Request) -> None:
        """Do what a request asks. Raises StudioError, and Interrupted when it was stopped."""
        values, wanted = request.values, request.values.get("id")

        def step(done: int, total: int, what: str) -> None:
            if self._pipe.interrupted(request):
                raise Interrupted
            self._pipe.reply("progress", id=wanted, done=done, total=total, what=what)

        match values:
            case {"do": "evaluate", "base": str(base), "prompts": list(prompts)}:
                step(0, 0, "Loading the model")
                subject = Subject(Path(base), _folder(values.get("adapter")), _folder(values.get("origin")))
                sampling = settings_from(Sampling, values.get("sampling") or {}, "The sampling")
                asked = [messages_from(turns) for turns in prompts]
                harmful = [messages_from(turns) for turns in values.get("harmful") or []]
                heldout = [messages_from(turns) for turns in values.get("heldout") or []]
                found = subject.evaluate(asked, harmful, heldout, sampling, step)
                reward: Any = values.get("reward")
                if reward:
                    _score(reward, asked, found, step)
                self._pipe.reply("evaluated", id=wanted, **found)
            case {"do": "contest", "judge": {"base": str(base), **judge}, "items": list(items)}:
                odds, both = _contest(Path(base), _folder(judge.get("adapter")), items, step)
                self._pipe.reply("judged", id=wanted, odds=odds, both_ways=both)
            case _:
                raise StudioError(f"The evaluation process doesn't know the request {values.get('do')!r}.")


class Subject:
    """The model that is judged, in memory."""

    def __init__(self, base: Path, adapter: Path | None, origin: Path | None) -> None:
        """origin: the model that KL is measured against, where it isn't `base` with the adapter off."""
        from studio.engine.loading import load_adapter, load_encoder, load_model, pick_device, pick_precision

        if adapter is not None and is_whole_model(adapter):
            base, adapter = adapter, None
        info, device = check_model(base), pick_device()
        precision = pick_precision("auto", device, info.parameters, training=False)
        self.encoder: Encoder = load_encoder(info.folder, "model", adapter)
        self.model: Any = load_model(info.folder, precision, device)
        self.tuned = adapter is not None
        if adapter is not None:
            self.model = load_adapter(self.model, adapter)
        self.origin: Any = None
        if origin is not None and adapter is None and origin.resolve() != info.folder.resolve():
            self.origin = load_model(check_model(origin).folder, precision, device)

    def evaluate(
        self, asked: Sequence[Turns], harmful: Sequence[Turns], heldout: Sequence[Turns], sampling: Sampling, step: Step
    ) -> dict[str, Any]:
        """What the reply tells, but for rewards."""
        notes: list[str] = []
        total = len(asked) + len(harmful) + len(heldout)
        answers = self._answers(asked, sampling, 0, total, "Answering prompts", step, notes)
        refusals = self._answers(harmful, sampling, len(asked), total, "Answering harmful wishes", step, notes)
        found: dict[str, Any] = {"answers": [asdict(answer) for answer in answers]}
        for k, (turns, answer) in enumerate(zip(asked, answers, strict=True)):
            step(k, len(asked), "Comparing with the base")
            found["answers"][k] |= {"kl": self._kl(turns, answer.text), "reward": None}
        found["refusals"] = [asdict(answer) for answer in refusals]
        found["heldout"] = self._surprise(heldout, step, notes) if heldout else None
        found["notes"] = notes
        return found

    def _answers(
        self,
        asked: Sequence[Turns],
        sampling: Sampling,
        before: int,
        total: int,
        what: str,
        step: Step,
        notes: list[str],
    ) -> list[Answered]:
        from studio.engine.answering import write

        ids = [self.encoder.prompt(turns) for turns in asked]
        context = self.encoder.context
        fits = [place for place, prompt in enumerate(ids) if not context or len(prompt) < context]
        if len(fits) < len(ids):
            notes.append(
                f"{len(ids) - len(fits)} prompts are longer than the model's context: no answer counts for them."
            )
        order = sorted(fits, key=lambda place: len(ids[place]))  # alike in length: little is padded
        found = dict.fromkeys(range(len(ids)), Answered("", False, 0))
        for first in range(0, len(order), _BATCH):
            step(before + first, total, what)
            places = order[first : first + _BATCH]
            answers = write(self.model, self.encoder, [ids[place] for place in places], sampling)
            found.update(zip(places, answers, strict=True))
        return [found[place] for place in range(len(ids))]

    def _kl(self, turns: Turns, answer: str) -> float | None:
        """How far the model is from its base over an answer of its own, in nats summed over the answer's tokens."""
        from studio.engine.close_reading import Passage, distributions, read

        if not answer or (not self.tuned and self.origin is None):
            return None
        try:
            passage = Passage.of(self.encoder, turns, answer)
        except StudioError:
            return None
        if self.encoder.context and len(passage.ids) > self.encoder.context:
            return None
        own = distributions(self.model, passage)
        if self.origin is not None:
            beside = distributions(self.origin, passage)
        else:
            with self.model.disable_adapter():
                beside = distributions(self.model, passage)
        if beside.shape != own.shape:
            return None
        kl = read(self.encoder, passage, own, beside).kl
        return sum(kl) if kl is not None else None

    def _surprise(self, rows: Sequence[Turns], step: Step, notes: list[str]) -> dict[str, Any]:
        """Nats over the tokens of the answers in examples, as training counts them."""
        import torch

        from studio.engine.close_reading import distributions_at

        nll, tokens, read, left = 0.0, 0, 0, 0
        for k, turns in enumerate(rows):
            step(k, len(rows), "Reading held-out examples")
            try:
                encoded = self.encoder.encode(turns, max_length=_LONGEST)
            except StudioError:
                left += 1
                continue
            places = [place for place, trained in enumerate(encoded.mask) if trained]
            if not places:
                left += 1
                continue
            logs = distributions_at(self.model, encoded.ids, [place - 1 for place in places])
            wanted = torch.tensor([encoded.ids[place] for place in places], device=logs.device)
            nll -= float(logs.gather(1, wanted[:, None]).double().sum())
            tokens, read = tokens + len(places), read + 1
        if left:
            notes.append(f"{left} of {len(rows)} held-out examples have no answer that this model can read.")
        return {"nll": nll, "tokens": tokens, "rows": read}


def _score(reward: Any, asked: Sequence[Turns], found: dict[str, Any], step: Step) -> None:
    """Add a reward model's scores; an answer that it can't read whole gets none."""
    from studio.engine.scoring import Scorer

    step(0, 0, "Loading the reward model")
    scorer = Scorer(Path(str(reward["base"])), _folder(reward.get("adapter")))
    unread = 0
    for k, (turns, answer) in enumerate(zip(asked, found["answers"], strict=True)):
        step(k, len(asked), "Scoring answers")
        try:
            answer["reward"] = scorer.score([(turns, answer["text"])])[0]
        except StudioError:
            unread += 1
    if unread:
        found["notes"].append(f"{unread} answers are longer than the reward model can read, and have no score.")


def _contest(base: Path, adapter: Path | None, items: Sequence[Any], step: Step) -> tuple[list[float], float]:
    """A model's odds of the first of two answers, for each item, and the share in which both orders agreed."""
    from studio.engine.judging import ModelJudge

    step(0, len(items), "Loading the judge")
    judge = ModelJudge(base, adapter)
    odds: list[float] = []
    agreed = 0.0
    for k, item in enumerate(items):
        step(k, len(items), "Judging")
        answers = [str(answer) for answer in item["answers"]]
        if answers[0].strip() == answers[1].strip():
            odds.append(0.5)
            agreed += 1
            continue
        scores, both = judge.scores(messages_from(item["messages"]), answers, PAIRWISE, [""])
        odds.append(scores[""][0])
        agreed += both or 0.0
    return odds, agreed / max(len(items), 1)


def _folder(named: Any) -> Path | None:
    return Path(named) if isinstance(named, str) and named else None

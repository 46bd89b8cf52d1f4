"""The candidate worker: writes answers to be judged, in batches over all prompts that wait, author by author.

What window and worker say to each other is `core.candidates`; how a batch is written is `engine.batch_generation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.core.candidates import Author, unlike
from studio.core.conversation import Sampling
from studio.core.errors import StudioError
from studio.core.fields import settings_from
from studio.core.messages import Message, messages_from
from studio.engine.failures import as_sentence
from studio.engine.pipe import Interrupted, Pipe, Request

if TYPE_CHECKING:
    from studio.engine.voices import Voices

_AGAIN = 2  # rounds in which a repeated answer is written with another seed
_OTHER_SEED = 1_000_003


@dataclass(slots=True)
class Task:
    """One prompt with the answers that it still wants."""

    id: Any
    prompt: tuple[Message, ...]
    known: list[str]
    voices: list[tuple[int, Sampling]]
    answers: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])  # by the voice's number


def serve() -> int:
    """Answer until standard input closes."""
    pipe = Pipe()
    try:
        import peft  # noqa: F401 - "ready" means that nothing heavy is left to import
        import transformers.generation  # noqa: F401

        import studio.engine.batch_generation  # noqa: F401
    except Exception as error:
        pipe.fail(as_sentence(error, Path.cwd()))
        raise
    desk = Desk(pipe)
    return pipe.serve(desk.handle)


class Desk:
    """The authors that are loaded, and the prompts that they write to."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._request: Request | None = None
        self._authors: list[Author] = []
        self._voices: Voices | None = None

    def handle(self, request: Request) -> None:
        """Do what a request asks. Raises StudioError, and Interrupted when nobody is there any more."""
        self._request = request
        match request.values:
            case {"do": "load", "authors": list(known)}:
                self._load([Author(**values) for values in known])
            case {"do": "write", "prompts": list(prompts)}:
                self._write(prompts)
            case _:
                raise StudioError(f"The candidate process doesn't know the request {request.values.get('do')!r}.")

    def _check(self) -> None:
        if self._request is not None and self._pipe.interrupted(self._request):
            raise Interrupted

    def _load(self, authors: Sequence[Author]) -> None:
        from studio.core.conversation import Voice
        from studio.engine.loading import device_name, pick_device
        from studio.engine.voices import Voices

        if self._voices is None:
            self._voices = Voices(lambda what: self._pipe.reply("loading", what=what), self._check)
        self._authors = []
        voices = {
            str(number): Voice(Path(author.base), Path(author.adapter) if author.adapter else None)
            for number, author in enumerate(authors)
        }
        self._voices.load(voices)
        self._authors = list(authors)
        self._pipe.reply("loaded", device=device_name(pick_device()))

    def _write(self, prompts: Sequence[dict[str, Any]]) -> None:
        if not self._authors:
            raise StudioError("No model is loaded to write answers.", "Choose one.")
        tasks: list[Task] = []
        for values in prompts:
            try:
                tasks.append(_task(values, len(self._authors)))
            except StudioError as error:
                self._pipe.fail(error, values.get("id"))
        for turn in range(1 + _AGAIN):
            wanted = [(task, n) for task in tasks for n in range(len(task.voices)) if n not in task.answers]
            if not wanted:
                break
            self._one_round(wanted, turn)
        for task in tasks:
            answers = [task.answers[number] for number in sorted(task.answers)]
            self._pipe.reply("written", id=task.id, answers=answers)

    def _one_round(self, wanted: Sequence[tuple[Task, int]], turn: int) -> None:
        """Write what is wanted once, author by author, and keep what nobody said before."""
        from studio.engine.batch_generation import write_all

        assert self._voices is not None
        for number, author in enumerate(self._authors):
            own = [(task, voice) for task, voice in wanted if task.voices[voice][0] == number]
            if not own:
                continue
            voice_of = self._voices[str(number)]
            base = self._voices.switch_to(voice_of)
            adapter = base.adapters[voice_of.wanted.adapter] if voice_of.wanted.adapter is not None else None
            samplings = [_with_seed(task.voices[voice][1], turn) for task, voice in own]
            asked = [(task.prompt, sampling) for (task, _), sampling in zip(own, samplings, strict=True)]
            answers = write_all(base, adapter, voice_of.encoder, asked, self._check)
            for (task, voice), sampling, found in zip(own, samplings, answers, strict=True):
                if found is None:
                    continue
                text = found.text.strip()
                if unlike([text], task.known) == [True]:
                    task.known.append(text)
                    told = {name: getattr(sampling, name) for name in ("temperature", "top_p", "top_k", "seed")}
                    values = {"text": text, "author": author.name, "sampling": told, "ended": found.ended}
                    task.answers[voice] = values


def _with_seed(sampling: Sampling, turn: int) -> Sampling:
    return replace(sampling, seed=(sampling.seed + turn * _OTHER_SEED) % 2**31)


def _task(values: dict[str, Any], authors: int) -> Task:
    try:
        prompt = messages_from(values.get("messages"), values.get("tools"))
    except ValueError as error:
        raise StudioError(f"The prompt can't be used: {error}.") from error
    voices: list[tuple[int, Sampling]] = []
    for voice in values.get("voices") or []:
        author = int(voice.pop("author", 0))
        if not 0 <= author < authors:
            raise StudioError(f"There is no model number {author}.")
        voices.append((author, settings_from(Sampling, voice, "The sampling")))
    return Task(values.get("id"), prompt, [str(text) for text in values.get("texts") or []], voices)

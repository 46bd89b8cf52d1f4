"""Chat: the same words to several models, answered side by side; and how each of them sees an answer.

Answers are written in turns of a few milliseconds, so that all stream. What window and worker say to each other is
`core.conversation`, which models there are is `engine.voices`, how one answer is written is `engine.generation`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.core.conversation import Sampling
from studio.core.errors import StudioError
from studio.core.fields import settings_from
from studio.core.messages import Message, messages_from
from studio.engine.failures import as_sentence
from studio.engine.pipe import Interrupted, Pipe, Request

if TYPE_CHECKING:
    from studio.engine.encoding import Encoder
    from studio.engine.scoring import Scorer
    from studio.engine.voices import Loaded, Voices
    from studio.engine.writers import Pane, Writer

_FIRST, _SLICE = 0.0, 0.03  # seconds that one pane writes before the next has its turn; the first word comes at once
_ROOM_TO_ANSWER = 64  # tokens that a conversation leaves, where it can, by forgetting how it began
_LIKELIEST = 12  # tokens told of the next-token distribution


def serve() -> int:
    """Answer until standard input closes."""
    pipe = Pipe()
    try:
        import peft  # noqa: F401 - "ready" means that nothing heavy is left to import
        import torch  # noqa: F401
        import transformers.generation  # noqa: F401

        import studio.engine.writers  # noqa: F401
    except Exception as error:
        pipe.fail(as_sentence(error, Path.cwd()))
        raise
    room = Room(pipe)
    return pipe.serve(room.handle)


class Room:
    """The loaded models, and the answers that are being written with them."""

    def __init__(self, pipe: Pipe) -> None:
        from studio.engine.voices import Voices

        self._pipe = pipe
        self._request: Request | None = None
        self._scorer: tuple[tuple[Path, Path], Scorer] | None = None  # the reward model that was last asked
        self._voices: Voices = Voices(lambda what: pipe.reply("loading", what=what), self._look_up)

    def handle(self, request: Request) -> None:
        """Do what a request asks. Raises StudioError, and Interrupted when it was stopped."""
        self._request = request
        match request.values:
            case {"do": "load", "voices": dict(voices)}:
                self._load(voices, str(request.values.get("device") or ""))
            case {"do": "answer", "id": _, "panes": dict(panes)}:
                self._answer(request, panes)
            case {"do": "read", "id": number, "voice": str(name), "messages": messages, "answer": str(answer)}:
                self._read(number, self._voices[name], messages, answer)
            case {"do": "score", "id": number, "model": str(folder), "messages": messages, "answers": list(answers)}:
                self._score(number, Path(folder), Path(str(request.values.get("base") or folder)), messages, answers)
            case {"do": "count", "id": number, "voice": str(name), "messages": messages}:
                tokens = len(self._voices[name].encoder.prompt(_turns(messages)))
                self._pipe.reply("count", id=number, tokens=tokens)
            case {"do": "next", "id": number, "voice": str(name), "messages": messages}:
                self._next(number, self._voices[name], messages, request.values.get("sampling") or {})
            case _:
                raise StudioError(f"The chat process doesn't know the request {request.values.get('do')!r}.")

    def _load(self, voices: Mapping[str, Any], device: str) -> None:
        from studio.engine.loading import device_name
        from studio.engine.voices import voice_of

        self._scorer = None
        self._voices.load({name: voice_of(values) for name, values in voices.items()}, device)
        told: dict[str, Any] = {}
        for name in voices:
            voice = self._voices[name]
            precision = f"{voice.bits} bits" if voice.bits else str(self._voices.base_of(voice).precision)
            told[name] = {"name": voice.name, "context": voice.info.context, "precision": precision}
        self._pipe.reply("loaded", voices=told, device=device_name(self._voices.device), in_turns=self._voices.in_turns)

    def _look_up(self) -> None:
        if self._request is not None and self._pipe.interrupted(self._request):
            raise Interrupted

    # ------------------------------------------------------------------------------------------------- answering

    def _answer(self, request: Request, wanted: Mapping[str, Any]) -> None:
        panes = {name: self._pane(values) for name, values in wanted.items()}
        if not self._voices.in_turns:
            self._take_turns(request, panes)
            return
        while panes:  # those that share a base together, one base after the other
            key = next(iter(panes.values())).voice.key
            group = {name: pane for name, pane in panes.items() if pane.voice.key == key}
            if not self._take_turns(request, group):
                return
            panes = {name: pane for name, pane in panes.items() if name not in group}

    def _pane(self, values: Any) -> Pane:
        from studio.engine.writers import Pane

        match values:
            case {"voice": str(name), "messages": messages}:
                voice = self._voices[name]
                sampling = settings_from(Sampling, values.get("sampling") or {}, "The sampling")
                held = _ids_of(voice.encoder, str(values.get("held") or ""))
                prompt, left_out = _fitting(voice.encoder, _turns(messages), held)
                return Pane(voice, prompt, held, sampling, left_out)
            case _:
                raise StudioError("A pane was asked without a model or without messages.")

    def _take_turns(self, request: Request, panes: Mapping[str, Pane]) -> bool:
        """Have all panes answered, a little of each at a time. Returns False when it was stopped."""
        from studio.engine.writers import writers_of

        writers = writers_of(self._voices, panes)
        for name, pane in panes.items():
            running = next(writer.running[name] for writer in writers if name in writer.running)
            facts = {"prompt_tokens": len(pane.prompt), "left_out": pane.left_out}
            self._pipe.reply("begun", id=request.values["id"], pane=name, model=running, **facts)
        slice_of_time = _FIRST
        while writers:
            for writer in list(writers):
                try:
                    self._send(request, writer, writer.write(slice_of_time))
                    self._look_up()
                except Interrupted:
                    for unfinished in writers:
                        self._send(request, unfinished, unfinished.stop())
                    return False
                if writer.is_over:
                    writers.remove(writer)
            slice_of_time = _SLICE
        return True

    def _send(self, request: Request, writer: Writer, texts: Mapping[str, str]) -> None:
        for pane, text in texts.items():
            named = {"id": request.values["id"], "pane": pane}
            if text:
                self._pipe.reply("text", **named, text=text)
            ended = writer.ended(pane)
            if ended is not None:
                self._pipe.reply("done", **named, tokens=ended.tokens, seconds=round(ended.seconds, 3), ended=ended.why)

    # ------------------------------------------------------------------------------------------------- looking closer

    def _read(self, number: Any, voice: Loaded, messages: Any, answer: str) -> None:
        from dataclasses import asdict

        from studio.engine.close_reading import Passage, distributions, read

        passage = Passage.of(voice.encoder, _turns(messages), answer)
        if voice.encoder.context and len(passage.ids) > voice.encoder.context:
            raise StudioError(
                f"The conversation is {len(passage.ids):,} tokens long; this model can read {voice.encoder.context:,}.",
                "Look at an earlier answer, or start a new conversation.",
            )
        base = self._voices.switch_to(voice)
        running = self._voices.running(base)
        own, beside = distributions(base.model, passage), None
        if voice.wanted.adapter is not None and base.tuned is not None:
            with base.tuned.disable_adapter():
                beside = distributions(base.model, passage)
        self._pipe.reply("read", id=number, model=running, **asdict(read(voice.encoder, passage, own, beside)))

    def _score(self, number: Any, folder: Path, base: Path, messages: Any, answers: list[Any]) -> None:
        from studio.engine.scoring import Scorer
        from studio.storage.models import model_name

        if self._scorer is None or self._scorer[0] != (folder, base):
            self._scorer = None  # its memory first
            self._pipe.reply("loading", what=model_name(folder))
            self._scorer = (folder, base), Scorer(base, folder)
        turns = _turns(messages)
        rewards = self._scorer[1].score([(turns, str(answer)) for answer in answers])
        self._pipe.reply("score", id=number, model=model_name(folder), rewards=rewards)

    def _next(self, number: Any, voice: Loaded, messages: Any, values: dict[str, Any]) -> None:
        import torch

        from studio.engine.generation import own_penalty, stop_tokens_of
        from studio.engine.sampling import NextToken

        sampling = settings_from(Sampling, values, "The sampling")
        prompt = _prompt(voice.encoder, _turns(messages))
        base = self._voices.switch_to(voice)
        stops = stop_tokens_of(base.model, voice.encoder.tokenizer, voice.encoder.end_of_turn)
        known: Any = base.model
        with torch.inference_mode():
            ids = torch.tensor([prompt], device=base.model.device)
            logits = known(input_ids=ids, use_cache=False, logits_to_keep=1).logits[0, -1].float().cpu()
            before = logits.softmax(-1)
            after = NextToken(sampling, prompt, stops, own_penalty(base.model)).odds(logits, [])
        likeliest = before.topk(min(_LIKELIEST, len(before))).indices.tolist()
        tokens = [
            (str(voice.encoder.tokenizer.decode([token])), float(before[token]), float(after[token]))
            for token in likeliest
        ]
        self._pipe.reply("next", id=number, model=self._voices.running(base), tokens=tokens)


def _turns(messages: Any) -> Sequence[Message]:
    try:
        return messages_from(messages)
    except ValueError as error:
        raise StudioError(f"The conversation can't be used: {error}.") from error


def _ids_of(encoder: Encoder, text: str) -> list[int]:
    """The tokens of the beginning of an answer."""
    ids: Any = encoder.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"] if text else []
    return list(ids)


def _fitting(encoder: Encoder, turns: Sequence[Message], held: Sequence[int]) -> tuple[list[int], int]:
    """The tokens of a prompt, with the beginning of the answer behind it, and how many of its oldest messages were left
    out so that an answer has room. Raises StudioError when even the last message alone is too long."""
    first = next((place for place, turn in enumerate(turns) if turn.role != "system"), 0)
    starts = [place for place, turn in enumerate(turns) if turn.role == "user" and place > first]
    for start in (first, *starts):
        some = [*turns[:first], *turns[start:]]
        ids = [*encoder.prompt(some), *held]
        if not encoder.context or len(ids) + min(_ROOM_TO_ANSWER, encoder.context // 4) <= encoder.context:
            return ids, start - first
    return _prompt(encoder, [*turns[:first], *turns[starts[-1] if starts else first :]], held), (
        starts[-1] - first if starts else 0
    )


def _prompt(encoder: Encoder, turns: Sequence[Message], held: Sequence[int] = ()) -> list[int]:
    prompt = [*encoder.prompt(turns), *held]
    if encoder.context and len(prompt) >= encoder.context:
        raise StudioError(
            f"The conversation is {len(prompt):,} tokens long; this model can read {encoder.context:,}, "
            "the answer included.",
            "Start a new conversation, or shorten the message.",
        )
    return prompt

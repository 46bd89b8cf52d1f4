"""Chat: base and tuned side by side from one model in memory, the adapter switched on for one and off for the other.

Both answers are written in turns of a few milliseconds, so that both stream. What window and worker say to each other
is `core.conversation`; how one answer is written is `engine.generation`.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.core.conversation import BASE, TUNED, Sampling
from studio.core.errors import StudioError
from studio.core.fields import settings_from
from studio.core.messages import messages_from
from studio.engine.failures import as_sentence
from studio.engine.pipe import Interrupted, Pipe, Request

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

    from studio.engine.encoding import Encoder
    from studio.engine.generation import Answer

_SLICE = 0.05  # seconds that one pane writes before the other has its turn


def serve() -> int:
    """Answer until standard input closes."""
    pipe = Pipe()
    try:
        import peft  # noqa: F401 - "ready" means that nothing heavy is left to import
        import torch  # noqa: F401
        import transformers.generation  # noqa: F401

        import studio.engine.generation  # noqa: F401
    except Exception as error:
        pipe.fail(as_sentence(error, Path.cwd()))
        raise
    room = Room(pipe)
    pipe.reply("ready")
    for request in pipe.requests():
        try:
            room.handle(request)
        except Interrupted:
            continue
        except Exception as error:
            pipe.fail(as_sentence(error, Path.cwd()), request.values.get("id"))
    return 0


class Room:
    """The loaded model, and the answers that are being written with it."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._request: Request | None = None
        self._base: Path | None = None
        self._model: PreTrainedModel | None = None
        self._tuned: PeftModel | None = None
        self._tuned_name: str | None = None
        self._encoder: Encoder | None = None

    def handle(self, request: Request) -> None:
        """Do what a request asks. Raises StudioError, and Interrupted when it was stopped."""
        self._request = request
        match request.values:
            case {"do": "load", "base": str(base)}:
                adapter = request.values.get("adapter")
                template = str(request.values.get("template") or "model")
                self._load(Path(base), Path(adapter) if adapter else None, template)
            case {"do": "answer", "id": _, "panes": dict(panes), "messages": messages}:
                self._answer(request, panes, messages, request.values.get("sampling") or {})
            case _:
                raise StudioError(f"The chat process doesn't know the request {request.values.get('do')!r}.")

    # ------------------------------------------------------------------------------------------------- loading

    def _load(self, base: Path, adapter: Path | None, template: str) -> None:
        from studio.engine.generation import interrupt_when
        from studio.engine.loading import (
            adapter_name,
            device_name,
            load_adapter,
            load_encoder,
            load_model,
            pick_device,
            pick_precision,
        )
        from studio.storage.models import check_model

        info = check_model(base)
        self._encoder = None  # a load that fails leaves nothing half loaded to be talked to
        encoder = load_encoder(info.folder, template, adapter)
        device = pick_device()
        precision = pick_precision("auto", device, info.parameters, training=False)
        if self._tuned is not None:
            self._model, self._tuned, self._tuned_name = self._tuned.unload(), None, None  # type: ignore[assignment]
        if self._model is None or self._base != info.folder:
            self._forget()
            self._pipe.reply("loading", what=info.name)
            self._model = load_model(info.folder, precision, device)
            self._base = info.folder
            interrupt_when(self._model, self._look_up)
        if adapter is not None:
            name = adapter_name(adapter)
            self._pipe.reply("loading", what=name)
            try:
                self._tuned = load_adapter(self._model, adapter)
            except BaseException:
                self._forget()  # half an adapter may hang on the base
                raise
            self._tuned_name = name
        self._encoder = encoder
        self._pipe.reply(
            "loaded",
            base=info.name,
            adapter=self._tuned_name,
            context=info.context,
            device=device_name(device),
            precision=str(precision),
        )

    def _forget(self) -> None:
        import torch

        self._model = self._tuned = self._base = self._tuned_name = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _look_up(self) -> None:
        if self._request is not None and self._pipe.interrupted(self._request):
            raise Interrupted

    # ------------------------------------------------------------------------------------------------- answering

    def _answer(self, request: Request, panes: Mapping[str, Any], messages: Any, sampling: dict[str, Any]) -> None:
        from studio.engine.generation import Answer, stop_tokens_of

        if self._model is None or self._encoder is None:
            raise StudioError("No model is loaded.", "Choose a base model first.")
        for wanted in panes.values():
            if wanted not in (BASE, TUNED):
                raise StudioError(f"A pane asks for “{wanted}”; it can be “{BASE}” or “{TUNED}”.")
            if wanted == TUNED and self._tuned is None:
                raise StudioError("No adapter is loaded, so there is no tuned model to answer.", "Choose a run.")
        settings = settings_from(Sampling, sampling, "The sampling")
        histories = messages if isinstance(messages, dict) else dict.fromkeys(panes, messages)
        prompts = {pane: self._prompt(self._encoder, histories.get(pane)) for pane in panes}
        stops = stop_tokens_of(self._model, self._encoder.tokenizer, self._encoder.end_of_turn)
        answers: dict[str, Answer] = {}
        for pane, wanted in panes.items():
            self._switch(wanted)
            prompt, context = prompts[pane], self._encoder.context
            answers[pane] = Answer(
                self._model, self._encoder.tokenizer, prompt, settings, stop_tokens=stops, context=context
            )
            self._pipe.reply("begun", id=request.values["id"], pane=pane, model=self.running, prompt_tokens=len(prompt))
        self._take_turns(request, panes, answers)

    @staticmethod
    def _prompt(encoder: Encoder, messages: Any) -> list[int]:
        try:
            turns = messages_from(messages)
        except ValueError as error:
            raise StudioError(f"The conversation can't be used: {error}.") from error
        prompt = encoder.prompt(turns)
        if encoder.context and len(prompt) >= encoder.context:
            raise StudioError(
                f"The conversation is {len(prompt):,} tokens long; this model can read {encoder.context:,}, "
                "the answer included.",
                "Start a new conversation, or shorten the message.",
            )
        return prompt

    def _take_turns(self, request: Request, panes: Mapping[str, Any], answers: dict[str, Answer]) -> None:
        writing = dict(answers)
        while writing:
            for pane, answer in list(writing.items()):
                self._switch(panes[pane])
                try:
                    text = answer.write(_SLICE)
                    self._look_up()
                except Interrupted:
                    for other, unfinished in writing.items():
                        self._send(request, other, unfinished, unfinished.stop())
                    return
                self._send(request, pane, answer, text)
                if answer.ended is not None:
                    del writing[pane]

    def _send(self, request: Request, pane: str, answer: Answer, text: str) -> None:
        named = {"id": request.values["id"], "pane": pane}
        if text:
            self._pipe.reply("text", **named, text=text)
        if answer.ended is not None:
            seconds = round(answer.seconds, 3)
            self._pipe.reply("done", **named, tokens=len(answer.tokens), seconds=seconds, ended=answer.ended)

    def _switch(self, wanted: str) -> None:
        if self._tuned is None:
            return
        layers: Any = self._tuned.base_model
        if wanted == TUNED:
            layers.enable_adapter_layers()
        else:
            layers.disable_adapter_layers()

    @property
    def running(self) -> str:
        """The name of what answers now, told by the layers themselves and never by what was asked for."""
        from peft.tuners.tuners_utils import BaseTunerLayer

        assert self._base is not None
        layers = [m for m in self._model.modules() if isinstance(m, BaseTunerLayer)] if self._model else []
        on = {not layer.disable_adapters and bool(layer.active_adapters) for layer in layers}
        if on == {True}:
            return f"{self._base.name} + {self._tuned_name}"
        if True in on:
            raise StudioError("The adapter is switched on in some layers only.", "Load the model again.")
        return self._base.name

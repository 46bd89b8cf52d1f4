"""Answering in bulk: many prompts in batches by transformers' `generate`, and answers scored by a reward model.

For measuring, where nobody waits for a single answer; talking is `engine.chat`. Its words are `core.answering`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.core.answering import Answered
from studio.core.conversation import Sampling
from studio.core.errors import StudioError
from studio.core.fields import settings_from
from studio.core.messages import Message
from studio.engine.pipe import Interrupted, Pipe, Request

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from studio.engine.encoding import Encoder

_BATCH = 32  # answers written at a time


def serve() -> int:
    """Work until standard input closes."""
    pipe = Pipe()
    desk = Desk(pipe)
    return pipe.serve(desk.handle)


class Desk:
    """Does one request after the other."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def handle(self, request: Request) -> None:
        """Do what a request asks. Raises StudioError, and Interrupted when it was stopped."""
        match request.values:
            case {"do": "answer", "id": wanted, "base": str(base), "prompts": list(prompts)}:
                model, encoder = _load(
                    Path(base), _folder(request.values.get("adapter")), str(request.values.get("template") or "model")
                )
                sampling = settings_from(Sampling, request.values.get("sampling") or {}, "The sampling")
                found = self._answers(request, model, encoder, [str(prompt) for prompt in prompts], sampling)
                told = [{"text": answer.text, "ended": answer.ended, "tokens": answer.tokens} for answer in found]
                self._pipe.reply("answers", id=wanted, answers=told)
            case {"do": "score", "id": wanted, "base": str(base), "adapter": str(adapter), "answers": list(pairs)}:
                from studio.engine.scoring import Scorer

                answers = [((Message("user", str(prompt)),), str(answer)) for prompt, answer in pairs]
                scores = Scorer(Path(base), Path(adapter)).score(answers, batch_size=_BATCH)
                self._pipe.reply("scores", id=wanted, scores=scores)
            case _:
                raise StudioError(f"The answering process doesn't know the request {request.values.get('do')!r}.")

    def _answers(
        self, request: Request, model: PreTrainedModel, encoder: Encoder, prompts: Sequence[str], sampling: Sampling
    ) -> list[Answered]:
        asked = [encoder.prompt((Message("user", prompt),)) for prompt in prompts]
        order = sorted(range(len(asked)), key=lambda place: len(asked[place]))  # alike in length: little is padded
        found: dict[int, Answered] = {}
        for first in range(0, len(order), _BATCH):
            self._pipe.reply("progress", id=request.values["id"], done=first, total=len(order))
            if self._pipe.interrupted(request):
                raise Interrupted
            places = order[first : first + _BATCH]
            answers = write(model, encoder, [asked[place] for place in places], sampling)
            found.update(zip(places, answers, strict=True))
        return [found[place] for place in range(len(prompts))]


def write(
    model: PreTrainedModel, encoder: Encoder, prompts: Sequence[Sequence[int]], sampling: Sampling
) -> list[Answered]:
    """One answer to each prompt, all written together. Raises StudioError for a prompt that leaves no room."""
    import torch

    from studio.engine.generation import stop_tokens_of
    from studio.engine.trainers import padding_of

    longest = max(map(len, prompts))
    room = min(sampling.max_new_tokens, encoder.context - longest) if encoder.context else sampling.max_new_tokens
    if room < 1:
        raise StudioError(
            f"A prompt is {longest:,} tokens long; this model can read {encoder.context:,}, the answer included.",
            "Leave it out, or shorten it.",
        )
    stops = stop_tokens_of(model, encoder.tokenizer, encoder.end_of_turn)
    pad = padding_of(encoder.tokenizer)
    ids = torch.full((len(prompts), longest), pad)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):  # at the left, so that all answers begin at the same place
        ids[row, longest - len(prompt) :] = torch.tensor(prompt)
        mask[row, longest - len(prompt) :] = 1
    chosen: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    if sampling.temperature > 0:
        chosen = {
            "do_sample": True,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
        }
        torch.manual_seed(sampling.seed)
    with torch.inference_mode():
        made: Any = model.generate(  # type: ignore[operator]
            input_ids=ids.to(model.device),
            attention_mask=mask.to(model.device),
            max_new_tokens=room,
            eos_token_id=sorted(stops),
            pad_token_id=pad,
            **chosen,
        )
    return [_answer(encoder, row, stops) for row in made[:, longest:].tolist()]


def _answer(encoder: Encoder, tokens: Sequence[int], stops: frozenset[int]) -> Answered:
    ends = [place for place, token in enumerate(tokens) if token in stops]
    own = list(tokens[: ends[0]] if ends else tokens)
    return Answered(str(encoder.tokenizer.decode(own, skip_special_tokens=True)), bool(ends), len(own))


def _load(base: Path, adapter: Path | None, template: str) -> tuple[PreTrainedModel, Encoder]:
    from studio.engine.loading import load_adapter, load_encoder, load_model, pick_device, pick_precision
    from studio.storage.models import check_model

    info, device = check_model(base), pick_device()
    encoder = load_encoder(info.folder, template, adapter)
    model = load_model(info.folder, pick_precision("auto", device, info.parameters, training=False), device)
    tuned: Any = load_adapter(model, adapter) if adapter else model
    return tuned, encoder


def _folder(named: Any) -> Path | None:
    return Path(named) if isinstance(named, str) and named else None

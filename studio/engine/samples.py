"""Samples: the model answers a few fixed prompts while it learns, as it is at that step.

Always the likeliest token, with a key-value cache: no random number is drawn, and training goes on as if nothing had
happened. What they are is `core.samples`; when they are due is `engine.supervision`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from studio.core.conversation import Sampling
from studio.core.messages import Message
from studio.core.records import Passage, Record
from studio.core.samples import LONGEST, PROMPTS, TEXT
from studio.engine.encoding import Encoder
from studio.engine.generation import END_OF_TURN, Answer, stop_tokens_of

_GREEDY = Sampling(temperature=0.0, top_p=1.0, top_k=0, max_new_tokens=LONGEST, seed=0)
_OF_PASSAGE = 200  # characters of plain text to go on from


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as it is shown, and as the model reads it."""

    text: str
    ids: tuple[int, ...]


def prompts_for(encoder: Encoder, own: Sequence[str], records: Iterable[Record], *, plain: bool) -> list[Prompt]:
    """The recipe's own prompts, or those of the first records that leave room for an answer. plain: no template."""
    if own:
        return [_prompt(encoder, text, None if plain else (Message("user", text),)) for text in own]
    found: list[Prompt] = []
    room = (encoder.context or 1 << 20) - 16
    for record in records:
        if isinstance(record, Passage):
            prompt = _prompt(encoder, record.text[:_OF_PASSAGE], None)
        else:
            turns = record.conversation
            last = max((place for place, turn in enumerate(turns) if turn.role == "assistant"), default=len(turns))
            if not last:
                continue
            prompt = _prompt(encoder, turns[last - 1].content, turns[:last])
        if 0 < len(prompt.ids) < room:
            found.append(prompt)
        if len(found) == PROMPTS:
            break
    return found


def _prompt(encoder: Encoder, text: str, turns: Sequence[Message] | None) -> Prompt:
    if turns is not None:
        return Prompt(text, tuple(encoder.prompt(turns)))
    ids = encoder.passage(text)
    end = encoder.tokenizer.eos_token_id
    return Prompt(text, tuple(ids[:-1] if ids and ids[-1] == end else ids))


@dataclass(frozen=True, slots=True)
class Sampler:
    """Lets a model answer the prompts. say: tells an event's values."""

    encoder: Encoder
    prompts: Sequence[Prompt]
    say: Callable[..., None]

    def write(self, model: Any, step: int, interrupted: Callable[[], bool]) -> None:
        """Answer all prompts as the model is after `step`; an answer that is interrupted is not told."""
        training = model.training
        model.eval()
        try:
            stops = stop_tokens_of(model, self.encoder.tokenizer, self.encoder.end_of_turn)
            context = self.encoder.context or 0
            for number, prompt in enumerate(self.prompts):
                # Of a prompt that fills the context its end is read, so that there is something to answer.
                ids = prompt.ids[-(context - 16) :] if context > 16 else prompt.ids
                answer = Answer(model, self.encoder.tokenizer, ids, _GREEDY, stop_tokens=stops, context=context)
                text = answer.write_out(interrupted)
                if text is None:
                    return
                ended = answer.ended == END_OF_TURN
                self.say(step=step, number=number, prompt=prompt.text[-TEXT:], answer=text, ended=ended)
        finally:
            model.train(training)

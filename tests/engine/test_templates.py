"""The mask is right for every chat template in the installed packages: a slow reading of what was written agrees.

The oracle knows nothing of how the encoder finds turns. It looks for the words of each turn, which no other turn has,
and at what the template writes for prefixes of the conversation.
"""

from __future__ import annotations

import re

import pytest

from studio.core.errors import StudioError
from studio.core.messages import Message
from studio.core.templates import BUILT_IN
from studio.engine.encoding import Encoded, Encoder
from studio.engine.rendering import Renderer
from tests.engine.templates_for_tests import CONVERSATIONS, installed_templates, tokenizer_for

TEMPLATES = installed_templates() | {f"built in/{known.name}": known.jinja for known in BUILT_IN}
REFUSED = ("must alternate", "single tool-calls", "No user query")  # what the makers of some templates rule out
_WORD = re.compile(r"[\wÄäè]+|😀")


def test_all_the_templates_are_found() -> None:
    assert len(installed_templates()) >= 70


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_is_trained_is_what_the_model_says(name: str) -> None:
    jinja = TEMPLATES[name]
    encoder = Encoder(tokenizer_for(jinja), jinja, name)
    written = 0
    for messages in CONVERSATIONS.values():
        encoded = encoded_unless_refused(encoder, messages)
        if encoded is not None:
            written += 1
            check(encoder, messages, encoded)
    assert written >= len(CONVERSATIONS) - 2


def encoded_unless_refused(encoder: Encoder, messages: tuple[Message, ...]) -> Encoded | None:
    try:
        return encoder.encode(messages, max_length=100_000)
    except StudioError as error:
        if any(reason in error.what for reason in REFUSED):
            return None
        raise


def check(encoder: Encoder, messages: tuple[Message, ...], encoded: Encoded) -> None:
    """What the oracle asks of a mask."""
    assert "".join(encoded.pieces) == encoded.text
    trained = [
        character
        for piece, counts in zip(encoded.pieces, encoded.mask, strict=True)
        for character in [counts] * len(piece)
    ]
    first = len(encoded.pieces[0])  # the first token is never trained: nothing stands before it
    for turn in messages:
        for word in words_of(turn):
            for place in places_of(word, encoded.text):
                said = all(trained[max(first, place) : place + len(word)])
                assert said == (turn.role == "assistant"), (word, turn.role, shown(encoded))
    prefixes_agree(encoder, messages, encoded, trained)
    ends_agree(encoder, messages, encoded, trained)


def prefixes_agree(encoder: Encoder, messages: tuple[Message, ...], encoded: Encoded, trained: list[bool]) -> None:
    """Where the text goes on from what the template writes before an answer, training begins right there, and what is
    the invitation to answer is never trained."""
    renderer = encoder._renderer
    turns = renderer.fitting(messages)
    lead = len(encoded.text) - len(renderer.render(turns))
    for k, turn in enumerate(turns):
        if turn.role != "assistant" or not k or renderer.marks_answers:
            continue
        before = written(renderer, turns[:k])
        if before is None or not encoded.text[lead:].startswith(before):
            continue
        if lead + len(before) in {start for start, _ in encoded.offsets}:  # else a token stands on both sides
            assert not trained[lead + len(before) - 1], (before[-30:], shown(encoded))
        if turn.content.strip() or turn.calls:
            assert trained[lead + len(before)], (before[-30:], shown(encoded))


def ends_agree(encoder: Encoder, messages: tuple[Message, ...], encoded: Encoded, trained: list[bool]) -> None:
    """After the last word of an answer nothing is trained but what its own template writes up to its end-of-turn token,
    and that token is."""
    specials = encoder._specials
    assert specials is not None
    for turn in messages:
        if turn.role != "assistant" or not turn.content.strip():
            continue
        word = words_of(turn)[-1]
        for place in places_of(word, encoded.text):
            end = place + len(word)
            following = specials.match(encoded.text, end)
            if following and not turn.calls:
                assert all(trained[end : following.end()]), (word, shown(encoded))
                rest = trained[following.end() :]
                beyond = next((k for k, counts in enumerate(rest) if not counts), len(rest))
                tail = encoded.text[following.end() : following.end() + beyond]
                assert not specials.sub("", tail).strip() or turn is not messages[-1], (tail, shown(encoded))


def written(renderer: Renderer, messages: tuple[Message, ...]) -> str | None:
    try:
        return renderer.render(messages, for_answer=True)
    except StudioError:
        return None


def words_of(turn: Message) -> list[str]:
    """The words that only this turn says; thoughts may be left out by a template."""
    text = re.sub(r"(?s)<think>.*</think>", "", turn.content)
    places = [word for call in turn.calls for word in re.findall(r'": "(\w+)"', call.arguments)]
    return [*places, *_WORD.findall(text)]


def places_of(word: str, text: str) -> list[int]:
    return [found.start() for found in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", text)]


def shown(encoded: Encoded) -> str:
    return "".join(
        f"«{piece}»" if counts else piece for piece, counts in zip(encoded.pieces, encoded.mask, strict=True)
    )

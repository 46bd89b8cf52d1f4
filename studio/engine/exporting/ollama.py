"""The Modelfile with which Ollama uses a GGUF file as it was trained: its template in Ollama's own language, and stops.

Ollama doesn't read Jinja, and knows only popular templates by sight. So a template is tried out: what it writes around
the turns of each role is found, put into Ollama's words, and compared with the template's own text for conversations of
several shapes. A template that can't be told so gets none, and a sentence about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from studio.core.errors import StudioError
from studio.core.messages import Message
from studio.engine.encoding import Encoder

_SHAPES = ("u", "su", "uau", "suau", "uauau", "suauau")
_ROLES = {"s": "system", "u": "user", "a": "assistant"}


@dataclass(frozen=True, slots=True)
class Written:
    """A template as what stands around the turns. bare: before everything when there is no system turn; around: what
    stands before and after each role's turns; invitation: before the answer."""

    bare: str
    around: dict[str, tuple[str, str]]
    invitation: str

    def text(self, turns: Sequence[Message]) -> str:
        """A conversation, and the invitation to answer it, as Ollama will write it."""
        parts = ["" if turns[0].role == "system" else self.bare]
        for turn in turns:
            before, after = self.around[turn.role]
            parts += [before, turn.content, after]
        return "".join([*parts, self.invitation])

    def as_template(self) -> str:
        """In Ollama's language (Go templates)."""
        bare = f"{{{{ if not .System }}}}{_go(self.bare)}{{{{ end }}}}" if self.bare else ""
        turns = ""
        for role, (before, after) in self.around.items():
            word = "else if" if turns else "if"
            turns += f'{{{{ {word} eq .Role "{role}" }}}}{_go(before)}{{{{ .Content }}}}{_go(after)}'
        return f"{bare}{{{{ range .Messages }}}}{turns}{{{{ end }}}}{{{{ end }}}}{_go(self.invitation)}"


def modelfile(file: str, encoder: Encoder, stops: Sequence[str]) -> tuple[str, list[str]]:
    """The Modelfile for a GGUF file of that name, and what a person should know, in sentences."""
    lines = [f"FROM ./{file}"]
    notes: list[str] = []
    if encoder.jinja:
        found = written_out(encoder)
        if found is None:
            notes.append(
                "The prompt template can't be told in Ollama's words, so the Modelfile has none: Ollama then uses one "
                "that it knows, or none. Compare an answer with the one in the Chat tab."
            )
        else:
            lines.append(f'TEMPLATE """{found.as_template()}"""')
    lines += [f'PARAMETER stop """{stop}"""' for stop in stops if stop.strip() and '"""' not in stop]
    return "\n".join(lines) + "\n", notes


def written_out(encoder: Encoder) -> Written | None:
    """A template as what it writes around turns; None when it isn't of that kind."""
    try:
        found = _found(encoder)
        shapes = [_turns(shape) for shape in _SHAPES]
        if found is None or '"""' in found.as_template():
            return None
        return found if all(found.text(turns) == _rendered(encoder, turns) for turns in shapes) else None
    except StudioError:  # a template without a place for system turns, say
        return None


def _found(encoder: Encoder) -> Written | None:
    gaps = _gaps(_rendered(encoder, _turns("suau")), ["⟦s0⟧", "⟦u1⟧", "⟦a2⟧", "⟦u3⟧"])
    alone = _gaps(_rendered(encoder, _turns("u")), ["⟦u0⟧"])
    if gaps is None or alone is None:
        return None
    lead, from_system, to_answer, from_answer, invitation = gaps
    ask = _common_end([from_system, from_answer, alone[0]])
    told = _common_start([to_answer, invitation])
    around = {
        "system": (lead, from_system.removesuffix(ask)),
        "user": (ask, told),
        "assistant": (to_answer.removeprefix(told), from_answer.removesuffix(ask)),
    }
    return Written(alone[0].removesuffix(ask), around, invitation.removeprefix(told))


def _gaps(text: str, marks: Sequence[str]) -> list[str] | None:
    """What stands before, between and after the marks; None unless each is there once, in that order."""
    found: list[str] = []
    for mark in marks:
        before, there, text = text.partition(mark)
        if not there or mark in text:
            return None
        found.append(before)
    return [*found, text]


def _common_end(texts: Sequence[str]) -> str:
    return _common_start([text[::-1] for text in texts])[::-1]


def _common_start(texts: Sequence[str]) -> str:
    same = takewhile(lambda letters: len(set(letters)) == 1, zip(*texts, strict=False))
    return "".join(letters[0] for letters in same)


def _turns(shape: str) -> list[Message]:
    """A conversation of such roles, in words that no template holds."""
    return [Message(_ROLES[letter], f"⟦{letter}{k}⟧") for k, letter in enumerate(shape)]  # type: ignore[arg-type]


def _rendered(encoder: Encoder, turns: Sequence[Message]) -> str:
    """What the template writes, without the token that is put before every text of its own accord."""
    text = encoder.written(turns)
    for token in encoder.lead:
        text = text.removeprefix(str(encoder.tokenizer.convert_ids_to_tokens(token)))
    return text


def _go(text: str) -> str:
    """Text inside a Go template, where braces would begin a command."""
    return text.replace("{{", '{{ "{{" }}')

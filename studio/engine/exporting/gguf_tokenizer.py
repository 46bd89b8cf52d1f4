"""A tokenizer as llama.cpp wants it: tokens with their kinds, merges or scores, and the name of its way to cut words.

Two families are known: byte-level BPE (GPT-2, Llama 3, Qwen), whose way to cut words is recognised by its own rules and
not by a checksum of what it makes, so that new tokens do no harm; and pieces with bytes to fall back on (Llama 2,
Gemma), whose merges become scores. Others are refused in a sentence.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import gguf
from gguf import TokenType

from studio.core.errors import StudioError
from studio.engine.encoding import Encoder

# Rules for cutting text into words, as tokenizer.json has them, and llama.cpp's name for each (llama-vocab.cpp).
_CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_CUTS: dict[tuple[str, ...], str] = {
    (_GPT2,): "gpt-2",
    ("digits", _GPT2): "smollm",
    (rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}{_REST}",): "llama-bpe",
    (rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{_REST}",): "qwen2",
    (_TEKKEN,): "tekken",
}
_SPACE = "▁"


@dataclass(slots=True)
class Vocabulary:
    """What llama.cpp is told of a tokenizer. inexact: how many of the tried words it would cut otherwise, and of how
    many."""

    model: str
    tokens: list[str]
    kinds: list[int]
    pre: str = "default"
    merges: list[str] = field(default_factory=list[str])
    scores: list[float] = field(default_factory=list[float])
    space_first: bool = False
    inexact: tuple[int, int] = (0, 0)

    def write(self, writer: gguf.GGUFWriter) -> None:
        """Under the keys that llama.cpp reads."""
        writer.add_tokenizer_model(self.model)
        writer.add_tokenizer_pre(self.pre)
        writer.add_token_list(self.tokens)
        writer.add_token_types(self.kinds)
        if self.model == "llama":
            writer.add_token_scores(self.scores)
            writer.add_add_space_prefix(self.space_first)
        else:
            writer.add_token_merges(self.merges)


def vocabulary_of(encoder: Encoder, size: int) -> Vocabulary:
    """A tokenizer's vocabulary, filled up to the model's `size`. Raises StudioError for a kind that llama.cpp, or this
    module, doesn't know."""
    backend: Any = encoder.tokenizer.backend_tokenizer  # type: ignore[attr-defined]
    values: dict[str, Any] = json.loads(backend.to_str())
    model: dict[str, Any] = values["model"]
    if model.get("type") != "BPE":
        raise _unknown(f"it is a {model.get('type')} tokenizer")
    known: dict[str, int] = dict(model["vocab"])
    merges = [pair if isinstance(pair, list) else pair.split(" ", 1) for pair in model["merges"]]
    steps = _steps(values.get("pre_tokenizer"))
    bytewise = any(step["type"] == "ByteLevel" for step in steps)
    if not bytewise and not model.get("byte_fallback"):
        raise _unknown("it knows neither bytes nor how to fall back on them")
    tokens, kinds = [f"[PAD{k}]" for k in range(size)], [int(TokenType.UNUSED)] * size
    for token, place in known.items():
        tokens[place], kinds[place] = token, int(_kind(token, bytewise, model.get("unk_token")))
    for place, added in encoder.tokenizer.added_tokens_decoder.items():
        if place < size:
            is_unknown = added.content == model.get("unk_token")
            plain = TokenType.CONTROL if added.special else TokenType.USER_DEFINED
            tokens[place] = added.content if added.special else added.content.replace(_SPACE, " ")
            kinds[place] = int(TokenType.UNKNOWN if is_unknown and not bytewise else plain)
    if bytewise:
        pairs = [" ".join(part.replace(" ", "Ġ") for part in pair) for pair in merges]
        return Vocabulary("gpt2", tokens, kinds, _cut(steps), pairs)
    ranks: dict[str, int] = {}
    for rank, (left, right) in enumerate(merges, start=1):
        ranks.setdefault(left + right, rank)
    scores = [-float(ranks.get(token, 0)) for token in tokens]
    first = _space_first(values.get("normalizer"), steps)
    return Vocabulary(
        "llama", tokens, kinds, scores=scores, space_first=first, inexact=_inexact(backend, known, merges)
    )


def write_specials(writer: gguf.GGUFWriter, encoder: Encoder, ends: list[int]) -> None:
    """Which tokens begin, end and fill. ends: those that end an answer, the template's own first."""
    tokenizer: Any = encoder.tokenizer
    leads = encoder.lead
    begin = leads[0] if leads else tokenizer.bos_token_id
    for token, add in (
        (begin, writer.add_bos_token_id),
        (tokenizer.unk_token_id, writer.add_unk_token_id),
        (tokenizer.pad_token_id, writer.add_pad_token_id),
    ):
        if isinstance(token, int):
            add(token)
    own = tokenizer.eos_token_id
    end = own if isinstance(own, int) else (ends[0] if ends else None)
    if end is not None:
        writer.add_eos_token_id(end)
    turn = encoder.end_of_turn
    others = [token for token in [turn, *ends] if token is not None and token != end]
    for token, add in zip(dict.fromkeys(others), (writer.add_eot_token_id, writer.add_eom_token_id), strict=False):
        add(token)
    writer.add_add_bos_token(bool(leads))
    writer.add_add_eos_token(False)


def _steps(pre: Any) -> list[dict[str, Any]]:
    if not pre:
        return []
    return list(pre["pretokenizers"]) if pre["type"] == "Sequence" else [pre]


def _cut(steps: list[dict[str, Any]]) -> str:
    """llama.cpp's name for a way to cut text into words."""
    parts: list[str] = []
    for step in steps:
        match step:
            case {"type": "Split", "pattern": {"Regex": str(rule)}}:
                parts.append(rule)
            case {"type": "Digits", "individual_digits": True}:
                parts.append("digits")
            case {"type": "ByteLevel", "add_prefix_space": True}:
                raise _unknown("it puts a space before every text")
            case {"type": "ByteLevel"}:
                if step.get("use_regex", True):
                    parts.append(_GPT2)
            case _:
                parts.append(str(step["type"]))
    name = _CUTS.get(tuple(parts))
    if name is None:
        raise _unknown("it cuts text into words in a way of its own")
    return name


def _kind(token: str, bytewise: bool, unknown: Any) -> TokenType:
    if bytewise:
        return TokenType.NORMAL
    if token == unknown:
        return TokenType.UNKNOWN
    return TokenType.BYTE if len(token) == 6 and token.startswith("<0x") and token.endswith(">") else TokenType.NORMAL


def _space_first(normalizer: Any, steps: list[dict[str, Any]]) -> bool:
    """Whether a space is put before the first word. Raises StudioError for what llama.cpp wouldn't do."""
    rules: list[dict[str, Any]] = (
        normalizer["normalizers"]
        if normalizer and "normalizers" in normalizer
        else ([normalizer] if normalizer else [])
    )
    first = escapes = False
    for rule in [*rules, *steps]:
        match rule:
            case {"type": "Prepend", "prepend": "▁"}:
                first = True
            case {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}:
                escapes = True
            case {"type": "Metaspace", "replacement": "▁"}:
                escapes = True
                first = first or rule.get("prepend_scheme", "always") != "never"
            case {"type": "Split", "pattern": {"String": " "}}:
                pass  # spaces are replaced by then, so nothing is split
            case _:
                raise _unknown(f"it changes text by “{rule['type']}”")
    if not escapes:
        raise _unknown("it doesn't write spaces as “▁”")
    return first


def _inexact(backend: Any, known: dict[str, int], merges: list[list[str]]) -> tuple[int, int]:
    """How many of up to 400 words llama.cpp would cut otherwise. It joins any two pieces whose sum is a piece, the best
    score first; which is the same when all ways to make a piece are merges, as in what SentencePiece trained."""
    listed = {(left, right) for left, right in merges}
    ranks: dict[str, int] = {}
    for rank, (left, right) in enumerate(merges):
        ranks.setdefault(left + right, rank)
    missing = any(
        (piece[:cut], piece[cut:]) not in listed
        for piece in ranks
        for cut in range(1, len(piece))
        if piece[:cut] in known and piece[cut:] in known
    )
    if not missing:
        return 0, 0
    words = list(ranks)[-200:]
    words += [left + right for left, right in zip(words, reversed(words), strict=True)]
    found = 0
    for word in words:
        there = [token for piece in joined(word, ranks) for token in [known.get(piece)] if token is not None]
        here = [known[token.value] for token in backend.model.tokenize(word)]
        found += there != here
    return found, len(words)


def joined(text: str, ranks: dict[str, int]) -> list[str]:
    """How llama.cpp joins the characters of a text to pieces: always the neighbours whose sum ranks best."""
    pieces = list(text)
    while True:
        sums = [(ranks[a + b], k) for k, (a, b) in enumerate(pairwise(pieces)) if a + b in ranks]
        if not sums:
            return pieces
        _, k = min(sums)
        pieces[k : k + 2] = [pieces[k] + pieces[k + 1]]


def _unknown(why: str) -> StudioError:
    return StudioError(
        f"This model's tokenizer can't be written as GGUF: {why}.",
        "Take the whole model away instead, and use llama.cpp's converter.",
    )

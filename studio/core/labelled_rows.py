"""Comparison tasks as other labelling programs write them: records of Argilla (1 and 2), tasks of Label Studio.

A row becomes a prompt, answers and what was said of them; which shape of judging suits is told by `plan_for`. Rows of
pairs, HH transcripts, rankings and ratings are `core.shapes`. Every reader raises ValueError with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from studio.core.labelling import LISTWISE, PAIRWISE, POINTWISE, LabelPlan, Verdict
from studio.core.messages import Message, check_text, messages_from

_PROMPTS = ("prompt", "instruction", "question", "input", "query", "context", "text")
_ANSWER = re.compile(
    r"^(response|answer|completion|generation|output|reply|summary|candidate|text|chosen|rejected)[-_ ]?(\d+|[a-e])?$",
    re.IGNORECASE,
)
_TIES = ("tie", "both", "equal", "same", "draw", "no preference")
_BAD = ("neither", "both bad", "bad", "none")
_LEFT, _RIGHT = ("left", "a", "1", "first"), ("right", "b", "2", "second")


@dataclass(frozen=True, slots=True)
class Heard:
    """What a labeller or a machine said of all answers of a row."""

    labeller: str
    machine: bool
    criterion: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """A prompt, answers to it, and what was said of them."""

    prompt: tuple[Message, ...]
    answers: tuple[str, ...]
    heard: tuple[Heard, ...]


def program_of(row: Any) -> str:
    """Which program wrote a row: "argilla", "label_studio", or an empty string."""
    if not isinstance(row, Mapping):
        return ""
    known = cast("Mapping[str, Any]", row)
    if isinstance(known.get("data"), Mapping) and ("annotations" in known or "predictions" in known):
        return "label_studio"
    if isinstance(known.get("fields"), Mapping) and ("responses" in known or "suggestions" in known):
        return "argilla"
    return ""


def read_row(row: Mapping[str, Any]) -> LabelledRow:
    """Read a row of either program. Raises ValueError."""
    return _label_studio(row) if program_of(row) == "label_studio" else _argilla(row)


def plan_for(rows: Iterable[LabelledRow]) -> LabelPlan:
    """How the rows were judged: by how many answers they have, what was said, and by which criteria."""
    most, ratings, criteria = 1, set[int](), dict[str, None]()
    for row in rows:
        most = max(most, len(row.answers))
        for heard in row.heard:
            criteria[heard.criterion] = None
            if heard.verdict.rating is not None:
                ratings.add(heard.verdict.rating)
    way = POINTWISE if most == 1 else PAIRWISE if most == 2 else LISTWISE
    scale = "10" if ratings and max(ratings) > 5 else "5"
    names = [name for name in criteria if name]
    return LabelPlan(way=way, scale=scale, criteria=", ".join(names) if len(names) > 1 else "", repeats=0.0)


# -------------------------------------------------------------------------------------------- Argilla


def _argilla(row: Mapping[str, Any]) -> LabelledRow:
    fields = cast("Mapping[str, Any]", row["fields"])
    prompt, names = _parts(fields)
    answers = tuple(_words(fields[name], name) for name in names)
    heard: list[Heard] = []
    responses: Any = row.get("responses") or ()
    if isinstance(responses, Mapping):  # Argilla 2: by question
        for question, given in cast("Mapping[str, Any]", responses).items():
            for one in _maps(given):
                heard += _say(str(one.get("user_id") or "annotator"), False, str(question), one.get("value"), names)
    else:  # Argilla 1: by labeller
        for one in _maps(responses):
            if one.get("status", "submitted") != "submitted":
                continue
            for question, given in cast("Mapping[str, Any]", one.get("values") or {}).items():
                value = given.get("value") if isinstance(given, Mapping) else given  # type: ignore[union-attr]
                heard += _say(str(one.get("user_id") or "annotator"), False, str(question), value, names)
    suggestions: Any = row.get("suggestions") or ()
    if isinstance(suggestions, Mapping):
        listed = [
            {"question_name": question, **one}
            for question, given in cast("Mapping[str, Any]", suggestions).items()
            for one in _maps([given])
        ]
    else:
        listed = _maps(suggestions)
    for one in listed:
        agent = str(one.get("agent") or "suggestion")
        heard += _say(agent, True, str(one.get("question_name") or ""), one.get("value"), names)
    return LabelledRow(prompt, answers, tuple(heard))


# -------------------------------------------------------------------------------------------- Label Studio


def _label_studio(row: Mapping[str, Any]) -> LabelledRow:
    data = cast("Mapping[str, Any]", row["data"])
    listed = next((name for name, value in data.items() if _items(value)), "")
    if listed:
        items = _items(data[listed])
        names = [name for name, _ in items]
        answers = tuple(check_text(text, f"“{listed}”") for _, text in items)
        prompt = _prompt_in({name: value for name, value in data.items() if name != listed})
    else:
        prompt, names = _parts(data)
        answers = tuple(_words(data[name], name) for name in names)
    heard: list[Heard] = []
    for kind, machine in (("annotations", False), ("predictions", True)):
        for one in _maps(row.get(kind)):
            if one.get("was_cancelled"):
                continue
            for result in _maps(one.get("result")):
                value = _value_in(result)
                name = _who(one)
                heard += _say(name, machine, str(result.get("from_name") or ""), value, names)
    return LabelledRow(prompt, answers, tuple(heard))


def _value_in(result: Mapping[str, Any]) -> Any:
    value = cast("Mapping[str, Any]", result.get("value") or {})
    match result.get("type"):
        case "pairwise":
            return value.get("selected")
        case "rating":
            return value.get("rating")
        case "choices":
            chosen = value.get("choices")
            return cast("list[Any]", chosen)[0] if isinstance(chosen, list) and chosen else None
        case "ranker":
            ranked = value.get("ranker")
            if isinstance(ranked, Mapping):  # buckets: those of the first are the best
                buckets = list(cast("Mapping[str, list[str]]", ranked).values())
                return [{"value": name, "rank": n} for n, bucket in enumerate(buckets, 1) for name in bucket]
            return ranked
        case _:
            return None


def _who(one: Mapping[str, Any]) -> str:
    who: Any = one.get("completed_by") or one.get("model_version") or "annotator"
    if isinstance(who, Mapping):
        known = cast("Mapping[str, Any]", who)
        return str(known.get("email") or known.get("username") or known.get("id") or "annotator")
    return f"annotator {who}" if isinstance(who, int) else str(who)


def _items(value: Any) -> list[tuple[str, str]]:
    """The items of a list to be ranked: (id, text)."""
    if not isinstance(value, list) or len(cast("list[Any]", value)) < 2:
        return []
    found: list[tuple[str, str]] = []
    for one in cast("list[Any]", value):
        if not isinstance(one, Mapping):
            return []
        known = cast("Mapping[str, Any]", one)
        text = known.get("body") or known.get("text") or known.get("html") or known.get("title")
        if "id" not in known or not isinstance(text, str):
            return []
        found.append((str(known["id"]), text))
    return found


# -------------------------------------------------------------------------------------------- parts


def _say(labeller: str, machine: bool, question: str, value: Any, names: Sequence[str]) -> list[Heard]:
    """What a value says of the answers; nothing for a question that isn't about which one is better."""
    verdict = _verdict(value, names)
    return [] if verdict is None else [Heard(labeller, machine, question, verdict)]


def _verdict(value: Any, names: Sequence[str]) -> Verdict | None:
    count = len(names)
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return Verdict(rating=int(value)) if count == 1 and value == int(value) else None
    if isinstance(value, list):
        ranks = _ranks(cast("list[Any]", value), names)
        return Verdict(ranks) if ranks and len(ranks) == count else None
    if not isinstance(value, str) or count != 2:
        return None
    word = value.strip().lower()
    if value in names:
        return Verdict.better(names.index(value))
    if word in _BAD:
        return Verdict.tie(bad=True)
    if word in _TIES:
        return Verdict.tie()
    if word in _LEFT or word in _RIGHT:
        return Verdict.better(0 if word in _LEFT else 1)
    tail = re.search(r"(\d+|[ab])$", word)
    if tail and tail[1] in ("1", "a", "2", "b"):
        return Verdict.better(0 if tail[1] in ("1", "a") else 1)
    return None


def _ranks(value: Sequence[Any], names: Sequence[str]) -> tuple[int, ...]:
    found: dict[str, int] = {}
    for place, one in enumerate(value, start=1):
        if isinstance(one, Mapping):
            known = cast("Mapping[str, Any]", one)
            found[str(known.get("value"))] = int(known.get("rank") or place)
        else:
            found[str(one)] = place
    if not set(found) <= set(names):
        return ()
    worst = max(found.values(), default=0) + 1  # what was left unranked is the worst
    return tuple(found.get(name, worst) for name in names)


def _parts(fields: Mapping[str, Any]) -> tuple[tuple[Message, ...], list[str]]:
    """The prompt and the names of the answers among a row's fields."""
    known = next((name for name in _PROMPTS if name in fields), "")
    names = [name for name, value in fields.items() if name != known and isinstance(value, str) and _ANSWER.match(name)]
    if not names:
        names = [name for name, value in fields.items() if name != known and isinstance(value, str)]
    if not known and len(names) > 2:
        known, names = names[0], names[1:]
    if not names:
        raise ValueError("there is no answer among its fields")
    return _prompt_in({known: fields[known]} if known else {}), names


def _prompt_in(fields: Mapping[str, Any]) -> tuple[Message, ...]:
    known = next((name for name in _PROMPTS if name in fields), next(iter(fields), ""))
    value = fields.get(known)
    if isinstance(value, list):
        return messages_from(cast("list[Any]", value))
    if not isinstance(value, str) or not value.strip():
        raise ValueError("there is no prompt among its fields (“prompt”, “instruction” or “question”)")
    return (Message("user", check_text(value, f"“{known}”")),)


def _words(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"“{name}” is empty")
    return check_text(value, f"“{name}”")


def _maps(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        return []
    return [dict(cast("Mapping[str, Any]", one)) for one in cast("list[Any]", value) if isinstance(one, Mapping)]

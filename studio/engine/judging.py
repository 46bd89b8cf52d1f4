"""The judge worker: a reward model scores answers, or a model that follows instructions is asked, in both orders.

What window and worker say to each other is `core.judging`. A model is never asked to write: the odds of its next token
being A or B, or a digit, are read, so a judgement is one forward pass, the same each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from studio.core.errors import StudioError
from studio.core.judging import MODEL, REWARD
from studio.core.labelling import POINTWISE
from studio.core.messages import Message, messages_from
from studio.engine.failures import as_sentence
from studio.engine.pipe import Interrupted, Pipe, Request

if TYPE_CHECKING:
    from studio.engine.encoding import Encoder

_PAIR = (
    "Compare two answers to the same conversation.\n\n{conversation}\n\nAnswer A:\n{first}\n\nAnswer B:\n{second}\n\n"
    "Which answer is {criterion}? Reply with one letter, A or B."
)
_RATE = (
    "Rate an answer to a conversation.\n\n{conversation}\n\nAnswer:\n{answer}\n\n"
    "How {criterion} is the answer, from 1 (worst) to 5 (best)? Reply with one digit."
)
_BATCH = 8


class Judge(Protocol):
    """Scores the answers of one item: by criterion a number for each answer, and how often both orders agreed."""

    name: str

    def scores(
        self, prompt: Sequence[Message], answers: Sequence[str], way: str, criteria: Sequence[str]
    ) -> tuple[dict[str, list[float]], float | None]: ...


def serve() -> int:
    """Answer until standard input closes."""
    pipe = Pipe()
    try:
        import peft  # noqa: F401 - "ready" means that nothing heavy is left to import
        import transformers  # noqa: F401

        import studio.engine.scoring  # noqa: F401
    except Exception as error:
        pipe.fail(as_sentence(error, Path.cwd()))
        raise
    judge: Judge | None = None
    pipe.reply("ready")
    for request in pipe.requests():
        try:
            match request.values:
                case {"do": "load", "kind": str(kind), "base": str(base)}:
                    judge = None
                    pipe.reply("loading", what=Path(base).name)
                    judge = _load(kind, Path(base), request.values.get("adapter"))
                    from studio.engine.loading import device_name, pick_device

                    pipe.reply("loaded", name=judge.name, device=device_name(pick_device()))
                case {"do": "judge", "items": list(items)}:
                    _judge_all(pipe, request, judge, items)
                case _:
                    raise StudioError(f"The judge process doesn't know the request {request.values.get('do')!r}.")
        except Interrupted:
            continue
        except Exception as error:
            pipe.fail(as_sentence(error, Path.cwd()), request.values.get("id"))
    return 0


def _load(kind: str, base: Path, adapter: str | None) -> Judge:
    if kind == REWARD:
        if not adapter:
            raise StudioError("A reward model is an adapter on its base model.", "Choose the run that trained it.")
        return RewardJudge(base, Path(adapter))
    if kind == MODEL:
        return ModelJudge(base, Path(adapter) if adapter else None)
    raise StudioError(f"A judge can be a “{REWARD}” model or a “{MODEL}”, not “{kind}”.")


def _judge_all(pipe: Pipe, request: Request, judge: Judge | None, items: Sequence[dict[str, Any]]) -> None:
    if judge is None:
        raise StudioError("No judge is loaded.", "Choose one.")
    way = str(request.values.get("way"))
    criteria = [str(name) for name in request.values.get("criteria") or [""]]
    for item in items:
        if pipe.interrupted(request):
            raise Interrupted
        try:
            prompt = messages_from(item.get("messages"))
            answers = [str(answer) for answer in item["answers"]]
            scores, both_ways = judge.scores(prompt, answers, way, criteria)
        except (ValueError, KeyError) as error:
            pipe.fail(StudioError(f"The item can't be judged: {error}."), item.get("id"))
        except StudioError as error:
            pipe.fail(error, item.get("id"))
        else:
            pipe.reply("judged", id=item.get("id"), scores=scores, both_ways=both_ways)


class RewardJudge:
    """A reward model: one score an answer, by whatever it was trained to like."""

    def __init__(self, base: Path, adapter: Path) -> None:
        from studio.engine.loading import adapter_name
        from studio.engine.scoring import Scorer

        self._scorer = Scorer(base, adapter)
        self.name = adapter_name(adapter)

    def scores(
        self, prompt: Sequence[Message], answers: Sequence[str], way: str, criteria: Sequence[str]
    ) -> tuple[dict[str, list[float]], float | None]:
        """The rewards, for all criteria alike."""
        return {criteria[0]: self._scorer.score([(prompt, answer) for answer in answers])}, None


class ModelJudge:
    """A model that follows instructions, asked which of two answers is better, in both orders; or for a digit."""

    def __init__(self, base: Path, adapter: Path | None) -> None:
        from studio.engine.loading import (
            adapter_name,
            load_adapter,
            load_encoder,
            load_model,
            pick_device,
            pick_precision,
        )
        from studio.storage.models import check_model

        info, device = check_model(base), pick_device()
        precision = pick_precision("auto", device, info.parameters, training=False)
        self._encoder: Encoder = load_encoder(info.folder, "model", adapter)
        self._model: Any = load_model(info.folder, precision, device)
        self.name = info.name
        if adapter is not None:
            self._model, self.name = load_adapter(self._model, adapter), adapter_name(adapter)

    def scores(
        self, prompt: Sequence[Message], answers: Sequence[str], way: str, criteria: Sequence[str]
    ) -> tuple[dict[str, list[float]], float | None]:
        """For each criterion the mean odds of winning against the others, or the expected rating."""
        conversation = "\n\n".join(f"{turn.role.capitalize()}:\n{turn.content}" for turn in prompt)
        found: dict[str, list[float]] = {}
        same = asked = 0
        for criterion in criteria:
            if way == POINTWISE:
                texts = [
                    _RATE.format(conversation=conversation, answer=a, criterion=criterion or "good") for a in answers
                ]
                digits = [self._token(str(digit)) for digit in range(1, 6)]
                odds = self._odds(texts, digits)
                found[criterion] = [sum((n + 1) * share for n, share in enumerate(row)) for row in odds]
                continue
            pairs = list(combinations(range(len(answers)), 2))
            orders = [order for a, b in pairs for order in ((a, b), (b, a))]
            word = f"more {criterion}" if criterion else "better"
            texts = [
                _PAIR.format(conversation=conversation, first=answers[a], second=answers[b], criterion=word)
                for a, b in orders
            ]
            first = [row[0] for row in self._odds(texts, [self._token("A"), self._token("B")])]
            wins = [0.0] * len(answers)
            for number, (a, b) in enumerate(pairs):
                there, back = first[2 * number], 1.0 - first[2 * number + 1]
                asked += 1
                same += (there > 0.5) == (back > 0.5)
                chance = (there + back) / 2
                wins[a] += chance
                wins[b] += 1.0 - chance
            found[criterion] = [won / (len(answers) - 1) for won in wins]
        return found, same / asked if asked else None

    def _token(self, text: str) -> list[int]:
        """The tokens that may stand for a one-letter answer, with and without a space before it."""
        tokenizer: Any = self._encoder.tokenizer
        ids = [tokenizer.encode(form, add_special_tokens=False) for form in (text, f" {text}")]
        found = sorted({known[-1] for known in ids if known})
        if not found:
            raise StudioError(f"This model has no token for “{text}”, so it can't judge.", "Choose another judge.")
        return found

    def _odds(self, texts: Sequence[str], options: Sequence[Sequence[int]]) -> list[list[float]]:
        """The odds of each option as the next token, of these alone."""
        import torch

        prompts = [self._encoder.prompt([Message("user", text)]) for text in texts]
        longest = self._encoder.context
        if longest and max(map(len, prompts)) >= longest:
            raise StudioError(
                f"The answers with their question are longer than the {longest:,} tokens that this judge can read.",
                "Choose a judge with a larger context.",
            )
        found: list[list[float]] = []
        for first in range(0, len(prompts), _BATCH):
            part = prompts[first : first + _BATCH]
            width = max(map(len, part))
            ids = torch.zeros((len(part), width), dtype=torch.long)
            mask = torch.zeros((len(part), width), dtype=torch.long)
            for row, prompt in enumerate(part):
                ids[row, width - len(prompt) :] = torch.tensor(prompt)
                mask[row, width - len(prompt) :] = 1
            device = self._model.device
            with torch.inference_mode():
                output = self._model(
                    input_ids=ids.to(device),
                    attention_mask=mask.to(device),
                    position_ids=(mask.cumsum(-1) - 1).clamp(min=0).to(device),
                    use_cache=False,
                    logits_to_keep=1,
                )
            logs = output.logits[:, -1, :].float().log_softmax(-1)
            picked = torch.stack([logs[:, list(option)].logsumexp(-1) for option in options], dim=-1)
            found += picked.softmax(-1).cpu().tolist()
        return found

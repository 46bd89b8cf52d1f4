"""Close reading: what a model makes of an answer, token by token, beside what its base makes of it.

For each token of the answer: its log-probability, the change against the base (the log-ratio), and the KL divergence
of the whole next-token distribution from the base's at that place. All in nats, at temperature 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from studio.core.errors import StudioError
from studio.core.messages import Message
from studio.engine.encoding import LAST_ANSWER, Encoder

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_ALTERNATIVES = 5
# Rows of the output layer computed at once: 64k words in 32 bits are a quarter of a megabyte a row.
_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Reading:
    """One model's view of an answer, a value for each of its tokens (the end of the turn included).

    tokens: their texts. log_probs, base_log_probs, kl: in nats. alternatives: the likeliest tokens at that place with
    their probabilities. The base's values are None for a base alone.
    """

    tokens: list[str]
    log_probs: list[float]
    alternatives: list[list[tuple[str, float]]]
    base_log_probs: list[float] | None
    kl: list[float] | None


@dataclass(frozen=True, slots=True)
class Passage:
    """An answer in its conversation as a model reads it.

    ids: all tokens; first: the place of the answer's first. pieces: the texts of the answer's tokens, end to end the
    answer as its template writes it; of the tokens that are one character together, the last one has it.
    """

    ids: tuple[int, ...]
    first: int
    pieces: tuple[str, ...]

    @staticmethod
    def of(encoder: Encoder, prompt: Sequence[Message], answer: str) -> Passage:
        """Encoded as in training. Raises StudioError when nothing of the answer is within the context."""
        encoded = encoder.encode((*prompt, Message("assistant", answer)), max_length=1 << 20, train_on=LAST_ANSWER)
        trained = [place for place, marked in enumerate(encoded.mask) if marked]
        if not trained or not answer:
            limit = f" in the {encoder.context:,} tokens that this model reads" if encoder.context else ""
            raise StudioError(f"There is no answer to look at{limit}.", "Ask something first.")
        first, end = trained[0], trained[-1] + 1
        pieces = tuple(encoded.text[start:stop] for start, stop in encoded.offsets[first:end])
        return Passage(encoded.ids[:end], first, pieces)


@torch.inference_mode()
def distributions(model: PreTrainedModel, passage: Passage) -> Tensor:
    """The log-probabilities [answer tokens, vocabulary] in 32 bits from which each token of the answer was foretold."""
    return distributions_at(model, passage.ids[:-1], range(passage.first - 1, len(passage.ids) - 1))


@torch.inference_mode()
def distributions_at(model: PreTrainedModel, ids: Sequence[int], places: Sequence[int]) -> Tensor:
    """The log-probabilities [places, vocabulary] in 32 bits of what follows some of the tokens."""
    device = model.device
    known: Any = model
    output = known(
        input_ids=torch.tensor([list(ids)], device=device),
        use_cache=False,
        logits_to_keep=torch.tensor(list(places), device=device),
    )
    logits: Tensor = output.logits[0]
    return torch.cat([part.float().log_softmax(-1) for part in logits.split(_AT_ONCE)])


def read(encoder: Encoder, passage: Passage, own: Tensor, base: Tensor | None) -> Reading:
    """A model's distributions, and its base's, as `distributions` gives them, told token by token."""
    answer = torch.tensor(passage.ids[passage.first :], device=own.device)
    tokenizer = encoder.tokenizer

    def text(token: int) -> str:
        return str(tokenizer.decode([token]))

    likeliest = own.topk(min(_ALTERNATIVES, own.shape[1]), dim=-1)
    alternatives = [
        [(text(token), chance) for token, chance in zip(tokens, chances, strict=True)]
        for tokens, chances in zip(likeliest.indices.tolist(), likeliest.values.exp().tolist(), strict=True)
    ]
    at = answer[:, None]
    kl = None
    if base is not None:
        # 0 times minus infinity is 0: what a model never says is no difference.
        terms = torch.where(own > -torch.inf, own.exp() * (own - base), 0.0)
        kl = terms.sum(-1).clamp(min=0.0).tolist()
    return Reading(
        list(passage.pieces),
        own.gather(1, at)[:, 0].tolist(),
        alternatives,
        base.gather(1, at)[:, 0].tolist() if base is not None else None,
        kl,
    )

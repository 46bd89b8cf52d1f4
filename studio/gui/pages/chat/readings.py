"""What a model makes of an answer, token by token, as the worker told it: how likely each was, and how that differs
from the base. No widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import exp
from typing import Any

from studio.gui.language import mark, tr
from studio.gui.widgets.visible_text import visible


class Measure(StrEnum):
    """What the colours mean."""

    CHANGE = "change"
    SURPRISE = "surprise"
    KL = "kl"


@dataclass(frozen=True, slots=True)
class Scale:
    """A measure in words. reach: nats at which the colour is strongest. least, most: what its ends mean."""

    label: str
    about: str
    reach: float
    least: str
    most: str


SCALES = {
    Measure.CHANGE: Scale(
        mark("Change against the base"),
        mark("How much likelier training made each token (log-ratio, in nats)."),
        2.0,
        mark("less likely now"),
        mark("likelier now"),
    ),
    Measure.SURPRISE: Scale(
        mark("How surprising each token is"),
        mark("Minus the log-probability, in nats."),
        5.0,
        mark("expected"),
        mark("surprising"),
    ),
    Measure.KL: Scale(
        mark("Where the models differ"),
        mark("KL divergence of all next tokens from the base's, in nats at each place."),
        2.0,
        mark("alike"),
        mark("different"),
    ),
}


@dataclass(frozen=True, slots=True)
class CloseReading:
    """What the worker's `read` reply says (`core.conversation`), a value for each token, in nats."""

    model: str
    tokens: Sequence[str]
    log_probs: Sequence[float]
    alternatives: Sequence[Sequence[tuple[str, float]]]
    base_log_probs: Sequence[float] | None
    kl: Sequence[float] | None

    @staticmethod
    def of(reply: dict[str, Any]) -> CloseReading:
        """Out of a reply."""
        return CloseReading(
            str(reply["model"]),
            reply["tokens"],
            reply["log_probs"],
            [[(str(text), float(chance)) for text, chance in place] for place in reply["alternatives"]],
            reply.get("base_log_probs"),
            reply.get("kl"),
        )

    def values(self, measure: Measure) -> Sequence[float]:
        """One value a token; empty when the model is a base alone, which differs from no base."""
        if measure is Measure.SURPRISE:
            return [-value for value in self.log_probs]
        if self.base_log_probs is None or self.kl is None:
            return []
        if measure is Measure.KL:
            return self.kl
        return [own - base for own, base in zip(self.log_probs, self.base_log_probs, strict=True)]

    @property
    def summary(self) -> str:
        """The whole answer in one line."""
        total = sum(self.log_probs)
        facts = [tr("{count:,} tokens", count=len(self.tokens)), tr("log-probability {total:,.1f} nats", total=total)]
        if self.base_log_probs is not None and self.kl is not None:
            facts.append(tr("{total:+,.1f} against the base", total=total - sum(self.base_log_probs)))
            facts.append(tr("KL {kl:,.1f} nats", kl=sum(self.kl)))
        return "  ·  ".join(facts)

    def about(self, place: int) -> str:
        """The figures of one token, and what might have stood there, as lines of plain text."""
        own = self.log_probs[place]
        lines = [
            tr(
                "“{token}”  {chance:.1%}  ({nats:.2f} nats)",
                token=visible(self.tokens[place]),
                chance=exp(own),
                nats=own,
            )
        ]
        if self.base_log_probs is not None and self.kl is not None:
            base = self.base_log_probs[place]
            lines.append(
                tr(
                    "base: {base:.1%}  ({own:+.2f} nats)  ·  KL here {kl:.2f}",
                    base=exp(base),
                    own=own - base,
                    kl=self.kl[place],
                )
            )
        likely = (f"“{visible(text)}” {chance:.0%}" for text, chance in self.alternatives[place])
        return "\n".join([*lines, tr("Likeliest here: {tokens}", tokens=", ".join(likely))])

"""Drafts: what a model writes to make data of, each waiting for a person's yes, correction or no.

Questions come out of a dataset. A plan may ask for paraphrases of them, for answers to them, or for both one after the
other: the recipe for safety (harmful questions, their paraphrases, safe answers; as in Bai et al. 2022). An answer is
drafted only to a question that was accepted. Keeping drafts is `storage.drafts`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any, Literal, cast

from studio.core.candidates import Author
from studio.core.conversation import Sampling
from studio.core.errors import StudioError
from studio.core.messages import Message

QUESTION, PARAPHRASE, ANSWER = "question", "paraphrase", "answer"
WAITING, ACCEPTED, REJECTED, FAILED = "waiting", "accepted", "rejected", "failed"
Purpose = Literal["answers", "paraphrases", "safety"]
PURPOSES: dict[Purpose, str] = {
    "answers": "Answers to prompts",
    "paraphrases": "Paraphrases of prompts",
    "safety": "Safety: paraphrases of harmful questions, then safe answers",
}
PLACE = "{prompt}"
PARAPHRASE_GUIDE = f"Say this in other words. Keep its meaning, and write nothing else.\n\n{PLACE}"
SAFE_GUIDE = (
    "Answer this without helping anybody to do harm: say in a friendly way what you will not do and why, and offer "
    f"something better.\n\n{PLACE}"
)


@dataclass(frozen=True, slots=True)
class DraftPlan:
    """What is drafted, by whom, and how. paraphrases: of each question. guides: what the model is asked, with {prompt}
    where the question stands; what is learned later is the question alone with the answer."""

    purpose: Purpose
    author: Author
    paraphrases: int = 0
    answers: bool = True
    paraphrase_guide: str = PARAPHRASE_GUIDE
    answer_guide: str = PLACE
    temperature: float = 0.8
    max_new_tokens: int = 256
    seed: int = 42

    def check(self) -> None:
        """Raise StudioError for the first thing that can't be used."""
        if not self.author.base:
            raise StudioError("No model is chosen to write drafts.", "Choose one.")
        for wanted, guide in ((self.paraphrases, self.paraphrase_guide), (self.answers, self.answer_guide)):
            if wanted and PLACE not in guide:
                raise StudioError("What the model is asked doesn't hold the question.", f"Put {PLACE} where it stands.")

    def asked(self, kind: str, question: tuple[Message, ...]) -> tuple[Message, ...]:
        """What the model is asked for a draft."""
        guide = self.paraphrase_guide if kind == PARAPHRASE else self.answer_guide
        last = question[-1]
        return (*question[:-1], last._replace(content=guide.replace(PLACE, last.content)))

    def sampling(self, question: int, number: int) -> Sampling:
        """How a draft is written: seeds differ by question and number."""
        seed = int.from_bytes(blake2b(f"{self.seed}/{question}/{number}".encode(), digest_size=4).digest()) >> 1
        return Sampling(temperature=self.temperature, max_new_tokens=self.max_new_tokens, seed=seed)

    def to_json(self) -> str:
        """As it is kept."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> DraftPlan:
        """Read `to_json`."""
        values = cast("dict[str, Any]", json.loads(text))
        return DraftPlan(author=Author(**values.pop("author")), **values)


@dataclass(frozen=True, slots=True)
class Draft:
    """A question, or a draft for one. question: its turns. text: as it stands now; written: as the model wrote it.
    parent: the draft's question by its id."""

    id: int
    kind: str
    question: tuple[Message, ...]
    text: str
    written: str
    state: str
    parent: int | None = None

    @property
    def is_edited(self) -> bool:
        """Whether a person changed it."""
        return self.text != self.written

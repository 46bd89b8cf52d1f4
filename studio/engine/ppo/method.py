"""PPO as a method of training: prompts encoded, the base loaded in its roles, and the reward found, checked and named.

The three functions that `engine.method` asks for. What happens in a step is `engine.ppo.trainer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase, set_seed

from studio.core.errors import StudioError
from studio.core.methods import PpoSettings
from studio.core.records import Record, prompt_of
from studio.engine.adapters import earlier_lora, fresh_lora
from studio.engine.encoding import Encoder
from studio.engine.examples import EncodedRows, Reading, encode_rows, warn_of_endless_answers
from studio.engine.generation import stop_tokens_of
from studio.engine.loading import load_encoder
from studio.engine.passes import Passes
from studio.engine.ppo.experience import Prompt
from studio.engine.ppo.roles import REFERENCE, VALUE, Roles
from studio.engine.ppo.sources import add_reward_models, sources_of
from studio.engine.ppo.trainer import PpoTrainer
from studio.engine.supervision import Supervision
from studio.engine.trainers import Place, load_policy


def encode(reading: Reading, encoder: Encoder, settings: PpoSettings) -> EncodedRows[Prompt]:
    """The prompts of all records, whole. Those that leave no room for the longest answer are left out."""
    limit = encoder.limit(settings.max_length)
    room = limit - settings.answer_tokens
    if room < 1:
        whose = "this model can read" if limit == encoder.context else "are allowed"
        raise StudioError(
            f"Answers of up to {settings.answer_tokens:,} tokens leave no room for a prompt in the {limit:,} tokens "
            f"that {whose}.",
            "Make the longest answer shorter, or allow longer prompts and answers.",
        )

    def one(record: Record) -> tuple[Prompt, bool]:
        turns = prompt_of(record)
        if not turns:
            raise StudioError("It has no prompt.")
        ids = encoder.prompt(turns)
        if len(ids) > room:
            raise StudioError(
                f"Its prompt has {len(ids):,} tokens; with an answer of {settings.answer_tokens:,} that is more than "
                f"{limit:,}."
            )
        return Prompt(tuple(ids), turns[-1].content), False

    rows = encode_rows(reading, one, limit)
    warn_of_endless_answers(rows, encoder)
    return rows


def load(base: Path, place: Place, settings: PpoSettings) -> PreTrainedModel:
    """The base model. It is frozen, so where a processor computes in 16 bits it is kept in them: else every token that
    is written would begin with turning all weights into 16 bits. Raises StudioError."""
    if place.precision.autocast and place.device == "cpu":
        place = replace(place, precision=replace(place.precision, weights=torch.bfloat16))
    return load_policy(base, place, settings)


def build_trainer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train: Sequence[Prompt],
    held_out: Sequence[Prompt],
    settings: PpoSettings,
    place: Place,
    supervision: Supervision,
) -> PpoTrainer:
    """A trainer with all roles on `model`. Raises StudioError for a reward model that can't be used with it."""
    set_seed(settings.seed)
    base = Path(str(model.name_or_path))
    encoder = load_encoder(base, "model")
    encoder = Encoder(tokenizer, str(tokenizer.chat_template), context=encoder.context)
    stop_tokens = stop_tokens_of(model, tokenizer, encoder.end_of_turn)
    adapter = place.adapter
    half = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(place.precision.name if place.precision.autocast else "")
    lora = fresh_lora(settings, model) if adapter is None else earlier_lora(settings, adapter)
    roles = Roles(model, lora, frozen=half or torch.float32)
    if adapter is not None:
        roles.fill_policy(adapter)
        roles.add_frozen(REFERENCE, adapter, head=False)

    shared = add_reward_models(roles, place.rewards, base)
    if settings.value_model == "adapter":
        roles.add_value(fresh_lora(settings, model))
    else:
        roles.add_head(VALUE)
    longest = max(len(prompt.ids) for prompt in (*train, *held_out)) + settings.answer_tokens
    passes = Passes(roles.model, longest, place.precision)
    sources, judges = sources_of(
        place.rewards,
        shared,
        roles,
        passes,
        base,
        encoder,
        precision=settings.precision,
        at_a_time=settings.batch_size,
        warn=supervision.warn,
    )
    return PpoTrainer(
        roles, passes, tokenizer, stop_tokens, sources, judges, train, held_out, settings, place, supervision
    )

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
from studio.engine.adapters import check_base, earlier_lora, fresh_lora
from studio.engine.encoding import Encoder
from studio.engine.examples import EncodedRows, Reading, encode_rows, warn_of_endless_answers
from studio.engine.generation import stop_tokens_of
from studio.engine.loading import load_encoder
from studio.engine.ppo.passes import Passes
from studio.engine.ppo.roles import JUDGE, REFERENCE, REWARD, VALUE, ModelOnBase, Roles
from studio.engine.ppo.trainer import PpoTrainer, Prompt
from studio.engine.reward_sources import (
    FunctionSource,
    ModelBeside,
    RuleSource,
    Source,
    check_tokens,
    template_warning,
)
from studio.engine.supervision import Supervision
from studio.engine.trainers import Place, load_policy
from studio.storage.reward_models import check_reward_model


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
    roles = Roles(model, fresh_lora(settings, model) if adapter is None else earlier_lora(settings, adapter))
    if adapter is not None:
        roles.fill_policy(adapter)
        roles.add_frozen(REFERENCE, adapter, head=False)

    wanted = [(REWARD, place.rewards.model), (JUDGE, place.rewards.judge)]
    shared = {role: _on_base(Path(folder), base) for role, folder in wanted if folder}
    for role, folder in wanted:
        if shared.get(role):
            roles.add_frozen(role, Path(folder), head=True)
    if settings.value_model == "adapter":
        roles.add_value(fresh_lora(settings, model))
    else:
        roles.add_head(VALUE)
    longest = max(len(prompt.ids) for prompt in (*train, *held_out)) + settings.answer_tokens
    passes = Passes(roles.model, longest, place.precision)

    def source(role: str, folder: str, weight: float) -> Source:
        info = check_reward_model(Path(folder))
        if not shared[role]:
            return ModelBeside(info, encoder, weight=weight, precision=settings.precision)
        theirs = load_encoder(base, "model", info.folder)
        found = ModelOnBase(roles, passes, role, info.folder, weight=weight, at_a_time=settings.batch_size)
        check_tokens(found.name, theirs, encoder)
        if warning := template_warning(found.name, theirs, encoder):
            supervision.warn(*warning)
        return found

    rewards = place.rewards
    sources: list[Source] = [source(REWARD, rewards.model, rewards.model_weight)] if rewards.model else []
    if rewards.rules:
        sources.append(RuleSource(rewards.rules))
    if rewards.function:
        sources.append(FunctionSource(rewards.function))
    judges: list[Source] = [source(JUDGE, rewards.judge, 1.0)] if rewards.judge else []
    if rewards.judge_rules:
        judges.append(RuleSource(rewards.judge_rules))
    return PpoTrainer(
        roles, passes, tokenizer, stop_tokens, sources, judges, train, held_out, settings, place, supervision
    )


def _on_base(folder: Path, base: Path) -> bool:
    """Whether a reward model is an adapter that can share the policy's base: trained on it, or on a copy of it."""
    info = check_reward_model(folder)
    if not info.is_adapter:
        return False
    try:
        check_base(folder, base)
    except StudioError:
        return False
    return True

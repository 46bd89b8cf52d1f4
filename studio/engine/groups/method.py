"""A trainer for groups of answers, made of a base model: its roles, what rewards, and what TRL is told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from transformers import PreTrainedModel, PreTrainedTokenizerBase, set_seed
from trl.trainer.utils import disable_dropout_in_model

from studio.core.errors import StudioError
from studio.core.methods import GroupSettings
from studio.engine.adapters import earlier_lora, fresh_lora
from studio.engine.encoding import Encoder
from studio.engine.generation import stop_tokens_of
from studio.engine.groups.trainer import GroupTrainer
from studio.engine.loading import load_encoder
from studio.engine.passes import Passes
from studio.engine.ppo.experience import Prompt
from studio.engine.ppo.roles import Roles
from studio.engine.ppo.sources import add_reward_models, sources_of
from studio.engine.supervision import Supervision
from studio.engine.trainers import Place, training_arguments

T = TypeVar("T", bound=GroupTrainer)


def group_arguments(settings: GroupSettings, place: Place, rows: int) -> dict[str, Any]:
    """What both methods tell TRL's trainer."""
    return {
        **training_arguments(settings, place, rows),
        "num_generations": settings.answers_each,
        "max_completion_length": settings.answer_tokens,
        "temperature": settings.temperature,
        "beta": settings.kl_coefficient,
        "num_iterations": 1,
        "steps_per_generation": settings.accumulate,
        "shuffle_dataset": False,  # `Order` has the order
        "disable_dropout": False,
        "log_completions": False,
        "use_vllm": False,
    }


def build(
    kind: type[T],
    arguments: Any,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train: Sequence[Prompt],
    held_out: Sequence[Prompt],
    settings: GroupSettings,
    place: Place,
    supervision: Supervision,
) -> T:
    """A trainer with the policy, its reference and the rewards on `model`. Raises StudioError for a reward model that
    can't be used with it."""
    base = Path(str(model.name_or_path))
    encoder = load_encoder(base, "model")
    encoder = Encoder(tokenizer, str(tokenizer.chat_template), context=encoder.context)
    _prepare(model, tokenizer, stop_tokens_of(model, tokenizer, encoder.end_of_turn))
    set_seed(settings.seed)
    adapter = place.adapter
    roles = Roles(model, fresh_lora(settings, model) if adapter is None else earlier_lora(settings, adapter))
    if adapter is not None:
        roles.fill_policy(adapter)  # TRL copies it as the reference
    trainer = kind(
        args=arguments,
        processing_class=tokenizer,
        supervision=supervision,
        prompts=train,
        held_out=held_out,
        settings=settings,
        place=place,
        roles=roles,
    )
    shared = add_reward_models(roles, place.rewards, base)
    longest = max(len(prompt.ids) for prompt in (*train, *held_out)) + settings.answer_tokens
    passes = Passes(roles.model, longest, place.precision)
    trainer.reward_by(
        *sources_of(
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
    )
    return trainer


def _prepare(model: Any, tokenizer: PreTrainedTokenizerBase, stop_tokens: frozenset[int]) -> None:
    """Make a base model and its tokenizer ready for TRL's generation: no dropout, and all that ends an answer."""
    if not stop_tokens:
        raise StudioError(
            "This model has no token that ends an answer, so none would ever end.",
            "Choose a prompt template with an end-of-turn token, or learn from the reward by PPO.",
        )
    disable_dropout_in_model(model)  # an answer must be as likely when it is learned from as when it was written
    model.generation_config.eos_token_id = sorted(stop_tokens)
    if tokenizer.eos_token_id not in stop_tokens:
        tokenizer.eos_token_id = min(stop_tokens)

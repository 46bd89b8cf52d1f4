"""Where a run's scores come from: what its recipe names, made ready. A reward model on the policy's own base shares it.

Two steps, because roles are added before passes can be made of the model: `add_reward_models`, then `sources_of`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from studio.core.errors import StudioError
from studio.core.rewards import Rewards
from studio.engine.adapters import check_base
from studio.engine.encoding import Encoder
from studio.engine.loading import load_encoder
from studio.engine.passes import Passes
from studio.engine.ppo.roles import JUDGE, REWARD, ModelOnBase, Roles
from studio.engine.reward_sources import (
    FunctionSource,
    ModelBeside,
    RuleSource,
    Source,
    check_tokens,
    template_warning,
)
from studio.storage.reward_models import check_reward_model


def add_reward_models(roles: Roles, rewards: Rewards, base: Path) -> frozenset[str]:
    """Add the reward model and the judge as roles, as far as they are adapters on this base: which are. Raises
    StudioError."""
    wanted = {REWARD: rewards.model, JUDGE: rewards.judge}
    shared = frozenset(role for role, folder in wanted.items() if folder and _on_base(Path(folder), base))
    for role in (REWARD, JUDGE):
        if role in shared:
            roles.add_frozen(role, Path(wanted[role]), head=True)
    return shared


def sources_of(
    rewards: Rewards,
    shared: frozenset[str],
    roles: Roles,
    passes: Passes,
    base: Path,
    encoder: Encoder,
    *,
    precision: str,
    at_a_time: int,
    warn: Callable[[str, str], None],
) -> tuple[list[Source], list[Source]]:
    """What rewards, and what only judges. Raises StudioError for a reward model that can't be used with this base."""

    def model(role: str, folder: str, weight: float) -> Source:
        info = check_reward_model(Path(folder))
        if role not in shared:
            return ModelBeside(info, encoder, weight=weight, precision=precision)
        theirs = load_encoder(base, "model", info.folder)
        found = ModelOnBase(roles, passes, role, info.folder, weight=weight, at_a_time=at_a_time)
        check_tokens(found.name, theirs, encoder)
        if warning := template_warning(found.name, theirs, encoder):
            warn(*warning)
        return found

    sources = [model(REWARD, rewards.model, rewards.model_weight)] if rewards.model else []
    judges = [model(JUDGE, rewards.judge, 1.0)] if rewards.judge else []
    if rewards.rules:
        sources.append(RuleSource(rewards.rules))
    if rewards.function:
        sources.append(FunctionSource(rewards.function))
    if rewards.judge_rules:
        judges.append(RuleSource(rewards.judge_rules))
    return sources, judges


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

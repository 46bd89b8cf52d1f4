"""Updates: the policy and the value model learn from a step's answers, a few times over the same ones.

An update is a mean over all of its tokens, however many passes it is divided into.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from studio.core.methods import PpoSettings
from studio.engine.fast.losses import token_log_probs, token_log_probs_and_entropies
from studio.engine.passes import Passes, judged
from studio.engine.ppo.experience import Batch
from studio.engine.ppo.losses import log_ratio_k3, policy_loss, value_loss
from studio.engine.ppo.roles import POLICY, VALUE, Roles


class Updates:
    """What is trained, and its optimiser. check: called before each pass; may raise to end it. half: 16-bit gradients
    need scaling."""

    def __init__(
        self, roles: Roles, passes: Passes, settings: PpoSettings, check: Callable[[], None], *, half: bool
    ) -> None:
        self._roles, self._passes, self._settings, self._check = roles, passes, settings, check
        self._device, self._shares = passes.device, settings.value_model == "shared"
        policy, value = roles.weights_of(POLICY), [roles.heads[VALUE].weight, *roles.weights_of(VALUE)]
        self._trained = (policy, value)
        groups = [{"params": policy}, {"params": value}]
        self.optimiser = torch.optim.AdamW(
            groups, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=self._device.type != "mps"
        )
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=half)  # type: ignore[attr-defined]

    def use_rate(self, rate: float) -> None:
        """The learning rate from now on."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    def state(self) -> dict[str, Any]:
        """What going on exactly needs beside the policy's adapter."""
        return {
            "optimiser": self.optimiser.state_dict(),
            "scaler": self._scaler.state_dict(),
            "value": [weight.detach().cpu() for weight in self._trained[1]],
        }

    def go_on_from(self, state: dict[str, Any]) -> None:
        """Take up what `state` told."""
        with torch.no_grad():
            for weight, value in zip(self._trained[1], state["value"], strict=True):
                weight.copy_(value)
        self.optimiser.load_state_dict(state["optimiser"])
        self._scaler.load_state_dict(state["scaler"])

    def learn(self, batch: Batch, chance: torch.Generator) -> dict[str, float]:
        """Update policy and value model, a few times over the same answers. chance: in which order.
        Returns figures of all updates."""
        settings, tally = self._settings, _Tally()
        size = settings.effective_batch
        for _ in range(settings.update_epochs):
            order = torch.randperm(len(batch.rollouts), generator=chance).tolist()
            for first in range(0, len(order), size):
                update = tally.next()
                self._pass_over(batch, order[first : first + size], update)
                if settings.stop_update_at and update.approx_kl > settings.stop_update_at:
                    self.optimiser.zero_grad(set_to_none=True)
                    return tally.figures(settings)
                update.grad_norm = self._move()
        return tally.figures(settings)

    def _pass_over(self, batch: Batch, places: list[int], update: _Update) -> None:
        """Add up the gradients of an update, a mean over all of its tokens, in as many passes as memory asks for."""
        settings, roles, sequences = self._settings, self._roles, batch.rollouts.sequences
        tokens = sum(sequences.lengths[place] for place in places)
        for first in range(0, len(places), settings.batch_size):
            self._check()
            some = places[first : first + settings.batch_size]
            mask = batch.mask[some]

            def of(values: Tensor, some: list[int] = some, mask: Tensor = mask) -> Tensor:
                return values[some][mask].to(self._device)

            chosen = sequences.pick(some)
            roles.use(POLICY)
            with self._passes.computing():
                hidden = self._passes.read(chosen)
                before = hidden.before_answers
                head = self._passes.head(before, settings.temperature)
                if settings.entropy_coefficient:
                    log_probs, entropies = token_log_probs_and_entropies(before, head, hidden.targets)
                else:
                    log_probs, entropies = token_log_probs(before, head, hidden.targets), None
            old = of(batch.rollouts.log_probs)
            policy = policy_loss(log_probs, old, of(batch.advantages), settings.clip_range)
            loss = policy.loss.sum() / tokens
            if entropies is not None:
                loss = loss - settings.entropy_coefficient * entropies.sum() / tokens
            if not self._shares:
                self._scaler.scale(loss).backward()
                roles.use(VALUE)
                with self._passes.computing():
                    before = self._passes.read(chosen).before_answers
                loss = loss.new_zeros(())
            foretold = judged(roles.heads[VALUE], before)
            value = value_loss(foretold, of(batch.values), of(batch.returns), settings.value_clip)
            loss = loss + settings.value_coefficient * value.loss.sum() / tokens
            self._scaler.scale(loss).backward()
            with torch.no_grad():
                update.add(
                    tokens,
                    policy_loss=policy.loss,
                    clip_fraction=policy.clipped.float(),
                    value_loss=value.loss,
                    value_clip_fraction=value.clipped.float(),
                    approx_kl=log_ratio_k3(old, log_probs),
                    ratio=(log_probs - old).exp(),
                )

    def _move(self) -> float:
        """Take the optimiser's step. The policy's gradients and the value model's are clipped apart, so that a value
        model that is far off doesn't make the policy's step small. Returns the norm of the policy's."""
        self._scaler.unscale_(self.optimiser)
        norms = [torch.nn.utils.clip_grad_norm_(weights, self._settings.clip) for weights in self._trained]
        self._scaler.step(self.optimiser)
        self._scaler.update()
        self.optimiser.zero_grad(set_to_none=True)
        return float(norms[0])


def rate_at(step: int, total: int, settings: PpoSettings) -> float:
    """The share of the learning rate after so many steps: up in a straight line, then as scheduled."""
    warm = math.ceil(settings.warmup * total)
    if step < warm:
        return step / warm
    if settings.schedule == "constant":
        return 1.0
    done = (step - warm) / max(1, total - warm)
    return 0.5 * (1 + math.cos(math.pi * done)) if settings.schedule == "cosine" else 1 - done


class _Update:
    """Figures of one update: means over its tokens, added up pass by pass."""

    def __init__(self) -> None:
        self.means: dict[str, float] = {}
        self.grad_norm = math.nan

    def add(self, tokens: int, **parts: Tensor) -> None:
        for name, values in parts.items():
            self.means[name] = self.means.get(name, 0.0) + float(values.sum()) / tokens

    @property
    def approx_kl(self) -> float:
        """How far the policy has moved from the answers, in nats a token."""
        return self.means["approx_kl"]


class _Tally:
    """The updates of a step."""

    def __init__(self) -> None:
        self._updates: list[_Update] = []

    def next(self) -> _Update:
        self._updates.append(_Update())
        return self._updates[-1]

    def figures(self, settings: PpoSettings) -> dict[str, float]:
        """Means over updates, but for the change, which is the last one's."""
        count = len(self._updates)
        told = {name: sum(u.means[name] for u in self._updates) / count for name in self._updates[0].means}
        norms = [update.grad_norm for update in self._updates if not math.isnan(update.grad_norm)]
        return {
            **told,
            "approx_kl": self._updates[-1].approx_kl,
            "loss": told["policy_loss"] + settings.value_coefficient * told["value_loss"],
            "grad_norm": sum(norms) / len(norms) if norms else math.nan,
            "passes": len(norms),
        }

"""Events: what a worker says about a run, one JSON object a line, appended to the run's `events.jsonl`.

    {"v": 1, "event": "step", "time": 1763630000.1, "step": 3, "total": 60, "loss": 2.31, ...}

`v` is the format, `time` seconds since the epoch. Values are raw; smoothing belongs to the display. Numbers that are
not finite are written as "nan", "inf" or "-inf". Readers skip and count torn and unknown lines.

event       values
started     pid, attempt, plumbline, torch, transformers, trl, peft, device, precision, threads, base [fingerprint of
            the base model's weights, storage.fingerprints]
phase       phase (loading | encoding | reference | training | evaluating | sampling | saving); reference: DPO and KTO
            ask the model once what it thinks of the answers before it learns
progress    phase, done, total                 progress inside a phase before training
step        step, total, epoch, elapsed [s of training, all attempts], eta [s], tokens [trained so far, all attempts],
            tokens_per_second, loss, lr, grad_norm, memory_used [bytes], memory_peak [bytes];
            reward, DPO, KTO: accuracy, margin, chosen, rejected; DPO, KTO: kl [nats an answer]
            methods that learn from a reward: score, score_sd [as the sources give it], reward, reward_sd [score as
            normalised, clipped and corrected for length and ending, minus the KL penalty], kl [nats an answer],
            kl_budget, kl_coef, entropy [nats a token], response_length [tokens], ended [share], clip_fraction;
            PPO: policy_loss, value_loss, value_clip_fraction, explained_variance, approx_kl [nats a token, of the last
            pass of an update], ratio, passes [of an update that were made]
rollout     step, rows: a few answers of the step as [{prompt, answer, score, kl, tokens, ended}]; texts are cut at
            `ROLLOUT_TEXT` characters, of a prompt the end is kept
evaluation  step, eval_loss, and what else the method measures on held-out rows: eval_accuracy (DPO, reward); reward:
            eval_accuracy_low, eval_accuracy_high [Wilson's interval at 95 %], eval_rows [comparisons];
            methods that learn from a reward: eval_score, eval_score_error [standard error], eval_kl, eval_length,
            eval_ended, eval_judge [where there is one], eval_rows [answers], best [bool: the best so far within the KL
            budget]; before the first step too
sample      step, number, prompt, answer, ended [bool]: what the model answers to a fixed prompt (core.samples)
checkpoint  step, path [relative to the run folder]
machine     cpu [% of all cores], memory [bytes of the worker], gpu [%], gpu_memory [bytes], temperature [°C],
            power [W]: every few seconds, what the machine tells of them (storage.machine_use)
warning     what, hint; alarm [of core.alarms, where it is one]
retry       step, back_to, batch_size, accumulate, parts, what, hint: memory ran out at the step, so the run
            goes on from a checkpoint in smaller passes; what follows comes from another process
resumed     step                               steps after it are run again and replace what was logged before
stopped     step, saved [bool]                 the user asked; with saved the run can be resumed
paused      step, what, hint                   the user asked, or a checkpoint had no room; to be resumed
finished    step, adapter [relative path of the result, also a whole model's]; best [step whose weights it is, where
            the best is kept], early [evaluations waited for in vain, where it ended before its last step]
failed      what, hint, details
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

FORMAT = 1
KINDS = frozenset(
    "started phase progress step rollout sample evaluation checkpoint machine warning retry resumed "
    "stopped paused finished failed".split()
)
ROLLOUT_ROWS, ROLLOUT_TEXT = 4, 600  # so that a long run's file stays small enough to be read at once
ENDINGS = frozenset({"stopped", "paused", "finished", "failed"})
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a worker said. `values` holds what the table in the module's docstring lists for its kind."""

    kind: str
    time: float
    values: Mapping[str, Any]

    def number(self, name: str) -> float | None:
        """A value as a float (nan and inf included), or None when it is absent or not a number."""
        value = self.values.get(name)
        if isinstance(value, str):
            return _NOT_FINITE.get(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        return float(value)

    def text(self, name: str) -> str:
        """A value as text; empty when it is absent."""
        value = self.values.get(name)
        return "" if value is None else str(value)

    def to_line(self) -> str:
        """The event as one line of JSON, with the newline that makes it complete."""
        body = {"v": FORMAT, "event": self.kind, "time": round(self.time, 3)}
        body.update((name, _plain(value)) for name, value in self.values.items())
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"

    @staticmethod
    def from_line(line: str | bytes) -> Event | None:
        """The event in a line, or None when the line is torn, of another format, or of an unknown kind."""
        try:
            return Event.from_json(json.loads(line))
        except (ValueError, RecursionError):
            return None

    @staticmethod
    def from_json(parsed: object) -> Event | None:
        """The event in a line that was parsed already."""
        if not isinstance(parsed, dict):
            return None
        body = cast("dict[str, Any]", parsed)
        kind, time = body.pop("event", None), body.pop("time", None)
        if body.pop("v", None) != FORMAT or kind not in KINDS or isinstance(time, bool):
            return None
        return Event(str(kind), float(time), body) if isinstance(time, (int, float)) else None


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    return value

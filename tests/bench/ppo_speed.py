"""How fast PPO is, and in how much memory, beside TRL 1.12's experimental PPOTrainer, its last release.

    python -m tests.bench.ppo_speed [--environment FOLDER] [--arms trl_lora,ours_adapter,ours_shared]
                                    [--quick | --full] [--rounds N] [--steps N] [--large]

--quick, as without options: three rounds of two steps, about five minutes on two quiet cores once TRL 1.12 is there.
--full: seven rounds, twelve minutes.

A Llama of 25 million random weights, steps of 16 answers of 53 tokens to prompts of 64, four passes over them. Arms
take turns, so that whatever else the machine does meets all alike, each turn in a process of its own, alone: one that
waited beside others may have lost its memory to the system, and is slow until it has it again. Ratios are medians of
each round's ratio, by the clock (`times`) and by the seconds of all cores together (`times_by_cores`), which other
programs disturb less. Peak memory is of the whole process. Where our time goes is told in seconds a step, and on a
line of its own in shares. --large also counts the weights that five roles hold over a base of 100 million parameters.
TRL 1.12 is installed into an environment of its own (--environment keeps it), for which the package index is needed
once; without it this benchmark says so and ends. A line for each bar says whether it holds; the last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench._bars import Bar, all_hold
from tests.bench._material import make, texts_from
from tests.bench._ppo_arm import ANSWER, ARMS, EPISODES, PROMPT, RANK
from tests.bench._speed import environment
from tests.parity.ppo_vs_trl import environment as with_trl

WARM = 1  # steps before the clock counts
FASTER = {"ours_adapter": 2.5, "ours_shared": 3.5}  # at least so many times TRL's episodes a second
MEMORY, WEIGHTS = 0.5, 1.15  # at most: of TRL's process, and of the base's bytes with all roles on it


@dataclass
class Arm:
    """A running arm. `rounds`: episodes, and seconds of the clock and of all cores together, of each."""

    name: str
    process: subprocess.Popen[str]
    log: Path
    rounds: list[tuple[int, float, float]] = field(default_factory=list)
    spent: list[dict[str, float]] = field(default_factory=list)
    lengths: list[float] = field(default_factory=list)
    end: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def start(cls, name: str, folder: Path, python: str, steps: int) -> Arm:
        command = [python if name.startswith("trl") else sys.executable, "tests/bench/_ppo_arm.py"]
        if not name.startswith("trl"):
            command = [sys.executable, "-m", "tests.bench._ppo_arm"]
        told = {**environment(), "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", "TOKENIZERS_PARALLELISM": "false"}
        told["TRL_EXPERIMENTAL_SILENCE"] = "1"
        log = folder / f"{name}.log"
        with log.open("w") as errors:
            process = subprocess.Popen(
                [*command, str(folder), name, str(WARM + steps)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=told,
            )  # fmt: skip
        return cls(name, process, log)

    def warm_up(self) -> None:
        """Do the steps that don't count; before, the process has loaded its libraries."""
        self._go()
        for _ in range(WARM):
            self._read()
            self._go()

    def round(self, steps: int) -> None:
        """So many steps."""
        seconds = cores = episodes = 0.0
        for _ in range(steps):
            told = self._read()
            seconds, cores = seconds + told["seconds"], cores + told["cores"]
            episodes += told["episodes"]
            self.lengths.append(told["length"])
            self.spent.append(told.get("spent", {}))
            self._go()
        self.rounds.append((int(episodes), seconds, cores))

    def finish(self) -> None:
        self.end = self._read()
        self.process.communicate(timeout=60)

    @classmethod
    def of_all(cls, turns: list[Arm]) -> Arm:
        """One with the rounds of all, and the largest peak."""
        whole = turns[-1]
        whole.rounds = [one for turn in turns for one in turn.rounds]
        whole.lengths = [one for turn in turns for one in turn.lengths]
        whole.spent = [one for turn in turns for one in turn.spent]
        whole.end["peak_mb"] = max(turn.end["peak_mb"] for turn in turns)
        return whole

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def faster_than(self, other: Arm, clock: int = 1) -> float:
        """clock: 1 the wall's, 2 that of all cores, which other programs disturb less."""
        pairs = zip(self.rounds, other.rounds, strict=True)
        return statistics.median((a[0] / a[clock]) / (b[0] / b[clock]) for a, b in pairs)

    def figures(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "episodes_per_second": round(statistics.median(a / b for a, b, _ in self.rounds), 3),
            "cores_a_step": round(statistics.median(EPISODES * c / a for a, _, c in self.rounds), 2),
            "peak_mb": round(self.end["peak_mb"]),
            "weights_mb": round(self.end["weights"] / 1e6, 1),
            "mean_length": round(statistics.fmean(self.lengths), 1),
        }
        if "base" in self.end:
            told["weights_of_base"] = round(self.end["weights"] / self.end["base"], 3)
            told["precision"] = self.end["precision"]
            names = dict.fromkeys(name for step in self.spent for name in step)
            told["seconds_of_a_step"] = {
                name: round(statistics.median(step[name] for step in self.spent), 2) for name in names
            }
        return told

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended early:\n{self.log.read_text()[-3000:]}")
        return json.loads(line)

    def _go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()


def prepare(folder: Path) -> None:
    """The base, prompts of one length, a whole reward model for TRL, and a reward model's adapter for ours."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    texts = texts_from("sft", None)
    make("sft", folder, 8192, texts)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = [token for text in texts for token in tokenizer("".join(text))["input_ids"]]
    prompts = [ids[first : first + PROMPT] for first in range(0, 400 * PROMPT, PROMPT)]
    (folder / "prompts.json").write_text(json.dumps(prompts))
    torch.manual_seed(0)
    model: Any = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1)
    model.save_pretrained(folder / "reward")
    config = LoraConfig(
        r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", modules_to_save=["score"], task_type="SEQ_CLS"
    )
    get_peft_model(model, config).save_pretrained(str(folder / "adapter"))
    (folder / "adapter" / "plumbline.json").write_text(json.dumps({"name": "reward", "base": str(folder)}))
    tokenizer.save_pretrained(folder / "adapter")


def weights_of_roles() -> dict[str, Any]:
    """Bytes held over a base of 100 million parameters with all roles on it, against the base's own."""
    import torch
    from peft import LoraConfig
    from transformers import LlamaConfig, LlamaForCausalLM

    from studio.engine.ppo.roles import VALUE, Roles, bytes_in_memory

    config = LlamaConfig(
        vocab_size=32000, hidden_size=768, intermediate_size=2048, num_hidden_layers=12, num_attention_heads=12,
        tie_word_embeddings=True,
    )  # fmt: skip
    told: dict[str, Any] = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        made: Any = LlamaForCausalLM(config)
        base = made.to(dtype)
        own = bytes_in_memory(base)
        lora = LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", task_type="CAUSAL_LM")
        roles = Roles(base, lora, frozen=dtype)
        with tempfile.TemporaryDirectory() as folder:
            weights = _as_reward(roles, Path(folder))
            roles.add_frozen("reward", weights, head=True)
        roles.add_value(lora)
        held = bytes_in_memory(roles.model, *roles.heads.values())
        told[name] = {
            "parameters": sum(w.numel() for n, w in base.named_parameters() if "lora_" not in n),
            "weights_of_base": round(held / own, 3),
            "roles": ["policy", "reference (adapter off)", "reward", VALUE],
        }
    return told


def _as_reward(roles: Any, folder: Path) -> Path:
    """A reward model's adapter of the policy's own shape."""
    import torch
    from safetensors.torch import load_file, save_file

    roles.save_policy(folder)
    weights = load_file(folder / "adapter_model.safetensors")
    weights["base_model.model.score.weight"] = torch.zeros(1, roles.width)
    save_file(weights, folder / "adapter_model.safetensors")
    return folder


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", type=Path, help="where TRL 1.12 is, or is to be kept")
    parser.add_argument("--arms", default="trl_lora,ours_adapter,ours_shared", help=", ".join(ARMS))
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--quick", action="store_true")
    amount.add_argument("--full", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--steps", type=int, default=2, help="in a round")
    parser.add_argument("--large", action="store_true")
    told = parser.parse_args()
    rounds = told.rounds or (7 if told.full else 3)
    figures: dict[str, Any] = {"threads": os.cpu_count(), "rounds": rounds, "answer": ANSWER}
    bars: list[Bar] = []
    if told.large:
        figures["weights"] = weights_of_roles()
        bars += [
            Bar(
                f"weights with four roles on a base in {name}, of its own",
                held["weights_of_base"],
                WEIGHTS,
                at_most=True,
            )
            for name, held in figures["weights"].items()
        ]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "base"
        try:
            python = with_trl(told.environment or Path(scratch) / "trl")
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"TRL 1.12 can't be installed here ({error}).", file=sys.stderr)
            return 1
        prepare(folder)
        turns: dict[str, list[Arm]] = {}
        try:
            for _ in range(rounds):
                for name in told.arms.split(","):
                    arm = Arm.start(name, folder, python, told.steps)
                    turns.setdefault(name, []).append(arm)
                    arm.warm_up()
                    arm.round(told.steps)
                    arm.finish()
        finally:
            for arm in (arm for taken in turns.values() for arm in taken):
                arm.kill()
        arms = {name: Arm.of_all(taken) for name, taken in turns.items()}
        figures["arms"] = {name: arm.figures() for name, arm in arms.items()}
        theirs = [arm for name, arm in arms.items() if name.startswith("trl")]
        for name, arm in arms.items():
            if name.startswith("ours"):
                figures[name] = {
                    other.name: {
                        "times": round(arm.faster_than(other), 2),
                        "times_by_cores": round(arm.faster_than(other, 2), 2),
                        "memory": round(arm.end["peak_mb"] / other.end["peak_mb"], 2),
                        "weights": round(arm.end["weights"] / other.end["weights"], 3),
                    }
                    for other in theirs
                }
                print(f"{name}, seconds of a step: {_shares(figures['arms'][name]['seconds_of_a_step'])}")
                for other, found in figures[name].items():
                    bars += [
                        Bar(f"{name} against {other}", found["times"], FASTER[name], beside=found["times_by_cores"]),
                        Bar(f"{name}, memory of {other}'s", found["memory"], MEMORY, at_most=True),
                    ]
    hold = all_hold(bars)
    print(json.dumps(figures))
    return 0 if hold else 1


def _shares(seconds: dict[str, float]) -> str:
    whole = sum(seconds.values())
    return ", ".join(f"{name} {spent:.2f} ({spent / whole:.0%})" for name, spent in seconds.items())


if __name__ == "__main__":
    sys.exit(main())

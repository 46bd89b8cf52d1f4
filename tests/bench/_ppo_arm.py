"""One arm of `ppo_speed`: learns from a reward in a process of its own, a step whenever its standard input says so.

    python -m tests.bench._ppo_arm FOLDER ARM STEPS        (TRL's arms by path, in an environment with TRL 1.12)

It begins when its standard input says so, too, once its libraries are loaded. Each step is a JSON line: seconds of the
clock and of all cores together, episodes, mean answer length, and for ours where the time went. The last one has the
peak memory and the weights' bytes, what is shared counted once.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

EPISODES, PROMPT, ANSWER, EPOCHS, RANK = 16, 64, 53, 4, 16
ARMS = ("trl_full", "trl_lora", "trl_lora_tuned", "ours_adapter", "ours_shared")


class Steps:
    """Tells each step, and waits to be asked for the next."""

    def __init__(self) -> None:
        self._events = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)  # the libraries print what they like
        self._began = _clocks()

    def begin(self) -> None:
        """Wait to be asked to begin, or for the next step."""
        sys.stdin.readline()
        self._began = _clocks()

    def done(self, **what: Any) -> None:
        seconds, cores = (now - then for now, then in zip(_clocks(), self._began, strict=True))
        self.tell(seconds=seconds, cores=cores, episodes=EPISODES, **what)
        self.begin()

    def tell(self, **what: Any) -> None:
        print(json.dumps(what), file=self._events, flush=True)


def _clocks() -> tuple[float, float]:
    """Seconds of the wall's clock, and of all cores of this process."""
    return time.perf_counter(), time.process_time()


def bytes_of(*models: Any) -> int:
    """All weights and buffers, what they share counted once."""
    kept: dict[int, int] = {}
    for model in models:
        for tensor in (*model.parameters(), *model.buffers()):
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
    return sum(kept.values())


def peak_mb() -> float:
    """The process's largest resident size so far."""
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) * 1024 / 1e6


# ------------------------------------------------------------------------------------------------- TRL's


def trl(folder: Path, arm: str, count: int, steps: Steps) -> None:
    if arm == "trl_lora_tuned":
        import ctypes

        libc = ctypes.CDLL("libc.so.6")  # the allocator as our workers have it: no mmap, no trim
        for option, value in ((-4, 0), (-1, 2**31 - 1), (-2, 256 * 2**20)):
            libc.mallopt(option, value)
    from datasets import Dataset
    from peft import LoraConfig, get_peft_model
    from transformers import (
        AutoModelForCausalLM,
        AutoModelForSequenceClassification,
        AutoTokenizer,
        TrainerCallback,
    )
    from trl.experimental.ppo import PPOConfig, PPOTrainer

    class Listening(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            steps.done(length=ANSWER)

    steps.begin()
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    prompts = json.loads((folder / "prompts.json").read_text())
    data = Dataset.from_list([{"input_ids": prompt} for prompt in prompts])
    policy = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    reference = None if "lora" in arm else AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    reward, value = (
        AutoModelForSequenceClassification.from_pretrained(folder / "reward", dtype="float32", num_labels=1)
        for _ in range(2)
    )
    lora = {"r": RANK, "lora_alpha": 2 * RANK, "target_modules": "all-linear"}
    adapter = None
    if "lora" in arm:
        adapter = LoraConfig(**lora, task_type="CAUSAL_LM")
        value = get_peft_model(value, LoraConfig(**lora, task_type="SEQ_CLS", modules_to_save=["score"]))
    with tempfile.TemporaryDirectory() as out:
        arguments = PPOConfig(
            output_dir=out, per_device_train_batch_size=EPISODES, num_mini_batches=1, gradient_accumulation_steps=1,
            num_ppo_epochs=EPOCHS, total_episodes=EPISODES * count, response_length=ANSWER, stop_token="eos",
            missing_eos_penalty=1.0, learning_rate=1e-4 if "lora" in arm else 1e-5, report_to="none",
            num_sample_generations=0, save_strategy="no", use_cpu=True, disable_tqdm=True, temperature=0.7,
            logging_strategy="no", **({"gradient_checkpointing": False} if arm == "trl_lora_tuned" else {}),
        )  # fmt: skip
        trainer = PPOTrainer(
            args=arguments, processing_class=tokenizer, model=policy, ref_model=reference, reward_model=reward,
            value_model=value, train_dataset=data, eval_dataset=data.select(range(2)), peft_config=adapter,
            callbacks=[Listening()],
        )  # fmt: skip
        trainer.train()
        held = [trainer.model, reward] + ([trainer.ref_model] if trainer.ref_model is not None else [])
    steps.tell(peak_mb=peak_mb(), weights=bytes_of(*held))


# ------------------------------------------------------------------------------------------------- ours


def ours(folder: Path, arm: str, count: int, steps: Steps) -> None:
    from studio.engine.fast.allocator import keep_freed_memory

    keep_freed_memory()

    from studio.core.methods import PpoSettings
    from studio.core.rewards import Rewards
    from studio.engine.loading import load_encoder, pick_precision
    from studio.engine.ppo import method
    from studio.engine.ppo.experience import Prompt
    from studio.engine.trainers import Place

    steps.begin()

    class Silent:
        """A supervision that stops nothing."""

        def __getattr__(self, name: str) -> Callable[..., Any]:
            return lambda *_, **__: False

    with tempfile.TemporaryDirectory() as out:
        settings = PpoSettings(
            max_steps=count, batch_size=EPISODES, accumulate=1, minibatches=1, update_epochs=EPOCHS,
            answer_tokens=ANSWER, max_length=PROMPT + ANSWER, temperature=0.7, learning_rate=1e-4, lora_rank=RANK,
            lora_alpha=2 * RANK, value_model=arm.removeprefix("ours_"), schedule="constant",
        )  # fmt: skip
        precision = pick_precision("auto", "cpu", 25_000_000, training=True)
        place = Place("cpu", precision, Path(out), rewards=Rewards(str(folder / "adapter")))
        encoder = load_encoder(folder, "model")
        encoder.tokenizer.chat_template = encoder.jinja
        prompts = [Prompt(tuple(ids), "") for ids in json.loads((folder / "prompts.json").read_text())]
        supervision: Any = Silent()
        model = method.load(folder, place, settings)
        trainer = method.build_trainer(model, encoder.tokenizer, prompts, [], settings, place, supervision)
        spent = _timed(trainer)
        for _ in range(count):
            spent.clear()
            figures, _ = trainer._step()
            trainer.state.global_step += 1
            steps.done(length=figures["response_length"], spent={k: round(v, 3) for k, v in spent.items()})
        heads = [*trainer._roles.heads.values()]
        base = sum(w.nbytes for name, w in trainer._roles.model.named_parameters() if "lora_" not in name)
        weights = bytes_of(trainer._roles.model, *heads)
    steps.tell(peak_mb=peak_mb(), weights=weights, base=base, precision=str(precision))


def _timed(trainer: Any) -> dict[str, float]:
    """Adds up the seconds of a step's parts; parts don't overlap."""
    spent: dict[str, float] = {}
    experience, updates = trainer._experience, trainer._updates
    names = {"write": "rollout", "reference": "reference", "values": "value"}

    def timed(name: str, label: str, before: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return before(*given, **named)
            finally:
                spent[label] = spent.get(label, 0.0) + time.perf_counter() - began

        return call

    for name, label in names.items():
        setattr(experience, name, timed(name, label, getattr(experience, name)))
    updates.learn = timed("learn", "update", updates.learn)
    for source in experience._sources:
        source.scores = timed("scores", "reward", source.scores)
    return spent


if __name__ == "__main__":
    chosen = sys.argv[2]
    (trl if chosen.startswith("trl") else ours)(Path(sys.argv[1]), chosen, int(sys.argv[3]), Steps())

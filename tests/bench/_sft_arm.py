"""One arm of `sft_speed`: trains in a process of its own, a step whenever its standard input says so.

    python -m tests.bench._sft_arm FOLDER ARM WAY STEPS

Each step is a JSON line: seconds, real tokens, loss. The last one has the peak memory in MB.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench._sft_material import LONGEST

BATCH = 8
OURS = "plumbline"
# TRL's own options. Packing fills rows of 512 tokens, so as many of them as hold about the same tokens.
PLAIN: dict[str, Any] = {"gradient_checkpointing": False}
ARMS: dict[str, dict[str, Any]] = {
    "trl_default": {},
    "trl_plain": PLAIN,
    "trl_grouped": {**PLAIN, "train_sampling_strategy": "group_by_length"},
    "trl_padding_free": {**PLAIN, "padding_free": True, "max_length": None},
    "trl_packed": {**PLAIN, "packing": True},
    OURS: {**PLAIN, "max_length": None, "dataset_kwargs": {"skip_prepare_dataset": True}},
}


def main(folder: Path, arm: str, way: str, steps: int) -> None:
    events = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the libraries print what they like
    os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TQDM_DISABLE="1")
    if arm == OURS:
        from studio.engine.fast.allocator import keep_freed_memory

        keep_freed_memory()

    import datasets
    import torch
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    from studio.engine.fast.forward import enable
    from studio.engine.fast.packing import EndToEnd
    from studio.engine.fast.trainer import FastLoss

    class FastTrainer(FastLoss, SFTTrainer):
        pass

    def tell(**what: Any) -> None:
        print(json.dumps(what), file=events, flush=True)

    class Steps(TrainerCallback):
        def __init__(self) -> None:
            self.tokens, self.loss, self.began = 0, 0.0, time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            seconds, before = time.perf_counter() - self.began, self.tokens
            self.tokens = int(trainer._total_train_tokens)
            tell(seconds=seconds, tokens=self.tokens - before, loss=self.loss)
            sys.stdin.readline()
            self.began = time.perf_counter()

    datasets.disable_progress_bars()
    rows = json.loads((folder / "rows.json").read_text())
    batch = BATCH
    if arm == "trl_packed":
        mean = sum(len(row["input_ids"]) for row in rows) / len(rows)
        batch = max(1, round(BATCH * mean / LONGEST))
    watch = Steps()
    with tempfile.TemporaryDirectory() as out:
        arguments = SFTConfig(
            output_dir=out, max_steps=steps, per_device_train_batch_size=batch, logging_strategy="no", seed=0,
            learning_rate=2e-4 if way == "lora" else 1e-4, lr_scheduler_type="constant", save_strategy="no",
            report_to="none", disable_tqdm=True, use_cpu=True, **{"max_length": LONGEST, **ARMS[arm]},
            remove_unused_columns=arm != OURS,
        )  # fmt: skip
        adapter = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
        trainer: Any = (FastTrainer if arm == OURS else SFTTrainer)(
            model=AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32),
            args=arguments,
            data_collator=EndToEnd() if arm == OURS else None,
            train_dataset=datasets.Dataset.from_list(rows),
            processing_class=AutoTokenizer.from_pretrained(folder),
            peft_config=adapter if way == "lora" else None,
            callbacks=[watch],
        )
        if arm == OURS:
            reason = enable(trainer.model, LONGEST)
            assert reason is None, reason
        compute = trainer.compute_loss

        def compute_loss(*arguments: Any, **named: Any) -> Any:
            loss = compute(*arguments, **named)
            watch.loss = float(loss.detach())
            return loss

        trainer.compute_loss = compute_loss
        trainer.train()
    tell(peak_mb=peak_mb())


def peak_mb() -> float:
    """The process's largest resident size so far."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))

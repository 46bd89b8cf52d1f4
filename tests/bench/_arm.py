"""One arm of a training benchmark: trains in a process of its own, a step whenever its standard input says so.

    python -m tests.bench._arm KIND FOLDER ARM WAY STEPS BATCH

It begins when its standard input says so, too, once its libraries are loaded. The first JSON line tells of the
reference pass, if there is one: seconds, seconds of all cores together, tokens. Each step has another, with its loss.
The last one has the peak memory in MB.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench._arms import OURS, is_tuned, options_of
from tests.bench._material import LONGEST

# A trainer; the seconds of its reference pass, of the wall's clock and of all cores, and how many tokens that read.
Made = tuple[Any, tuple[float, float], int]


def main(kind: str, folder: Path, arm: str, way: str, steps: int, batch: int) -> None:
    events = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the libraries print what they like
    os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TQDM_DISABLE="1")
    if is_tuned(arm):
        from studio.engine.fast.allocator import keep_freed_memory

        keep_freed_memory()

    import datasets
    import peft  # noqa: F401
    import trl.trainer.sft_trainer  # noqa: F401
    from transformers import TrainerCallback

    sys.stdin.readline()

    def tell(**what: Any) -> None:
        print(json.dumps(what), file=events, flush=True)

    class Steps(TrainerCallback):
        def __init__(self) -> None:
            self.tokens, self.loss, self.began, self.cores_began = 0, 0.0, 0.0, 0.0

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.began, self.cores_began = time.perf_counter(), time.process_time()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            seconds, before = time.perf_counter() - self.began, self.tokens
            cores = time.process_time() - self.cores_began
            self.tokens = int(trainer._total_train_tokens)
            tell(seconds=seconds, cores=cores, tokens=self.tokens - before, loss=self.loss)
            sys.stdin.readline()
            self.began, self.cores_began = time.perf_counter(), time.process_time()

    datasets.disable_progress_bars()
    watch = Steps()
    rows = json.loads((folder / "rows.json").read_text())
    with tempfile.TemporaryDirectory() as out:
        given: dict[str, Any] = {
            "output_dir": out, "max_steps": steps, "per_device_train_batch_size": batch, "logging_strategy": "no",
            "seed": 0, "learning_rate": (2e-4 if way == "lora" else 1e-4) / (1 if kind == "sft" else 10),
            "lr_scheduler_type": "constant", "save_strategy": "no", "report_to": "none", "disable_tqdm": True,
            "use_cpu": True, "max_length": LONGEST[kind], # a column of lengths, to group by, is one of the unused
            "remove_unused_columns": kind == "sft" and arm != OURS,
            **options_of(kind, arm),
        }  # fmt: skip
        made = {"sft": _sft, "reward": _reward, "dpo": _dpo}[kind](folder, arm, way == "lora", rows, given, watch)
        trainer, spent, reference_tokens = made
        compute = trainer.compute_loss

        def compute_loss(*arguments: Any, **named: Any) -> Any:
            loss = compute(*arguments, **named)
            watch.loss = float(loss.detach())
            return loss

        trainer.compute_loss = compute_loss
        tell(reference_seconds=spent[0], reference_cores=spent[1], reference_tokens=reference_tokens)
        trainer.train()
    tell(peak_mb=peak_mb())


def _sft(folder: Path, arm: str, lora: bool, rows: list[Any], given: dict[str, Any], watch: Any) -> Made:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    from studio.engine.fast.forward import enable
    from studio.engine.fast.packing import EndToEnd
    from studio.engine.fast.trainer import FastLoss

    class Fast(FastLoss, SFTTrainer):
        pass

    if arm == "trl_packed":
        mean = sum(len(row["input_ids"]) for row in rows) / len(rows)
        given["per_device_train_batch_size"] = max(
            1, round(given["per_device_train_batch_size"] * mean / LONGEST["sft"])
        )
    if arm == OURS:
        given.update(max_length=None, dataset_kwargs={"skip_prepare_dataset": True})
    trainer: Any = (Fast if arm == OURS else SFTTrainer)(
        model=_writer(folder),
        args=SFTConfig(**given),
        data_collator=EndToEnd() if arm == OURS else None,
        train_dataset=Dataset.from_list(rows),
        processing_class=_tokenizer(folder),
        peft_config=_adapter() if lora else None,
        callbacks=[watch],
    )
    if arm == OURS:
        _taken(enable(trainer.model, LONGEST["sft"]))
    return trainer, (0.0, 0.0), 0


def _reward(folder: Path, arm: str, lora: bool, rows: list[Any], given: dict[str, Any], watch: Any) -> Made:
    from datasets import Dataset
    from trl import RewardConfig, RewardTrainer

    from studio.engine.fast.forward import enable_hidden
    from studio.engine.fast.packing import ROUND
    from studio.engine.loading import load_scorer, pick_precision
    from studio.engine.pairs import answer_dataset
    from studio.engine.reward import RewardBatch, RewardModelTrainer, RewardRow, _columns

    rows = rows[: given["per_device_train_batch_size"] * given["max_steps"]]
    model = load_scorer(folder, pick_precision("fp32", "cpu", 1, training=True), "cpu", seed=0)
    common: dict[str, Any] = {
        "model": model, "processing_class": _tokenizer(folder), "peft_config": _adapter("SEQ_CLS") if lora else None
    }  # fmt: skip
    if arm != OURS:
        columns = [
            {"chosen_ids": row["chosen"], "rejected_ids": row["rejected"], "length": _longer(row)} for row in rows
        ]
        arguments = RewardConfig(**given)
        theirs = RewardTrainer(args=arguments, train_dataset=Dataset.from_list(columns), callbacks=[watch], **common)
        return theirs, (0.0, 0.0), 0
    own = [RewardRow("pairs", _sides(row), (0.0, 0.0)) for row in rows]
    trainer = RewardModelTrainer(
        args=RewardConfig(**given), data_collator=RewardBatch(0, ROUND), train_dataset=answer_dataset(_columns(own)),
        supervision=watch, kind="pairs", folder=folder, **common,
    )  # fmt: skip
    _taken(enable_hidden(trainer.model, LONGEST["reward"]))
    return trainer, (0.0, 0.0), 0


def _dpo(folder: Path, arm: str, lora: bool, rows: list[Any], given: dict[str, Any], watch: Any) -> Made:
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    from studio.engine.dpo import PreferenceTrainer, _with_reference
    from studio.engine.fast.forward import enable
    from studio.engine.fast.packing import ROUND
    from studio.engine.pairs import PairBatch, PairRow, answer_dataset
    from studio.engine.reference import reference_log_probs

    spent = (0.0, 0.0)

    class Encoded(DPOTrainer):
        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

        def _precompute_ref_logps(self, *arguments: Any) -> Any:
            nonlocal spent
            began = _clocks()
            known = super()._precompute_ref_logps(*arguments)
            spent = _since(began)
            return known

    rows = rows[: given["per_device_train_batch_size"] * given["max_steps"]]
    tokens = sum(len(row["chosen"]) + len(row["rejected"]) for row in rows)
    common: dict[str, Any] = {
        "model": _writer(folder), "processing_class": _tokenizer(folder), "peft_config": _adapter() if lora else None
    }  # fmt: skip
    if arm != OURS:
        columns = [
            {
                "prompt_ids": row["chosen"][: row["prompt"]],
                "chosen_ids": row["chosen"][row["prompt"] :],
                "rejected_ids": row["rejected"][row["prompt"] :],
                "length": _longer(row),
            }
            for row in rows
        ]
        trainer: Any = Encoded(
            args=DPOConfig(**given), train_dataset=Dataset.from_list(columns), callbacks=[watch], **common
        )
        return trainer, spent, tokens if given.get("precompute_ref_log_probs") else 0
    own = [PairRow(*_sides(row)) for row in rows]
    trainer = PreferenceTrainer(
        args=DPOConfig(**given), data_collator=PairBatch(0, ROUND), train_dataset=Dataset.from_list([{"ids": [0]}]),
        supervision=watch, **{**common, "ref_model": None},
    )  # fmt: skip
    _taken(enable(trainer.model, LONGEST["dpo"]))
    batch, pairs = given["per_device_train_batch_size"], [row.sides for row in own]
    with tempfile.TemporaryDirectory() as kept:
        began = _clocks()
        known = reference_log_probs(
            trainer, pairs, Path(kept), pad=0, batch_size=batch, report=lambda *_: None, round_to=ROUND
        )
        spent = _since(began)
    trainer.precompute_ref_logps = True
    trainer.train_dataset = answer_dataset(_with_reference(own, known))
    return trainer, spent, tokens


def _clocks() -> tuple[float, float]:
    """Seconds of the wall's clock, and of all cores of this process."""
    return time.perf_counter(), time.process_time()


def _since(began: tuple[float, float]) -> tuple[float, float]:
    wall, cores = _clocks()
    return wall - began[0], cores - began[1]


def _sides(row: dict[str, Any]) -> tuple[Any, Any]:
    import numpy as np

    from studio.engine.examples import IGNORED, Row

    def side(ids: list[int]) -> Row:
        whole = np.array(ids, np.int32)
        return Row(whole, np.where(np.arange(len(whole)) < row["prompt"], np.int32(IGNORED), whole))

    return side(row["chosen"]), side(row["rejected"])


def _longer(row: dict[str, Any]) -> int:
    return max(len(row["chosen"]), len(row["rejected"]))


def _writer(folder: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def _adapter(task: str = "CAUSAL_LM") -> Any:
    from peft import LoraConfig

    head = ["score"] if task == "SEQ_CLS" else None
    return LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type=task, modules_to_save=head)


def _taken(reason: str | None) -> None:
    assert reason is None, f"it {reason}"


def peak_mb() -> float:
    """The process's largest resident size so far."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5]), int(sys.argv[6]))

"""Fine-tuning beside a plain script over TRL's SFTTrainer: the losses of the first 50 steps.

python -m tests.parity.sft --data ALPACA.json --model BASE
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.parity._both import ALPHA, ARGUMENTS, RANK, compare, losses_kept, messages, tokenizer_with_template


def conversations(record: Any) -> list[Sequence[Any]]:
    """One."""
    return [record.messages]


def as_trl(record: Any) -> dict[str, Any]:
    """The last answer is the completion."""
    turns = messages(record.messages)
    return {"prompt": turns[:-1], "completion": turns[-1:]}


def script(rows: list[dict[str, Any]], base: Path, folder: Path, learning_rate: float) -> list[float]:
    """What anyone would write."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM
    from trl import SFTConfig, SFTTrainer

    kept = losses_kept()
    SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
        args=SFTConfig(output_dir=str(folder), learning_rate=learning_rate, **ARGUMENTS),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer_with_template(base),
        peft_config=LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM"),
        callbacks=[kept],
    ).train()
    return kept.losses


if __name__ == "__main__":
    sys.exit(compare("sft", __doc__ or "", conversations, as_trl, script))

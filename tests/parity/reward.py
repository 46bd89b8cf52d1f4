"""A reward model beside a plain script over TRL's RewardTrainer: the losses of the first 50 steps.

python -m tests.parity.reward --data HH.jsonl --model BASE
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from studio.core.messages import Message
from tests.parity._both import ALPHA, ARGUMENTS, RANK, SEED, compare, losses_kept, messages, tokenizer_with_template


def conversations(record: Any) -> list[Sequence[Any]]:
    """With either answer."""
    return [(*record.prompt, Message("assistant", answer)) for answer in (record.chosen, record.rejected)]


def as_trl(record: Any) -> dict[str, Any]:
    """A pair with its prompt."""
    chosen, rejected = ([{"role": "assistant", "content": answer}] for answer in (record.chosen, record.rejected))
    return {"prompt": messages(record.prompt), "chosen": chosen, "rejected": rejected}


def script(rows: list[dict[str, Any]], base: Path, folder: Path, learning_rate: float) -> list[float]:
    """What anyone would write; the new head is made with the seed."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForSequenceClassification, set_seed
    from trl import RewardConfig, RewardTrainer

    kept, tokenizer = losses_kept(), tokenizer_with_template(base)
    set_seed(SEED)
    adapter = LoraConfig(
        r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="SEQ_CLS", modules_to_save=["score"]
    )
    RewardTrainer(
        model=AutoModelForSequenceClassification.from_pretrained(base, dtype=torch.float32, num_labels=1),
        args=RewardConfig(
            output_dir=str(folder), learning_rate=learning_rate, center_rewards_coefficient=0.01, **ARGUMENTS
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=adapter,
        callbacks=[kept],
    ).train()
    return kept.losses


if __name__ == "__main__":
    sys.exit(compare("reward", __doc__ or "", conversations, as_trl, script))

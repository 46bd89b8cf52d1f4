"""A finished run of a reward model beside a plain TRL script: held-out accuracy after the same steps, with intervals.

    python -m tests.parity.reward_accuracy PROJECT/runs/RUN

TRL gets the same encoded rows, held-out rows, steps, batch, rates and adapter, and does the rest its own way: its
collator, its padding, its order of the data, its evaluation. Not collected as a test: it trains for as long as the run.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")


def main(folder: str) -> None:
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from trl.trainer.reward_config import RewardConfig
    from trl.trainer.reward_trainer import RewardTrainer

    from studio.core.intervals import wilson
    from studio.core.records import prompt_of
    from studio.core.reward_report import Report
    from studio.engine.examples import Reading, held_out_positions
    from studio.engine.loading import load_encoder
    from studio.engine.reward import encode
    from studio.storage.datasets import find_dataset, records_of
    from studio.storage.project import Project
    from studio.storage.runs import RunFolder

    run = RunFolder(Path(folder).absolute())
    recipe, ours = run.recipe(), Report.from_json(run.report.read_text(encoding="utf-8"))
    assert ours is not None, "The run has no report that can be read."
    settings = recipe.settings
    project = Project.open(run.folder.parent.parent, lock=False)
    info = find_dataset(project, recipe.dataset)
    encoder = load_encoder(Path(recipe.base_model), recipe.template)
    prompts = [hash(prompt_of(record)) for record in records_of(project, info)]
    held_out = held_out_positions(info.rows, settings.held_out_of(info.rows), settings.seed, prompts)
    reading = Reading(records_of(project, info), info.kind, info.rows, held_out, lambda _done, _total: None)
    rows = encode(reading, encoder, settings)
    parts = [
        Dataset.from_dict(
            {
                "chosen_ids": [row.answers[0].ids.tolist() for row in part],
                "rejected_ids": [row.answers[1].ids.tolist() for row in part],
            }
        )
        for part in (rows.train, rows.held_out)
    ]
    tokenizer = AutoTokenizer.from_pretrained(recipe.base_model)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.unk_token
    torch.manual_seed(settings.seed)
    model = AutoModelForSequenceClassification.from_pretrained(
        recipe.base_model, num_labels=1, dtype=torch.float32, pad_token_id=tokenizer.pad_token_id
    )
    with tempfile.TemporaryDirectory() as place:
        trainer = RewardTrainer(
            model=model,
            args=RewardConfig(
                output_dir=place,
                max_steps=ours.step,
                per_device_train_batch_size=settings.batch_size,
                per_device_eval_batch_size=settings.batch_size,
                gradient_accumulation_steps=settings.accumulate,
                learning_rate=settings.learning_rate,
                lr_scheduler_type=settings.schedule,
                warmup_steps=round(settings.warmup * ours.step),
                max_grad_norm=settings.clip,
                center_rewards_coefficient=settings.centre or None,
                max_length=None,
                bf16=False,
                gradient_checkpointing=False,
                use_cpu=not torch.cuda.is_available(),
                seed=settings.seed,
                report_to="none",
                save_strategy="no",
                disable_tqdm=True,
            ),
            train_dataset=parts[0],
            eval_dataset=parts[1],
            processing_class=tokenizer,
            peft_config=LoraConfig(
                r=settings.lora_rank,
                lora_alpha=settings.lora_alpha,
                target_modules="all-linear",
                modules_to_save=["score"],
                task_type="SEQ_CLS",
            ),
        )
        trainer.train()
        told = trainer.evaluate()
    accuracy, count = float(told["eval_accuracy"]), len(parts[1])
    low, high = wilson(round(accuracy * count), count)
    print(f"steps {ours.step}, held-out comparisons {ours.n} (Plumbline), {count} (TRL)")
    print(f"Plumbline  {ours.accuracy:.1%}  [{ours.interval[0]:.1%}, {ours.interval[1]:.1%}]")
    print(f"TRL        {accuracy:.1%}  [{low:.1%}, {high:.1%}]")


if __name__ == "__main__":
    main(sys.argv[1])

"""What the training benchmarks train: a Llama of 25 million random weights, a BPE of its own, and encoded examples."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

LONGEST = 512  # tokens of an example, as in TRL's and most hobbyists' settings
_PROMPT = "### Instruction:\n{instruction}\n\n### Response:\n"
_END = "<|end|>"


def texts_from(file: Path | None) -> list[tuple[str, str]]:
    """(prompt, answer) pairs of an Alpaca file, or invented ones of similar lengths."""
    if file is None:
        return _invented(1000)
    rows: list[dict[str, str]] = json.loads(file.read_text(encoding="utf-8"))
    return [
        (_PROMPT.format(instruction="\n".join(filter(None, (row["instruction"], row.get("input"))))), row["output"])
        for row in rows
    ]


def _invented(count: int) -> list[tuple[str, str]]:
    chance = random.Random(0)
    syllables = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "ing")]
    words = ["".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(20_000)]
    weights = [1 / (rank + 10) for rank in range(len(words))]  # as words are spread in a language

    def text(length: float) -> str:
        return " ".join(chance.choices(words, weights, k=max(3, int(length))))

    return [
        (_PROMPT.format(instruction=text(chance.lognormvariate(2.6, 0.5))), text(chance.lognormvariate(4.4, 0.9)))
        for _ in range(count)
    ]


def make(folder: Path, vocabulary: int, texts: list[tuple[str, str]]) -> None:
    """Write the tokenizer, the model and `rows.json` into `folder`."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=1,
        special_tokens=[_END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((prompt + answer for prompt, answer in texts), trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=_END, pad_token=_END)
    fast.save_pretrained(folder)

    rows: list[dict[str, Any]] = []
    for prompt, answer in texts:
        before, after = fast(prompt)["input_ids"], fast(answer + _END)["input_ids"]
        ids = [*before, *after][:LONGEST]
        if len(ids) > len(before):
            rows.append({"input_ids": ids, "labels": [-100] * len(before) + ids[len(before) :]})
    (folder / "rows.json").write_text(json.dumps(rows))

    torch.manual_seed(0)
    # A text of this size has fewer different pieces than a large vocabulary; the layer is as wide all the same.
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=384,
        intermediate_size=1024,
        num_hidden_layers=10,
        num_attention_heads=6,
        num_key_value_heads=6,
        max_position_embeddings=2048,
        bos_token_id=None,
        eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)

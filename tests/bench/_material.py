"""What the training benchmarks train: a Llama of 25 million random weights, a BPE of its own, and encoded rows.

A text is (prompt, answer) or (prompt, chosen, rejected).
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

# Tokens of an example: 512 as in most hobbyists' settings; for pairs 1,024, TRL's own limit.
LONGEST = {"sft": 512, "dpo": 1024, "reward": 1024}
_PROMPT = "### Instruction:\n{instruction}\n\n### Response:\n"
_END, _PAD = "<|end|>", "<|pad|>"  # apart: TRL reads a reward before what pads


def texts_from(kind: str, file: Path | None) -> list[tuple[str, ...]]:
    """The texts of an Alpaca file, or of one of transcripts as in Anthropic's HH; or invented ones of similar
    lengths."""
    if file is None:
        return _invented(1000, 2 if kind == "sft" else 3)
    if kind == "sft":
        rows: list[dict[str, str]] = json.loads(file.read_text(encoding="utf-8"))
        return [
            (_PROMPT.format(instruction="\n".join(filter(None, (row["instruction"], row.get("input"))))), row["output"])
            for row in rows
        ]
    pairs: list[tuple[str, ...]] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        chosen, rejected = (json.loads(line)[name] for name in ("chosen", "rejected"))
        alike = next((n for n, (a, b) in enumerate(zip(chosen, rejected, strict=False)) if a != b), len(chosen))
        prompt = chosen[: chosen.rfind("\n\nAssistant:", 0, alike) + len("\n\nAssistant:")]
        if chosen.startswith(prompt) and rejected.startswith(prompt) and chosen != rejected:
            pairs.append((prompt, chosen[len(prompt) :], rejected[len(prompt) :]))
    return pairs


def _invented(count: int, parts: int) -> list[tuple[str, ...]]:
    chance = random.Random(0)
    syllables = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "ing")]
    words = ["".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(20_000)]
    weights = [1 / (rank + 10) for rank in range(len(words))]  # as words are spread in a language

    def text(length: float) -> str:
        return " ".join(chance.choices(words, weights, k=max(3, int(length))))

    if parts == 2:
        return [
            (_PROMPT.format(instruction=text(chance.lognormvariate(2.6, 0.5))), text(chance.lognormvariate(4.4, 0.9)))
            for _ in range(count)
        ]
    # HH's prompts are the turns before the last answer; what is compared is short.
    return [
        (
            text(chance.lognormvariate(3.9, 0.9)),
            text(chance.lognormvariate(3.0, 0.8)),
            text(chance.lognormvariate(3.0, 0.8)),
        )
        for _ in range(count)
    ]


def make(kind: str, folder: Path, vocabulary: int, texts: list[tuple[str, ...]]) -> None:
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
        special_tokens=[_END, _PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(("".join(text) for text in texts), trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=_END, pad_token=_PAD)
    fast.save_pretrained(folder)

    rows = list(filter(None, (_encoded(fast, text, LONGEST[kind]) for text in texts)))
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


def _encoded(tokenizer: Any, text: tuple[str, ...], longest: int) -> dict[str, Any] | None:
    """An example with its labels, cut; or a pair whole, with how many tokens its prompt has; None where one is none."""
    prompt, *answers = (tokenizer(part)["input_ids"] for part in (text[0], *(answer + _END for answer in text[1:])))
    if len(answers) == 1:
        ids = [*prompt, *answers[0]][:longest]
        labels = [-100] * len(prompt) + ids[len(prompt) :]
        return {"input_ids": ids, "labels": labels} if len(ids) > len(prompt) else None
    chosen, rejected = ([*prompt, *answer] for answer in answers)
    if max(len(chosen), len(rejected)) > longest or chosen == rejected:
        return None
    return {"prompt": len(prompt), "chosen": chosen, "rejected": rejected}

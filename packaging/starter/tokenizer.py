"""The starter's tokenizer: a Llama-style BPE with byte fallback, its marks of turns, and its chat template.

`python -m starter.tokenizer` trains it on the first pages and writes tokenizer.json and tokenizer_config.json.
A page and a turn are framed alike (`<|start|>` ... `<|end|>`), so both marks are known to the base model.
"""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from starter import pages, safety, tasks, words
from starter.dice import Dice

ROOT = Path(__file__).resolve().parents[2]
MODEL_FOLDER = ROOT / "resources" / "starter"
VOCABULARY = 2048
START, END, PAD, UNKNOWN = "<|start|>", "<|end|>", "<|pad|>", "<unk>"
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|start|>' + message['role'] + '\\n' + message['content'] + '<|end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start|>assistant\\n' }}{% endif %}"
)


def frame(page: str) -> str:
    """A page as the model reads it; `pretrain` lays these end to end."""
    return f"{START}{page}{END}\n"


def text_to_learn_from(count: int) -> list[str]:
    """Pages, and every phrase of the sample data that pages show only rarely."""
    found = list(islice(pages.pages(Dice("tokenizer")), count))
    found += [harm.safe + " " + harm.unsafe + " " + " ".join(harm.wordings) for harm in safety.HARMS]
    found += [" ".join((*words.KIND_OPENINGS, *words.KIND_CLOSINGS, *words.RUDE_OPENINGS, *words.RUDE_CLOSINGS))] * 50
    dice = Dice("tokenizer tasks")
    for family in tasks.FAMILIES:
        for _ in range(500):
            task = tasks.told(dice, family)
            found.append(f"{task.prompt}\n{task.gold}")
    found += ["system\nYou are a kind assistant.", "user\n", "assistant\n"] * 50
    return found


def train(count: int = 30_000) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token=UNKNOWN, fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")  # type: ignore[assignment]
    # Merges never cross words, line ends or punctuation. The shipped file needs no such rule: without merges
    # across those borders the same pieces come out, and Llama-type readers expect a plain BPE.
    tokenizer.pre_tokenizer = pre_tokenizers.Split(  # type: ignore[assignment]
        Regex(r"▁?[\p{L}]+|▁?[0-9]+|▁|\n|[^\p{L}0-9▁\n]"), behavior="isolated"
    )
    letters = [chr(code) for code in range(33, 127)]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - 256,
        show_progress=False,
        initial_alphabet=letters,
        special_tokens=[UNKNOWN, START, END, PAD],
    )
    tokenizer.train_from_iterator(text_to_learn_from(count), trainer)
    return with_bytes(tokenizer)


def with_bytes(trained: Tokenizer) -> Tokenizer:
    """The trained vocabulary with the 256 byte pieces put in, as the fallback for any other writing."""
    told = json.loads(trained.to_str())
    old = told["model"]["vocab"]
    pieces = sorted(old, key=lambda piece: old[piece])
    ordered = pieces[:4] + [f"<0x{byte:02X}>" for byte in range(256)] + pieces[4:]
    told["model"]["vocab"] = {piece: index for index, piece in enumerate(ordered)}
    told["pre_tokenizer"] = None
    tokenizer = Tokenizer.from_str(json.dumps(told))
    tokenizer.decoder = decoders.Sequence(  # type: ignore[assignment]
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return tokenizer


def settings() -> dict[str, object]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": False,
        "add_eos_token": False,
        "add_prefix_space": False,
        "bos_token": START,
        "eos_token": END,
        "pad_token": PAD,
        "unk_token": UNKNOWN,
        "model_max_length": 512,
        "clean_up_tokenization_spaces": False,
        "padding_side": "right",
        "chat_template": CHAT_TEMPLATE,
    }


def write(folder: Path, tokenizer: Tokenizer) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    text = json.dumps(settings(), indent=2, ensure_ascii=False) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(MODEL_FOLDER, train())
    print(f"Wrote the tokenizer to {MODEL_FOLDER}")

"""Tokenizers and models small enough to be built inside the tests."""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}{{ '\\n' }}{{ message.content }}<|im_end|>{{ '\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant{{ '\\n' }}{% endif %}"
)
MARKED = (
    "{% for message in messages %}{% if message.role == 'assistant' %}<|im_start|>assistant{{ '\\n' }}"
    "{% generation %}{{ message.content }}{% endgeneration %}<|im_end|>{{ '\\n' }}"
    "{% else %}<|im_start|>{{ message.role }}{{ '\\n' }}{{ message.content }}<|im_end|>{{ '\\n' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant{{ '\\n' }}{% endif %}"
)
# Writes an answer with an empty thought before it, but only the last one.
THINKING = (
    "{% for message in messages %}<|im_start|>{{ message.role }}{{ '\\n' }}"
    "{% if message.role == 'assistant' and loop.last %}<think>{{ '\\n\\n' }}</think>{{ '\\n\\n' }}{% endif %}"
    "{{ message.content }}<|im_end|>{{ '\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant{{ '\\n' }}{% endif %}"
)
# Special tokens swallow white space after them, as in Phi-3.
SWALLOWING = (
    "{% for message in messages %}<|{{ message.role }}|>{{ '\\n' }}{{ message.content }}<|end|>{{ '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{{ '\\n' }}{% endif %}"
)
WORDS = (
    "the a cat dog sat ran on under mat tree and then it was very happy sad big small red blue "
    "Hello World! What is this? 1 2 3 42 naïve café 你好 世界 再见 😀 👩‍👩‍👧 שלום عالم\n\n\t;:,.()"
).split(" ")


def sentences(seed: int, count: int, longest: int = 12) -> list[str]:
    """Texts of many scripts, the same for the same seed."""
    chance = random.Random(seed)
    return [" ".join(chance.choices(WORDS, k=chance.randint(1, longest))) for _ in range(count)]


def byte_level(folder: Path, template: str | None = None, *, trim: bool = False, rstrip: bool = False) -> Path:
    """A tokenizer of the GPT-2 kind without BOS; `trim` leaves white space out of the offsets, as GPT-2's does."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=trim)
    trainer = trainers.BpeTrainer(
        vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(sentences(0, 300), trainer)
    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"]
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False, rstrip=rstrip) for name in names])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>" if template else "<|endoftext|>")
    fast.chat_template = template
    fast.save_pretrained(folder)
    return folder


def piece_level(folder: Path, template: str | None = None) -> Path:
    """A tokenizer of the Llama-2 kind: its own BOS, "▁" before each text, bytes for what it doesn't know."""
    from tokenizers import Tokenizer, decoders, models, normalizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2}
    for byte in range(256):
        vocabulary[f"<0x{byte:02X}>"] = len(vocabulary)
    for sign in "▁abcdefghijklmnopqrstuvwxyzHW.!?":
        vocabulary[sign] = len(vocabulary)
    merges = [("t", "h"), ("th", "e"), ("▁", "the"), ("▁", "a"), ("c", "a"), ("ca", "t"), ("▁", "cat"), ("o", "n")]
    for left, right in merges:
        vocabulary[left + right] = len(vocabulary)
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    fast.chat_template = template
    fast.save_pretrained(folder)
    return folder


def tiny_llama(folder: Path, *, context: int = 256, seed: int = 0) -> Path:
    """A Llama of two layers with random weights, for the tokenizer that is already in the folder."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=context,
        initializer_range=0.2,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model folder, complete: two random layers and a byte-level tokenizer with a ChatML template."""
    return tiny_llama(byte_level(tmp_path_factory.mktemp("models") / "tiny base é", CHATML))


@pytest.fixture
def alpaca_file(tmp_path: Path) -> Callable[[int], Path]:
    """Makes an Alpaca file of that many rows, of unequal lengths."""

    def make(rows: int) -> Path:
        prompts, answers = sentences(1, rows), sentences(2, rows, 30)
        path = tmp_path / "alpaca.json"
        path.write_text(
            json.dumps([{"instruction": p, "input": "", "output": a} for p, a in zip(prompts, answers, strict=True)])
        )
        return path

    return make


@pytest.fixture
def stop_at(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the next attempts stop after a step."""
    from studio.engine import training
    from studio.engine.journal import StopBell
    from studio.engine.supervision import Supervision
    from studio.storage.runs import StopRequest

    end_step = Supervision.on_step_end

    def at(step: int | None, *, save: bool = True, pause: bool = False) -> None:
        rung = False

        class Bell(StopBell):
            def asked(self) -> StopRequest | None:
                return StopRequest(save, pause) if rung else None

        def on_step_end(self: Supervision, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            nonlocal rung
            rung = state.global_step == step
            end_step(self, args, state, control, **kwargs)

        monkeypatch.setattr(training, "StopBell", Bell)
        monkeypatch.setattr(Supervision, "on_step_end", on_step_end)

    return at


@pytest.fixture
def as_in_a_worker() -> Iterator[None]:
    """One thread, as the workers of tests have it (sums in another order are other sums), and signals that training
    takes for itself given back."""
    import torch

    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    for number, handler in kept.items():
        signal.signal(number, handler)

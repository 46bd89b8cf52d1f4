"""Does llama.cpp go on with a text as Plumbline does? Greedy continuations of an exported GGUF, token by token.

    python -m venv elsewhere && elsewhere/bin/pip install llama-cpp-python
    python -m tests.parity.llama_cpp --python elsewhere/bin/python --model resources/starter [--adapter FOLDER] [--tiny]

The same file is run with the same token ids by both, and its tokenizer is compared on the same texts. --tiny does it
for random models of every architecture that can be written, too.

Ours is the model that the file holds: its weights rounded as the file has them, and what goes into each product with
them rounded the same way, because llama.cpp's kernels for a processor do that (`vec_dot_type` in ggml-cpu.c); keys and
values are in 32 bits in both. Where two answers part all the same, our odds of both tokens are compared: a gap of less
than NEAR is a tie, which the order of sums decides. --wide leaves our activations in 32 bits, to see what that rounding
alone changes. Ends with exit code 1 on any other difference.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.engine.conftest import CHATML, byte_level, piece_level, sentences

PROMPTS, TOKENS = 20, 64
# In logits. Sums in another order can round an activation the other way, which matters where 8 bits are kept of it.
NEAR = {"F32": 1e-3, "F16": 1e-3, "BF16": 3e-2}
ROUNDED = {"F16": "float16", "BF16": "bfloat16"}  # the numbers of a file that are not exact, as torch names them
# Runs where llama.cpp is, which needs nothing of Plumbline.
THERE = """
import json, sys
from llama_cpp import Llama
asked = json.load(open(sys.argv[1], encoding="utf-8"))
# Keys and values in 32 bits (0), as ours; llama.cpp rounds them to 16 unless told.
model = Llama(asked["file"], n_ctx=asked["context"], verbose=False, n_threads=1, n_batch=64, seed=1, type_k=0, type_v=0)
told = {"texts": [], "answers": []}
for text in asked["texts"]:
    told["texts"].append(model.tokenize(text.encode(), add_bos=False, special=True))
for prompt in asked["prompts"]:
    model.reset()
    found = []
    for token in model.generate(prompt, temp=0.0, top_k=1, repeat_penalty=1.0, reset=True):
        found.append(token)
        if len(found) == asked["tokens"]:
            break
    told["answers"].append(found)
json.dump(told, open(sys.argv[2], "w"))
"""


def main() -> int:
    """Compare, and print a line for each file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True, help="a Python that has llama-cpp-python")
    parser.add_argument("--model", type=Path, action="append", default=[])
    parser.add_argument("--adapter", type=Path, help="with one --model")
    parser.add_argument("--numbers", nargs="+", default=["F32", "F16"])
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--wide", action="store_true", help="our activations stay in 32 bits over 16-bit weights")
    arguments = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        models = [path.absolute() for path in arguments.model]
        if arguments.tiny:
            models += tiny_models(Path(scratch))
        for model in models:
            for numbers in arguments.numbers:
                ours = Ours(model, arguments.adapter, numbers, wide=arguments.wide)
                wrong += not agrees(arguments.python, ours, Path(scratch))
    return 1 if wrong else 0


def agrees(python: str, model: Ours, scratch: Path) -> bool:
    """Whether both continue all prompts alike, and cut all texts alike."""
    from studio.core.exporting import GGUF, ExportPlan
    from studio.core.messages import Message
    from studio.engine.exporting.desk import export
    from studio.engine.loading import load_encoder

    numbers = model.numbers
    target = scratch / f"{model.folder.name}-{numbers}"
    plan = ExportPlan(str(model.folder), str(target), GGUF, str(model.adapter or ""), numbers)
    folder, _ = export(plan, lambda _done, _total, _what: None)
    encoder = load_encoder(model.folder, "model", model.adapter)
    texts = [*sentences(5, 30), "Once upon a time, there was a little girl.", "What is 7 plus 5?\nSay it in Spanish."]
    asked = [encoder.prompt([Message("user", text)]) for text in texts[:PROMPTS]]
    ours = [model.continued(prompt) for prompt in asked]
    words = {
        "file": str(next(folder.glob("*.gguf"))),
        "context": min(encoder.context or 2048, 2048),
        "texts": texts,
        "prompts": asked,
        "tokens": TOKENS,
    }
    (scratch / "asked.json").write_text(json.dumps(words), encoding="utf-8")
    subprocess.run([python, "-c", THERE, str(scratch / "asked.json"), str(scratch / "told.json")], check=True)
    told: dict[str, Any] = json.loads((scratch / "told.json").read_text())
    alike = [mine == theirs for mine, theirs in zip(ours, told["answers"], strict=True)]
    cut = [
        encoder.tokenizer.encode(text, add_special_tokens=False) == theirs
        for text, theirs in zip(texts, told["texts"], strict=True)
    ]
    gaps = [model.gap_between(asked[k], ours[k], told["answers"][k]) for k, same in enumerate(alike) if not same]
    ties = sum(gap < NEAR[numbers] for gap in gaps)
    print(
        f"{model.folder.name} {numbers}: {sum(alike)} of {len(alike)} continuations of {TOKENS} tokens alike, "
        f"{ties} part at a tie{''.join(f' ({gap:.1e})' for gap in gaps)}; {sum(cut)} of {len(cut)} texts cut alike",
        flush=True,
    )
    for k in [k for k, same in enumerate(cut) if not same][:3]:
        print(
            "  text  ", repr(texts[k]), told["texts"][k], encoder.tokenizer.encode(texts[k], add_special_tokens=False)
        )
    return sum(alike) + ties == len(alike) and all(cut)


class Ours:
    """A model by transformers in 32 bits, with the numbers that a file of it has."""

    def __init__(self, folder: Path, adapter: Path | None, numbers: str, *, wide: bool) -> None:
        import torch

        from studio.engine.loading import load_adapter, load_model, pick_precision

        self.folder, self.adapter, self.numbers = folder, adapter, numbers
        self._model: Any = load_model(folder, pick_precision("fp32", "cpu", 1, training=False), "cpu")
        if adapter is not None:
            self._model = load_adapter(self._model, adapter).merge_and_unload()
        if numbers not in ROUNDED:
            return
        kind = getattr(torch, ROUNDED[numbers])
        for value in self._model.parameters():
            if value.dim() > 1:
                value.data = value.data.to(kind).float()
        for module in self._model.modules():
            if isinstance(module, torch.nn.Linear) and not wide:
                module.register_forward_pre_hook(lambda _module, inputs: (inputs[0].to(kind).float(),))

    def continued(self, prompt: list[int]) -> list[int]:
        """Our greedy continuation."""
        import torch

        with torch.inference_mode():
            ids = torch.tensor([prompt])
            made = self._model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=False,
                temperature=None,
                top_p=None,
                top_k=None,
                max_new_tokens=TOKENS,
                min_new_tokens=TOKENS,
                eos_token_id=None,
                pad_token_id=0,
            )
        return made[0, len(prompt) :].tolist()

    def gap_between(self, prompt: list[int], ours: list[int], theirs: list[int]) -> float:
        """How much better our token scores than theirs, in logits, where the two part."""
        import torch

        place = next(k for k, (mine, other) in enumerate(zip(ours, theirs, strict=True)) if mine != other)
        with torch.inference_mode():
            logits = self._model(input_ids=torch.tensor([[*prompt, *ours[:place]]])).logits[0, -1]
        return float(logits[ours[place]] - logits[theirs[place]])


def tiny_models(folder: Path) -> list[Path]:
    """Random models of two or more layers of each architecture that can be written."""
    import torch
    import transformers
    from transformers import AutoTokenizer

    common = {
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.15,
    }
    stretched = {
        "rope_type": "llama3",
        "rope_theta": 10000.0,
        "factor": 4.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    }
    kinds: dict[str, tuple[str, dict[str, Any]]] = {
        "llama": ("Llama", {}),
        "llama3": ("Llama", {"rope_parameters": stretched}),
        "mistral": ("Mistral", {"sliding_window": None, "head_dim": 32}),
        "qwen2": ("Qwen2", {}),
        "qwen3": ("Qwen3", {"head_dim": 32}),
        "gemma": ("Gemma", {"head_dim": 32}),
        "gemma2": ("Gemma2", {"head_dim": 32, "query_pre_attn_scalar": 32, "sliding_window": 64}),
        "gemma3": ("Gemma3", {"head_dim": 32, "query_pre_attn_scalar": 32, "sliding_window": 64,
                              "num_hidden_layers": 7}),
    }  # fmt: skip
    found: list[Path] = []
    for name, (kind, more) in kinds.items():
        pieces = name in ("mistral", "gemma", "gemma2", "gemma3")
        made = piece_level(folder / name, CHATML) if pieces else byte_level(folder / name, CHATML)
        tokenizer = AutoTokenizer.from_pretrained(made)
        torch.manual_seed(0)
        words = {**common, **more, "vocab_size": len(tokenizer) + 3, "eos_token_id": tokenizer.eos_token_id}
        prefix = "Gemma3Text" if kind == "Gemma3" else kind
        config = getattr(transformers, f"{prefix}Config")(**words)
        model = getattr(transformers, f"{kind}ForCausalLM")(config)
        for key, value in model.named_parameters():
            if "norm" in key:
                value.data += 0.1 * torch.randn_like(value)
        model.save_pretrained(made)
        found.append(made)
    return found


if __name__ == "__main__":
    sys.exit(main())

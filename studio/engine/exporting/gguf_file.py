"""A model as one GGUF file: figures, tokenizer, the template that was trained, and the weights, one at a time.

Number formats are those that the `gguf` package writes; k-quants are made by llama.cpp's own quantiser where its Python
package is installed, out of 16 bits.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Numbers
from gguf import LlamaFileType as FileType

from studio.core.errors import StudioError
from studio.core.exporting import GGUF, GGUF_FORMATS, K_FORMATS, ExportPlan, number_formats
from studio.engine.encoding import Encoder
from studio.engine.exporting.folders import Tell, end_tokens
from studio.engine.exporting.gguf_model import Shape
from studio.engine.exporting.gguf_tokenizer import vocabulary_of, write_specials
from studio.engine.exporting.weights import Weights

_PLAIN = {"F32": Numbers.F32, "F16": Numbers.F16, "BF16": Numbers.BF16}
_FILE_TYPES = {
    "F32": FileType.ALL_F32,
    "F16": FileType.MOSTLY_F16,
    "BF16": FileType.MOSTLY_BF16,
    **{name: getattr(FileType, f"MOSTLY_{name}") for name in GGUF_FORMATS if name[0] == "Q"},
}
# Only training needs these marks, and llama.cpp's reader of templates doesn't know them.
_MARKS = re.compile(r"\{%-?\s*(end)?generation\s*-?%\}")


def plain_template(jinja: str) -> str:
    """A template without what only training needs."""
    return _MARKS.sub("", jinja)


def write_gguf(plan: ExportPlan, encoder: Encoder, file: Path, name: str, tell: Tell) -> list[str]:
    """Write the file. Returns what a person should know of it, in sentences. Raises StudioError."""
    if plan.numbers not in K_FORMATS:
        return _write(plan, encoder, file, name, plan.numbers, tell)
    if plan.numbers not in number_formats(GGUF):
        raise StudioError(
            f"{plan.numbers} is made by llama.cpp's quantiser, which isn't installed here.",
            "Choose Q8_0 or F16; “ollama create --quantize q4_K_M” makes it smaller from that.",
        )
    wide = file.with_name(".wide.gguf")
    notes = _write(plan, encoder, wide, name, "F16", tell)
    tell(0, 0, plan.numbers)
    _quantise(wide, file, plan.numbers)
    wide.unlink()
    return notes


def _write(plan: ExportPlan, encoder: Encoder, file: Path, name: str, numbers: str, tell: Tell) -> list[str]:
    base = Path(plan.base)
    shape = Shape(base)
    weights = Weights(base, Path(plan.adapter) if plan.adapter else None)
    if weights.unties:
        shape.config.tie_word_embeddings = False
    words = vocabulary_of(encoder, shape.vocabulary)
    places = shape.names(iter(weights))
    kinds = {stored: _numbers(there, weights.shape(stored), numbers) for stored, there in places.items()}
    writer = gguf.GGUFWriter(str(file), shape.arch)
    try:
        writer.add_name(name)
        writer.add_file_type(int(_FILE_TYPES[numbers]))
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        shape.write_figures(writer)
        words.write(writer)
        write_specials(writer, encoder, end_tokens(base, encoder))
        if encoder.jinja:
            writer.add_chat_template(plain_template(encoder.jinja))
        factors = shape.rope_factors()
        if factors is not None:
            writer.add_tensor_info("rope_freqs.weight", list(factors.shape), np.dtype(np.float32), factors.numel() * 4)
        for stored, there in places.items():
            _announce(writer, there, weights.shape(stored), kinds[stored])
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        if factors is not None:
            writer.write_tensor_data(factors.numpy())
        for done, (stored, there) in enumerate(places.items()):
            tell(done, len(places), there)
            value = shape.converted(stored, weights.tensor(stored)).to(torch.float32).contiguous().numpy()
            writer.write_tensor_data(gguf.quantize(value, kinds[stored]))
        tell(len(places), len(places), "")
    finally:
        writer.close()
    return _notes(kinds, numbers, words.inexact)


def _numbers(name: str, shape: tuple[int, ...], wanted: str) -> Numbers:
    """The format of one tensor, as llama.cpp has it: what is no matrix stays exact, a row that can't be divided into
    blocks is 16-bit, and the embeddings keep 8 bits where the rest has fewer."""
    if len(shape) < 2 or "_norm" in name:
        return Numbers.F32
    if wanted in _PLAIN:
        return _PLAIN[wanted]
    chosen = Numbers[wanted]
    if chosen is not Numbers.Q8_0 and name.split(".")[0] in ("token_embd", "output"):
        chosen = Numbers.Q8_0
    return Numbers.F16 if shape[-1] % gguf.GGML_QUANT_SIZES[chosen][0] else chosen


def _announce(writer: gguf.GGUFWriter, name: str, shape: tuple[int, ...], kind: Numbers) -> None:
    if kind in (Numbers.F32, Numbers.F16):
        width = np.dtype(np.float32 if kind is Numbers.F32 else np.float16)
        writer.add_tensor_info(name, list(shape), width, int(np.prod(shape)) * width.itemsize)
        return
    packed = gguf.quant_shape_to_byte_shape(shape, kind)
    writer.add_tensor_info(name, list(packed), np.dtype(np.uint8), int(np.prod(packed)), raw_dtype=kind)


def _notes(kinds: dict[str, Numbers], numbers: str, inexact: tuple[int, int]) -> list[str]:
    found: list[str] = []
    wide = sum(kind is Numbers.F16 for kind in kinds.values()) if numbers not in _PLAIN else 0
    if wide:
        found.append(f"{wide} of {len(kinds)} matrices stay in 16 bits: their rows can't be divided into blocks of 32.")
    if inexact[0]:
        found.append(
            f"llama.cpp will cut {inexact[0]} of {inexact[1]} tried words into other tokens than this model was "
            "trained with; answers can differ a little there."
        )
    return found


def _quantise(source: Path, target: Path, numbers: str) -> None:
    import llama_cpp  # type: ignore[import-not-found]  # optional

    parameters: Any = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{numbers}")
    if llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), parameters) or not target.is_file():
        raise StudioError(
            f"llama.cpp's quantiser couldn't write {numbers}; its reason is in the log.", "Choose Q8_0 or F16."
        )

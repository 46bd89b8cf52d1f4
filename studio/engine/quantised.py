"""Base models kept in 8 or 4 bits by bitsandbytes, under an adapter that is trained in 32.

NF4 with its scales quantised too is QLoRA (Dettmers et al. 2023), 8 bits are LLM.int8 (Dettmers et al. 2022). Only the
blocks' linear layers are; embeddings, norms and the output layer stay. Works on NVIDIA cards and on processors.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from studio.core.errors import StudioError

if TYPE_CHECKING:
    from transformers import BitsAndBytesConfig, PreTrainedModel

    from studio.engine.loading import Precision


def allow_bitsandbytes() -> None:
    """Let libraries find bitsandbytes, which the worker's entry hides from them. To be called before any is imported.

    Raises StudioError when it isn't there.
    """
    if sys.modules.get("bitsandbytes", ...) is None:
        del sys.modules["bitsandbytes"]
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it tells of each cast, and of kernels to download
    try:
        import bitsandbytes  # noqa: F401
    except Exception as error:  # a library of its own that can't be loaded raises all kinds
        raise StudioError(
            f"Numbers of 4 and 8 bits need bitsandbytes, which can't be loaded here ({error}).",
            "Train an adapter over the base as it is, with AdamW.",
        ) from error


def allow_quantised() -> None:
    """The same in a process that has imported the libraries already: they are asked anew. Raises StudioError."""
    import peft.import_utils as of_peft
    import transformers.utils.import_utils as of_transformers

    allow_bitsandbytes()
    for module in (of_peft, of_transformers):
        for name in ("is_bnb_available", "is_bnb_4bit_available", "is_bitsandbytes_available"):
            forget = getattr(getattr(module, name, None), "cache_clear", None)
            if forget is not None:
                forget()


def quantisation(bits: int, precision: Precision) -> BitsAndBytesConfig:
    """What transformers is told so that a model's linear layers are kept in so many bits."""
    import torch
    from transformers import BitsAndBytesConfig

    if bits == 8:
        return BitsAndBytesConfig(load_in_8bit=True)
    computing = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision.name, torch.float32)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=computing,
    )


def keep_one_way(model: PreTrainedModel) -> None:
    """On a processor, have quantised layers compute alike in training and in evaluation.

    bitsandbytes has other kernels for evaluation there: in 4 bits they repack the weights for good, after which
    nothing can be learned through them, and need widths that not all models have; in 8 bits they round inputs too, so
    that a policy would differ from itself as the reference. What a layer is told decides, so it is told once.
    """
    if model.device.type != "cpu":
        return
    from bitsandbytes.nn.modules import Linear4bit, Linear8bitLt

    for layer in model.modules():
        if isinstance(layer, (Linear4bit, Linear8bitLt)):
            kept: Any = layer.train(True)
            kept.train = _stay(kept)


def let_go_of_file(model: PreTrainedModel) -> None:
    """On a processor, copy what was not quantised out of the file that it was read from: while one tensor lies in the
    file's mapping, all pages that were read in order to quantise the others stay in memory with it."""
    if model.device.type != "cpu":
        return
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point():
            tensor.data = tensor.data.clone()


def _stay(layer: Any) -> Any:
    return lambda _mode=True: layer

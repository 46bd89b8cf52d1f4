"""Loading: tokenizer, prompt template, base model and adapter from local folders, and the number format for a device.

Only safetensors are read, and code out of a model folder is run only when somebody read it and agreed
(`storage.model_code`). What a folder must hold is checked by `storage.models` without torch; what shows only on loading
is said here. torch is imported inside the functions that need it, so that the preview worker can do without.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.core.errors import StudioError
from studio.core.templates import BUILT_IN, MODELS_OWN, template_named
from studio.engine.encoding import Encoder
from studio.engine.failures import explain
from studio.storage.model_code import runs_own_code
from studio.storage.models import check_model, config_of, writes_no_text
from studio.storage.models import model_name as adapter_name

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Below this, turning numbers into bf16 and back costs more than bf16 arithmetic saves.
_WORTH_BF16 = 1_000_000
# The same where a few rows are read at a time, as in chat: weights that stay in the processor's cache.
_WORTH_BF16_READING = 8_000_000


@dataclass(frozen=True, slots=True)
class Precision:
    """A number format: its name, why it was chosen, and how the base model's weights are kept."""

    name: str
    reason: str
    weights: torch.dtype
    autocast: bool

    def __str__(self) -> str:
        return f"{self.name} ({self.reason})"


def pick_device() -> str:
    """The device that models run on: a CUDA card, Apple's GPU, or the processor."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def device_name(device: str) -> str:
    """The device in words."""
    import torch

    if device == "cuda":
        return torch.cuda.get_device_name(0)
    return "Apple GPU" if device == "mps" else "processor"


def pick_precision(wanted: str, device: str, parameters: int, *, training: bool, full: bool = False) -> Precision:
    """The number format for a model of so many parameters. `wanted` is "auto", "fp32", "bf16" or "fp16". Raises
    StudioError for one that the device can't train with.

    For training on a processor 16 bits are autocast over 32-bit weights. Elsewhere the frozen base is kept in 16 bits.
    What is trained is 32-bit always, all weights too: steps are smaller than 16 bits can tell.
    """
    picked = _pick(wanted, device, parameters, training)
    if not full:
        return picked
    import torch

    return replace(picked, weights=torch.float32)


def _pick(wanted: str, device: str, parameters: int, training: bool) -> Precision:
    import torch

    if wanted == "fp32":
        return Precision("fp32", "as chosen", torch.float32, False)
    if wanted == "bf16":
        keep = torch.float32 if device == "cpu" and training else torch.bfloat16
        return Precision("bf16", "as chosen", keep, training)
    if wanted == "fp16":
        if device != "cuda":
            raise StudioError(
                f"fp16 is for NVIDIA cards, and this run would compute on the {device_name(device)}.",
                "Choose “Automatic” as the number format.",
            )
        return Precision("fp16", "as chosen", torch.float16, training)
    if device == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Precision("bf16", "the card computes in it", torch.bfloat16, training)
        return Precision("fp16", "the card has no bf16", torch.float16, training)
    if device == "mps":
        return Precision("fp32", "the safe choice on Apple's GPU", torch.float32, False)
    if parameters <= (_WORTH_BF16 if training else _WORTH_BF16_READING):
        return Precision("fp32", "the model is too small to gain from bf16", torch.float32, False)
    if not _processor_has_bf16():
        return Precision("fp32", "the processor has no bf16 units", torch.float32, False)
    keep = torch.float32 if training else torch.bfloat16
    return Precision("bf16", "the processor has bf16 units", keep, training)


def _processor_has_bf16() -> bool:
    import torch

    # Older torch has no table of what the processor can do; then the 32-bit path is right, if slower.
    known: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(known.get(unit) for unit in ("avx512_bf16", "amx_bf16"))


def load_encoder(base: Path, template: str, adapter: Path | None = None) -> Encoder:
    """The tokenizer of a base model with the template of that name. Raises StudioError.

    "model" is the template that the adapter was trained with, else the model's own, else the first built-in one.
    """
    encoder = _encoder(base, template, adapter)
    _check_vocabulary(encoder, base)
    return encoder


def _encoder(base: Path, template: str, adapter: Path | None) -> Encoder:
    info = check_model(base)
    tokenizer = _load_tokenizer(info.folder)
    if template != MODELS_OWN:
        chosen = template_named(template)
        return Encoder(tokenizer, chosen.jinja_for(tokenizer.get_vocab()), chosen.label, info.context)
    trained = _trained_template(adapter) if adapter is not None else None
    if trained is not None:
        return Encoder(tokenizer, trained, "As trained", info.context)
    own: Any = tokenizer.chat_template
    if isinstance(own, dict):
        own = own.get("default") or next(iter(own.values()), None)
    if own:
        return Encoder(tokenizer, str(own), "The model's own", info.context)
    return Encoder(tokenizer, BUILT_IN[0].jinja, f"{BUILT_IN[0].label} (the model has none)", info.context)


def _check_vocabulary(encoder: Encoder, base: Path) -> None:
    """Refuse a tokenizer that writes tokens which the model doesn't have. Many tokenizers know a few more that nothing
    writes; these are no trouble."""
    config = config_of(base)
    text = config.get("text_config")
    known = (text if isinstance(text, dict) else config).get("vocab_size")
    tokenizer: Any = encoder.tokenizer
    if not isinstance(known, int) or len(tokenizer) <= known:
        return
    ends = (tokenizer.bos_token, tokenizer.eos_token)
    added = tokenizer.get_added_vocab()
    beyond = [name for name, place in added.items() if place >= known and (name in encoder.jinja or name in ends)]
    beyond += [name for name, place in tokenizer.get_vocab().items() if place >= known and name not in added][:1]
    if beyond:
        raise StudioError(
            f"The tokenizer of “{base.name}” doesn't belong to its weights: it writes “{beyond[0]}” as token "
            f"{tokenizer.convert_tokens_to_ids(beyond[0]):,}, and the model has {known:,} tokens.",
            "Download the model again with files that belong together, or choose another prompt template.",
        )


def _trained_template(adapter: Path) -> str | None:
    """The template that an adapter was trained with, as its tokenizer files keep it."""
    file = adapter / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    try:
        kept = json.loads((adapter / "tokenizer_config.json").read_text(encoding="utf-8")).get("chat_template")
    except (OSError, ValueError, AttributeError):
        return None
    return kept if isinstance(kept, str) else None


def _load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    from transformers import AutoTokenizer

    try:
        trusted = runs_own_code(folder, config_of(folder))
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=trusted)
    except StudioError:
        raise
    except Exception as error:  # tokenizers raises bare Exception for a damaged file
        raise StudioError(
            f"The tokenizer of “{folder.name}” can't be loaded ({_first_line(error)}).",
            "Download the model again with all its files.",
            explain(error),
        ) from error


def load_model(folder: Path, precision: Precision, device: str, *, bits: int | None = None) -> PreTrainedModel:
    """A model that writes, on its device, in evaluation mode. bits: 4 or 8, to keep its linear layers in so many.
    Raises StudioError."""
    from transformers import AutoModelForCausalLM

    if writes_no_text(folder):
        raise StudioError(
            f"“{folder.name}” is a reward model: it scores answers, and can't write any.", "Choose another model."
        )
    return _load(AutoModelForCausalLM, folder, precision, device, bits)


def load_scorer(
    folder: Path, precision: Precision, device: str, *, seed: int = 0, bits: int | None = None, doubting: bool = False
) -> PreTrainedModel:
    """A model with a head of one 32-bit number, in evaluation mode: a new one, the same for the same seed, or its own
    when it was trained as a reward model. doubting: it keeps its output layer, and the head reads its doubt too
    (`engine.doubt`). Raises StudioError."""
    import torch
    from transformers import AutoModelForSequenceClassification, set_seed

    set_seed(seed)
    if doubting:
        from studio.engine.doubt import add_head

        writer: Any = load_model(folder, precision, device, bits=bits)
        add_head(writer, "score")
        return writer
    model: Any = _load(AutoModelForSequenceClassification, folder, precision, device, bits, num_labels=1)
    head = getattr(model, "score", None)
    if not isinstance(head, torch.nn.Linear):
        raise StudioError(
            f"“{folder.name}” is of an architecture that can't be made a reward model ({type(model).__name__}).",
            "Choose a model of another architecture, such as Llama or Qwen.",
        )
    head.float()
    return model


def _load(kind: Any, folder: Path, precision: Precision, device: str, bits: int | None, **more: Any) -> Any:
    import torch

    check_model(folder)
    if bits is not None:
        from studio.engine.quantised import quantisation

        more |= {"quantization_config": quantisation(bits, precision), "device_map": {"": device}}
    try:
        model: Any = kind.from_pretrained(
            folder,
            dtype=precision.weights,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=runs_own_code(folder, config_of(folder)),
            low_cpu_mem_usage=True,
            **more,
        )
        if bits is None:
            return model.to(device).eval()
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise StudioError(
            f"“{folder.name}” doesn't fit into memory.",
            "Close other programs, or choose a smaller model.",
            explain(error),
        ) from error
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise StudioError(
            f"“{folder.name}” can't be loaded: {_first_line(error)}.",
            "Choose a model of an architecture that Plumbline knows, or download it again.",
            explain(error),
        ) from error
    from studio.engine.quantised import keep_one_way, let_go_of_file

    keep_one_way(model)
    let_go_of_file(model)
    return model.eval()


def load_adapter(model: PreTrainedModel | PeftModel, folder: Path, name: str = "default") -> PeftModel:
    """A base model with an adapter on it under PEFT's `name`, beside those that it has already, and switched on.

    Raises StudioError.
    """
    from peft import PeftModel

    if not (folder / "adapter_config.json").is_file():
        raise StudioError(
            f"There is no adapter in “{folder}”.", "Choose a run that has finished or saved a checkpoint."
        )
    if not (folder / "adapter_model.safetensors").is_file():
        raise StudioError(
            f"The adapter in “{folder}” has no weights in safetensors form.",
            "Choose another adapter, or train it again.",
        )
    scores = hasattr(model, "score")
    if (_task(folder) == "SEQ_CLS") != scores:
        is_not = "isn't a reward model" if scores else "is a reward model: it scores answers, and can't write any"
        raise StudioError(f"“{adapter_name(folder)}” {is_not}.", "Choose the adapter of another run.")
    try:
        if isinstance(model, PeftModel):
            model.load_adapter(str(folder), name, is_trainable=False, local_files_only=True)
            model.set_adapter(name, inference_mode=True)
            return model.eval()
        tuned = PeftModel.from_pretrained(
            model, str(folder), adapter_name=name, is_trainable=False, local_files_only=True
        )
        return tuned.eval()
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise StudioError(
            f"The adapter “{adapter_name(folder)}” doesn't fit this base model ({_first_line(error)}).",
            "Choose the base model that it was trained on.",
            explain(error),
        ) from error


def _task(adapter: Path) -> str | None:
    """What peft calls the adapter's use: CAUSAL_LM writes, SEQ_CLS scores."""
    try:
        return json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8")).get("task_type")
    except (OSError, ValueError, AttributeError):
        return None


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300].rstrip(".:")

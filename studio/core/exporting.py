"""Taking a model away: in which forms, and what is said to the worker that writes them. One JSON object a line.

Requests: {"do": "export", "id": 1, "plan": {...ExportPlan...}}
          {"do": "combine", "id": 2, "base": folder, "adapters": [[folder, weight], ...], "way": ..., "target": folder}
          {"do": "compare", "id": 3, "adapters": [folder, folder]}
          {"do": "stop"}
Replies:  {"reply": "ready"}
          {"reply": "progress", "id": 1, "done": 3, "total": 12, "what": "model.layers.0..."}
          {"reply": "exported", "id": 1, "folder": "...", "files": [[name, bytes], ...], "notes": [sentence, ...]}
          {"reply": "combined", "id": 2, "folder": "..."}
          {"reply": "compared", "id": 3, "layers": [[name, norm of first, norm of second, cosine], ...],
           "whole": [norm, norm, cosine]}
          {"reply": "failed", "id": 1, "what": "...", "hint": "...", "details": "..."}
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from studio.core.errors import StudioError, did_you_mean

ADAPTER, MERGED, GGUF = "adapter", "merged", "gguf"
FORMS = {
    ADAPTER: ("Adapter", "The adapter alone, as PEFT reads it: small, and used together with its base model."),
    MERGED: ("Whole model", "Base and adapter as one model in safetensors, as transformers and vLLM read it."),
    GGUF: ("GGUF", "One file for llama.cpp, Ollama and LM Studio, with a Modelfile beside it."),
}
SAME = "same"
MERGED_FORMATS = {SAME: "As the base has it", "F32": "32 bits", "BF16": "16 bits (bf16)", "F16": "16 bits (fp16)"}
GGUF_FORMATS = {
    "F32": "32 bits, exact",
    "F16": "16 bits (fp16)",
    "BF16": "16 bits (bf16)",
    "Q8_0": "8 bits, hardly a loss",
    "Q5_1": "5 bits",
    "Q5_0": "5 bits, a little smaller",
    "Q4_1": "4 bits",
    "Q4_0": "4 bits, a little smaller",
}
# llama.cpp's own quantiser makes these, out of a 16-bit file; offered where its Python package is installed.
K_FORMATS = {
    "Q6_K": "6 bits (k-quant)",
    "Q5_K_M": "5 bits (k-quant)",
    "Q4_K_M": "4 bits (k-quant), the usual choice",
    "Q3_K_M": "3 bits (k-quant)",
    "Q2_K": "2 bits (k-quant), a clear loss",
}
SHARDS = {2.0: "2 GB, as most have it", 5.0: "5 GB", 1000.0: "All in one file"}  # by the most of a file, in gigabytes
WAYS = {
    "linear": "Weighted sum of the matrices; all adapters need the same rank",
    "cat": "Weighted sum of the changes, exact; the rank is the sum of all ranks",
    "svd": "Weighted sum of the changes, brought back to the largest rank",
    "ties": "TIES: small changes are dropped, and signs are voted on; the same rank",
    "dare_linear": "DARE: changes are dropped at random, the rest scaled up; the same rank",
    "magnitude_prune": "The smallest changes are dropped; the same rank",
}


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """What to write where. base: a model's folder; adapter: the folder of an adapter on it, or empty. target: the
    folder that is made. numbers: a number format of the form. shard: gigabytes of a weights file at most.
    project: the folder of the project that knows the model's runs, or empty. evaluation: how well it does, as the rows
    of a table whose first row is the head; empty when that isn't known.
    """

    base: str
    target: str
    form: str
    adapter: str = ""
    numbers: str = SAME
    shard: float = 2.0
    project: str = ""
    evaluation: tuple[tuple[str, ...], ...] = ()

    def check(self) -> None:
        """Raise StudioError with the first thing that can't be used."""
        if self.form not in FORMS:
            raise StudioError(f"There is no form “{self.form}”.", did_you_mean(self.form, FORMS) or _named(FORMS))
        known = {ADAPTER: {SAME: ""}, MERGED: MERGED_FORMATS, GGUF: {**GGUF_FORMATS, **K_FORMATS}}[self.form]
        if self.numbers not in known:
            hint = did_you_mean(self.numbers, known) or _named(known)
            raise StudioError(f"{FORMS[self.form][0]} can't be written in the numbers “{self.numbers}”.", hint)
        if self.form == ADAPTER and not self.adapter:
            raise StudioError("A base model alone has no adapter.", "Choose “Whole model” or “GGUF”.")
        if not 0.01 <= self.shard <= 1000:
            raise StudioError(f"A file can't have at most {self.shard:g} GB.", "Choose between 0.01 and 1,000.")
        if not self.target or not Path(self.target).name:
            raise StudioError("No folder is named to write to.", "Choose one.")

    def as_dict(self) -> dict[str, Any]:
        """As a request has it."""
        return asdict(self)

    @staticmethod
    def from_values(values: Any) -> ExportPlan:
        """Out of a request. Raises StudioError."""
        known = {field.name for field in fields(ExportPlan)}
        given = cast("dict[str, Any]", values) if isinstance(values, dict) else {}
        if not {"base", "target", "form"} <= set(given) <= known:
            raise StudioError("The export process was asked for something that it doesn't know.")
        given["evaluation"] = tuple(tuple(map(str, row)) for row in given.get("evaluation") or ())
        plan = ExportPlan(**given)
        plan.check()
        return plan


def number_formats(form: str) -> dict[str, str]:
    """The number formats that a form can be written in on this computer, each with its words."""
    if form == ADAPTER:
        return {SAME: "As it was trained"}
    if form == MERGED:
        return MERGED_FORMATS
    return {**GGUF_FORMATS, **(K_FORMATS if find_spec("llama_cpp") else {})}


def default_numbers(form: str) -> str:
    """The number format to begin with."""
    return "F16" if form == GGUF else SAME


def _named(known: Any) -> str:
    return f"Choose {', '.join(known)}."

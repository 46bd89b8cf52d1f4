"""The export worker: writes a model in the form that was asked for, with its README, into a new folder."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from studio import __version__
from studio.core.errors import StudioError
from studio.core.exporting import ADAPTER, FORMS, GGUF, MERGED, ExportPlan
from studio.core.readme import Facts, Made, readme
from studio.core.report.run import pictures
from studio.engine.failures import is_disk_full
from studio.engine.pipe import Interrupted, Pipe, Request
from studio.storage.files import disk_full, whole_path, write_whole
from studio.storage.model_cards import licence_of
from studio.storage.models import check_model, model_name
from studio.storage.new_folder import new_folder
from studio.storage.provenance import Stage, stages_of

if TYPE_CHECKING:
    from studio.engine.encoding import Encoder
    from studio.engine.exporting.folders import Tell

_UNSAFE = re.compile(r'[\\/:*?"<>|\x00-\x1f]+')


def serve() -> int:
    """Work until standard input closes."""
    pipe = Pipe()
    return pipe.serve(Desk(pipe).handle)


class Desk:
    """Does one request after the other."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def handle(self, request: Request) -> None:
        """Do what a request asks. Raises StudioError, and Interrupted when it was stopped."""

        def tell(done: int, total: int, what: str) -> None:
            if self._pipe.interrupted(request):
                raise Interrupted
            self._pipe.reply("progress", id=wanted, done=done, total=total, what=what)

        wanted = request.values.get("id")
        match request.values:
            case {"do": "export", "plan": dict(values)}:
                folder, notes = export(ExportPlan.from_values(values), tell)
                files = [[file.name, file.stat().st_size] for file in sorted(folder.iterdir()) if file.is_file()]
                self._pipe.reply("exported", id=wanted, folder=str(folder), files=files, notes=notes)
            case {"do": "combine", "base": str(base), "adapters": list(parts), "way": str(way), "target": str(target)}:
                from studio.engine.exporting.arithmetic import combine

                weighted = [(Path(str(folder)), float(weight)) for folder, weight in parts]
                made = combine(weighted, Path(base), way, Path(target), tell)
                self._pipe.reply("combined", id=wanted, folder=str(made))
            case {"do": "compare", "adapters": [str(first), str(second)]}:
                from studio.engine.exporting.arithmetic import compare

                layers, whole = compare(Path(first), Path(second), tell)
                self._pipe.reply("compared", id=wanted, layers=layers, whole=whole)
            case _:
                raise StudioError(f"The export process doesn't know the request {request.values.get('do')!r}.")


def export(plan: ExportPlan, tell: Tell) -> tuple[Path, list[str]]:
    """Write what a plan asks for. Returns the folder, and sentences that a person should know. Raises StudioError."""
    from studio.engine.exporting import folders

    plan.check()
    base = whole_path(Path(plan.base))
    adapter = whole_path(Path(plan.adapter)) if plan.adapter else None
    target = whole_path(Path(plan.target))
    plan = replace(plan, base=str(base), adapter=str(adapter or ""), target=str(target))
    info = check_model(base)
    encoder = _encoder(base, adapter, has_template=info.has_chat_template)
    notes: list[str] = []
    try:
        with new_folder(target) as folder:
            if plan.form == ADAPTER:
                folders.write_adapter(plan, encoder, folder, tell)
            elif plan.form == MERGED:
                folders.write_merged(plan, encoder, folder, tell)
            else:
                notes = _write_gguf(plan, encoder, folder, target.name, tell)
            _write_readme(plan, encoder, folder)
    except StudioError:
        raise
    except Exception as error:
        if is_disk_full(error, target.parent):  # safetensors has an error of its own for it
            raise disk_full(target) from error
        raise
    return target, notes


def _encoder(base: Path, adapter: Path | None, *, has_template: bool) -> Encoder:
    """As chat uses it; but a model that has no template, and learned none, isn't given one to take along."""
    from studio.engine.loading import load_encoder

    encoder = load_encoder(base, "model", adapter)
    return encoder if adapter is not None or has_template else replace(encoder, jinja="", label="")


def _write_gguf(plan: ExportPlan, encoder: Encoder, folder: Path, name: str, tell: Tell) -> list[str]:
    from studio.engine.exporting.gguf_file import write_gguf
    from studio.engine.exporting.ollama import modelfile

    file = folder / f"{_file_name(name)}-{plan.numbers}.gguf"
    notes = write_gguf(plan, encoder, file, name, tell)
    text, more = modelfile(file.name, encoder, _stops(plan, encoder))
    write_whole(folder / "Modelfile", text)
    return [*notes, *more]


def _stops(plan: ExportPlan, encoder: Encoder) -> list[str]:
    """The texts of the tokens that end an answer."""
    from studio.engine.exporting.folders import end_tokens

    return [str(encoder.tokenizer.convert_ids_to_tokens(token)) for token in end_tokens(Path(plan.base), encoder)]


def _file_name(name: str) -> str:
    """A name that every system takes as a file's, without spaces, which Modelfiles can't quote."""
    return "-".join(_UNSAFE.sub(" ", name).split()).strip(".") or "model"


def _write_readme(plan: ExportPlan, encoder: Encoder, folder: Path) -> None:
    from studio.engine.exporting.folders import hub_name

    base, project = Path(plan.base), Path(plan.project) if plan.project else None
    stages = stages_of(Path(plan.adapter or plan.base), project)
    made = [_made(number, stage, folder) for number, stage in enumerate(stages, start=1)]
    root = _root(base)
    facts = Facts(
        name=Path(plan.target).name,
        adapter=model_name(Path(plan.adapter)) if plan.adapter else "",
        form=FORMS[plan.form][0],
        base=hub_name(root) or model_name(root),
        base_is_hub=bool(hub_name(root)),
        licence=licence_of(root),
        library={ADAPTER: "peft", MERGED: "transformers", GGUF: "gguf"}[plan.form],
        template=encoder.label or "none",
        stops=_stops(plan, encoder),
        usage=_usage(plan, folder),
        stages=made,
        evaluation=(plan.evaluation[0], plan.evaluation[1:]) if plan.evaluation else None,
        version=__version__,
    )
    write_whole(folder / "README.md", readme(facts))


def _root(base: Path) -> Path:
    """The model that everything began with: a base that was itself trained here names its own."""
    from studio.engine.checkpoints import About

    seen: set[Path] = set()
    while base not in seen:
        seen.add(base)
        try:
            earlier = Path(About.of(base).base)
        except StudioError:
            break
        if not earlier.is_dir():
            break
        base = earlier
    return base


def _made(number: int, stage: Stage, folder: Path) -> Made:
    """A stage for the README, with its curves written beside it."""
    shown: list[tuple[str, str]] = []
    for place, (title, svg) in enumerate(pictures(stage.method, stage.curves), start=1):
        file = f"curves/{number}-{place}.svg"
        write_whole(folder / file, svg)
        shown.append((title, file))
    facts = [
        ("Data", stage.dataset or "not recorded"),
        ("Data, hash of its contents", stage.dataset_hash or "not recorded"),
        ("Steps", f"{stage.step:,}"),
        ("Tokens read", f"{stage.tokens:,}" if stage.tokens else "not recorded"),
        ("Time", f"{stage.seconds / 60:.1f} minutes"),
        ("Prompt template", stage.template),
    ]
    return Made(stage.name, stage.label, facts, stage.settings, shown)


def _usage(plan: ExportPlan, folder: Path) -> str:
    here = "PATH/TO/THIS/FOLDER"
    if plan.form == GGUF:
        file = next(folder.glob("*.gguf")).name
        smaller = ""
        if plan.numbers in ("F32", "F16", "BF16"):
            smaller = (
                "\n\nA smaller one, made by Ollama itself:\n\n```sh\nollama create my-model-small --quantize q4_K_M "
                "-f Modelfile\n```"
            )
        return (
            f'```sh\nollama create my-model -f Modelfile\nollama run my-model\n```\n\nor `llama-cli -m "{file}"`, '
            f"or open the file in LM Studio.{smaller}"
        )
    if plan.form == ADAPTER:
        from studio.engine.exporting.folders import hub_name

        base = hub_name(Path(plan.base)) or Path(plan.base).name
        return (
            "```python\nfrom peft import PeftModel\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
            f'base = AutoModelForCausalLM.from_pretrained("{base}")\n'
            f'model = PeftModel.from_pretrained(base, "{here}")\n'
            f'tokenizer = AutoTokenizer.from_pretrained("{here}")\n```'
        )
    return (
        "```python\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        f'model = AutoModelForCausalLM.from_pretrained("{here}")\n'
        f'tokenizer = AutoTokenizer.from_pretrained("{here}")\n```'
    )

"""Preview: one example as tokens with the mask that training would use, by the very function that training uses.

Only the tokenizer is loaded, and torch not at all, so it is ready in under a second. What window and worker say to each
other is `core.preview`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.core.errors import StudioError
from studio.core.messages import messages_from
from studio.engine.pipe import Pipe, Request

if TYPE_CHECKING:
    from studio.engine.encoding import Encoded, Encoder

_SHOWN = 20_000  # characters of a plain text


def serve() -> int:
    """Answer until standard input closes."""
    # Python's own way to say that a module is not installed: transformers then leaves out all that needs torch,
    # which saves two seconds and 300 MB. Tokenizers don't need it.
    sys.modules.setdefault("torch", None)  # type: ignore[arg-type]
    pipe = Pipe()
    from transformers import AutoTokenizer  # noqa: F401 - "ready" means that nothing heavy is left to import

    return pipe.serve(lambda request: _preview(pipe, request))


def _preview(pipe: Pipe, request: Request) -> None:
    match request.values:
        case {"do": "preview", "model": str(model), "template": str(template), "messages": messages}:
            encoder = _encoder(model, template, _stamp(Path(model)))
            encoded = _conversation(encoder, messages, request.values)
            _show(pipe, request, encoder, encoded, encoder.label, encoded.warnings)
        case {"do": "preview", "model": str(model), "template": str(template), "text": str(text)}:
            encoder = _encoder(model, template, _stamp(Path(model)))
            length = encoder.limit(int(request.values.get("max_length", 512)))
            encoded = encoder.document(text[:_SHOWN])
            warnings = [f"The first {_SHOWN:,} of {len(text):,} characters are shown."] if len(text) > _SHOWN else []
            if len(encoded.ids) > length or warnings:
                warnings.append(
                    f"Longer than {length:,} tokens: it is learned in pieces of that length, none left out."
                )
            _show(pipe, request, encoder, encoded, "", warnings)
        case _:
            raise StudioError(f"The preview process doesn't know the request {request.values.get('do')!r}.")


def _conversation(encoder: Encoder, messages: object, values: Mapping[str, Any]) -> Encoded:
    try:
        turns = messages_from(messages, values.get("tools"))
    except ValueError as error:
        raise StudioError(f"The example can't be used: {error}.") from error
    return encoder.encode(
        turns,
        max_length=int(values.get("max_length", 512)),
        train_on=str(values.get("train_on", "answers")),
        also=[str(role) for role in values.get("also") or ()],
    )


def _show(
    pipe: Pipe, request: Request, encoder: Encoder, encoded: Encoded, template: str, warnings: Sequence[str]
) -> None:
    tokens = [
        [text, token, trained, encoder.is_special(token)]
        for text, token, trained in zip(encoded.pieces, encoded.ids, encoded.mask, strict=True)
    ]
    pipe.reply(
        "preview",
        id=request.values.get("id"),
        tokens=tokens,
        total=len(tokens),
        trained=encoded.trained,
        template=template,
        jinja=encoder.jinja,
        warnings=list(warnings),
    )


@lru_cache(maxsize=4)
def _encoder(model: str, template: str, stamp: tuple[int, ...]) -> Encoder:
    from studio.engine.loading import load_encoder

    return load_encoder(Path(model), template)


def _stamp(folder: Path) -> tuple[int, ...]:
    """When a folder's tokenizer files were last changed: a changed one is loaded again."""
    files = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "tokenizer.model", "config.json")
    return tuple((folder / name).stat().st_mtime_ns if (folder / name).is_file() else 0 for name in files)

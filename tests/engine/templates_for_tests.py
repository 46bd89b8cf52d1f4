"""All chat templates that are found in the installed packages, a tokenizer for each, and conversations to write."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from studio.core.messages import Message
from studio.core.tool_calls import ToolCall
from tests.engine.conftest import sentences

_LOOPS = re.compile(r"\{%-?\s*for \w+ in .*messages")
_CONTROL = re.compile(
    r"<\|[^|<>{}\s]{1,40}\|>|<｜[^｜<>{}]{1,40}｜>|<(?:bos|eos|start_of_turn|end_of_turn|end_of_utterance|sop|image)>"
    r"|<\|(?:turn|tool_call|tool_response|channel|think)>|<(?:turn|tool_call|tool_response|channel)\|>|\[gMASK\]|</?s>"
)
_ENDS = re.compile(r"im_end|eot|end_of_turn|end_of_utter|<turn\||\|end\||END_OF_TURN|return|end▁of")


def installed_templates() -> dict[str, str]:
    """By where it stands: the files of TRL and transformers, and the templates in transformers' code."""
    found: dict[str, str] = {}
    for package in ("trl", "transformers"):
        spec = importlib.util.find_spec(package)
        assert spec is not None and spec.submodule_search_locations is not None
        root = Path(spec.submodule_search_locations[0])
        for file in sorted(root.rglob("*.jinja")):
            found[f"{package}/{file.stem}"] = file.read_text(encoding="utf-8")
        for file in sorted(root.rglob("*.py")):
            text = file.read_text(encoding="utf-8", errors="replace")
            if _LOOPS.search(text):
                for node in ast.walk(ast.parse(text)):
                    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _LOOPS.search(node.value):
                        found[f"{package}/{file.stem}:{node.lineno}"] = node.value
    return found


@lru_cache(maxsize=1)
def _vocabulary() -> str:
    """A byte-level tokenizer without control tokens, as JSON: learned once."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=420, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(sentences(0, 300), trainer)
    return tokenizer.to_str()


def tokenizer_for(jinja: str) -> Any:
    """A byte-level tokenizer that knows the control tokens which a template writes."""
    from tokenizers import AddedToken, Tokenizer
    from transformers import PreTrainedTokenizerFast

    words = sorted(set(_CONTROL.findall(jinja)))
    end = next((word for word in words if _ENDS.search(word)), "</s>")
    tokenizer = Tokenizer.from_str(_vocabulary())
    names = dict.fromkeys([*words, end, "<s>"])
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=end, bos_token="<s>")


_TOOLS = json.dumps(
    [{"type": "function", "function": {"name": "kompass", "description": "d", "parameters": {
        "type": "object", "properties": {"ort": {"type": "string", "description": "where"}}, "required": ["ort"]}}}]
)  # fmt: skip


def _asks(text: str, tools: str = "") -> Message:
    return Message("user", text, tools=tools)


def _says(text: str) -> Message:
    return Message("assistant", text)


def _calls(text: str, *places: str) -> Message:
    calls = [ToolCall("kompass", json.dumps({"ort": place}), f"call0000{k}") for k, place in enumerate(places)]
    return Message("assistant", text, tuple(calls))


def _gives(text: str, number: int = 0) -> Message:
    return Message("tool", text, (), "kompass", f"call0000{number}")


# Every word is of one turn alone, so that it tells where the turn stands in whatever is written.
CONVERSATIONS: dict[str, tuple[Message, ...]] = {
    "one": (_asks("wie viel?"), _says("zehn Äpfel 😀")),
    "system": (Message("system", "knapp bleiben"), _asks("wie viel?"), _says("zehn")),
    "many": (_asks("uno dos"), _says("gatto nero"), _asks("tres"), _says("cane rosso"), _asks("si"), _says("topo")),
    "system and many": (Message("system", "knapp"), _asks("uno"), _says("gatto"), _asks("dos"), _says("cane")),
    "spaces": (_asks("  uno \n"), _says("\n gatto \n\n"), _asks("dos "), _says(" cane ")),
    "answer first": (_says("ciao bello"), _asks("uno"), _says("gatto")),
    "nothing said": (_asks("uno"), _says(""), _asks("dos"), _says("cane")),
    "thoughts": (_asks("uno"), _says("<think>\nhmm\n</think>\n\ngatto"), _asks("dos"), _says("cane")),
    "tools": (_asks("uno", _TOOLS), _calls("", "Roma"), _gives("vento"), _says("gatto"), _asks("dos"), _says("cane")),
    "tools and words": (
        Message("system", "knapp", tools=_TOOLS), _asks("uno"), _calls("aspetta", "Roma"), _gives("vento"),
        _says("gatto"),
    ),
    "two calls": (_asks("uno", _TOOLS), _calls("", "Roma", "Oslo"), _gives("vento"), _gives("neve", 1), _says("gatto")),
}  # fmt: skip

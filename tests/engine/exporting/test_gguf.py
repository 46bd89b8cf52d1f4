"""GGUF files as a reader sees them: every weight, the tokenizer, the template that was trained and where answers end.

That llama.cpp answers as Plumbline does is `tests.parity.llama_cpp`, which needs llama.cpp.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch

from studio.core.errors import StudioError
from studio.core.exporting import GGUF, ExportPlan
from studio.core.messages import Message
from studio.core.templates import BUILT_IN
from studio.engine.encoding import Encoder
from studio.engine.exporting.desk import export
from studio.engine.exporting.gguf_file import write_gguf
from studio.engine.exporting.gguf_tokenizer import joined, vocabulary_of
from studio.engine.exporting.ollama import written_out
from studio.engine.loading import load_adapter, load_encoder
from tests.engine.conftest import CHATML, MARKED, THINKING, byte_level, piece_level, sentences, tiny_llama
from tests.engine.exporting.conftest import plain, quiet


def read(file: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """A file's entries, and its tensors in 32 bits."""
    reader = gguf.GGUFReader(str(file))
    tensors = {
        tensor.name: torch.from_numpy(gguf.dequantize(tensor.data, tensor.tensor_type).copy())
        for tensor in reader.tensors
    }
    return {name: field.contents() for name, field in reader.fields.items()}, tensors


def halves(value: torch.Tensor, heads: int) -> torch.Tensor:
    """Rows that llama.cpp has side by side, half a head apart again."""
    return value.reshape(heads, -1, 2, value.shape[1]).transpose(1, 2).reshape(value.shape)


@pytest.mark.parametrize("numbers", ["F32", "F16", "BF16", "Q8_0", "Q4_0"])
def test_every_weight_is_there(
    numbers: str, tiny_base: Path, make_adapter: Callable[..., Path], tmp_path: Path
) -> None:
    adapter = make_adapter()
    plan = ExportPlan(str(tiny_base), str(tmp_path / "größtes Modell"), GGUF, str(adapter), numbers)
    folder, notes = export(plan, quiet)
    assert notes == []
    entries, tensors = read(folder / f"größtes-Modell-{numbers}.gguf")
    merged: Any = load_adapter(plain(tiny_base), adapter).merge_and_unload()
    wanted = merged.state_dict()
    assert entries["llama.block_count"] == 2 and entries["llama.attention.head_count_kv"] == 2
    near = {"F32": 1e-6, "F16": 1e-3, "BF16": 8e-3, "Q8_0": 8e-3, "Q4_0": 0.15}[numbers]
    pairs = {
        "token_embd.weight": "model.embed_tokens.weight",
        "output.weight": "lm_head.weight",
        "output_norm.weight": "model.norm.weight",
        "blk.1.ffn_down.weight": "model.layers.1.mlp.down_proj.weight",
        "blk.0.attn_v.weight": "model.layers.0.self_attn.v_proj.weight",
    }
    for there, here in pairs.items():
        scale = wanted[here].abs().max()
        assert (tensors[there] - wanted[here]).abs().max() <= near * scale, there
    for there, here, heads in (("attn_q", "q_proj", 4), ("attn_k", "k_proj", 2)):
        value = wanted[f"model.layers.1.self_attn.{here}.weight"]
        assert (halves(tensors[f"blk.1.{there}.weight"], heads) - value).abs().max() <= near * value.abs().max()
    assert len(tensors) == len(wanted)


def test_tokenizer_template_and_ends_are_the_trained_ones(tiny_base: Path, tmp_path: Path) -> None:
    encoder = load_encoder(tiny_base, "model")
    encoder = replace(encoder, jinja=MARKED)
    write_gguf(ExportPlan(str(tiny_base), "x", GGUF, numbers="F16"), encoder, tmp_path / "a.gguf", "a", quiet)
    entries, _ = read(tmp_path / "a.gguf")
    tokenizer: Any = encoder.tokenizer
    assert entries["tokenizer.ggml.model"] == "gpt2" and entries["tokenizer.ggml.pre"] == "gpt-2"
    tokens, kinds = entries["tokenizer.ggml.tokens"], entries["tokenizer.ggml.token_type"]
    assert all(tokens[place] == token for token, place in tokenizer.get_vocab().items())
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert kinds[end] == gguf.TokenType.CONTROL and kinds[0] == gguf.TokenType.NORMAL
    assert entries["tokenizer.ggml.eos_token_id"] == end
    assert entries["tokenizer.ggml.add_bos_token"] is False
    assert "generation %}" not in entries["tokenizer.chat_template"]
    assert entries["tokenizer.chat_template"].startswith("{% for message in messages %}")


def test_an_end_of_turn_that_is_not_the_end_of_text_is_told(tmp_path: Path) -> None:
    base = tiny_llama(byte_level(tmp_path / "base"))
    encoder = replace(load_encoder(base, "model"), jinja=CHATML)
    write_gguf(ExportPlan(str(base), "x", GGUF, numbers="F16"), encoder, tmp_path / "a.gguf", "a", quiet)
    entries, _ = read(tmp_path / "a.gguf")
    assert entries["tokenizer.ggml.eot_token_id"] == encoder.end_of_turn
    assert entries["tokenizer.ggml.eos_token_id"] == encoder.tokenizer.eos_token_id != encoder.end_of_turn


def test_pieces_have_scores_that_join_them_as_the_merges_do(tmp_path: Path) -> None:
    base = tiny_llama(piece_level(tmp_path / "base", CHATML))
    encoder = load_encoder(base, "model")
    found = vocabulary_of(encoder, 400)
    assert found.model == "llama" and found.space_first
    assert found.kinds[0] == gguf.TokenType.UNKNOWN and found.kinds[1] == gguf.TokenType.CONTROL
    assert found.kinds[3] == gguf.TokenType.BYTE and found.tokens[399] == "[PAD399]"
    places = {token: place for place, token in enumerate(found.tokens)}
    ranks = {token: -int(score) for token, score in zip(found.tokens, found.scores, strict=True) if score}
    for text in sentences(3, 40):
        ids = encoder.tokenizer.encode(text, add_special_tokens=False)
        ours: list[int] = []
        for piece in joined("▁" + text.replace(" ", "▁"), ranks):
            ours += [places[piece]] if piece in places else [places[f"<0x{byte:02X}>"] for byte in piece.encode()]
        assert ours == ids
    entries_of = ExportPlan(str(base), "x", GGUF, numbers="F16")
    write_gguf(entries_of, encoder, tmp_path / "a.gguf", "a", quiet)
    entries, _ = read(tmp_path / "a.gguf")
    assert entries["tokenizer.ggml.add_bos_token"] is True and entries["tokenizer.ggml.bos_token_id"] == 1
    assert entries["tokenizer.ggml.add_space_prefix"] is True


def test_what_llama_cpp_would_do_otherwise_is_refused(tmp_path: Path, tiny_base: Path) -> None:
    import json

    from transformers import GPT2Config, GPT2LMHeadModel

    odd = byte_level(tmp_path / "gpt")
    GPT2LMHeadModel(GPT2Config(vocab_size=500, n_embd=32, n_layer=1, n_head=2)).save_pretrained(odd)
    with pytest.raises(StudioError, match="GPT2LMHeadModel"):
        export(ExportPlan(str(odd), str(tmp_path / "out"), GGUF, numbers="F16"), quiet)
    other = tiny_llama(byte_level(tmp_path / "other"))
    file = other / "tokenizer.json"
    values = json.loads(file.read_text())
    split = {"type": "Split", "pattern": {"Regex": "[a-z]"}, "behavior": "Isolated", "invert": False}
    values["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [split, values["pre_tokenizer"]]}
    file.write_text(json.dumps(values))
    with pytest.raises(StudioError, match="way of its own"):
        export(ExportPlan(str(other), str(tmp_path / "out"), GGUF, numbers="F16"), quiet)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "hidden_act": "gelu"}))
    with pytest.raises(StudioError, match="gelu"):
        export(ExportPlan(str(other), str(tmp_path / "out"), GGUF, numbers="F16"), quiet)
    assert not (tmp_path / "out").exists()


def executed(template: str, turns: list[Message]) -> str:
    """What Ollama makes of a template of the kind that is written here."""
    import re

    system = turns[0].role == "system"
    bare = re.match(r"\{\{ if not \.System \}\}(.*?)\{\{ end \}\}(?=\{\{ range)", template, re.DOTALL)
    text = bare[1] if bare and not system else ""
    body = template[template.index("{{ range .Messages }}") + len("{{ range .Messages }}") :]
    body, invitation = body.rsplit("{{ end }}{{ end }}", 1)
    roles = dict(re.findall(r'if eq \.Role "(\w+)" \}\}(.*?)(?=\{\{ else if eq|\Z)', body, re.DOTALL))
    for turn in turns:
        text += roles[turn.role].replace("{{ .Content }}", turn.content)
    return text + invitation


@pytest.mark.parametrize("jinja", [CHATML, THINKING, *(template.jinja for template in BUILT_IN)])
@pytest.mark.parametrize("make", [byte_level, piece_level])
def test_ollama_writes_conversations_as_they_were_trained(make: Any, jinja: str, tmp_path: Path) -> None:
    encoder: Encoder = replace(load_encoder(tiny_llama(make(tmp_path / "m")), "model"), jinja=jinja)
    found = written_out(encoder)
    assert found is not None
    for shape in ("u", "su", "uau", "suauau"):
        roles = {"s": "system", "u": "user", "a": "assistant"}
        turns = [Message(roles[letter], f"word {k}") for k, letter in enumerate(shape)]  # type: ignore[arg-type]
        wanted = encoder.written(turns)
        for token in encoder.lead:
            wanted = wanted.removeprefix(encoder.tokenizer.convert_ids_to_tokens(token))
        assert executed(found.as_template(), turns) == wanted


def test_a_template_that_ollama_cannot_write_is_left_out_and_said(tmp_path: Path) -> None:
    counting = "{% for m in messages %}{{ loop.index }} {{ m.role }}: {{ m.content }}\n{% endfor %}assistant:"
    encoder = replace(load_encoder(tiny_llama(byte_level(tmp_path / "m")), "model"), jinja=counting)
    assert written_out(encoder) is None

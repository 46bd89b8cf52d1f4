import json
import struct

import pytest

from studio.core.errors import StudioError
from studio.storage.model_shapes import read_shape


@pytest.fixture
def write(tmp_path):
    """Writes a model folder with a config and weights of these shapes (their bytes are zeros), and returns it."""

    def to(config, **shapes):
        header, offset = {}, 0
        for name, shape in shapes.items():
            size = 2
            for count in shape:
                size *= count
            header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + size]}
            offset += size
        text = json.dumps(header).encode()
        (tmp_path / "config.json").write_text(json.dumps(config))
        (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + b"\0" * offset)
        return tmp_path

    return to


LLAMA = {
    "model_type": "llama", "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "vocab_size": 32, "max_position_embeddings": 64, "hidden_act": "silu",
}  # fmt: skip


def llama_layer(number, prefix="model."):
    start = f"{prefix}layers.{number}."
    return {
        f"{start}self_attn.q_proj.weight": [8, 8],
        f"{start}self_attn.k_proj.weight": [4, 8],
        f"{start}self_attn.v_proj.weight": [4, 8],
        f"{start}self_attn.o_proj.weight": [8, 8],
        f"{start}mlp.gate_proj.weight": [12, 8],
        f"{start}mlp.up_proj.weight": [12, 8],
        f"{start}mlp.down_proj.weight": [8, 12],
        f"{start}input_layernorm.weight": [8],
    }


def test_a_llama(write):
    embedding = {"model.embed_tokens.weight": [32, 8]}
    shape = read_shape(write(LLAMA, **embedding, **llama_layer(0), **llama_layer(1)))
    assert (shape.layers, shape.hidden, shape.inner, shape.heads, shape.kv_heads) == (2, 8, 12, 4, 2)
    assert (shape.head_dim, shape.vocabulary, shape.context, shape.tied, shape.rough) == (2, 32, 64, True, False)
    assert (shape.linears, shape.linear_in, shape.linear_out) == (14, 2 * (6 * 8 + 12), 2 * (8 + 4 + 4 + 8 + 24 + 8))
    assert shape.linear_weights == 2 * (8 * 24 + 3 * 8 * 12)
    assert shape.parameters == shape.linear_weights + 2 * 8 + 32 * 8
    assert (shape.inner_kept, shape.norms, shape.normed_heads, shape.dropout) == (4, 2, False, False)


def test_what_families_do_differently(write):
    head = {"lm_head.weight": [32, 8]}
    assert not read_shape(write(LLAMA, **head, **llama_layer(0))).tied
    qwen3 = {**LLAMA, "model_type": "qwen3", "head_dim": 6}
    norm = {"model.layers.0.self_attn.q_norm.weight": [6]}
    shape = read_shape(write(qwen3, **norm, **llama_layer(0)))
    assert (shape.head_dim, shape.normed_heads, shape.rough) == (6, True, False)
    gemma = {"model_type": "gemma3", "text_config": {**LLAMA, "model_type": "gemma3_text"}}
    shape = read_shape(write(gemma, **llama_layer(0, "model.language_model.")))
    assert (shape.hidden, shape.norms, shape.rough) == (8, 4, False)


def test_gpt2_keeps_its_weights_the_other_way_round(write):
    config = {
        "model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 64, "vocab_size": 32,
        "activation_function": "gelu_new", "attn_pdrop": 0.1,
    }  # fmt: skip
    layer = {"h.0.attn.c_attn.weight": [8, 24], "h.0.attn.c_proj.weight": [8, 8], "h.0.mlp.c_fc.weight": [8, 32],
             "h.0.mlp.c_proj.weight": [32, 8], "wte.weight": [32, 8]}  # fmt: skip
    shape = read_shape(write(config, **layer))
    assert (shape.linear_in, shape.linear_out) == (8 + 8 + 8 + 32, 24 + 8 + 32 + 8)
    assert (shape.inner, shape.context, shape.inner_kept, shape.dropout, shape.rough) == (32, 64, 5, True, False)


def test_an_unknown_family_is_a_guess_that_says_so(write):
    config = {"model_type": "brand_new", "hidden_dimension": 8}
    shape = read_shape(write(config, **{"embed.weight": [32, 8]}, **llama_layer(0), **llama_layer(1)))
    assert shape.rough
    assert (shape.layers, shape.hidden, shape.vocabulary, shape.linears) == (2, 8, 32, 14)


def test_a_model_of_one_tensor_is_no_reason_to_fail(write):
    assert read_shape(write({"model_type": "llama"}, w=[2])).rough


def test_a_damaged_file_is_said(write):
    folder = write(LLAMA, **llama_layer(0))
    (folder / "model.safetensors").write_bytes(b"")
    with pytest.raises(StudioError, match="damaged"):
        read_shape(folder)

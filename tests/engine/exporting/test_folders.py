"""Merged models against PEFT's own merge, adapters as plain PEFT reads them, and what happens when it goes wrong."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from studio.core.errors import StudioError
from studio.core.exporting import ADAPTER, GGUF, MERGED, ExportPlan
from studio.engine.exporting.desk import export
from studio.engine.loading import load_adapter, load_encoder
from studio.engine.pipe import Interrupted
from tests.engine.conftest import CHATML, byte_level, piece_level, tiny_llama
from tests.engine.exporting.conftest import plain, quiet

IDS = torch.arange(40)[None] + 3
KINDS: dict[str, dict[str, Any]] = {
    "lora": {},
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True},
    "patterns": {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"q_proj": 16, r"layers\.1\.mlp\.up_proj": 3}},
    "embeddings": {"target_modules": ["q_proj", "embed_tokens"]},
    "whole head": {"target_modules": ["v_proj"], "modules_to_save": ["lm_head"]},
}


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=IDS).logits


@pytest.mark.parametrize("kind", KINDS)
def test_a_merged_model_is_base_and_adapter(
    kind: str, tiny_base: Path, make_adapter: Callable[..., Path], tmp_path: Path
) -> None:
    adapter, target = make_adapter(**KINDS[kind]), tmp_path / "Mein Größtes Modell"
    export(ExportPlan(str(tiny_base), str(target), MERGED, str(adapter), shard=0.01), quiet)
    wanted = load_adapter(plain(tiny_base), adapter)
    merged: Any = load_adapter(plain(tiny_base), adapter).merge_and_unload(safe_merge=True)
    assert torch.allclose(logits(plain(target)), logits(wanted), atol=1e-4)
    ours = load_file(target / "model.safetensors")
    for name, value in merged.state_dict().items():
        if name in ours:
            assert torch.allclose(ours[name], value, atol=1e-5), name
    assert load_encoder(target, "model").jinja == load_encoder(tiny_base, "model", adapter).jinja


def test_untying_embeddings_is_written_down(make_adapter: Callable[..., Path], tmp_path: Path) -> None:
    base = tiny_llama(byte_level(tmp_path / "tied", CHATML))
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": True}))
    weights = load_file(base / "model.safetensors")
    del weights["lm_head.weight"]
    from safetensors.torch import save_file

    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    adapter = make_adapter(base=base, target_modules=["q_proj", "embed_tokens"])
    export(ExportPlan(str(base), str(tmp_path / "out"), MERGED, str(adapter)), quiet)
    assert torch.allclose(logits(plain(tmp_path / "out")), logits(load_adapter(plain(base), adapter)), atol=1e-4)


def test_shards_and_number_formats(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from studio.engine.exporting import folders

    cut = folders._shards
    monkeypatch.setattr(folders, "_shards", lambda sizes, most: cut(sizes, most // 500))
    export(ExportPlan(str(tiny_base), str(tmp_path / "out"), MERGED, numbers="BF16", shard=0.01), quiet)
    files = sorted(file.name for file in (tmp_path / "out").glob("*.safetensors"))
    assert len(files) > 2 and files[0].endswith(f"-of-{len(files):05}.safetensors")
    read = plain(tmp_path / "out")
    assert torch.allclose(logits(read), logits(plain(tiny_base)), atol=0.2)
    assert json.loads((tmp_path / "out" / "config.json").read_text())["dtype"] == "bfloat16"


def test_an_adapter_loads_with_plain_peft(tiny_base: Path, make_adapter: Callable[..., Path], tmp_path: Path) -> None:
    from peft import AutoPeftModelForCausalLM

    adapter, target = make_adapter(), tmp_path / "taken away"
    (adapter / "plumbline.json").write_text(json.dumps({"name": "Höflich", "base": str(tiny_base)}))
    export(ExportPlan(str(tiny_base), str(target), ADAPTER, str(adapter)), quiet)
    read = AutoPeftModelForCausalLM.from_pretrained(str(target), dtype=torch.float32)
    assert torch.allclose(logits(read), logits(load_adapter(plain(tiny_base), adapter)), atol=1e-6)
    assert "Höflich" in (target / "README.md").read_text(encoding="utf-8")


def test_nothing_is_written_over_and_nothing_is_left_behind(
    tiny_base: Path, make_adapter: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(StudioError, match="there already"):
        export(ExportPlan(str(tiny_base), str(tmp_path / "there"), MERGED), quiet)

    def stop(done: int, _total: int, _what: str) -> None:
        if done == 3:
            raise Interrupted

    for form in (MERGED, GGUF):
        with pytest.raises(Interrupted):
            export(
                ExportPlan(str(tiny_base), str(tmp_path / "new"), form, numbers="F16" if form == GGUF else "same"), stop
            )
    assert [file.name for file in tmp_path.iterdir()] == ["there"]


NAMES = ["-rf", "Größtes Modell 模型", 'the "best"' if os.name != "nt" else "best", "it's", ".hidden", "a" * 120]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_a_folders_name(
    name: str, tiny_base: Path, make_adapter: Callable[..., Path], tmp_path: Path
) -> None:
    adapter = make_adapter()
    for form in (ADAPTER, MERGED, GGUF):
        target = tmp_path / form / name
        export(ExportPlan(str(tiny_base), str(target), form, str(adapter), "F16" if form == GGUF else "same"), quiet)
        assert name.replace("<", "") in (target / "README.md").read_text(encoding="utf-8")
    [file] = target.glob("*.gguf")
    assert f"FROM ./{file.name}\n" in (target / "Modelfile").read_text(encoding="utf-8")
    assert not set(file.name) & set(' "\\/')


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a file system")
@pytest.mark.parametrize("form", [MERGED, GGUF])
def test_a_really_full_disk_keeps_nothing_half_written(form: str, small_disk: Path, tmp_path: Path) -> None:
    base = tiny_llama(byte_level(tmp_path / "base", CHATML), context=512)
    (small_disk / "filler").write_bytes(b"x" * (512 - 96) * 1024)
    plan = ExportPlan(str(base), str(small_disk / "out"), form, numbers="F32" if form == GGUF else "same")
    with pytest.raises(StudioError, match="full"):
        export(plan, quiet)
    assert [file.name for file in small_disk.iterdir()] == ["filler"]


def test_what_cannot_be_merged_is_refused_in_a_sentence(
    tiny_base: Path, make_adapter: Callable[..., Path], tmp_path: Path
) -> None:
    adapter = make_adapter()
    other = tiny_llama(piece_level(tmp_path / "other"))
    (adapter / "plumbline.json").write_text(json.dumps({"name": "x", "base": str(tiny_base)}))
    with pytest.raises(StudioError, match="another model"):
        export(ExportPlan(str(other), str(tmp_path / "out"), MERGED, str(adapter)), quiet)
    with pytest.raises(StudioError, match="no adapter"):
        ExportPlan(str(tiny_base), str(tmp_path / "out"), ADAPTER).check()
    with pytest.raises(StudioError, match="Did you mean"):
        ExportPlan(str(tiny_base), str(tmp_path / "out"), GGUF, numbers="Q8_1").check()
    shutil.copytree(adapter, tmp_path / "odd")
    config = json.loads((adapter / "adapter_config.json").read_text())
    (tmp_path / "odd" / "adapter_config.json").write_text(json.dumps({**config, "peft_type": "IA3"}))
    with pytest.raises(StudioError, match="IA3"):
        export(ExportPlan(str(tiny_base), str(tmp_path / "out"), MERGED, str(tmp_path / "odd")), quiet)

"""Plain text: how passages become blocks, and that every token counts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from studio.core.errors import StudioError
from studio.core.methods import PretrainSettings
from studio.core.records import KINDS, Passage
from studio.engine import pretrain
from studio.engine.examples import Reading
from studio.engine.loading import load_encoder, load_model, pick_precision
from tests.engine.conftest import byte_level, piece_level, sentences
from tests.engine.trainers_for_tests import SMALL, trained


def reading(texts: list[str], held_out: frozenset[int] = frozenset()) -> Reading:
    return Reading([Passage(text) for text in texts], KINDS["passages"], len(texts), held_out, lambda *_: None)


def encoder_of(folder: Path) -> Any:
    from transformers import AutoTokenizer

    from studio.engine.encoding import Encoder

    return Encoder(AutoTokenizer.from_pretrained(folder), "", context=50)


@pytest.mark.parametrize("kind", [byte_level, piece_level])
def test_blocks_are_the_documents_end_to_end(tmp_path: Path, kind: Any) -> None:
    encoder = encoder_of(kind(tmp_path / "tokenizer"))
    texts = [text or "a" for text in sentences(1, 40, 30)]
    rows = pretrain.encode(reading(texts, frozenset({3, 7})), encoder, PretrainSettings(max_length=999))
    joined = np.concatenate([row.ids for row in rows.train]).tolist()
    assert {len(row.ids) for row in rows.train[:-1]} == {50}  # the model's context
    assert all(row.labels is row.ids for row in rows.train)
    documents = [encoder.tokenizer(text)["input_ids"] for k, text in enumerate(texts) if k not in (3, 7)]
    expected = [token for ids in documents for token in [*ids, encoder.tokenizer.eos_token_id]]
    assert joined == expected[: len(joined)]
    assert len(expected) - len(joined) <= 1
    assert np.concatenate([row.ids for row in rows.held_out])[-1] == encoder.tokenizer.eos_token_id


def test_empty_passages(tmp_path: Path) -> None:
    encoder = encoder_of(byte_level(tmp_path / "tokenizer"))
    rows = pretrain.encode(reading(["the cat", " \n"]), encoder, PretrainSettings())
    assert rows.warnings[0][1] == "The first is passage 2: It is empty."
    with pytest.raises(StudioError, match="None of the 1 passages can be learned from"):
        pretrain.encode(reading([" "]), encoder, PretrainSettings())


def test_every_token_counts(tiny_base: Path, tmp_path: Path) -> None:
    encoder = load_encoder(tiny_base, "model")
    values = PretrainSettings(**{**SMALL, "learning_rate": 1e-8, "max_length": 24, "batch_size": 99, "accumulate": 1})
    rows = pretrain.encode(reading(sentences(1, 12, 20)), encoder, values).train
    told = trained(pretrain, values, tiny_base, tmp_path / "run", rows)
    model: Any = load_model(tiny_base, pick_precision("fp32", "cpu", 1, training=True), "cpu")
    total, tokens = 0.0, 0
    for row in rows:
        ids = torch.tensor(row.ids, dtype=torch.long)
        with torch.no_grad():
            logs = model(input_ids=ids[None]).logits[0, :-1].log_softmax(-1)
        total -= float(logs.gather(1, ids[1:, None]).sum())
        tokens += len(ids) - 1
    assert told.curve("loss") == pytest.approx([total / tokens], abs=1e-4)
    assert math.isfinite(told.curve("grad_norm")[0])

"""A base model small enough for tests, made here from nothing, and data that it can learn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from studio.gui.app import Studio
from studio.gui.preferences import Preferences
from studio.processes.training import kill_tree
from studio.storage.interchange import import_file
from studio.storage.project import Project
from studio.storage.runs import list_runs

ROOT = Path(__file__).resolve().parents[2]

# In a process of its own: a test process that has imported torch could not tell whether the window did.
_MAKE = """
import sys, json, torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
folder, rows = sys.argv[1], json.load(open(sys.argv[2], encoding="utf-8"))
tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
special = ["<s>", "</s>"]
alphabet = pre_tokenizers.ByteLevel.alphabet()
trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
tokenizer.train_from_iterator([row["instruction"] + row["output"] for row in rows], trainer)
fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
fast.save_pretrained(folder)
torch.manual_seed(0)
config = LlamaConfig(vocab_size=len(fast), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256, bos_token_id=0, eos_token_id=1,
    tie_word_embeddings=True)
LlamaForCausalLM(config).save_pretrained(folder)
"""


@pytest.fixture(scope="session")
def rows() -> list[dict[str, str]]:
    """Forty Alpaca rows."""
    return [{"instruction": f"Count from {n}.", "input": "", "output": f"{n}, {n + 1}, {n + 2}."} for n in range(40)]


@pytest.fixture(scope="session")
def alpaca_file(rows, tmp_path_factory) -> Path:
    """The rows as a file whose path has a space and letters that are not ASCII."""
    file = tmp_path_factory.mktemp("my data ü") / "counting.json"
    file.write_text(json.dumps(rows), encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def base_model(alpaca_file, tmp_path_factory) -> Path:
    """A model folder: an untrained Llama of two layers with a tokenizer of its own."""
    folder = tmp_path_factory.mktemp("models") / "tiny base 项目"
    folder.mkdir()
    command = [sys.executable, "-c", _MAKE, str(folder), str(alpaca_file)]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL)
    return folder


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Two test processes share two cores."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def data_files(alpaca_file) -> list[Path]:
    """What the project of `studio` begins with. A module may bring its own."""
    return [alpaca_file]


@pytest.fixture
def studio(qtbot, tmp_path, data_files):
    """The program with a project that holds some data; workers that it started are gone afterwards."""
    project = Project.create(tmp_path / "project ü")
    for file in data_files:
        import_file(project, file)
    with studio_on(project, qtbot) as made:
        yield made


@contextmanager
def studio_on(project, qtbot):
    """The program with a project, which is closed for it; workers that it started are gone afterwards."""
    project.close()
    made = Studio(Preferences())
    qtbot.addWidget(made.window)
    made.window.show()
    made.open_folder(str(project.folder))
    yield made
    for run in list_runs(project.runs):
        kill_tree(run.worker())
    made.window.close()


@pytest.fixture
def click(qtbot):
    """Clicks a button that can be seen."""

    def click(button) -> None:
        assert button.isVisible()
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    return click

"""What is shipped in resources/starter: it loads, its tokenizer gives every text back, and it is small."""

from __future__ import annotations

import hashlib
import json
from itertools import islice, pairwise

import pytest
from starter import pages, tasks
from starter.dice import Dice
from starter.write_samples import SAMPLES

transformers = pytest.importorskip("transformers")
from starter import tokenizer as starter_tokenizer  # noqa: E402

FOLDER = starter_tokenizer.MODEL_FOLDER
MODEL = FOLDER / "model.safetensors"
SEED = 1  # of pretraining, which draws each chunk of pages anew from it
FIRST_PAGES = "0a9c91a2a4ef99b8bb474d1f9c66307749c72cc07c94032971d875583d8a6638"


@pytest.fixture(scope="module")
def reader():
    return transformers.AutoTokenizer.from_pretrained(FOLDER)


def test_the_shipped_tokenizer_is_the_trained_one():
    trained = json.loads(starter_tokenizer.train().to_str())
    assert trained == json.loads((FOLDER / "tokenizer.json").read_text(encoding="utf-8"))
    told = json.loads((FOLDER / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert told == starter_tokenizer.settings()


def test_pages_are_those_that_the_shipped_model_read():
    """Whoever changes them trains the model again: its card says what it has read."""
    first = "\n".join(islice(pages.pages(Dice(f"pages {SEED} 0")), 2000))
    assert hashlib.sha256(first.encode()).hexdigest() == FIRST_PAGES


def test_every_text_comes_back(reader):
    texts = [
        *islice(pages.pages(Dice(3)), 200),
        "Ünïcode 漢字 🙂",
        "two  spaces\n\nand lines ",
        "<|start|>user\nHi<|end|>\n",
    ]
    dice = Dice(4)
    texts += [tasks.draw(dice, family).gold for family in tasks.FAMILIES]
    for text in texts:
        assert reader.decode(reader(text)["input_ids"]) == text


def test_the_chat_template_frames_turns_as_pages_are_framed(reader):
    messages = [{"role": role, "content": "Hello."} for role in ("system", "user", "assistant")]
    text = reader.apply_chat_template(messages, tokenize=False)
    assert text == "".join(starter_tokenizer.frame(f"{m['role']}\nHello.") for m in messages)
    asked = reader.apply_chat_template(messages[:2], tokenize=False, add_generation_prompt=True)
    assert text.startswith(asked) and asked.endswith("<|start|>assistant\n")
    assert [reader.bos_token, reader.eos_token, reader.pad_token] == ["<|start|>", "<|end|>", "<|pad|>"]


@pytest.mark.skipif(not MODEL.exists(), reason="the model is not built: python -m starter.pretrain")
def test_the_model_loads_and_knows_its_world(reader):
    torch = pytest.importorskip("torch")
    model = transformers.AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32)
    assert model.config.vocab_size == len(reader)
    assert [model.config.bos_token_id, model.config.eos_token_id] == [reader.bos_token_id, reader.eos_token_id]
    stream = reader("".join(starter_tokenizer.frame(page) for page in islice(pages.pages(Dice("fresh")), 60)))[
        "input_ids"
    ]
    part = torch.tensor(stream[:1024]).view(4, 256)
    with torch.no_grad():
        assert float(model(input_ids=part, labels=part).loss) < 1.3


def test_the_folder_is_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 10_000_000


def test_what_answers_begin_with_was_read_at_the_beginning_of_lines(reader):
    """A token that pretraining never showed has no embedding to speak of, and an adapter can't give it one: "This" and
    "Could" had never begun a line once, and sampled answers began with any of some hundred pieces of words."""
    line_end = reader("\n", add_special_tokens=False)["input_ids"][0]
    begun = set()
    for page in islice(pages.pages(Dice(f"pages {SEED} 0")), 4000):
        ids = reader(page, add_special_tokens=False)["input_ids"]
        begun |= {second for first, second in pairwise(ids) if first == line_end}
    rows = json.loads((SAMPLES / "instructions.json").read_text(encoding="utf-8"))
    firsts = [reader(row["output"], add_special_tokens=False)["input_ids"][0] for row in rows]
    unread = sorted({reader.decode([token]) for token in firsts if token not in begun})
    assert not unread

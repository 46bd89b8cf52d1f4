import json
import shutil
import struct
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt

from studio.core.datasets import DatasetInfo
from studio.core.events import Event
from studio.core.forecast import Device
from studio.core.forecast_rewards import Roles
from studio.core.history import RunHistory
from studio.core.messages import Example, Message
from studio.core.methods import METHODS, PpoSettings, SftSettings
from studio.core.rewards import Rewards
from studio.core.runs import RunStory
from studio.gui import theme
from studio.gui.pages.train import TrainPage, memory_bar
from studio.gui.pages.train.memory_bar import MemoryBar
from studio.gui.preferences import Preferences
from studio.jobs.runs import ProjectRuns, RunRecord
from studio.storage.datasets import add_dataset, list_datasets
from studio.storage.models import starter_model
from studio.storage.runs import RunFolder

GB = 10**9
SFT = METHODS["sft"]
CARD = Device("cuda", "NVIDIA GeForce RTX 3060", 12 * GB, 11 * GB, bf16=True)


@pytest.fixture
def model(tmp_path):
    """A Llama of 60 million parameters as its files tell it; the weights are a hole in the file."""
    config = {
        "model_type": "llama", "hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 8,
        "num_attention_heads": 8, "vocab_size": 32_000, "max_position_embeddings": 8192, "hidden_act": "silu",
    }  # fmt: skip
    sizes = {"model.embed_tokens.weight": [32_000, 512], "lm_head.weight": [32_000, 512]}
    for layer in range(8):
        start = f"model.layers.{layer}."
        sizes |= {f"{start}self_attn.{name}_proj.weight": [512, 512] for name in "qkvo"}
        sizes |= {f"{start}mlp.{name}_proj.weight": [1024, 512] for name in ("gate", "up")}
        sizes |= {f"{start}mlp.down_proj.weight": [512, 1024]}
    header, offset = {}, 0
    for name, (rows, columns) in sizes.items():
        end = offset + 4 * rows * columns
        header[name] = {"dtype": "F32", "shape": [rows, columns], "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    folder = tmp_path / "sixty"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    with (folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + offset)
    return folder


@pytest.fixture
def machine(monkeypatch):
    """What the bar believes of the machine: change `device` in it."""
    known = {"device": CARD}
    monkeypatch.setattr(memory_bar, "read_device", lambda: known["device"])
    return known


@pytest.fixture
def bar(qtbot, empty_project, machine):
    """A bar within a window of its own."""
    made = MemoryBar(empty_project)
    qtbot.addWidget(made)
    yield made
    made.close_down()


def show(qtbot, bar, folder, **changed):
    bar.show_plan(folder, SFT, None, SftSettings(**changed))
    qtbot.waitUntil(lambda: not bar._tasks)


def look(qtbot, bar):
    bar._look()
    qtbot.waitUntil(lambda: not bar._tasks)


def test_it_appears_with_the_model_and_says_all_in_words(qtbot, bar, model):
    assert bar.isHidden()
    show(qtbot, bar, model)
    assert bar.isVisible()
    assert "needed, 11.0 GB free" in bar.amount.text()
    assert bar.sentence.text().startswith("Fits into the NVIDIA GeForce RTX 3060")
    assert bar.button.isHidden()
    said = bar.bar.accessibleDescription()
    for word in ("Weights", "Activations", "Logits", "Libraries", "Fits into"):
        assert word in said
    assert {key.text.text().split(" ")[0] for key in bar._keys.values() if key.isVisible()} >= {"Activations", "Logits"}


def test_it_moves_with_the_settings(qtbot, bar, model):
    show(qtbot, bar, model)
    before = bar.amount.text()
    bar.show_plan(model, SFT, None, SftSettings(batch_size=8))
    assert bar.amount.text() != before  # at once
    bar.show_plan(model, SFT, None, None)  # while a setting can't be used
    assert bar.isVisible()


def test_too_much_is_a_warning_and_the_button_mends_it(qtbot, bar, model, machine):
    machine["device"] = replace(CARD, free=round(2.5 * GB))
    settings = SftSettings(batch_size=16, accumulate=1, max_length=2048)
    bar.show_plan(model, SFT, None, settings)
    qtbot.waitUntil(lambda: not bar._tasks)
    assert "may run out of memory" in bar.sentence.text()
    assert "instead of 16 at a time" in bar.sentence.text()  # what it costs, before it is done
    assert not bar.refusal
    with qtbot.waitSignal(bar.fit_requested) as asked:
        qtbot.mouseClick(bar.button, Qt.MouseButton.LeftButton)
    assert asked.args[0].effective_batch == settings.effective_batch
    bar.show_plan(model, SFT, None, asked.args[0])
    assert "Fits into" in bar.sentence.text()
    assert bar.button.isHidden()


def test_what_no_setting_mends_says_so(qtbot, bar, model, machine):
    machine["device"] = replace(CARD, free=GB // 2)
    show(qtbot, bar, model)
    assert "choose a smaller model" in bar.sentence.text()
    assert bar.button.isHidden() and not bar.refusal


def test_what_cannot_work_is_refused_until_it_can(qtbot, bar, model, machine):
    machine["device"] = Device("cuda", "tiny card", GB // 2, GB // 2)
    with qtbot.waitSignal(bar.judged):
        show(qtbot, bar, model)
    assert "tiny card" in bar.refusal and bar.sentence.text() == bar.refusal
    machine["device"] = CARD
    with qtbot.waitSignal(bar.judged):
        look(qtbot, bar)
    assert not bar.refusal


def test_free_memory_is_followed_but_not_its_trembling(qtbot, bar, model, machine):
    show(qtbot, bar, model)
    machine["device"] = replace(CARD, free=CARD.free - 10**7)
    look(qtbot, bar)
    assert "11.0 GB free" in bar.amount.text()
    machine["device"] = replace(CARD, free=6 * GB)
    look(qtbot, bar)
    assert "6.0 GB free" in bar.amount.text()


def test_short_data_needs_less(qtbot, project, machine, model):
    made = MemoryBar(project)
    qtbot.addWidget(made)
    settings = SftSettings(max_length=2048, batch_size=16)
    show(qtbot, made, model, max_length=2048, batch_size=16)
    before = made.amount.text()
    info: DatasetInfo = list_datasets(project)[0]
    made.show_plan(model, SFT, info, settings)
    qtbot.waitUntil(lambda: not made._tasks)
    assert made.amount.text() != before
    assert made._longest[info.id] < 300
    made.close_down()


def test_a_damaged_model_is_not_told_of(qtbot, bar, model):
    (model / "config.json").write_text("{")
    show(qtbot, bar, model)
    assert bar.isHidden()


@pytest.fixture
def page(qtbot, project, model, machine):
    """The Train page with that model and the dataset chosen."""
    (model / "tokenizer.json").write_text("{}")
    runs = ProjectRuns(project)
    made = TrainPage(project, runs, Preferences())
    qtbot.addWidget(made)
    made.show()
    with qtbot.waitSignal(made.form.model.model_chosen):
        made.form.model.choose(model)
    qtbot.waitUntil(lambda: made.summary.memory.isVisible() and not made.summary.memory._tasks)
    yield made
    made.close_down()
    runs.close()


def test_the_page_takes_what_fits_and_starts_either_way(qtbot, project, page, machine):
    memory, rows = page.summary.memory, page.form.settings.rows
    long = Example((Message("user", "Tell me all."), Message("assistant", "word " * 10_000)))
    page.form.choose_dataset(add_dataset(project, "long", "made here", [long] * 40).id)
    machine["device"] = replace(CARD, free=3 * GB)
    look(qtbot, memory)
    rows["max_length"].editor.setValue(4096)
    rows["batch_size"].editor.setValue(16)
    assert "may run out of memory" in memory.sentence.text()
    assert page.start.text() == "Start training"
    qtbot.mouseClick(memory.button, Qt.MouseButton.LeftButton)
    taken = page.form.settings.values()
    assert taken.effective_batch == 32
    assert taken.batch_size < 16


def test_the_page_refuses_only_what_cannot_work(qtbot, page, machine):
    assert page.start.text() == "Start training"
    machine["device"] = Device("cuda", "tiny card", GB // 2, GB // 2)
    look(qtbot, page.summary.memory)
    assert page.start.text() == "Choose a smaller model"
    qtbot.mouseClick(page.start, Qt.MouseButton.LeftButton)
    assert page.focusWidget() is page.form.model.combo
    machine["device"] = CARD
    look(qtbot, page.summary.memory)
    assert page.start.text() == "Start training"


def test_an_earlier_run_of_the_same_kind_tells_the_time(page, monkeypatch):
    fact = page.summary.facts["Time"]
    assert fact.text() == "told after the first steps"
    recipe = replace(page.form.recipe(), dataset=page.form.dataset.dataset().id)
    story = RunStory()
    story.feed(Event("step", 1.0, {"step": 10, "total": 72, "elapsed": 40.0}))  # 2 examples a second
    record = RunRecord(RunFolder(page._project.runs / "earlier"), recipe, RunHistory(story))
    monkeypatch.setattr(page._runs, "records", lambda: [record])
    page.form.settings.rows["epochs"].editor.setText("2")
    assert fact.text() == f"about 3 min, as fast as “{recipe.name}”"
    page.form.settings.rows["max_length"].editor.setValue(64)
    assert fact.text() == "told after the first steps"


@pytest.mark.parametrize("look_of", ["light", "dark"])
def test_it_is_painted_in_both_themes(qtbot, qapp, bar, model, machine, look_of):
    machine["device"] = replace(CARD, free=GB)
    theme.apply(qapp, look_of)
    show(qtbot, bar, model, batch_size=16)
    bar.resize(328, bar.sizeHint().height())
    picture = bar.bar.grab().toImage()
    colours = {picture.pixelColor(x, picture.height() // 2).name() for x in range(picture.width())}
    assert memory_bar.colour_of("activations", theme.tokens()).name() in colours
    theme.apply(qapp, "light")


def test_a_reward_model_on_another_base_is_in_the_bar(qtbot, bar, model, tmp_path):
    beside = tmp_path / "judge"
    shutil.copytree(starter_model(), beside)
    made = tmp_path / "adapter"
    made.mkdir()
    (made / "adapter_config.json").write_text(json.dumps({"task_type": "SEQ_CLS", "peft_type": "LORA"}))
    head = json.dumps({"base.score.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (made / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + bytes(4))
    (made / "plumbline.json").write_text(json.dumps({"base": str(beside), "name": "judge"}))
    bar.reward_by(Rewards(model=str(made)), from_adapter=False)
    bar.show_plan(model, METHODS["ppo"], None, PpoSettings())
    qtbot.waitUntil(lambda: "Held beside" in bar.bar.accessibleDescription())
    assert "Answers" in bar.bar.accessibleDescription()
    (made / "plumbline.json").write_text(json.dumps({"base": str(model), "name": "judge"}))
    bar.reward_by(Rewards(judge=str(made)), from_adapter=True)
    bar.show_plan(model, METHODS["ppo"], None, PpoSettings())
    qtbot.waitUntil(lambda: not bar._tasks)
    assert "Held beside" not in bar.bar.accessibleDescription()
    assert bar._roles[model, ("", str(made), True)] == Roles(on_base=2)

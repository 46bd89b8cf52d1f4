"""Where a model comes from: followed from run to run, and told in a README that Markdown can't be broken out of."""

import json

from studio.core.events import Event
from studio.core.readme import Facts, Made, readme
from studio.core.recipes import Recipe
from studio.core.report.run import pictures
from studio.storage.provenance import stages_of
from studio.storage.runs import EventWriter, RunFolder


def made(project, name, base, adapter="", dataset="d", **about):
    run = RunFolder.create(project.runs, Recipe(str(base), dataset, name=name, adapter=adapter))
    run.adapter.mkdir()
    values = {"name": name, "base": str(base), "adapter": adapter, "dataset": dataset, "dataset_hash": "abc", **about}
    (run.adapter / "plumbline.json").write_text(json.dumps({"step": 10, "method": "sft", **values}))
    writer = EventWriter(run.events)
    for step in range(1, 11):
        writer.write(Event("step", 0.0, {"step": step, "total": 10, "loss": 2.0 / step}))
    writer.close()
    return run


def test_stages_are_followed_back_to_the_base(project, tmp_path):
    first = made(project, "first ü", tmp_path / "base")
    second = made(project, "second", tmp_path / "base", str(first.adapter), method="dpo", tokens=99, elapsed=120.0)
    found = stages_of(second.adapter, project.folder)
    assert [stage.name for stage in found] == ["first ü", "second"]
    assert found[1].tokens == 99 and found[1].dataset_hash == "abc"
    assert ("Passes over the data", "3") in found[0].settings
    [(title, svg), *_] = pictures("sft", found[0].curves)
    assert title == "Loss" and svg.startswith("<svg xmlns=") and "polyline" in svg and "<script" not in svg
    assert stages_of(tmp_path / "nowhere") == []


def test_a_circle_of_adapters_ends(project, tmp_path):
    one = made(project, "one", tmp_path / "base")
    about = one.adapter / "plumbline.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "adapter": str(one.adapter)}))
    assert len(stages_of(one.adapter)) == 1


def test_a_readme_tells_what_is_known_and_that_the_rest_is_not():
    stage = Made("a | b <img>", "Teach by example", [("Data", "x\ny")], [("Epochs", "3")], [("Loss", "curves/1-1.svg")])
    facts = Facts(
        name="Mein *Modell*", adapter="", form="GGUF", base="o/base", base_is_hub=True, licence="apache-2.0",
        library="gguf", template="ChatML", stops=["<|im_end|>"], usage="Use.", stages=[stage],
        evaluation=(["Measure", "Value"], [["Follows", "80 %"]]), version="1",
    )  # fmt: skip
    text = readme(facts)
    front = text.split("---")[1]
    assert 'base_model: "o/base"' in front and 'license: "apache-2.0"' in front and "library_name" not in front
    assert "a \\| b" not in text.split("###")[0] and "&lt;img>" in text and "<img>" not in text
    assert "![Loss](curves/1-1.svg)" in text and "| Follows | 80 % |" in text and "&lt;\\|im_end\\|>" in text
    bare = Facts("x", "a", "Adapter", "base", False, "", "peft", "none", [], "Use.", [], None, "1")
    assert "doesn't say under which licence" in readme(bare) and "not evaluated" in readme(bare)
    assert "base_model" not in readme(bare).split("---")[1]

"""A dataset of the Hub, fetched by the real worker through the real client from a stand-in on loopback."""

import pytest

from studio.core.errors import StudioError
from studio.core.hub import dataset_name
from studio.processes.service import Service
from studio.storage.interchange import preview_file
from tests.engine.hub_for_tests import hub


@pytest.fixture(scope="module")
def server():
    with hub() as running:
        yield running


@pytest.fixture(scope="module")
def worker(server, tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    patch.setenv("HF_TOKEN", "never-sent")
    service = Service("hub", tmp_path_factory.mktemp("hub") / "hub.log")
    patch.undo()
    replies = service.replies()
    assert next(replies) == {"reply": "ready"}
    yield service, replies
    service.close()
    list(replies)


def ask(worker, **request):
    """The last reply to a request, and the others."""
    service, replies = worker
    service.send({"id": 1, **request})
    seen = []
    for reply in replies:
        seen.append(reply)
        if reply["reply"] != "progress":
            return reply, seen[:-1]
    raise AssertionError("the worker ended")


def test_a_dataset_is_looked_up_and_fetched(worker, server, tmp_path):
    found, _ = ask(worker, do="look", name="o/plain")
    assert (found["configs"], found["config"], [split for split, _ in found["splits"]]) == (
        ["default"],
        "default",
        ["train", "test"],
    )
    fetch = {"do": "fetch", "name": "o/plain", "config": "default", "split": "train", "folder": str(tmp_path)}
    fetched, progress = ask(worker, **fetch)
    assert fetched["rows"] == 1000 and [reply["rows"] for reply in progress] == [0, 200, 400, 600, 800]
    from pathlib import Path

    assert preview_file(Path(fetched["file"])).summary == "1,000 examples in Alpaca form"
    assert server.asked and all(token is None for _, _, token in server.asked)


def test_configurations_are_listed(worker, tmp_path):
    found, _ = ask(worker, do="look", name="o/several", config="large")
    assert (sorted(found["configs"]), found["config"], [split for split, _ in found["splits"]]) == (
        ["large", "small"],
        "large",
        ["train"],
    )
    fetch = {"do": "fetch", "name": "o/several", "config": "large", "split": "train", "folder": str(tmp_path)}
    assert ask(worker, **fetch)[0]["rows"] == 5


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("o/none", "no dataset “o/none”"),
        ("o/bare", "no file that can be read"),
        ("not a name", "is no name of a dataset"),
    ],
)
def test_what_is_not_there_is_a_sentence(worker, name, words):
    reply, _ = ask(worker, do="look", name=name)
    assert reply["reply"] == "failed" and words in reply["what"] and reply["hint"]


def test_a_fetch_is_cancelled_and_leaves_nothing(worker, tmp_path):
    service, replies = worker
    service.send(
        {"id": 5, "do": "fetch", "name": "o/endless", "config": "default", "split": "train", "folder": str(tmp_path)}
    )
    assert next(replies)["reply"] == "progress"
    service.send({"do": "stop"})
    reply, _ = ask(worker, do="look", name="not a name")  # answered when the other has ended
    assert reply["reply"] == "failed" and list(tmp_path.iterdir()) == []


def test_without_a_connection_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    service = Service("hub", tmp_path / "hub.log")
    replies = service.replies()
    assert next(replies) == {"reply": "ready"}
    reply, _ = ask((service, replies), do="look", name="o/plain")
    service.close()
    list(replies)
    assert reply["what"] == "127.0.0.1:9 can't be reached."


@pytest.mark.parametrize(
    "text", ["o/plain", " o/plain/ ", "https://huggingface.co/datasets/o/plain/tree/main", "hf.co/datasets/o/plain?x=1"]
)
def test_names_and_addresses(text):
    assert dataset_name(text) == "o/plain"
    with pytest.raises(StudioError):
        dataset_name("../x")

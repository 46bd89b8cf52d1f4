"""Models of the Hub, found, looked at and downloaded by the real worker through the real client from a stand-in."""

import json
import shutil
from pathlib import Path

import pytest

from studio.core.errors import StudioError
from studio.core.hub import HubModel, Offer, endpoint_of, model_id
from studio.processes.service import Service
from studio.storage.hub_places import downloaded_models, partial_downloads, read_download
from studio.storage.models import check_model
from studio.storage.trash import models_trash
from tests.engine.model_hub_for_tests import COMMIT, TOKEN, model_hub, starter


@pytest.fixture(scope="module")
def running():
    with model_hub() as server:
        yield server


@pytest.fixture
def hub(running):
    """The stand-in, with one good model and some that are not."""
    files = starter()
    running.repositories = {
        "o/starter": files,
        "o/bare": {"README.md": b"# nothing"},
        "o/pickled": {**{k: v for k, v in files.items() if k != "model.safetensors"}, "pytorch_model.bin": b"x" * 99},
        "o/own-code": {**files, "config.json": b'{"auto_map": {"AutoModel": "m.M"}}', "m.py": b"print(1)"},
        "o/secret": files,
    }
    running.gated, running.granted = {"o/secret"}, False
    running.moods, running.asked, running.commit = {}, [], COMMIT
    return running


@pytest.fixture(scope="module")
def worker(running, tmp_path_factory):
    home = tmp_path_factory.mktemp("hub")
    patch = pytest.MonkeyPatch()
    patch.setenv("HF_ENDPOINT", running.address)
    patch.setenv("HF_HUB_DOWNLOAD_TIMEOUT", "1")
    patch.setenv("HF_TOKEN_PATH", str(home / "token"))
    patch.setenv("PLUMBLINE_HOME", str(home))
    patch.delenv("HF_TOKEN", raising=False)
    service = Service("hub", home / "hub.log")
    patch.undo()
    replies = service.replies()
    assert next(replies) == {"reply": "ready"}
    yield service, replies, home
    service.close()
    list(replies)


def ask(worker, **request):
    """The last reply to a request, and the others."""
    service, replies, _ = worker
    service.send({"id": 1, **request})
    seen = []
    for reply in replies:
        seen.append(reply)
        if reply["reply"] != "progress":
            return reply, seen[:-1]
    raise AssertionError("the worker ended")


@pytest.fixture
def models(tmp_path):
    folder = tmp_path / "meine Modelle 模型"
    folder.mkdir()
    return folder


def get(worker, models, name="o/starter", **more):
    return ask(worker, do="get", name=name, revision=COMMIT, models=str(models), **more)


def test_models_are_found_by_words_without_a_token(worker, hub):
    found, _ = ask(worker, do="search", words="STAR")
    assert [HubModel.from_dict(model) for model in found["models"]] == [
        HubModel("o/starter", 1916640, 4242, 7, "apache-2.0", False)
    ]
    assert all(token is None for _, _, token, _ in hub.asked)


def test_a_model_is_looked_at_before_it_is_downloaded(worker, hub, models):
    reply, _ = ask(worker, do="model", name="o/starter", models=str(models))
    offer = Offer.from_dict(reply["offer"])
    assert offer.size == sum(len(content) for content in starter().values())
    assert offer.revision == COMMIT and not offer.trouble and offer.have == 0 and not offer.there
    assert offer.config["model_type"] == "llama" and "The starter" in offer.readme
    assert hub.asked_for("model.safetensors") == [] and list(models.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words", "usable"),
    [
        ("o/bare", "no config.json", False),
        ("o/pickled", "pickle files", True),
        ("o/own-code", "its own Python code", True),
    ],
)
def test_what_could_not_be_used_is_said_before(worker, hub, models, name, words, usable):
    reply, _ = ask(worker, do="model", name=name, models=str(models))
    assert words in reply["offer"]["trouble"] and reply["offer"]["usable"] == usable


def test_a_model_is_downloaded_whole_and_can_be_used(worker, hub, models):
    got, progress = get(worker, models)
    folder = Path(got["folder"])
    assert folder == models / "o" / "starter" and check_model(folder).parameters == 1_916_640
    assert {file.name: file.read_bytes() for file in folder.iterdir() if file.name in starter()} == starter()
    assert progress[-1]["done"] == progress[-1]["total"] and progress[-1]["speed"] > 0
    assert downloaded_models(models) == [folder] and partial_downloads(models) == []
    assert read_download(folder).revision == COMMIT and read_download(folder).endpoint == hub.address
    again, _ = get(worker, models)
    assert "is there already" in again["what"]


def test_a_broken_line_is_gone_on_with(worker, hub, models):
    hub.moods = {"model.safetensors": [("cut", 1_000_000), 503, ("cut", 500_000)]}
    got, _ = get(worker, models)
    assert got["reply"] == "got"
    asked = hub.asked_for("model.safetensors")
    assert asked == [None, "bytes=1000000-", "bytes=1000000-", "bytes=1500000-"]


def test_a_download_that_was_broken_off_resumes_in_a_new_try(worker, hub, models):
    hub.moods = {"model.safetensors": [("cut", 1_000_000), 500, 500, 500]}
    failed, _ = get(worker, models)
    assert "trouble of its own (500)" in failed["what"] and "is kept" in failed["hint"]
    assert downloaded_models(models) == [] and len(partial_downloads(models)) == 1
    offer, _ = ask(worker, do="model", name="o/starter", models=str(models))
    assert offer["offer"]["have"] > 1_000_000
    hub.asked.clear()
    got, _ = get(worker, models)
    assert got["reply"] == "got" and hub.asked_for("model.safetensors") == ["bytes=1000000-"]
    assert check_model(Path(got["folder"])).parameters == 1_916_640


def test_a_server_that_cannot_resume_begins_anew(worker, hub, models):
    hub.moods = {"model.safetensors": [("cut", 1_000_000), ("deaf",)]}
    got, progress = get(worker, models)
    assert got["reply"] == "got" and progress[-1]["done"] == progress[-1]["total"]


def test_a_wrong_checksum_is_refused_and_fetched_anew(worker, hub, models):
    hub.moods = {"model.safetensors": [("wrong", 2_000_000)]}
    failed, _ = get(worker, models)
    assert "came damaged" in failed["what"] and downloaded_models(models) == []
    hub.asked.clear()
    assert get(worker, models)[0]["reply"] == "got"
    assert hub.asked_for("model.safetensors") == [None]  # not from the bytes that were wrong
    shutil.rmtree(models / "o")
    hub.moods = {"config.json": [("wrong", 5)]}  # small files too
    assert "came damaged" in get(worker, models)[0]["what"]


def test_a_server_that_stalls_is_given_up_on(worker, hub, models):
    hub.moods = {"model.safetensors": [("stall", 1000), ("stall", 0), ("stall", 0), ("stall", 0)]}
    failed, _ = get(worker, models)
    assert "has stopped answering" in failed["what"] and len(hub.asked_for("model.safetensors")) == 4


def test_a_download_is_stopped_and_kept(worker, hub, models):
    service, replies, _ = worker
    hub.moods = {"model.safetensors": [("stall", 1_000_000), ("stall", 0), ("stall", 0)]}
    request = {"id": 9, "do": "get", "name": "o/starter", "revision": COMMIT, "models": str(models)}
    service.send(request)
    for reply in replies:
        if reply["reply"] != "progress":
            break
        service.send({"do": "stop"})
    hub.moods = {}
    assert reply["reply"] == "stopped" and downloaded_models(models) == []
    assert get(worker, models)[0]["reply"] == "got"


@pytest.mark.parametrize(
    ("code", "words"),
    [(401, "has no model"), (403, "doesn't let you have"), (404, "has no model"), (500, "trouble of its own")],
)
def test_each_refusal_is_a_sentence(worker, hub, models, code, words):
    hub.moods = {"api": [code]}
    failed, _ = ask(worker, do="model", name="o/starter", models=str(models))
    assert failed["reply"] == "failed" and words in failed["what"] and failed["hint"].endswith((".", "sent."))


def test_too_many_requests_and_a_busy_server_in_the_middle(worker, hub, models):
    hub.moods = {"config.json": [429, 429, 429]}
    failed, _ = get(worker, models)
    assert "asked too often (429)" in failed["what"]


def test_what_is_not_there_and_what_is_no_name(worker, hub, models):
    assert "has no model “o/none”" in ask(worker, do="model", name="o/none", models=str(models))[0]["what"]
    assert "is no name" in ask(worker, do="model", name="no name at all", models=str(models))[0]["what"]


def test_a_gated_model_wants_a_token_and_the_token_stays_here(worker, hub, models):
    look = {"do": "model", "name": "o/secret", "models": str(models)}
    found, _ = ask(worker, **look)
    assert found["model"]["gated"] and found["offer"]["readme"] == ""
    failed, _ = get(worker, models, "o/secret")
    assert "is gated" in failed["what"] and "sign in" in failed["hint"]
    assert "not signed in" in get(worker, models, "o/secret", use_token=True)[0]["what"]
    assert "begins with “hf_”" in ask(worker, do="sign in", token="what?")[0]["what"]
    assert "doesn't accept this token" in ask(worker, do="sign in", token="hf_wrong")[0]["what"]
    assert ask(worker, do="account")[0]["signed_in"] is False
    signed, _ = ask(worker, do="sign in", token=f" {TOKEN}\n")
    assert signed == {"reply": "account", "id": 1, "signed_in": True, "name": "küche"}
    failed, _ = get(worker, models, "o/secret", use_token=True)
    assert "no access yet" in failed["what"]
    hub.granted = True
    hub.asked.clear()
    got, _ = get(worker, models, "o/secret", use_token=True)
    assert got["reply"] == "got"
    sent = {host.split(":")[0]: token for host, path, token, _ in hub.asked}
    assert sent == {"127.0.0.1": f"Bearer {TOKEN}", "localhost": None}  # never to where large files are kept
    assert (worker[2] / "token").read_text() == TOKEN
    out, _ = ask(worker, do="sign out")
    assert out["signed_in"] is False and not (worker[2] / "token").exists()
    assert TOKEN not in (worker[2] / "hub.log").read_text() + json.dumps([found, failed, got, signed])


def test_a_full_disk_leaves_nothing_half_written(worker, hub, small_disk):
    failed, _ = get(worker, small_disk)
    assert "needs 4.0 MB" in failed["what"] and "free" in failed["what"]  # told before a byte is asked for
    assert hub.asked_for("model.safetensors") == [] and downloaded_models(small_disk) == []
    hub.repositories["o/tiny"] = {"config.json": b"{}", "model.safetensors": b"y" * 150_000}
    ballast = small_disk / "ballast"
    hub.moods = {"model.safetensors": [lambda: ballast.write_bytes(b"x" * 430_000)]}  # others fill it meanwhile
    failed, _ = get(worker, small_disk, "o/tiny")
    assert "is full" in failed["what"] and downloaded_models(small_disk) == [] and not (small_disk / "o").exists()
    ballast.unlink()
    assert get(worker, small_disk, "o/tiny")[0]["reply"] == "got"


def test_a_worker_that_is_killed_leaves_what_the_next_one_goes_on_with(running, hub, models, monkeypatch, tmp_path):
    hub.moods = {"model.safetensors": [("stall", 1_000_000)]}
    monkeypatch.setenv("HF_ENDPOINT", running.address)
    for attempt in range(2):
        service = Service("hub", tmp_path / "hub.log")
        replies = service.replies()
        service.send({"id": 1, "do": "get", "name": "o/starter", "revision": COMMIT, "models": str(models)})
        for reply in replies:
            if attempt == 0 and any(file.stat().st_size > 900_000 for file in models.rglob("model*.part")):
                service._process.kill()
                break
            if reply["reply"] == "got":
                break
        service.close()
        list(replies)
        service.ending()
    assert check_model(Path(reply["folder"])).parameters == 1_916_640
    first, again = hub.asked_for("model.safetensors")
    assert first is None and int(again.removeprefix("bytes=").rstrip("-")) > 900_000


def test_what_an_earlier_version_left_takes_no_room(worker, hub, models):
    stale = models / ".partial" / "o--starter"
    (stale / "old").mkdir(parents=True)
    (stale / "model.safetensors.0123456789ab.part").write_bytes(b"x" * 10_000)
    (stale / "config.json").write_bytes(b"of another version")
    got, _ = get(worker, models)
    assert {file.name for file in Path(got["folder"]).iterdir()} == {*starter(), "plumbline-download.json"}


def test_a_newer_version_takes_the_place_of_the_one_that_is_here(worker, hub, models):
    look = {"do": "model", "name": "o/starter", "models": str(models)}
    place = Path(get(worker, models)[0]["folder"])
    assert ask(worker, **look)[0]["offer"]["newer"] is False
    assert "is there already" in get(worker, models, newer=True)[0]["what"]  # it is that very version
    hub.commit = "b" * 40
    hub.repositories["o/starter"] = {**starter(), "README.md": b"# Newer"}
    offer = Offer.from_dict(ask(worker, **look)[0]["offer"])
    assert offer.newer and offer.there == str(place) and offer.size - offer.have == len(b"# Newer")
    request = {"name": "o/starter", "revision": offer.revision, "models": str(models)}
    assert "is there already" in ask(worker, do="get", **request)[0]["what"]  # only when that is what is wanted
    hub.asked.clear()
    hub.moods = {"README.md": [500, 500, 500]}
    assert "trouble of its own" in ask(worker, do="get", newer=True, **request)[0]["what"]
    assert read_download(place).revision == COMMIT and check_model(place)  # what was there still is
    got, _ = ask(worker, do="get", newer=True, **request)
    assert got["folder"] == str(place) and (place / "README.md").read_bytes() == b"# Newer"
    assert hub.asked_for("model.safetensors") == [] and read_download(place).revision == "b" * 40
    assert check_model(place).parameters == 1_916_640 and partial_downloads(models) == []
    [thrown] = models_trash(models).things()
    assert "Version aaaaaaaaaa" in thrown.what and read_download(thrown.thing).revision == COMMIT


def test_another_window_does_not_write_into_the_same_download(worker, hub, models):
    from filelock import FileLock

    (models / ".partial").mkdir()
    with FileLock(models / ".partial" / "o--starter.lock"):
        assert "by another window" in get(worker, models)[0]["what"]


def test_names_addresses_and_mirrors():
    for text in ("o/n", " https://huggingface.co/o/n/tree/main ", "hf.co/o/n?x", "https://hf-mirror.com/models/o/n"):
        assert model_id(text) == "o/n"
    for text in ("", "a/../b", "o//n", "o/n m", "ü/n", "a--b/c"):
        with pytest.raises(StudioError):
            model_id(text)
    assert endpoint_of("hf-mirror.com/") == "https://hf-mirror.com" and endpoint_of(" ") == ""
    for text in ("ftp://x", "https://", "https://u:p@x", "http://x?y"):
        with pytest.raises(StudioError):
            endpoint_of(text)

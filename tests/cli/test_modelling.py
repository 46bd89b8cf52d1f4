import shutil

import pytest

from studio.cli.app import main
from studio.storage.hub_places import models_home, place_of
from studio.storage.library import list_library
from studio.storage.model_code import own_code
from studio.storage.models import check_model, config_of, starter_model
from studio.storage.project import Project
from tests.engine.model_hub_for_tests import model_hub, starter


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with model_hub() as server:
        server.repositories = {"o/starter": starter()}
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        yield server


@pytest.fixture
def project(tmp_path):
    made = Project.create(tmp_path / "Projekt ü")
    made.close()
    return made


def plumbline(capsys, *words):
    code = main(["models", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_model_is_found_downloaded_listed_and_removed(hub, capsys, project):
    assert "o/starter" in plumbline(capsys, "search", "start", "--yes")[1]
    code, out, _ = plumbline(capsys, "get", "o/starter", "--yes", "--project", str(project.folder))
    assert code == 0 and "4.0 MB to download, licence apache-2.0" in out
    place = place_of(models_home(), "o/starter")
    assert place.is_dir() and place in [model.folder for model in list_library(project)]
    assert "o/starter" in plumbline(capsys)[1]
    assert "is the newest one" in plumbline(capsys, "update", "o/starter", "--yes")[1]
    hub.commit, hub.repositories["o/starter"] = "b" * 40, {**starter(), "README.md": b"# Newer"}
    assert plumbline(capsys, "update", "o/starter", "--yes")[0] == 0
    assert (place / "README.md").read_bytes() == b"# Newer"
    assert "was not downloaded" in plumbline(capsys, "update", "o/other", "--yes")[2]
    assert str(place) in plumbline(capsys, "list", "--project", str(project.folder))[1]
    assert plumbline(capsys, "remove", "o/starter", "--yes")[0] == 0 and not place.exists()
    code, _, err = plumbline(capsys, "remove", "o/starter", "--yes")
    assert code == 1 and "no downloaded model" in err


def test_nothing_goes_over_the_network_unasked(hub, capsys):
    code, _, err = plumbline(capsys, "get", "o/starter")
    assert code == 1 and "Ask 127.0.0.1" in err and "--yes" in err and hub.asked == []


def test_a_folder_is_added_and_forgotten(capsys, project, tmp_path):
    folder = tmp_path / "a model"
    shutil.copytree(starter_model(), folder)
    words = ["--project", str(project.folder)]
    assert plumbline(capsys, "add", str(folder), *words)[0] == 0
    assert folder in [model.folder for model in list_library(project)]
    code, out, _ = plumbline(capsys, "remove", str(folder), *words)
    assert code == 0 and "stays where it is" in out and folder.is_dir()
    assert folder not in [model.folder for model in list_library(project)]


def test_the_catalogue_is_told_and_what_is_wrong_is_said(capsys, hub):
    out = plumbline(capsys, "catalogue")[1]
    assert "SmolLM2-135M-Instruct" in out and "trains here" in out
    assert "is no name" in plumbline(capsys, "get", "what is this", "--yes")[2]
    assert "has no model “o/none”" in plumbline(capsys, "get", "o/none", "--yes")[2]
    assert "Say which model" in plumbline(capsys, "get")[2]


def test_a_models_code_is_read_and_agreed_to_by_its_hash(capsys, tmp_path):
    folder = tmp_path / "own"
    shutil.copytree(starter_model(), folder)
    assert "no code of its own" in plumbline(capsys, "trust", str(folder))[1]
    (folder / "config.json").write_text('{"model_type": "own", "auto_map": {"AutoModel": "m.M"}}')
    (folder / "m.py").write_text("class M: pass  # \x1b[2J\n")
    out = plumbline(capsys, "trust", str(folder))[1]
    assert "class M: pass" in out and "with your rights" in out and "\x1b" not in out
    mark = own_code(folder, config_of(folder)).sha256[:12]
    assert mark in out
    assert plumbline(capsys, "trust", str(folder), "--allow-code", "0" * 12)[0] == 1
    assert plumbline(capsys, "trust", str(folder), "--allow-code", mark)[0] == 0
    assert check_model(folder).folder == folder

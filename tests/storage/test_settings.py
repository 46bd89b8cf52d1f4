import pytest

from studio.core.settings import AppSettings
from studio.storage.settings import home, is_portable, load_settings, make_portable, projects_home, save_settings


def test_settings_survive_a_restart():
    settings = AppSettings(theme="dark", smoothing=0.25, recent_projects=("/a ü", "/b"), window="abc")
    save_settings(settings)
    assert load_settings() == settings


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 9}', '{"format": 1, "theme": "pink", "smoothing": "x"}'])
def test_damage_never_stops_a_start(text):
    home().mkdir(parents=True, exist_ok=True)
    (home() / "settings.json").write_text(text)
    assert load_settings() == AppSettings()


@pytest.mark.parametrize("inside", ["", "Plumbline.app/Contents/MacOS"])
def test_a_packaged_program_can_keep_everything_beside_itself(tmp_path, monkeypatch, inside):
    monkeypatch.delenv("PLUMBLINE_HOME")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert not is_portable()  # run from source
    monkeypatch.setattr("sys.frozen", True, raising=False)
    monkeypatch.setattr("sys.executable", str(tmp_path / inside / "plumbline"))
    assert not is_portable()
    make_portable(AppSettings(theme="dark", place="/elsewhere"))
    assert is_portable()
    assert home() == tmp_path / "Plumbline data"
    assert projects_home() == home() / "projects"
    assert load_settings() == AppSettings(theme="dark")


def test_projects_go_where_the_settings_say(tmp_path):
    assert projects_home() == home() / "projects"
    assert projects_home(str(tmp_path)) == tmp_path

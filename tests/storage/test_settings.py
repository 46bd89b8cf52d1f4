import pytest

from studio.core.settings import AppSettings
from studio.storage.settings import home, load_settings, save_settings


def test_settings_survive_a_restart():
    settings = AppSettings(theme="dark", smoothing=0.25, recent_projects=("/a ü", "/b"), window="abc")
    save_settings(settings)
    assert load_settings() == settings


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 9}', '{"format": 1, "theme": "pink", "smoothing": "x"}'])
def test_damage_never_stops_a_start(text):
    home().mkdir(parents=True, exist_ok=True)
    (home() / "settings.json").write_text(text)
    assert load_settings() == AppSettings()

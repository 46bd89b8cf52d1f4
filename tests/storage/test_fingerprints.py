import pytest

from studio.storage.fingerprints import changed_since, fingerprint


@pytest.fixture
def base(tmp_path):
    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(bytes(range(256)) * 12_000)
    return folder


def test_the_same_weights_have_the_same_print_wherever_they_are(base, tmp_path):
    before = fingerprint(base)
    moved = base.rename(tmp_path / "elsewhere")
    assert fingerprint(moved) == before
    assert changed_since(moved, before) == ""


def test_other_weights_are_noticed_and_said(base):
    before = fingerprint(base)
    trained = bytearray((base / "model.safetensors").read_bytes())
    trained[::97] = bytes((value + 1) % 256 for value in trained[::97])  # same size, other values
    (base / "model.safetensors").write_bytes(trained)
    assert "has changed since this run" in changed_since(base, before)


def test_weights_that_are_gone_are_said_and_old_runs_say_nothing(base):
    before = fingerprint(base)
    (base / "model.safetensors").unlink()
    assert "no longer in" in changed_since(base, before)
    assert changed_since(base, "") == ""

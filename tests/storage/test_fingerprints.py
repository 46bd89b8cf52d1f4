import pytest

from studio.core.events import Event
from studio.storage.fingerprints import changed_since, fingerprint
from studio.storage.runs import RunFolder


@pytest.fixture
def base(tmp_path):
    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(bytes(range(256)) * 12_000)
    return folder


def adapter_of(base, before=None):
    """Where the result of a run lies that was trained on a base as it is, or as it was."""
    run = RunFolder(base.parent / "runs" / "run")
    run.folder.mkdir(parents=True, exist_ok=True)
    (run.folder / "recipe.json").touch()
    known = fingerprint(base) if before is None else before
    run.events.write_text(Event("started", 1.0, {"base": known}).to_line() + Event("resumed", 2.0, {}).to_line())
    return run.adapter


def test_the_same_weights_have_the_same_print_wherever_they_are(base, tmp_path):
    before, adapter = fingerprint(base), adapter_of(base)
    moved = base.rename(tmp_path / "elsewhere")
    assert fingerprint(moved) == before
    assert changed_since(moved, adapter) == ""


def test_other_weights_are_noticed_and_said(base):
    adapter = adapter_of(base)
    trained = bytearray((base / "model.safetensors").read_bytes())
    trained[::97] = bytes((value + 1) % 256 for value in trained[::97])  # same size, other values
    (base / "model.safetensors").write_bytes(trained)
    assert "has changed since this run" in changed_since(base, adapter)
    assert "has changed since this run" in changed_since(base, adapter.parent / "checkpoints" / "checkpoint-5")
    adapter.mkdir()
    (adapter / "config.json").touch()
    assert changed_since(base, adapter) == ""  # a whole model needs no other


def test_weights_that_are_gone_are_said_and_old_runs_say_nothing(base):
    adapter = adapter_of(base)
    (base / "model.safetensors").unlink()
    assert "no longer in" in changed_since(base, adapter)
    assert changed_since(base, base / "no run") == ""
    adapter_of(base, before="")
    assert changed_since(base, adapter) == ""

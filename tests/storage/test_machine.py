import types

import pytest

from studio.storage import machine
from studio.storage.machine import read_device

GB = 2**30


@pytest.fixture
def card(monkeypatch):
    """A machine with one NVIDIA card: its library as nvidia-ml-py has it, and a torch that knows cards."""

    class NVMLError(Exception):
        pass

    calls = []
    nvml = types.SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: calls.append("init"),
        nvmlShutdown=lambda: calls.append("shutdown"),
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetMemoryInfo=lambda card: types.SimpleNamespace(total=12 * GB, free=11 * GB, used=GB),
        nvmlDeviceGetName=lambda card: "NVIDIA GeForce RTX 3060",
        nvmlDeviceGetCudaComputeCapability=lambda card: (8, 6),
        calls=calls,
    )
    monkeypatch.setitem(machine.sys.modules, "pynvml", nvml)
    monkeypatch.setattr(machine, "torch_knows_cuda", lambda: True)
    return nvml


def fail(nvml, name):
    def refuse(*_):
        raise nvml.NVMLError("Driver Not Loaded")

    setattr(nvml, name, refuse)


def test_this_machine_has_memory_some_of_it_free():
    device = read_device()
    assert 0 < device.free <= device.total
    assert device.name


def test_a_card_is_told_by_its_own_library(card):
    device = read_device()
    assert (device.kind, device.name) == ("cuda", "NVIDIA GeForce RTX 3060")
    assert (device.total, device.free, device.bf16) == (12 * GB, 11 * GB, True)
    assert card.calls == ["init", "shutdown"]
    card.nvmlDeviceGetCudaComputeCapability = lambda card: (7, 5)
    assert not read_device().bf16


@pytest.mark.parametrize("name", ["nvmlInit", "nvmlDeviceGetHandleByIndex", "nvmlDeviceGetMemoryInfo"])
def test_a_card_without_its_driver_is_none(card, name):
    fail(card, name)
    assert read_device().kind != "cuda"


def test_a_card_that_torch_cannot_use_is_none(card, monkeypatch):
    monkeypatch.setattr(machine, "torch_knows_cuda", lambda: False)
    assert read_device().kind != "cuda"


def test_no_library_is_no_card(monkeypatch):
    monkeypatch.setattr(machine, "torch_knows_cuda", lambda: True)
    monkeypatch.setitem(machine.sys.modules, "pynvml", None)  # as if it were not installed
    assert read_device().kind != "cuda"


def test_a_container_has_only_what_it_is_allowed(monkeypatch, tmp_path):
    (tmp_path / "max").write_text(f"{GB}\n")
    (tmp_path / "now").write_text(f"{GB // 4}\n")
    monkeypatch.setattr(machine, "_LIMITS", ((str(tmp_path / "max"), str(tmp_path / "now")),))
    monkeypatch.setattr(machine, "torch_knows_cuda", lambda: False)
    device = read_device()
    assert device.total == GB
    assert device.free <= 3 * GB // 4
    (tmp_path / "max").write_text("max\n")
    assert read_device().total > GB

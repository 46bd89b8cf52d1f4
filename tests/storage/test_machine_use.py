import types

import pytest

from studio.core.machine_use import GAUGES
from studio.storage import machine_use
from studio.storage.machine_use import MachineMeter


def test_this_machine_is_measured():
    found = MachineMeter().read()
    assert 0 <= found["cpu"] <= 100
    assert found["memory"] > 1e6
    assert found.keys() <= {gauge.name for gauge in GAUGES}


class NVMLError(Exception):
    pass


def refuse(_card):
    raise NVMLError("Not Supported")


@pytest.fixture
def card(monkeypatch):
    """A card that tells all but its power, as laptops' do."""
    nvml = types.SimpleNamespace(
        NVMLError=NVMLError,
        NVML_TEMPERATURE_GPU=0,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByIndex=lambda _number: "card",
        nvmlDeviceGetUtilizationRates=lambda _card: types.SimpleNamespace(gpu=97),
        nvmlDeviceGetMemoryInfo=lambda _card: types.SimpleNamespace(used=5_000_000_000),
        nvmlDeviceGetTemperature=lambda _card, _kind: 71,
        nvmlDeviceGetPowerUsage=refuse,
    )
    monkeypatch.setattr(machine_use.importlib, "import_module", lambda _name: nvml)
    monkeypatch.setattr(machine_use, "torch_knows_cuda", lambda: True)
    return nvml


def test_what_a_card_does_not_tell_is_left_out(card):
    found = MachineMeter().read()
    assert (found["gpu"], found["gpu_memory"], found["temperature"]) == (97, 5e9, 71)
    assert "power" not in found
    card.nvmlDeviceGetPowerUsage = lambda _card: 215_500
    assert MachineMeter().read()["power"] == 215.5


def test_a_driver_that_is_missing_leaves_the_processors_figures(card):
    card.nvmlInit = lambda: refuse(None)
    found = MachineMeter().read()
    assert "gpu" not in found
    assert "cpu" in found

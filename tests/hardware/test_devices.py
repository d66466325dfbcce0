"""The device layer: names are resolved, a new kind of device is one class and one line, nothing else knows devices."""

import importlib
import re
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from ase import Atoms

import alphanet
from alphanet.errors import UserError
from alphanet.hardware import device_count, devices, resolve_device
from alphanet.potentials.kit import worker_kit
from alphanet.potentials.opening import LoadOptions, open_potential

PACKAGE = Path(alphanet.__file__).parent


class Imagined:
    """A kind of device whose memory and names are made up."""

    finds_neighbors = False
    triton = False

    def __init__(self):
        self.calls = []

    def has_driver(self):
        return True

    def names(self):
        return ["imagined one", "imagined two"]

    def in_use(self):
        return True

    def synchronize(self):
        self.calls.append("synchronize")

    def reset_peak(self):
        self.calls.append("reset_peak")

    def peak_memory(self):
        return {"imagined": 7}

    def total_memory(self, device):
        return 1000

    def limit_memory(self, limit):
        self.calls.append(f"limit {limit}")


@pytest.fixture
def imagined(monkeypatch):
    backend = Imagined()
    monkeypatch.setattr(devices, "BACKENDS", {"imagined": backend, **devices.BACKENDS})
    monkeypatch.setattr("alphanet.hardware.BACKENDS", devices.BACKENDS)
    return backend


def test_auto_is_the_cpu_where_there_is_nothing_else():
    assert resolve_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    assert resolve_device("cpu") == "cpu" and device_count("cpu") == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [("gpu", "unknown 'gpu'"), ("cpuu", "did you mean 'cpu'"), ("cpu:x", "no number after the colon"), ("", "unknown")],
)
def test_wrong_names_are_one_line(name, message):
    with pytest.raises(UserError, match=message):
        resolve_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_an_absent_device_is_one_line():
    with pytest.raises(UserError, match="torch sees no cuda device here; use auto or cpu"):
        resolve_device("cuda:1")


def test_a_new_kind_of_device_is_one_registration(imagined):
    assert resolve_device("auto") == "imagined" and resolve_device("imagined:1") == "imagined:1"
    with pytest.raises(UserError, match="imagined:0 to imagined:1"):
        resolve_device("imagined:2")
    assert device_count("imagined") == 2 and device_count("imagined:1") == 1
    assert devices.accelerator_names()[:2] == ["imagined one", "imagined two"]
    assert devices.has_accelerator_driver()
    devices.synchronize()
    devices.reset_peak()
    assert devices.peak_memory()["imagined"] == 7 and "resident" in devices.peak_memory()
    devices.limit_memory(100)
    assert imagined.calls == ["synchronize", "reset_peak", "limit 100"]


def test_a_potential_opens_and_predicts_on_a_registered_device(imagined, installed):
    installed()
    frames = [Atoms("H2", [[0, 0, 0], [0, 0, 1]])]
    options = LoadOptions(device="imagined:1", untrained=True)
    with closing(open_potential("fake", options, lambda: frames)) as potential:
        assert potential.predict(frames)[0].energy == 1.0
        assert potential.provenance()["device"] == "imagined:1"
    with pytest.raises(UserError, match="imagined:0 to imagined:1"):
        open_potential("fake", LoadOptions(device="imagined:2", untrained=True), lambda: frames)


def test_timing_waits_for_a_registered_device_and_tells_its_memory(imagined, monkeypatch):
    monkeypatch.setitem(sys.modules, "devices", devices)  # as in a worker, but those of this process
    monkeypatch.setitem(sys.modules, "worker_kit", worker_kit)
    monkeypatch.delitem(sys.modules, "timing", raising=False)
    monkeypatch.syspath_prepend(str(PACKAGE / "potentials" / "kit"))
    timing = importlib.import_module("timing")
    structures = worker_kit.packed([Atoms("H2", [[0, 0, 0], [0, 0, 1]])])
    request = {"task": "step", "structures": structures, "rattle": 0.01, "seed": 0, "first": 0, "calls": 3}
    model = SimpleNamespace(predict=lambda structures: structures)
    answer = timing.timed(model, request | {"budget": 10.0, "memory_limit": None})
    assert answer["status"] == "ok" and len(answer["seconds"]) == 3
    assert imagined.calls == ["reset_peak", *["synchronize"] * 6]
    assert answer["peak"]["imagined"] == 7


def test_the_peak_follows_an_allocation():
    devices.reset_peak()
    before = devices.peak_memory()["resident"]
    block = torch.ones(20_000_000)
    assert devices.peak_memory()["resident"] >= before + 0.9 * block.numel() * 4


def test_nothing_else_asks_torch_about_devices():
    allowed = {PACKAGE / "hardware" / "devices.py"}
    files = [file for file in PACKAGE.rglob("*.py") if file not in allowed and "gpu" not in file.parts]
    asking = [str(file) for file in files if re.search(r"torch\.(cuda|mps|xpu|backends)\.", file.read_text())]
    assert asking == []

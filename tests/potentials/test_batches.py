"""`--batch-size auto`: halves where memory is not enough, remembers it, and loses nothing."""

import json

import numpy as np
import pytest
from ase import Atoms
from ase.io import read, write
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.hardware.exhausted import is_out_of_memory
from alphanet.measure.accuracy import evaluate
from alphanet.potentials import opening
from alphanet.potentials.batches import LARGEST, HalvingPotential, fitted
from alphanet.potentials.protocol import FramePrediction

TEXTS = (
    "CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 79.15 GiB total capacity)",
    "Warp CUDA error 2: out of memory (in function wp_alloc_device, warp.cu:662)",
    "Failed to allocate 123456 bytes on device 'cuda:0'",
    "aoti_torch_empty_strided(...) API call failed: CUDA driver error: out of memory",
    "std::bad_alloc",
    "Unable to allocate 12.3 GiB for an array with shape (40, 9) and data type float32",
    "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes",
    "CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "RESOURCE_EXHAUSTED: while running replica 0",
)


class Small:
    """Has memory for a few atoms; the energy is the position of the first one."""

    name = "small"

    def __init__(self, room: int, text: str = TEXTS[0], kind: type[Exception] = RuntimeError) -> None:
        self.room, self.text, self.kind, self.calls = room, text, kind, []

    def predict(self, frames, *, batch_size=8):
        for place, atoms in enumerate(frames):
            if atoms.numbers[0] == 2:
                raise UserError(f"frame {place}: the model does not know He")
        for first in range(0, len(frames), batch_size):
            batch = frames[first : first + batch_size]
            self.calls.append(len(batch))
            if sum(len(atoms) for atoms in batch) > self.room:
                raise self.kind(self.text)
        return [FramePrediction(float(one.positions[0, 0]), np.zeros((len(one), 3))) for one in frames]

    def provenance(self):
        return {"room": self.room}

    def close(self):
        pass


def chains(n: int, atoms: int = 1) -> list[Atoms]:
    return [Atoms(f"H{atoms}", positions=[[k + 2.0 * i, 0, 0] for i in range(atoms)]) for k in range(n)]


@pytest.mark.parametrize("text", TEXTS)
def test_memory_has_many_words(text: str) -> None:
    assert is_out_of_memory(RuntimeError(text))
    try:
        raise UserError("the worker failed") from RuntimeError(text)
    except UserError as error:
        assert is_out_of_memory(error)


def test_other_errors_are_not_of_memory() -> None:
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("shapes differ; allocated 3 tensors"))


def test_it_halves_and_remembers_and_loses_nothing() -> None:
    small = Small(5)
    potential, size = fitted(small, "auto")
    assert size == LARGEST
    found = [one.energy for one in potential.predict(chains(20), batch_size=16)]
    assert found == list(range(20))
    assert small.calls == [16, 8, 4, 4, 4, 4, 4]
    assert [one.energy for one in potential.predict(chains(6), batch_size=16)] == list(range(6))
    assert small.calls[7:] == [4, 2]
    assert potential.provenance() == {"room": 5}


def test_a_number_is_left_alone() -> None:
    small = Small(5)
    assert fitted(small, 7) == (small, 7)


def test_a_structure_that_is_too_large_is_named() -> None:
    with pytest.raises(UserError, match=r"frame 2: not enough memory for this structure of 9 atoms alone \(std::bad"):
        HalvingPotential(Small(5, "std::bad_alloc")).predict([*chains(2), *chains(1, 9)])


def test_mistakes_are_no_lack_of_memory_and_keep_their_place() -> None:
    frames = [*chains(9), Atoms("He")]
    with pytest.raises(UserError, match="frame 9: the model does not know He"):
        HalvingPotential(Small(5)).predict(frames, batch_size=4)
    with pytest.raises(ValueError, match="shapes"):
        HalvingPotential(Small(0, "shapes differ", ValueError)).predict(chains(2))


def test_commands_take_auto(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Small(3, kind=MemoryError)
    monkeypatch.setattr(opening, "open_potential", lambda *_: small)
    write(tmp_path / "in.extxyz", chains(10))
    command = ["predict", "any", str(tmp_path / "in.extxyz"), "--out", str(tmp_path / "out.extxyz")]
    done = CliRunner().invoke(app, [*command, "--batch-size", "auto", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["n_structures"] == 10
    assert [one.get_potential_energy() for one in read(tmp_path / "out.extxyz", ":")] == list(range(10))
    for wrong in ("many", "0", "-3"):
        assert CliRunner().invoke(app, [*command, "--batch-size", wrong]).exit_code == 2
    assert CliRunner().invoke(app, [*command, "--batch-size", "4"]).exit_code == 1  # not enough memory


def test_accuracy_is_the_same_in_any_batches() -> None:
    from ase.calculators.singlepoint import SinglePointCalculator

    frames = chains(30)
    for k, atoms in enumerate(frames):
        atoms.calc = SinglePointCalculator(atoms, energy=k + 0.5, forces=np.zeros((1, 3)))
    usual = evaluate(Small(1000), frames, batch_size=8)
    auto, size = fitted(Small(3), "auto")
    assert evaluate(auto, frames, batch_size=size).energy_mae == usual.energy_mae


def test_relaxations_take_auto(tmp_path) -> None:
    from alphanet.benchmark.kinds.discovery import relaxation_card

    model = str(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").touch()
    card = relaxation_card("wbm", models=[model], engine="torch-sim", batch_size="auto")
    assert card.rows[model].relaxation.batch_size == "auto"

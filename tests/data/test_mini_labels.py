"""How the miniature data sets are labeled, with another calculator in place of tblite, which is not installed here."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

MINI = Path(__file__).parents[2] / "datasets" / "mini"


class Tblite(EMT):
    """EMT under tblite's name; it ignores tblite's options and remembers the sizes of the structures."""

    sizes: ClassVar[list[int]] = []

    def __init__(self, **_: object) -> None:
        super().__init__()

    def calculate(self, atoms, properties, changes):
        self.sizes.append(len(atoms))
        super().calculate(atoms, properties, changes)


@pytest.fixture
def mini(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """The scripts that this test needs, by name."""
    stub = ModuleType("tblite.ase")
    stub.TBLite = Tblite
    monkeypatch.setitem(sys.modules, "tblite", ModuleType("tblite"))
    monkeypatch.setitem(sys.modules, "tblite.ase", stub)
    monkeypatch.syspath_prepend(str(MINI))
    names = ("sampling", "zeolite", "graphene", "make")
    Tblite.sizes.clear()
    yield {name: importlib.import_module(name) for name in names}
    for name in names:
        del sys.modules[name]


def crystal() -> Atoms:
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=3)
    atoms.info["group"] = "ABW-0-1000K-train"
    return atoms


def test_labels_of_a_supercell_are_those_of_its_cell(mini: dict[str, ModuleType]) -> None:
    sampling = mini["sampling"]
    one = sampling.labels(crystal(), Tblite())
    two = sampling.labels(crystal(), Tblite(), (1, 2, 1))
    assert set(Tblite.sizes) == {4, 8}
    for value, expected in zip(two, one, strict=True):  # a potential with a cutoff does not see the copies
        np.testing.assert_allclose(value, expected, atol=1e-10)
    assert two[1].shape == (4, 3)


def test_frames_of_short_cells_are_labeled_in_copies_of_them(mini: dict[str, ModuleType]) -> None:
    make, zeolite = mini["make"], mini["zeolite"]
    copies = make.copies_of(zeolite, crystal())
    assert copies == (1, 2, 1)
    frame = mini["sampling"].labeled(crystal(), 300.0, copies)
    assert max(Tblite.sizes) == 8
    assert len(frame) == len(frame.get_forces()) == 4
    sodalite = Atoms(info={"group": "SOD-0-1000K-train"})
    assert make.copies_of(zeolite, sodalite) == make.copies_of(mini["graphene"], sodalite) == (1, 1, 1)


def test_two_solutions_of_the_dynamics_cell_drop_the_frame(mini: dict[str, ModuleType]) -> None:
    """The energy of the dynamics is that of one copy, whatever the labels are."""
    candidate = crystal()
    candidate.calc = EMT()
    candidate.get_potential_energy()
    assert mini["sampling"].labeled(candidate, 300.0, (1, 2, 1)) is not None
    candidate.calc.results["energy"] += 0.01
    assert mini["sampling"].labeled(candidate, 300.0, (1, 2, 1)) is None

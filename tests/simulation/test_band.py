"""Paths and barriers: those of ASE's example, and nothing is computed twice."""

import logging

import numpy as np
import pytest
from ase import Atoms
from ase.build import add_adsorbate, fcc100
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from ase.io import read
from ase.mep.neb import NEB
from ase.optimize import BFGS
from moving_atoms import molecule, potential

from alphanet.errors import UserError
from alphanet.potentials.calculators import CalculatorPotential
from alphanet.simulation.band import Band, find_path, require_one_order


class Counted(EMT):
    def __init__(self, last: int = 10**9) -> None:
        super().__init__()
        self.calls, self.last = 0, last

    def calculate(self, *args, **kwargs):
        self.calls += 1
        if self.calls > self.last:
            raise KeyboardInterrupt
        super().calculate(*args, **kwargs)


def emt(last: int = 10**9) -> CalculatorPotential:
    made = CalculatorPotential("emt", Counted(last))
    made.calls = lambda: made._calculator.calls
    return made


def hop() -> tuple[Atoms, Atoms]:
    """ASE's example: gold hops from a hollow to the next one on aluminum."""
    slab = fcc100("Al", size=(2, 2, 3))
    add_adsorbate(slab, "Au", 1.7, "hollow")
    slab.info.clear()
    slab.center(axis=2, vacuum=4.0)
    slab.set_constraint(FixAtoms(mask=[atom.tag > 1 for atom in slab]))
    end = slab.copy()
    end[-1].x += end.cell[0, 0] / 2
    return slab, end


def test_the_barrier_of_ases_example(tmp_path):
    settings = Band(images=3, climb=False, interpolation="linear", optimizer="bfgs")
    potential = emt()
    found = find_path(hop(), potential, settings, tmp_path)
    ends = hop()
    for end in ends:
        end.calc = EMT()
        BFGS(end, logfile=None).run(fmax=0.05)
    images = [ends[0], *(ends[0].copy() for _ in range(3)), ends[1]]
    for image in images[1:-1]:
        image.calc = EMT()
    band = NEB(images, k=0.1, method="improvedtangent")
    band.interpolate(mic=True)
    BFGS(band, logfile=None).run(fmax=0.05)
    energies = [image.get_potential_energy() for image in images]
    np.testing.assert_allclose(found["energies_eV"], np.subtract(energies, energies[0]), atol=1e-10)
    assert found["barrier_eV"] == pytest.approx(0.374, abs=0.002)  # ASE's page says 0.374 eV
    assert found["status"] == "converged" and found["highest_image"] == 2
    path = read(tmp_path / "path.extxyz", ":")
    assert len(path) == 5 and path[2].get_potential_energy() == pytest.approx(energies[2], abs=1e-10)
    again = emt()
    assert find_path(hop(), again, settings, tmp_path) == found and again.calls() == 0
    with pytest.raises(KeyboardInterrupt):
        find_path(hop(), emt(last=20), settings, tmp_path / "cut")
    rest = emt()
    assert find_path(hop(), rest, settings, tmp_path / "cut") == found and rest.calls() == potential.calls() - 20


def test_an_image_climbs_to_the_saddle(tmp_path):
    """Of a given path of an even number of images, in which none is at the saddle."""
    start, end = (molecule() for _ in range(2))
    end.positions[1] = [-2.1, 1.3, 0.4]
    settings = Band(images=4, fmax=0.01)
    found = find_path((start, end), potential(), settings, tmp_path)
    saddle = read(tmp_path / "path.extxyz", found["highest_image"])
    assert found["status"] == "converged" and found["barrier_eV"] > 0
    assert np.linalg.norm(saddle.get_forces(), axis=1).max() < 0.02
    path = read(tmp_path / "path.extxyz", ":")
    given = find_path(path, potential(), Band(relax_ends=False), tmp_path / "given")
    assert given["images"] == 6 and given["steps"] <= 2


def test_images_that_do_not_fit_are_one_line(tmp_path):
    first = molecule()
    swapped = first[[1, 0, 2]]
    with pytest.raises(
        UserError, match="image 1: atom 0 is C, and in image 0 it is Si; all images need their atoms in"
    ):
        find_path((first, swapped), potential(), Band(), tmp_path)
    with pytest.raises(UserError, match="image 1 has 2 atoms, and image 0 has 3"):
        find_path((first, first[:2]), potential(), Band(), tmp_path)
    with pytest.raises(UserError, match="its ends, or all of its images; there is 1"):
        find_path((first,), potential(), Band(), tmp_path)
    with pytest.raises(UserError, match="image 1 has another cell"):
        find_path((first, Atoms(first, cell=[5, 5, 5], pbc=True)), potential(), Band(), tmp_path)
    with pytest.raises(UserError, match="no interpolation 'ipdd'"):
        find_path((first, first), potential(), Band(interpolation="ipdd"), tmp_path)


def test_exchanged_atoms_are_told(caplog):
    with caplog.at_level(logging.WARNING, "alphanet"):
        require_one_order(hop())
        assert not caplog.text  # a hop is no exchange
        require_one_order((molecule(), molecule()[[2, 1, 0]]))
    assert "images 0 and 1: atoms 0 and 2 of an element seem to be exchanged" in caplog.text


def test_an_unknown_element_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"the start of the path cannot be relaxed: .*C"):
        find_path((molecule(), molecule()), emt(), Band(), tmp_path)

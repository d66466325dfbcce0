"""What the workers share."""

from pathlib import Path

import numpy as np
import pytest
from model_samples import alloy

from alphanet.data.store import write_store
from alphanet.potentials.kit.worker_kit import open_store, read_store

pytestmark = pytest.mark.integration


def test_a_store_can_be_opened_again_while_it_is_open(tmp_path: Path) -> None:
    """LMDB itself refuses; nequip opens the training frames once for their statistics and once to train."""
    from ase.calculators.emt import EMT

    frame = alloy()
    frame.calc = EMT()
    frame.get_forces()
    write_store(tmp_path / "s.aselmdb", [frame], {})
    one, other = open_store(tmp_path / "s.aselmdb"), open_store(tmp_path / "s.aselmdb")
    assert len(one) == len(other) == 1
    assert other.get(id=1).toatoms() == one.get(id=1).toatoms()


def test_forces_of_held_atoms_are_raw(tmp_path: Path) -> None:
    from ase.calculators.singlepoint import SinglePointCalculator
    from ase.constraints import FixAtoms

    frame = alloy()
    forces = np.ones((len(frame), 3))
    frame.calc = SinglePointCalculator(frame, energy=-1.0, forces=forces)
    frame.set_constraint(FixAtoms([0]))
    write_store(tmp_path / "s.aselmdb", [frame], {})
    (read,) = read_store(tmp_path / "s.aselmdb")
    np.testing.assert_array_equal(read.get_forces(), forces)

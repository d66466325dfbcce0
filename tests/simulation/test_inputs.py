"""What simulations start from: what makes two structures the same."""

from ase.constraints import FixAtoms
from moving_atoms import crystal

from alphanet.simulation.inputs import structure_digest


def test_whatever_a_simulation_depends_on_makes_another_structure():
    held, heavy, charged, same = (crystal() for _ in range(4))
    held.set_constraint(FixAtoms([1]))
    heavy.set_masses([29.0] * 8)
    charged.info["charge"] = 1
    same.info["title"] = "the same"
    digests = [structure_digest(atoms) for atoms in (crystal(), held, heavy, charged)]
    assert len(set(digests)) == 4 and structure_digest(same) == digests[0]

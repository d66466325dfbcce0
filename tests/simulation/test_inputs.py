"""What simulations start from: which mode, and what makes two structures the same."""

import pytest
from ase.constraints import FixAtoms
from moving_atoms import crystal

from alphanet.potentials.opening import LoadOptions
from alphanet.simulation.inputs import fast_options, structure_digest


@pytest.mark.parametrize(
    ("model", "mode"),
    [("alphanet", "compiled"), ("m.safetensors", "compiled"), ("m.pt2", "eager"), ("chgnet", "eager"),
     ("moving_atoms:springs", "eager")],
)  # fmt: skip
def test_alphanet_is_fast_unless_asked_otherwise(tmp_path, monkeypatch, model, mode):
    monkeypatch.chdir(tmp_path)
    for name in ("m.safetensors", "m.pt2"):
        (tmp_path / name).touch()
    assert fast_options(model, LoadOptions(), None).mode == mode
    assert fast_options(model, LoadOptions(), "blocked").mode == "blocked"


def test_whatever_a_simulation_depends_on_makes_another_structure():
    held, heavy, charged, same = (crystal() for _ in range(4))
    held.set_constraint(FixAtoms([1]))
    heavy.set_masses([29.0] * 8)
    charged.info["charge"] = 1
    same.info["title"] = "the same"
    digests = [structure_digest(atoms) for atoms in (crystal(), held, heavy, charged)]
    assert len(set(digests)) == 4 and structure_digest(same) == digests[0]

"""Baselines for real: environments are made from the package index, workers are started, and the checks pass.

`make test-baselines` runs this file; it needs the package index and, at the first run, some minutes.
"""

import json
import subprocess

import pytest
from ase.build import bulk

from alphanet.measure.conformance import check_model
from alphanet.potentials.cards import load_baseline
from alphanet.potentials.environments import install, python_of
from alphanet.potentials.remote import RemotePotential
from alphanet.potentials.specification import specified
from alphanet.potentials.weights import present

pytestmark = [pytest.mark.baselines, pytest.mark.usefixtures("lasting_home")]

CHECKED = ("nequip", "mace", "schnet", "equiformer-v2", "chgnet", "sevennet-0")
BULKS = {"Cu": ("fcc", 3.615), "Si": ("diamond", 5.431), "NaCl": ("rocksalt", 5.64)}

# What the packages' own documentation says to do; run in their environments, without anything of ours.
OWN_CALCULATORS = {
    "chgnet": "from chgnet.model import CHGNetCalculator; calculator = CHGNetCalculator(use_device='cpu')",
    "sevennet-0": "from sevenn.calculator import SevenNetCalculator; calculator = SevenNetCalculator('7net-0')",
}
SCRIPT = """
import json
from ase.build import bulk
{make}
energies = {{}}
for name, (structure, a) in {bulks!r}.items():
    atoms = bulk(name, structure, a=a)
    atoms.calc = calculator
    energies[name] = float(atoms.get_potential_energy()) / len(atoms)
print("ENERGIES", json.dumps(energies))
"""


@pytest.mark.parametrize("name", CHECKED)
def test_conformance(name):
    card = load_baseline(name)
    install(card)
    told = check_model(specified(name))
    assert told.get("error") is None
    assert [one for one in told["checks"] if not one["passed"]] == []


@pytest.mark.parametrize("name", OWN_CALCULATORS)
def test_energies_equal_those_of_the_packages_own_calculator(name, tmp_path):
    card = load_baseline(name)
    install(card)
    script = SCRIPT.format(make=OWN_CALCULATORS[name], bulks=BULKS)
    command = [str(python_of(card)), "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=300)
    own = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("ENERGIES"))[9:])
    frames = [bulk(symbol, structure, a=a) for symbol, (structure, a) in BULKS.items()]
    with RemotePotential(card, model=present(card, card.released), dtype="float32") as potential:
        answers = potential.predict(frames)
    for atoms, answer, (symbol, energy) in zip(frames, answers, own.items(), strict=True):
        assert answer.energy / len(atoms) == pytest.approx(energy, abs=1e-5), symbol

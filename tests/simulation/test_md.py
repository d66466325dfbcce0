"""Molecular dynamics: those of ASE, and the same however often they are stopped."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.calculators.lj import LennardJones
from ase.constraints import FixAtoms, FixBondLength
from ase.io import read
from ase.md.langevinbaoab import LangevinBAOAB
from ase.md.verlet import VelocityVerlet
from moving_atoms import Mortal, Springs, crystal, molecule, potential

from alphanet.errors import UserError
from alphanet.potentials.calculators import CalculatorPotential
from alphanet.potentials.committee import CommitteePotential
from alphanet.simulation import md
from alphanet.simulation.integrators import Dynamics
from alphanet.simulation.md import run_md
from alphanet.simulation.outputs import columns_of

FILES = ("trajectory.extxyz", "log.csv", "final.extxyz")
NPT = Dynamics(ensemble="npt", interval=4, pressure=1.0)


def contents(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in FILES]


def test_nve_is_ases_velocity_verlet_bit_by_bit(tmp_path):
    atoms = crystal()
    atoms.set_momenta(np.random.default_rng(1).normal(size=(8, 3)))
    result = run_md(atoms, potential(), Dynamics(timestep=2.0, interval=10), tmp_path, steps=40)
    atoms.calc = Springs()
    by_hand = VelocityVerlet(atoms, timestep=2.0 * units.fs)
    energies = []
    by_hand.attach(lambda: energies.append(atoms.get_total_energy()), interval=10)
    by_hand.run(40)
    frames = read(tmp_path / "trajectory.extxyz", ":")
    assert [frame.info["step"] for frame in frames] == [0, 10, 20, 30, 40]
    assert np.array_equal(frames[-1].positions, atoms.positions)
    assert np.array_equal(frames[-1].get_momenta(), atoms.get_momenta())
    assert np.array_equal(frames[-1].get_forces(), atoms.get_forces())
    log = columns_of(tmp_path / "log.csv")
    np.testing.assert_allclose(log["total energy [eV]"], energies, rtol=1e-11)
    assert result.status == "finished" and result.summary["steps"] == 40
    assert result.summary["temperature_mean_K"] == pytest.approx(log["temperature [K]"].mean())
    assert abs(result.summary["drift_meV_per_atom_per_ps"]) < 5


def test_nvt_is_ases_langevin_dynamics_at_the_temperature(tmp_path):
    dynamics = Dynamics(ensemble="nvt", temperature=500, timestep=4, thermostat_time=50, seed=2)
    result = run_md(crystal(), potential(), dynamics, tmp_path, steps=300)
    first, *_, last = read(tmp_path / "trajectory.extxyz", ":")
    atoms = first.copy()
    atoms.calc = Springs()
    rng = np.random.default_rng([2, 1])
    LangevinBAOAB(atoms, 4 * units.fs, temperature_K=500, T_tau=50 * units.fs, rng=rng).run(300)
    np.testing.assert_allclose(last.positions, atoms.positions, atol=1e-12)
    assert result.summary["temperature_mean_K"] == pytest.approx(500, rel=0.15)
    assert result.summary["drift_meV_per_atom_per_ps"] is None


@pytest.mark.parametrize("dynamics", [Dynamics(interval=4), Dynamics(ensemble="nvt", interval=4), NPT],
                         ids=lambda one: one.ensemble)  # fmt: skip
@pytest.mark.parametrize("pause", [0.0, 1e9], ids=["saved at every step", "saved at the begin"])
def test_a_kill_changes_nothing(tmp_path, monkeypatch, dynamics, pause):
    monkeypatch.setattr(md, "SECONDS_BETWEEN_SAVES", pause)
    run_md(crystal(), potential(), dynamics, tmp_path / "whole", steps=30)
    child = os.fork()
    if child == 0:
        run_md(crystal(), potential(Mortal(19)), dynamics, tmp_path / "killed", steps=30)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert not (tmp_path / "killed" / "summary.json").exists()
    again = Springs()
    run_md(crystal(), potential(again), dynamics, tmp_path / "killed", steps=30)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert (again.calls < 20) == (pause == 0)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143)], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_run_saves_its_last_whole_step_and_goes_on(tmp_path, error):
    run_md(crystal(), potential(), NPT, tmp_path / "whole", steps=30)
    with pytest.raises(type(error)):
        run_md(crystal(), potential(Mortal(14, error)), NPT, tmp_path / "cut", steps=30)
    assert read(tmp_path / "cut" / "final.extxyz").info["step"] == 12  # the first call is for the structure itself
    again = Springs()
    run_md(crystal(), potential(again), NPT, tmp_path / "cut", steps=30)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole") and again.calls == 19


def test_more_steps_are_the_same_trajectory_and_none_are_repeated(tmp_path):
    run_md(crystal(), potential(), NPT, tmp_path / "whole", steps=30)
    for steps in (13, 30):
        run_md(crystal(), potential(), NPT, tmp_path / "longer", steps=steps)
    assert contents(tmp_path / "longer") == contents(tmp_path / "whole")
    calculator = Springs()
    result = run_md(crystal(), potential(calculator), NPT, tmp_path / "longer", steps=30)
    assert calculator.calls == 1 and result.summary["steps"] == 30


def test_other_conditions_are_refused_unless_it_begins_anew(tmp_path):
    run_md(crystal(), potential(), Dynamics(), tmp_path, steps=3)
    with pytest.raises(UserError, match=r"other dynamics \(timestep: 1.0 then, 2.0 now\): choose another folder"):
        run_md(crystal(), potential(), Dynamics(timestep=2), tmp_path, steps=3)
    with pytest.raises(UserError, match="other structure"):
        run_md(crystal() * (1, 1, 2), potential(), Dynamics(), tmp_path, steps=3)
    assert run_md(crystal(), potential(), Dynamics(timestep=2), tmp_path, steps=4, restart=True).summary["steps"] == 4
    (tmp_path / "state.npz").write_bytes(b"PK cut off")
    with pytest.raises(UserError, match=r"state.npz cannot be read \(.*\); restart"):
        run_md(crystal(), potential(), Dynamics(timestep=2), tmp_path, steps=3)


def test_what_explodes_stops_with_one_line_and_keeps_what_there_is(tmp_path):
    near = Atoms("Ar2", [[0, 0, 0], [2.0, 0, 0]])
    repulsive = CalculatorPotential("lj", LennardJones(sigma=3.4, epsilon=1.0, rc=8.0))
    with pytest.raises(UserError, match=r"Ar2 \(2 atoms\), step 1: atom \d moved .* Å in a step; the 0 steps before"):
        run_md(near, repulsive, Dynamics(timestep=50, temperature=0), tmp_path, steps=5)
    assert len(read(tmp_path / "trajectory.extxyz", ":")) == 1
    hot = crystal()
    hot.set_momenta(np.full((8, 3), 30.0) * np.array([1, -1] * 4)[:, None])
    with pytest.raises(UserError, match=r"step 1: the temperature is .* K"):
        run_md(hot, potential(), Dynamics(timestep=0.1), tmp_path / "hot", steps=5)
    with pytest.raises(UserError, match=r"step 7: .*not finite; the 6 steps before it are in"):
        run_md(crystal(), potential(Blind(8)), Dynamics(interval=3), tmp_path / "blind", steps=20)
    assert [frame.info["step"] for frame in read(tmp_path / "blind" / "trajectory.extxyz", ":")] == [0, 3, 6]
    away = Atoms("Ar3", [[0, 0, 0], [0, 4, 0], [95, 0, 0]])
    away.set_momenta([[0, 0, 0], [0, 0, 0], [200.0, 0, 0]])
    with pytest.raises(UserError, match=r"atom 2 has left: it is 1\d\d Å from the others"):
        run_md(away, repulsive, Dynamics(timestep=1, temperature=1e6), tmp_path / "away", steps=50)


class Blind(Springs):
    def __init__(self, last: int) -> None:
        super().__init__()
        self.last = last

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        if self.calls >= self.last:
            self.results["forces"] = self.results["forces"] + np.nan


def test_a_committee_stops_where_it_disagrees_and_goes_on_with_a_higher_limit(tmp_path):
    committee = CommitteePotential(
        [CalculatorPotential("lj", LennardJones(sigma=3.0, epsilon=width, rc=20.0)) for width in (0.01, 0.02)]
    )
    atoms = Atoms("Ar2", [[0, 0, 0], [6.0, 0, 0]])
    atoms.set_velocities([[0.2, 0, 0], [-0.2, 0, 0]])
    result = run_md(atoms, committee, Dynamics(), tmp_path, steps=1000, max_spread=0.05)
    (kept,) = read(tmp_path / "uncertain.extxyz", ":")
    assert result.status == "uncertain" and kept.info["step"] == result.summary["steps"] < 1000
    assert kept.info["forces_spread_max"] > 0.05 and kept.calc is None
    farther = run_md(atoms, committee, Dynamics(), tmp_path, steps=1000, max_spread=0.06)
    assert result.summary["steps"] < farther.summary["steps"] < 1000
    assert len(read(tmp_path / "uncertain.extxyz", ":")) == 2
    with pytest.raises(UserError, match="needs a committee"):
        run_md(crystal(), potential(), Dynamics(), tmp_path / "one", steps=3, max_spread=0.1)


def test_held_atoms_stay(tmp_path):
    atoms = crystal()
    atoms.set_constraint(FixAtoms([0, 5]))
    run_md(atoms, potential(), Dynamics(ensemble="nvt"), tmp_path, steps=10)
    last = read(tmp_path / "final.extxyz")
    assert np.array_equal(last.positions[[0, 5]], atoms.positions[[0, 5]]) and (last.positions != atoms.positions).any()
    assert last.constraints[0].index.tolist() == [0, 5]


@pytest.mark.parametrize(
    ("dynamics", "atoms", "said"),
    [
        (Dynamics(ensemble="nvtt"), crystal(), "no ensemble 'nvtt'; did you mean 'nvt'"),
        (Dynamics(ensemble="npt"), molecule(), r"npt needs a structure that is periodic in all directions; CSi2"),
        (Dynamics(ensemble="npt"), Atoms("H", pbc=True), "npt needs a cell; that of H .* no volume"),
        (Dynamics(ensemble="nvt", temperature=0), crystal(), "a temperature above 0 K"),
    ],
)
def test_what_cannot_move_is_one_line(tmp_path, dynamics, atoms, said):
    with pytest.raises(UserError, match=said):
        run_md(atoms, potential(), dynamics, tmp_path / "none", steps=3)
    assert not (tmp_path / "none").exists()


def test_constraints_that_an_ensemble_cannot_keep_are_refused(tmp_path):
    atoms = crystal()
    atoms.set_constraint(FixBondLength(0, 1))
    with pytest.raises(UserError, match="nvt holds atoms in place and nothing else; the structure has FixBond"):
        run_md(atoms, potential(), Dynamics(ensemble="nvt"), tmp_path, steps=3)
    atoms.set_constraint(FixAtoms([0]))
    with pytest.raises(UserError, match="npt cannot hold atoms in place"):
        run_md(atoms, potential(), Dynamics(ensemble="npt"), tmp_path, steps=3)


@pytest.mark.slow
def test_the_command_survives_signals(tmp_path):
    """Twice SIGTERM, once SIGKILL, then to the end: the same bytes as in one go."""
    crystal().write(tmp_path / "in.extxyz")
    words = [sys.executable, "-m", "alphanet", "md", "moving_atoms:springs", "in.extxyz", "--steps", "4000",
             "--ensemble", "nvt", "--out"]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": f"{Path(__file__).parents[1]}:{os.environ.get('PYTHONPATH', '')}"}
    subprocess.run([*words, "whole"], cwd=tmp_path, check=True, env=environment, capture_output=True)
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        child = subprocess.Popen([*words, "cut"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
        child.stderr.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.4)
        child.send_signal(number)
        assert child.wait(20) in (143, -9)
    subprocess.run([*words, "cut"], cwd=tmp_path, check=True, env=environment, capture_output=True)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")

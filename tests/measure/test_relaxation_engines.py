"""One structure and many at once: the same protocol, and what becomes of structures that cannot be relaxed."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.optimize import FIRE
from crystals_to_relax import strained_crystals
from python_potentials import Deadly

from alphanet.errors import UserError
from alphanet.measure.relaxation.job import Job, conditions, relax_piece
from alphanet.measure.relaxation.protocol import RelaxationProtocol
from alphanet.measure.relaxation.records import Conditions, Crystal
from alphanet.measure.relaxation.relax import relax
from alphanet.measure.relaxation.relax_batched import relax_batched
from alphanet.potentials.calculators import CalculatorPotential
from alphanet.potentials.cards import load_baseline
from alphanet.potentials.environments import install
from alphanet.potentials.remote import RemotePotential
from alphanet.potentials.weights import present

pytestmark = pytest.mark.integration

USUAL = RelaxationProtocol()


def one_by_one(frames, potential, protocol=USUAL):
    return [relax(identity, atoms, potential, protocol) for identity, atoms in frames.items()]


def metals() -> dict[str, Atoms]:
    """Strained cells of metals that EMT knows."""
    found = {}
    for seed, symbol in enumerate(("Cu", "Al", "Ni")):
        atoms = bulk(symbol, cubic=True)
        atoms.rattle(0.1, seed=seed)
        strain = np.random.default_rng(seed).normal(scale=0.04, size=(3, 3))
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
        found[symbol] = atoms
    return found


def test_equals_ases_own_loop():
    atoms = metals()["Cu"]
    record = relax("Cu", atoms, CalculatorPotential("emt", EMT()), USUAL)
    bare = atoms.copy()
    bare.calc = EMT()
    optimizer = FIRE(FrechetCellFilter(bare), logfile=None)
    optimizer.run(fmax=0.05, steps=500)
    assert record.status == "converged"
    assert record.steps == optimizer.nsteps
    assert record.energy == pytest.approx(bare.get_potential_energy(), abs=1e-9)
    assert record.volume_ratio == pytest.approx(bare.get_volume() / atoms.get_volume(), abs=1e-6)
    np.testing.assert_allclose(record.structure.positions, bare.positions, atol=1e-6)
    np.testing.assert_allclose(record.structure.cell, bare.cell.array, atol=1e-6)


def test_many_at_once_take_the_same_steps_though_they_arrive_one_after_another():
    frames, potential = metals(), CalculatorPotential("emt", EMT())
    for alone, together in zip(one_by_one(frames, potential), relax_batched(frames, potential, USUAL, 2), strict=True):
        assert together.id == alone.id
        assert together.steps == alone.steps
        assert together.energy_per_atom == pytest.approx(alone.energy_per_atom, abs=1e-4)
        assert together.volume_ratio == pytest.approx(alone.volume_ratio, abs=1e-3)


@pytest.mark.parametrize("engine", [one_by_one, lambda *given: relax_batched(*given, USUAL, 3)])
def test_what_goes_wrong_is_said_and_harms_no_other(engine):
    def cell(symbol: str, second: float = 2.0) -> Atoms:
        return Atoms([symbol, symbol], [[0, 0, 0], [second] * 3], cell=[4.0] * 3, pbc=True)

    frames = {
        "sound": cell("Na"),
        "near": cell("Na", 0.1),
        "flat": Atoms("Na", cell=[4, 4, 0], pbc=True),
        "nan": cell("Ne"),
        "huge": cell("Ar"),
        "open": cell("Kr"),
        "also sound": cell("Mg"),
    }
    potential = CalculatorPotential("deadly", Deadly())
    found = {record.id: record for record in engine(frames, potential)}
    assert list(found) == list(frames)
    assert found["sound"].status == found["also sound"].status == "converged"
    assert "atoms 0 and 1 are 0.173 Å apart" in found["near"].reason
    assert "no volume" in found["flat"].reason
    assert "not finite" in found["nan"].reason
    assert "a force of 1.73e+06" in found["huge"].reason
    assert "times the initial one" in found["open"].reason
    assert all(found[one].status == "failed" for one in ("near", "flat", "nan", "huge", "open"))


def test_a_worker_of_other_conditions_relaxes_nothing():
    job = Job("python_potentials:Settled")
    piece = {"Cu": Crystal.of(metals()["Cu"])}
    (record,) = relax_piece(job, conditions(job).digest, piece)
    assert record.status == "converged"
    with pytest.raises(UserError, match="workers of the cluster differ"):
        relax_piece(job, Conditions().digest, piece)


def test_a_doubled_volume_is_flagged():
    atoms = bulk("Cu", cubic=True, a=2.8)
    record = relax("Cu", atoms, CalculatorPotential("emt", EMT()), USUAL)
    assert record.volume_ratio > 2
    assert record.flags == ["volume doubled"]


def test_steps_are_counted_as_the_protocol_says():
    potential = CalculatorPotential("emt", EMT())
    for record in (*one_by_one(metals(), potential, RelaxationProtocol(max_steps=3)),
                   *relax_batched(metals(), potential, RelaxationProtocol(max_steps=3), 4)):  # fmt: skip
        assert (record.status, record.steps) == ("unconverged", 3)


@pytest.mark.baselines
@pytest.mark.parametrize("name", ["chgnet", "sevennet-0"])
def test_released_potentials_relax_real_crystals_alike_on_both_paths(name, lasting_home):
    card = load_baseline(name)
    install(card)
    frames = strained_crystals()
    with RemotePotential(card, model=present(card, card.released)) as potential:
        alone = one_by_one(frames, potential)
        together = relax_batched(frames, potential, USUAL, 3)
    for one, other in zip(alone, together, strict=True):
        assert one.status == other.status == "converged"
        assert one.energy_per_atom == pytest.approx(other.energy_per_atom, abs=1e-3)
        assert one.volume_ratio == pytest.approx(other.volume_ratio, abs=0.01)

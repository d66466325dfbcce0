"""The audit finds what is wrong with a potential, by the checks that are for it and by no other."""

import dataclasses

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from model_samples import official_config, paper_config, random_model

from alphanet.errors import UserError
from alphanet.measure.physics import conservation, continuity, dimers
from alphanet.measure.physics.audit import CHECKS, audit, subject_of
from alphanet.measure.physics.checks import Subject, judged, line, physics_check
from alphanet.measure.physics.derivatives import judged_differences
from alphanet.measure.physics.structures import Sample
from alphanet.model.config import AlphaNetConfig, preset
from alphanet.model.create import create_model
from alphanet.potentials.local import AlphaNetPotential
from alphanet.potentials.opening import LoadOptions, open_potential

pytestmark = pytest.mark.integration

FOUND = {
    "good": set(),
    "direction": {"rotation"},
    "handed": {"mirror"},
    "place": {"translation"},
    "image": {"unwrapped"},
    "stored": {"pbc-wrap", "unwrapped", "supercell"},  # pairs across the cell's faces do not count
    "order": {"permutation"},
    "size": {"supercell"},
    "cutoff": {"cutoff", "NVE", "dimers"},  # the dimer's energy does not end at that of the atoms
    "cap": {"neighbor-cap"},
    "step": {"continuity"},
    "not_conservative": {"forces", "conservative", "NVE"},
    "wrong_stress": {"stress"},
    "hollow": {"dimers"},
    "triples": set(),  # no energies of dimers, and no rounding: a limit of 0
}


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    """The same checks with fewer points."""
    monkeypatch.setattr(conservation, "STEPS", 120)
    monkeypatch.setattr(dimers, "PAIRS", 2)
    monkeypatch.setattr(dimers, "STEPS", 60)
    monkeypatch.setattr(dimers, "POINTS", 12)
    monkeypatch.setattr(continuity, "PATHS", 1)
    monkeypatch.setattr(continuity, "HALVED", 1)
    monkeypatch.setattr(continuity, "CONTROLS", 12)
    monkeypatch.setattr(continuity, "CROSSINGS", 6)
    monkeypatch.setattr(continuity, "LOWEST_RANK", 40)
    monkeypatch.setattr(conservation, "LOOPS", 1)


def checks_of(potential, *, untrained=False):
    subject = subject_of(potential, [], LoadOptions(untrained=untrained))
    return [one for make in CHECKS.values() for one in make(subject)]


def failed(checks):
    return {one.group for one in checks if one.passed is False}


@pytest.mark.parametrize("flaw", FOUND)
def test_each_flaw_is_found_by_its_own_checks(flaw):
    checks = checks_of(open_potential(f"flawed_potentials:{flaw}", LoadOptions(dtype="float64")))
    assert failed(checks) == FOUND[flaw]
    if flaw == "good":
        assert all(one.passed for one in checks)
    if flaw == "cap":
        assert next(one.where for one in checks if one.check == "neighbor-cap: force jump").startswith("neighbor 45 of")


@pytest.mark.parametrize(("name", "passed"), [("fig3a-zbl", True), ("fig3a", None)])
def test_random_weights_repel_only_with_a_repulsion(name, passed):
    model = create_model(preset(name)).double()
    subject = subject_of(AlphaNetPotential(model, dtype="float64"), [], LoadOptions(untrained=True))
    (check,) = [one for one in CHECKS["dimers"](subject) if one.check == "dimers: repulsion"]
    assert check.passed is passed


def test_float32_alone_is_no_flaw():
    potential = open_potential("flawed_potentials:good", LoadOptions(dtype="float32"))
    assert subject_of(potential, [], LoadOptions()).rounding.precision == "float32"  # told from its noise
    assert not failed(checks_of(potential))


def test_flaws_show_in_float32_too():
    for flaw in ("cutoff", "cap", "not_conservative"):
        potential = open_potential(f"flawed_potentials:{flaw}", LoadOptions(dtype="float32"))
        assert FOUND[flaw] - {"NVE"} <= failed(checks_of(potential)) <= FOUND[flaw]


def test_alphanet_has_no_flaw():
    checks = checks_of(AlphaNetPotential(random_model(paper_config())), untrained=True)
    assert not failed(checks)
    assert {one.check for one in checks if one.passed is None} == {"dimers: repulsion"}
    symmetries = [
        one
        for one in checks
        if one.group in ("rotation", "mirror", "translation", "pbc-wrap", "unwrapped", "supercell")
    ]
    assert all(one.value < 1e-9 for one in symmetries)


def test_all_flaws_of_the_public_reading_are_found():
    model = random_model(official_config(), spread=0.5)
    found = {one.check: one for one in checks_of(AlphaNetPotential(model), untrained=True)}
    for check in (
        "rotation: energy",
        "pbc-wrap: energy",
        "cutoff: energy jump",
        "neighbor-cap: force jump",
        "continuity: energy jump",
    ):
        assert found[check].passed is False, line(found[check])
    assert found["neighbor-cap: force jump"].where.startswith("neighbor 50 of")
    assert found["translation: energy"].passed and found["permutation: energy"].passed


def test_what_float32_costs_is_measured():
    def float32(name):
        result = audit(f"flawed_potentials:{name}", LoadOptions(), [])
        return {one.check: one for one in result.checks if one.group == "float32"}

    assert all(one.passed for one in float32("good").values())
    assert float32("far_from_zero")["float32: energy"].passed is False
    assert "one precision" in float32("stubborn")["float32: energy"].reason


def test_a_potential_that_fails_in_the_middle_keeps_what_was_checked(caplog):
    caplog.set_level("INFO", "alphanet")
    result = audit("flawed_potentials:fails_on_ranks", LoadOptions(), [])
    assert result.error == ""
    by_group = {one.group: one for one in result.checks}
    assert by_group["neighbor-cap"].passed is None and "too dense" in by_group["neighbor-cap"].reason
    assert by_group["NVE"].passed and "not checked: neighbor-cap" in caplog.text


def test_a_potential_that_fails_at_once_says_so():
    result = audit("flawed_potentials:fails_on_molecules", LoadOptions(), [])
    assert "no molecules" in result.error and result.checks == []


def test_structures_of_the_users_choice():
    potential = open_potential("flawed_potentials:good", LoadOptions(dtype="float64"))
    given = [Atoms("CN", [[0, 0, 0], [1.2, 0, 0]]), Atoms("Cu2", [[0, 0, 0], [0, 0, 2.2]], cell=[4, 4, 4], pbc=True)]
    subject = subject_of(potential, [Sample(atoms, "given", asked=True) for atoms in given], LoadOptions())
    assert (str(subject.crystal.symbols), str(subject.molecule.symbols)) == ("Cu2", "CN")
    water, far = molecule("H2O"), Atoms("O2", [[0, 0, 0], [0, 0, 9.0]])
    trained_on = [Sample(far, "too large"), Sample(water, "frame 3")]
    assert subject_of(potential, trained_on, LoadOptions()).origins["molecule"] == "frame 3"
    assert subject_of(potential, [Sample(far, "given", asked=True)], LoadOptions()).origins["molecule"] == "given"
    with pytest.raises(UserError, match="at least two atoms"):
        subject_of(potential, [Sample(Atoms("C"), "given")], LoadOptions())


def test_elements_and_size_follow_the_model():
    config = AlphaNetConfig(elements=("H", "Cu"), cutoff=3.0, num_layers=1, hidden_channels=8, heads=2)
    subject = subject_of(AlphaNetPotential(create_model(config).double()), [], LoadOptions())
    assert set(subject.crystal.symbols) | set(subject.molecule.symbols) <= {"H", "Cu"}
    assert subject.origins["crystal"].startswith("quartz with Cu in place of Si and H in place of O")
    assert subject.described(["crystal"]) == f"crystal {subject.crystal.symbols}"
    assert subject.described(["dimers"]) == "dimers of Cu and H"
    small = subject_of(
        AlphaNetPotential(random_model(paper_config().model_copy(update={"cutoff": 3.0}))), [], LoadOptions()
    )
    assert small.molecule.get_all_distances().max() < 3.0


def test_the_seed_decides_everything():
    def values(seed):
        subject = subject_of(AlphaNetPotential(random_model(paper_config())), [], LoadOptions(seed=seed))
        return [dataclasses.astuple(one) for make in ("unwrapped", "cutoff", "forces") for one in CHECKS[make](subject)]

    assert values(0) == values(0) != values(1)


def test_derivatives_that_cannot_be_known_are_not_judged():
    smooth = judged_differences("x", np.array([1e-11, 5e-3]), np.array([1e-12, 1e-2]), "eV/Å", 1e-9, 1e-6)
    assert smooth.passed and smooth.value == 1e-11
    rough = judged_differences("x", np.array([5e-3]), np.array([1e-2]), "eV/Å", 1e-9, 1e-6)
    assert rough.passed is None and "not smooth" in rough.reason


def test_a_check_is_declared_in_one_place():
    @physics_check("odd", "an odd\ncheck", on=("crystal", "chain"))
    def odd(_):
        """A failure that does not matter, beside one that does."""
        yield judged("small", 2.0, "K", 1.0, negligible=3.0)
        yield judged("usual", 2e-4, "eV", 1e-9)

    small, usual = odd(Subject(None, Atoms("Cu2"), Atoms("CO"), stress=False))
    assert small.structure == "crystal Cu2, chain of C and Cu and O" and small.structure in line(small)
    assert (small.check, small.group, small.passed, small.is_negligible) == ("odd: small", "odd", False, True)
    assert not usual.is_negligible

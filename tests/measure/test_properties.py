"""Properties: zero error of the exact potential, known errors of a scaled one, and agreement with independent means."""

from typing import ClassVar

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.constraints import FixAtoms
from ase.units import GPa
from model_samples import paper_config, random_model
from python_potentials import CopperOnly, NoStress

from alphanet.errors import UserError
from alphanet.measure.properties import references, together
from alphanet.measure.properties.crystals import repeats
from alphanet.measure.properties.diatomics import curve_measures
from alphanet.measure.properties.dihedrals import turning
from alphanet.measure.properties.elastic import hill, symmetrized
from alphanet.measure.properties.methods import (
    BEGIN,
    CUTOFF,
    EPSILON,
    METHODS,
    SIGMA,
    Softened,
    argon,
    emt,
    open_method,
)
from alphanet.measure.properties.references import true_property
from alphanet.measure.properties.registry import PROPERTIES, make_property
from alphanet.measure.properties.relaxing import relaxed, relaxed_together
from alphanet.measure.properties.repeated import RepeatedCalculator
from alphanet.measure.properties.running import computed
from alphanet.measure.properties.structures import structure_called, structure_digest, usual_structures
from alphanet.measure.properties.task import MissingPackageError, require_packages
from alphanet.potentials.ase_calculator import PotentialCalculator
from alphanet.potentials.calculators import CalculatorPotential
from alphanet.potentials.local import AlphaNetPotential

FORMATE = "mini/formate.extxyz.xz"
ADSORBED = "mini/oc20.extxyz.xz@0"
CHEAP = {
    "forces": ("Cu", {}),
    "eos": ("Cu", {}),
    "elastic": ("Cu", {}),
    "phonons": ("Cu", {"length": 5.0, "mesh": 4}),
    "conductivity": ("Cu", {"length": 3.0, "mesh": 4}),  # one cell: enough to be repeated exactly
    "vacancy": ("Cu", {"length": 3.0}),
    "surface": ("Cu", {"layers": 3}),
    "barrier": ("Cu", {"length": 3.0, "images": 1, "force": 0.1}),
    "reaction": (f"{FORMATE}@0-2", {"images": 3, "force": 0.5}),
    "nve": ("Cu", {"length": 3.0, "steps": 30}),
    "nvt": ("Cu", {"length": 3.0, "steps": 100, "settle": 10}),
    "diatomics": ("Cu2", {"points": 12}),
    "dihedral": ("C2H6", {"points": 6}),
    "bilayer": ("graphene-bilayer", {"grid": 2, "distances": 4}),
    "adsorption": (ADSORBED, {"force": 0.1}),
}
"""Property -> structure and settings that take a second at most"""
PROPERTY_PACKAGES = {"phonons": ("phonopy",), "conductivity": ("phono3py",)}
KNOWN = {
    "bulk_modulus_error": 0.1,
    "lattice_constant_error": 0.0,
    "volume_error": 0.0,
    "shear_modulus_error": 0.1,
    "elastic_bulk_error": 0.1,
    "lowest_surface_error": 0.1,
}
"""Errors of energies, forces and stresses that are all 10 % too small"""


def made(name):
    for package in PROPERTY_PACKAGES.get(name, ()):
        pytest.importorskip(package)
    structure, settings = CHEAP[name]
    return make_property(name, settings, "test"), structure_called(structure)


@pytest.fixture(scope="module")
def true():
    """A function that computes a property by EMT, once for all tests."""
    found = {}

    def get(name):
        task, atoms = made(name)
        if name not in found:
            found[name] = task.compute(emt(), atoms)
        return task, atoms, found[name]

    return get


def test_every_property_is_tested():
    assert set(CHEAP) == set(PROPERTIES)


@pytest.mark.parametrize("name", PROPERTIES)
def test_exact_forces_have_no_error(name, true):
    task, atoms, truth = true(name)
    before = atoms.copy()
    assert task.unfit(atoms) is None
    errors = task.compare(task.compute(emt(), atoms), truth)
    compared = {key: one for key, one in task.quantities.items() if not one.own}
    assert set(compared) <= set(errors)
    for key, quantity in compared.items():
        assert errors[key] <= quantity.noise, key
    assert atoms == before
    assert task.read(truth.model_dump(mode="json")) == truth


@pytest.mark.parametrize("name", ["forces", "eos", "elastic", "vacancy", "surface", "bilayer"])
def test_a_potential_with_known_errors_has_them(name, true):
    task, atoms, truth = true(name)
    errors = task.compare(task.compute(Softened(), atoms), truth)
    for key, quantity in task.quantities.items():
        if key in KNOWN:
            assert errors[key] == pytest.approx(KNOWN[key], abs=2e-4), key
        else:
            assert errors[key] > 10 * quantity.noise, key
    if name == "vacancy":
        assert errors["vacancy_error"] == pytest.approx(0.1 * truth.vacancy, rel=1e-3)


def energy_constants(calculator, crystal):
    """C11, C12 and C44 from energies alone: an isotropic strain, and two that keep the volume (Mehl 1990)."""
    crystal.calc = calculator
    cell, volume, size = crystal.cell.array.copy(), crystal.get_volume(), 0.01

    def curvature(strain):
        energies = []
        for scale in (-size, 0, size):
            crystal.set_cell(cell @ strain(scale), scale_atoms=True)
            energies.append(crystal.get_potential_energy())
        return (energies[0] - 2 * energies[1] + energies[2]) / size**2 / volume

    modulus = curvature(lambda d: np.eye(3) * (1 + d)) / 9
    tetragonal = curvature(lambda d: np.diag([1 + d, 1 - d, 1 / (1 - d**2)])) / 2  # C11 - C12
    shear = curvature(lambda d: np.array([[1, d / 2, 0], [d / 2, 1, 0], [0, 0, 1 / (1 - d**2 / 4)]]))
    return modulus + 2 * tetragonal / 3, modulus - tetragonal / 3, shear


@pytest.mark.parametrize(("make", "crystal"), [(emt, "Cu"), (argon, "Ar")])
def test_elastic_constants_are_those_of_energies(make, crystal):
    atoms = structure_called(crystal)
    result = make_property("elastic", {}, "test").compute(make(), atoms)
    state = make_property("eos", {}, "test").compute(make(), atoms)
    found = [result.matrix[0][0], result.matrix[0][1], result.matrix[3][3]]
    cubic = bulk(crystal, a=state.lattice_constant)
    assert found == pytest.approx(energy_constants(make(), cubic), rel=0.01)
    assert result.bulk_modulus == pytest.approx(state.bulk_modulus, rel=0.01)
    assert result.asymmetry < 1e-6 and result.softest > 0


def pair_sums(a):
    """Energy (eV/atom), C11 and C44 (eV/Å^3) of fcc argon at the length a by sums over pairs; no ASE is in them."""
    span = np.arange(-6, 7)
    places = np.array(np.meshgrid(span, span, span)).reshape(3, -1).T
    points = places[(places.sum(axis=1) % 2 == 0) & places.any(axis=1)] * a / 2
    r = np.linalg.norm(points, axis=1)
    points, r = points[r < CUTOFF], r[r < CUTOFF]

    def energy(r):
        end = np.where(
            r > BEGIN,
            (CUTOFF**2 - r**2) ** 2 * (CUTOFF**2 + 2 * r**2 - 3 * BEGIN**2) / (CUTOFF**2 - BEGIN**2) ** 3,
            1.0,
        )
        return 4 * EPSILON * ((SIGMA / r) ** 12 - (SIGMA / r) ** 6) * end

    step = 1e-4
    slope = (energy(r + step) - energy(r - step)) / (2 * step)
    curve = (energy(r + step) - 2 * energy(r) + energy(r - step)) / step**2
    weights = (curve - slope / r) / r**2 / (2 * a**3 / 4)
    x, y = points[:, 0], points[:, 1]
    return energy(r).sum() / 2, (weights * x**4).sum(), (weights * x**2 * y**2).sum()


def test_argon_is_that_of_sums_over_pairs():
    from scipy.optimize import minimize_scalar

    a = minimize_scalar(lambda a: pair_sums(a)[0], bounds=(5.0, 5.6), method="bounded", options={"xatol": 1e-6}).x
    energy, c11, c44 = pair_sums(a)
    state = make_property("eos", {}, "test").compute(argon(), structure_called("Ar"))
    elastic = make_property("elastic", {}, "test").compute(argon(), structure_called("Ar"))
    assert state.lattice_constant == pytest.approx(a, rel=1e-3)
    assert state.energy == pytest.approx(energy, rel=1e-3)
    assert elastic.matrix[0][0] == pytest.approx(c11, rel=0.01)
    assert elastic.matrix[3][3] == pytest.approx(c44, rel=0.01)
    assert elastic.matrix[0][1] == pytest.approx(c44, rel=0.01)  # Cauchy: pairs alone, no pressure
    assert state.bulk_modulus == pytest.approx((c11 + 2 * c44) / 3, rel=0.01)
    assert 1 < elastic.bulk_modulus / GPa < 5


# The supercells hold the points of the mesh, so that both agree whichever image of a far atom they take.
@pytest.mark.parametrize(("make", "crystal", "length"), [(emt, "Cu", 7.0), (argon, "Ar", 14.0)])
def test_phonons_are_those_of_ase(make, crystal, length, tmp_path):
    pytest.importorskip("phonopy")
    from ase.phonons import Phonons

    task = make_property("phonons", {"length": length, "mesh": 2}, "test")
    found = task.compute(make(), structure_called(crystal))
    cell = relaxed(structure_called(crystal), make(), cell=True)
    own = Phonons(cell, make(), supercell=repeats(cell, length), delta=0.01, name=str(tmp_path / "ase"))
    own.run()
    own.read(acoustic=True)
    halves = np.array(np.meshgrid([-0.25, 0.25], [-0.25, 0.25], [-0.25, 0.25])).reshape(3, -1).T
    energies = np.array([own.band_structure([q])[0] for q in halves])
    terahertz = np.sort(energies.ravel()) / 4.135667696e-3
    assert np.sort(found.curves["frequencies"].y) == pytest.approx(terahertz, rel=0.01)
    assert found.imaginary == 0 and found.free_energy is not None


def test_imaginary_modes_are_a_note_and_no_free_energy():
    pytest.importorskip("phonopy")
    turned = Softened()
    compute = turned.calculate

    def calculate(*arguments):  # a minimum becomes a maximum, where everything is at rest
        compute(*arguments)
        turned.results = {name: -value for name, value in turned.results.items()}

    turned.calculate = calculate
    resting = relaxed(structure_called("Cu"), emt(), cell=True)
    found = make_property("phonons", {"length": 5.0, "mesh": 2}, "test").compute(turned, resting)
    assert found.imaginary > 0 and found.free_energy is None and "imaginary" in found.notes[0]
    assert "free_energy_error" not in make_property("phonons", {}, "test").compare(found, found)


def test_measures_of_diatomic_curves():
    r = np.linspace(0.8, 4, 60)
    well = 4 * (r**-12.0 - r**-6.0)
    force = 24 * (2 * r**-13.0 - r**-7.0)
    good = curve_measures(r, well, force)
    assert (good["force_flips"], good["energy_jump"], good["unrepelled"]) == (1, 0, 0)
    assert good["repulsion"] == pytest.approx(-1)
    assert good["tortuosity"] == pytest.approx(1) and good["attraction"] == pytest.approx(1)
    falling = np.where(r < 0.9, -5.0, well)  # the energy falls into a hole at short distance
    bad = curve_measures(r, falling, force)
    assert bad["repulsion"] == 0 and bad["energy_jump"] > 5 and bad["tortuosity"] > 1.1
    dip = curve_measures(r, np.where((r > 0.85) & (r < 0.92), 0.5, well), force)
    assert dip["unrepelled"] == pytest.approx(well[r > 0.92][0] - 0.5) and dip["repulsion"] > -1
    wavy = curve_measures(r, well + 0.3 * np.sin(12 * r), np.cos(20 * r))
    assert wavy["force_flips"] > 5 and wavy["energy_jump"] > 0.1


def test_averaging_over_symmetry_takes_a_broken_one_away():
    cubic = np.diag([3.0, 3, 3, 1, 1, 1])
    cubic[:3, :3] += 2 - 2 * np.eye(3)
    quarter = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
    third = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0.0]])
    assert symmetrized(cubic, np.array([np.eye(3), quarter, third]))[1] == pytest.approx(0)
    broken = cubic.copy()
    broken[0, 0] += 0.5
    averaged, asymmetry = symmetrized(broken, np.array([np.linalg.matrix_power(third, n) for n in range(3)]))
    assert averaged[0, 0] == pytest.approx(averaged[2, 2]) and asymmetry > 0.1
    assert hill(np.diag([3.0, 3, 3, 1.5, 1.5, 1.5])) == pytest.approx((1, 1.5))


def test_the_bond_that_turns():
    quartet, part = turning(structure_called("CH3CH2OH"))
    assert len(quartet) == 4 and 0 < len(part) < 9
    assert turning(structure_called("Cu2")) is None


@pytest.mark.parametrize(
    ("name", "calculator", "structure", "words"),
    [
        ("eos", CopperOnly(epsilon=0.3, sigma=2.2, rc=6.0, smooth=True), "Al", "copper alone"),
        ("elastic", NoStress(), "Cu", "stress"),
        ("eos", NoStress(), "Cu", "no minimum"),
        ("elastic", LennardJones(epsilon=50.0, sigma=4.0, rc=8.0), "Cu", "diverged"),
        ("nvt", LennardJones(epsilon=50.0, sigma=4.0, rc=8.0), "Cu", "unstable after 0 ps"),
    ],
)
def test_what_cannot_be_had_says_why(name, calculator, structure, words):
    with pytest.raises(UserError, match=words):
        computed(make_property(name, {}, "test"), calculator, structure_called(structure))


def test_a_run_that_goes_wrong_without_a_thermostat_is_a_result():
    found = make_property("nve", {}, "test").compute(
        LennardJones(epsilon=50.0, sigma=4.0, rc=8.0), structure_called("Cu")
    )
    assert found.drift is None and found.stable == 0 and "unstable" in found.notes[0]


def test_structures_that_a_property_does_not_fit():
    for name, structure in (("eos", "Cu2"), ("vacancy", "quartz"), ("dihedral", "Cu"), ("bilayer", "Cu"),
                            ("adsorption", "Cu"), ("diatomics", "C2H6"), ("nvt", "C2H6"), ("reaction", "Cu"),
                            ("eos", f"{FORMATE}@0"), ("elastic", "graphene-bilayer"), ("phonons", f"{FORMATE}@0"),
                            ("conductivity", "graphene-bilayer"), ("vacancy", "graphene-bilayer"),
                            ("reaction", f"{FORMATE}@0-2")):  # fmt: skip
        assert make_property(name, {}, "test").unfit(structure_called(structure)), name


def test_a_small_cell_is_computed_as_a_supercell():
    class Counting(EMT):
        sizes: ClassVar[list[int]] = []

        def calculate(self, atoms=None, *rest):
            self.sizes.append(len(atoms))
            super().calculate(atoms, *rest)

    calculator, small = RepeatedCalculator(Counting(), small=3.0, length=7.0), bulk("Cu", a=3.7)
    small.rattle(0.1, seed=1)
    small.set_cell(small.cell.array @ np.diag([1.0, 1.02, 0.97]), scale_atoms=True)
    for atoms in (small, bulk("Cu", a=4.3), bulk("Cu", cubic=True), Atoms("Cu2", [[0, 0, 0], [0, 0, 2.3]])):
        found, wanted = atoms.copy(), atoms.copy()
        found.calc, wanted.calc = calculator, EMT()
        assert found.get_potential_energy() == pytest.approx(wanted.get_potential_energy(), abs=1e-9)
        np.testing.assert_allclose(found.get_forces(), wanted.get_forces(), atol=1e-9)
        if atoms.pbc.all():
            np.testing.assert_allclose(found.get_stress(), wanted.get_stress(), atol=1e-9)
    assert list(dict.fromkeys(Counting.sizes)) == [64, 4, 2]  # a larger lattice constant has the same k points


def test_names_of_structures(tmp_path):
    assert structure_called("Cu").get_chemical_formula() == "Cu" and len(structure_called("quartz")) == 9
    assert len(structure_called(ADSORBED)) == 13
    for name, words in (("Xy", "no structure 'Xy'"), ("P", "no simple crystal"), (f"{ADSORBED[:-1]}9999", "no frame"),
                        (f"{ADSORBED}x", "not the number"), (f"{FORMATE}@0-", "not the number"),
                        (f"{FORMATE}@3-1", "is no path"), (f"{ADSORBED}-99", "is no path")):  # fmt: skip
        with pytest.raises(UserError, match=words):
            structure_called(name)
    path = structure_called(f"{FORMATE}@1-4")
    assert path.arrays["path"].shape == (22, 4, 3) and (path.arrays["path"][:, 0] == path.positions).all()
    assert structure_digest(path) != structure_digest(structure_called(f"{FORMATE}@1-3"))
    assert usual_structures("eos", ["Al", "Ni", "Cu", "Pd", "Au"]) == ("Al", "Cu", "Au")
    assert usual_structures("diatomics", ["H", "He"]) == ("H2", "He2")
    assert usual_structures("eos", ["O", "Si"])[0] == "Si"


def test_settings_are_checked():
    with pytest.raises(UserError, match=r"no property 'eso'.*eos"):
        make_property("eso", {}, "card")
    with pytest.raises(UserError, match=r"card: settings of eos: point: .*points"):
        make_property("eos", {"point": 9}, "card")


def test_true_values_are_computed_once(monkeypatch):
    task, atoms = made("eos")
    first, key = true_property(task, atoms, "emt", open_method)
    with monkeypatch.context() as patched:
        patched.setattr(references, "computed", None)
        assert true_property(task, atoms, "emt", open_method) == (first, key)
    (kept,) = (references.home() / "properties").glob("*.json")
    kept.write_text("{")
    assert true_property(task, atoms, "emt", open_method) == (first, key)
    assert references.reference_key(task, atoms, "lj") != key
    assert references.reference_key(make_property("eos", {"points": 9}, ""), atoms, "emt") != key
    squeezed = atoms.copy()
    squeezed.set_cell(atoms.cell * 0.99)
    assert references.reference_key(task, squeezed, "emt") != key


@pytest.mark.parametrize("name", ["forces", "diatomics", "bilayer"])
def test_structures_in_one_call_have_the_numbers_that_they_have_alone(name, monkeypatch):
    task, atoms = made(name)
    potential = AlphaNetPotential(random_model(paper_config()))
    call, sizes, found = potential.predict, [], []
    monkeypatch.setattr(potential, "predict", lambda frames, **rest: sizes.append(len(frames)) or call(frames, **rest))
    for limit, largest in ((1, 1), (1000, 2)):
        sizes.clear()
        monkeypatch.setattr(together, "ATOMS", limit)
        found.append(task.compute(PotentialCalculator(potential), atoms))
        assert max(sizes) >= largest and (limit > 1 or set(sizes) == {1})
    for curve, alone in found[0].curves.items():
        assert found[1].curves[curve].y == pytest.approx(alone.y, abs=1e-9)


@pytest.mark.parametrize("name", ["eos", "elastic", "surface", "barrier", "reaction"])
def test_relaxations_of_one_call_end_where_each_ends_alone(name, true, monkeypatch):
    task, atoms, alone = true(name)  # by ASE, one after another
    potential, sizes = CalculatorPotential("emt", emt()), []
    call = potential.predict
    monkeypatch.setattr(potential, "predict", lambda frames, **rest: sizes.append(len(frames)) or call(frames, **rest))
    errors = task.compare(task.compute(PotentialCalculator(potential), atoms), alone)
    assert max(sizes) == {"eos": 7, "elastic": 12, "surface": 3, "barrier": 3, "reaction": 3}[name]
    for key, error in errors.items():
        assert error <= task.quantities[key].noise, key


@pytest.mark.parametrize("symbol", ["Cu", "Ar"])
def test_structures_relaxed_together_are_those_relaxed_alone(symbol):
    if symbol == "Cu":
        potential = AlphaNetPotential(random_model(paper_config()))
        calculator = PotentialCalculator(potential)
    else:
        potential, calculator = CalculatorPotential("argon", argon()), argon()
    starts = []
    for seed in range(2):
        atoms = bulk(symbol, cubic=True)
        atoms.rattle(0.05, seed=seed)
        atoms.set_cell(atoms.cell * (1 + 0.01 * seed), scale_atoms=True)
        atoms.set_constraint(FixAtoms([0]))
        starts.append(atoms)
    eight = {"steps": 8, "loose": np.inf}
    alone = [relaxed(one, calculator, **eight) for one in starts]
    together = relaxed_together(starts, PotentialCalculator(potential), **eight)
    for start, one, other in zip(starts, alone, together, strict=True):
        assert np.abs(other.positions - start.positions).max() > 0.02
        assert (other.positions[0] == start.positions[0]).all()
        assert other.positions == pytest.approx(one.positions, abs=1e-6)
        assert other.get_potential_energy() == pytest.approx(one.get_potential_energy(), abs=1e-8)


def test_the_structure_that_cannot_be_relaxed_is_named():
    calculator = PotentialCalculator(CalculatorPotential("lj", CopperOnly(epsilon=0.3, sigma=2.2, rc=6.0, smooth=True)))
    with pytest.raises(UserError, match=r"relaxation of Al4: .*copper alone"):
        relaxed_together([bulk("Cu", cubic=True), bulk("Al", cubic=True)], calculator)


def test_a_reference_says_what_it_does_not_know():
    task, _ = made("eos")
    with pytest.raises(UserError, match="reference lj does not know Cu; it knows Ar"):
        true_property(task, structure_called("Cu"), "lj", open_method)
    with pytest.raises(MissingPackageError, match="no_such_package is not installed; install it with: pip"):
        require_packages("this", {"no_such_package": "pip install it"})
    assert METHODS["emt"].elements[0] == "Al" and Atoms("Cu", calculator=EMT()).get_potential_energy() > 0

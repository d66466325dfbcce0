"""Whatever ASE keeps of a frame survives every format, or one line says what was lost."""

import ase.io
import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk, fcc111
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms, FixBondLength, FixCartesian, FixedPlane, FixScaled, Hookean
from ase.db import connect
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.data.constraints import constraints_of, plain
from alphanet.data.formats import deepmd, read_frames, write_frames
from alphanet.data.labels import labels_of, predicted
from alphanet.data.leftovers import Leftovers

FORMATS = ["a.extxyz", "a.xyz.gz", "a.traj", "a.db", "a.aselmdb"]
INFO = {"material_id": "wbm-1-1", "sid": "random7", "charge": -1, "note": "", "k": [2, 2, 1], "none": None}


def slab() -> Atoms:
    """A slab with everything that ASE keeps, three kinds of constraint included."""
    atoms = fcc111("Cu", (1, 1, 4), vacuum=6.0)
    rng = np.random.default_rng(0)
    atoms.set_tags([1, 1, 0, 2])
    atoms.set_initial_magnetic_moments([0.5, 0, 0, -0.5])
    atoms.set_initial_charges([0.1, -0.1, 0, 0])
    atoms.set_masses([63, 64, 65, 66])
    atoms.set_momenta(rng.normal(size=(4, 3)))
    atoms.arrays["bader"] = rng.normal(size=4)
    atoms.arrays["site"] = np.array(["top", "hcp", "fcc", "a b"], dtype=object)
    atoms.arrays["tensor"] = rng.normal(size=(4, 3, 3))
    atoms.info.update(INFO)
    atoms.calc = SinglePointCalculator(
        atoms,
        energy=-12.5,
        free_energy=-12.25,
        forces=rng.normal(size=(4, 3)),
        stress=rng.normal(size=6) / 100,
        magmom=0.25,
        magmoms=rng.normal(size=4),
        charges=rng.normal(size=4),
        dipole=rng.normal(size=3),
        energies=rng.normal(size=4),
        stresses=rng.normal(size=(4, 6)),
        born_effective_charges=rng.normal(size=(4, 3, 3)),
        dielectric_tensor=rng.normal(size=(3, 3)),
        polarization=rng.normal(size=3),
    )
    atoms.set_constraint(
        [FixAtoms([0]), FixCartesian([1], (False, True, True)), FixedPlane([2], (0, 0, 1)), FixBondLength(1, 3)]
    )
    return atoms


def described(constraints: list) -> list[str]:
    return sorted(str(plain(constraint.todict())) for constraint in constraints)


def assert_same_info(found: dict, expected: dict) -> None:
    for key, value in expected.items():
        if isinstance(value, list | np.ndarray):
            np.testing.assert_array_equal(found[key], value)
        else:
            single = found[key].item() if isinstance(found[key], np.generic) else found[key]
            assert (single, type(single)) == (value, type(value))


def assert_same_frame(found: Atoms, expected: Atoms) -> None:
    np.testing.assert_array_equal(found.pbc, expected.pbc)
    np.testing.assert_array_equal(found.cell.array, expected.cell.array)
    for name, values in expected.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], values, err_msg=name)
    assert found.calc.results.keys() == expected.calc.results.keys()
    for name, value in expected.calc.results.items():
        np.testing.assert_array_equal(found.calc.results[name], value, err_msg=name)
    assert_same_info(found.info, INFO)


@pytest.mark.parametrize("name", FORMATS)
def test_everything_survives(tmp_path, name, caplog):
    write_frames(tmp_path / name, [slab()])
    (found,) = read_frames(tmp_path / name)
    expected = slab()
    assert_same_frame(found, expected)
    assert found.arrays["fixed"].tolist() == [True, False, False, False]
    assert described(constraints_of(found)) == described(expected.constraints)
    write_frames(tmp_path / "again.traj", [found])
    (again,) = read_frames(tmp_path / "again.traj")
    assert_same_frame(again, expected)
    assert not caplog.records


SHAPES = {  # of what a calculator may hold of four atoms
    **{"energy": (), "free_energy": (), "forces": (4, 3), "stress": (6,), "magmom": (), "magmoms": (4,)},
    **{"charges": (4,), "dipole": (3,), "energies": (4,), "stresses": (4, 6), "polarization": (3,)},
    **{"dielectric_tensor": (3, 3), "born_effective_charges": (4, 3, 3)},
}
COLUMNS = {
    **{"initial_magmoms": (4,), "initial_charges": (4,), "momenta": (4, 3), "masses": (4,), "bader": (4,)},
    **{"spin": (4, 3), "tensor": (4, 3, 3)},
}
CONSTRAINTS = [FixAtoms([0]), FixCartesian([1], (False, True, True)), FixedPlane([2], (0, 0, 1)), FixBondLength(1, 3)]


@st.composite
def frames_with_some(draw: st.DrawFn, columns: list[str]) -> Atoms:
    """A frame with some of the results, columns and constraints that ASE keeps, periodic in any directions."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    vectors = {"magmoms": (4, 3), "initial_magmoms": (4, 3)} if draw(st.booleans()) else {}
    pbc = draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
    atoms = Atoms("CuOCuH", rng.normal(size=(4, 3)), cell=[5, 6, 7], pbc=pbc)
    for key in draw(st.sets(st.sampled_from(columns))):
        atoms.arrays[key] = rng.normal(size=(vectors.get(key, COLUMNS[key])))
    results = draw(st.sets(st.sampled_from(sorted(SHAPES))))
    values = {key: rng.normal(size=vectors.get(key, SHAPES[key])) for key in results}
    atoms.calc = SinglePointCalculator(atoms, **values)
    atoms.set_constraint([CONSTRAINTS[place] for place in draw(st.sets(st.integers(0, 3)))])
    return atoms


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=15, deadline=None)
@given(expected=frames_with_some(sorted(COLUMNS)))
def test_any_part_of_a_frame_survives(tmp_path_factory, name, expected):
    values = expected.calc.results
    path = tmp_path_factory.mktemp("any") / name
    write_frames(path, [expected])
    (found,) = read_frames(path, labeled=False, labels=None)
    assert found.pbc.tolist() == expected.pbc.tolist()
    assert found.arrays.keys() - {"fixed"} == expected.arrays.keys()
    for key, array in expected.arrays.items():
        np.testing.assert_array_equal(found.arrays[key], array, err_msg=key)
    kept = found.calc.results if found.calc is not None else {}
    assert kept.keys() == values.keys()
    for key, value in values.items():
        np.testing.assert_array_equal(kept[key], value, err_msg=key)
    assert described(constraints_of(found)) == described(expected.constraints)
    if not name.endswith("aselmdb"):  # which ASE opens by its type alone
        assert ase.io.read(path).pbc.tolist() == expected.pbc.tolist()


def test_moments_with_directions_in_a_database_of_ase(tmp_path):
    """ASE flattens them, and cannot read its own file."""
    expected = slab()
    del expected.arrays["initial_magmoms"]
    expected.set_initial_magnetic_moments(np.arange(12.0).reshape(4, 3))
    expected.calc = SinglePointCalculator(expected, energy=-1.0, magmoms=np.ones((4, 3)))
    ase.io.write(tmp_path / "a.db", expected)
    (found,) = read_frames(tmp_path / "a.db", labeled=False)
    np.testing.assert_array_equal(found.get_initial_magnetic_moments(), expected.get_initial_magnetic_moments())
    np.testing.assert_array_equal(found.calc.results["magmoms"], np.ones((4, 3)))


@pytest.mark.parametrize("name", ["a.json", "a.traj"])
@settings(max_examples=10, deadline=None)
@given(expected=frames_with_some(["initial_magmoms", "initial_charges", "momenta", "masses"]))
def test_what_ase_wrote_is_read_as_ase_reads_it(tmp_path_factory, name, expected):
    path = tmp_path_factory.mktemp("ase") / name
    ase.io.write(path, expected)
    by_ase = ase.io.read(path)
    (found,) = read_frames(path, labeled=False, labels=None)
    assert found.pbc.tolist() == by_ase.pbc.tolist()
    for key, array in by_ase.arrays.items():
        np.testing.assert_array_equal(found.arrays[key], array, err_msg=key)
    kept, values = (atoms.calc.results if atoms.calc is not None else {} for atoms in (found, by_ase))
    assert kept.keys() == values.keys()
    for key, value in values.items():
        np.testing.assert_array_equal(kept[key], value, err_msg=key)
    assert described(constraints_of(found)) == described(by_ase.constraints)


@settings(max_examples=15, deadline=None)
@given(expected=frames_with_some(sorted(COLUMNS)))
def test_deepmd_holds_any_part_of_a_frame_or_says_that_it_does_not(tmp_path_factory, expected):
    leftovers = Leftovers()
    folder = tmp_path_factory.mktemp("deepmd")
    deepmd.write(folder, [expected], leftovers)
    (found,) = read_frames(folder, labeled=False, labels=None)
    told = " ".join(leftovers._names)
    kept = found.calc.results if found.calc is not None else {}
    for key, value in expected.calc.results.items():
        if key in kept:
            np.testing.assert_allclose(kept[key], value, rtol=1e-12, atol=1e-12, err_msg=key)
        else:
            assert key in told
    assert not [key for key in expected.arrays if key not in found.arrays and key not in told]
    assert not expected.constraints or "constraints" in told
    assert found.pbc.tolist() == expected.pbc.tolist() or "pbc" in told


def test_ase_finds_constraints_and_results_where_it_looks(tmp_path):
    frame = slab()
    for name in FORMATS[1:]:
        write_frames(tmp_path / name, [frame])
    with connect(tmp_path / "a.aselmdb", type="aselmdb", readonly=True, use_lock_file=False) as database:
        stored = database.get(1).toatoms()
    for found in (
        ase.io.read(tmp_path / "a.xyz.gz"),
        ase.io.read(tmp_path / "a.traj"),
        ase.io.read(tmp_path / "a.db"),
        stored,
    ):
        kinds = {type(constraint).__name__ for constraint in found.constraints}
        assert kinds >= ({"FixCartesian"} if len(kinds) == 1 else {"FixAtoms", "FixCartesian", "FixBondLengths"})
        assert found.calc.results["free_energy"] == -12.25
        np.testing.assert_array_equal(found.calc.results["magmoms"], frame.calc.results["magmoms"])
        np.testing.assert_array_equal(found.calc.results["forces"], frame.calc.results["forces"])  # raw
        assert found.get_tags().tolist() == [1, 1, 0, 2]


@pytest.mark.parametrize(
    ("constraint", "fixed"),
    [
        (FixAtoms([1, 3]), [1, 3]),
        (FixCartesian([0, 2], (True, False, False)), []),
        (FixCartesian([0, 2], (True, True, True)), [0, 2]),
        (FixScaled([2], (True, True, True)), [2]),
        (FixScaled([2], (False, True, True)), []),
        (Hookean(0, 1, 5.0, 3.0), []),
        ([FixCartesian(place, (place == 1, True, True)) for place in range(4)], [1]),
    ],
)
def test_constraints_of_each_kind(tmp_path, constraint, fixed):
    atoms = bulk("Cu", cubic=True)
    forces = np.random.default_rng(1).normal(size=(4, 3))
    atoms.calc = SinglePointCalculator(atoms, energy=1.0, forces=forces)
    atoms.set_constraint(constraint)
    ase.io.write(tmp_path / "in.traj", atoms)
    for name in FORMATS:
        write_frames(tmp_path / name, read_frames(tmp_path / "in.traj"))
        (found,) = read_frames(tmp_path / name)
        np.testing.assert_array_equal(found.get_forces(), forces)
        assert np.flatnonzero(found.arrays.get("fixed", [])).tolist() == fixed
        moved = Atoms(atoms, constraint=constraints_of(found), positions=atoms.positions)
        moved.positions[:] = atoms.positions
        moved.set_positions(atoms.positions + 0.1)
        atoms_moved = atoms.copy()
        atoms_moved.set_positions(atoms.positions + 0.1)
        np.testing.assert_allclose(moved.positions, atoms_moved.positions)


def test_predictions_replace_labels_and_leave_the_rest():
    frame = slab()
    found = predicted(frame, {"energy": 1.0, "forces": np.zeros((4, 3))})
    assert found.calc.results.keys() == frame.calc.results.keys() - {"stress", "energies", "stresses"}
    assert found.calc.results["free_energy"] == 1.0
    assert found.info == frame.info
    assert len(found.constraints) == 4


def test_predict_keeps_what_the_file_says(tmp_path):
    write_frames(tmp_path / "in.extxyz", [slab()])
    text = (
        (tmp_path / "in.extxyz")
        .read_text()
        .replace(" energy=", " REF_energy=")
        .replace(" note=", " energy_unit=Ha note=")
    )
    (tmp_path / "in.extxyz").write_text(text)
    arguments = ["init", "--preset", "fig3a", "--elements", "Cu", "-o", str(tmp_path / "m.safetensors")]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    arguments = ["predict", str(tmp_path / "m.safetensors"), str(tmp_path / "in.extxyz"), "-o", str(tmp_path / "o.db")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    (found,) = read_frames(tmp_path / "o.db", labels=None)
    assert found.info["REF_energy"] == pytest.approx(-12.5 * units.Ha)  # in eV, as the prediction beside it
    assert "energy_unit" not in found.info
    assert found.info["sid"] == "random7"
    assert found.pbc.tolist() == [True, True, False]
    assert found.get_tags().tolist() == [1, 1, 0, 2]
    np.testing.assert_array_equal(found.calc.results["magmoms"], slab().calc.results["magmoms"])
    assert len(constraints_of(found)) == 4


def test_deepmd_says_what_it_cannot_hold(tmp_path, caplog):
    frame = slab()
    write_frames(tmp_path / "deep", [frame])
    (record,) = caplog.records
    for name in ("pbc T T F (becomes T T T)", "info 'sid'", "tags", "momenta", "magmoms", "constraints (FixAtoms)"):
        assert name in record.message
    (found,) = read_frames(tmp_path / "deep")
    np.testing.assert_allclose(labels_of(found)["stress"], labels_of(frame)["stress"], rtol=1e-12)
    np.testing.assert_array_equal(found.get_forces(), labels_of(frame)["forces"])


def test_a_row_of_others_keeps_its_data(tmp_path):
    """fairchem's way: `data=atoms.info`, constraints and tags in the row."""
    atoms = Atoms("Cu4O", np.arange(15.0).reshape(5, 3), cell=[5, 5, 15], pbc=True, tags=[0, 0, 1, 1, 2])
    atoms.calc = SinglePointCalculator(atoms, energy=-12.0, forces=np.ones((5, 3)))
    atoms.set_constraint(FixAtoms([0, 1]))
    for name, options in (("f.aselmdb", {"type": "aselmdb", "use_lock_file": False}), ("f.db", {})):
        with connect(tmp_path / name, **options) as database:
            database.write(
                atoms, key_value_pairs={"functional": "PBE"}, data={"material_id": "wbm-1-1", "list": [1, 2]}
            )
        (found,) = read_frames(tmp_path / name)
        assert found.arrays["fixed"].tolist() == [True, True, False, False, False]
        assert found.get_tags().tolist() == [0, 0, 1, 1, 2]
        assert (found.info["material_id"], found.info["functional"]) == ("wbm-1-1", "PBE")
        np.testing.assert_array_equal(found.get_forces(), 1.0)


@pytest.mark.parametrize(
    ("cell", "mask", "held"),
    [
        ([4, 5, 6], (True, False, True), [True, False, True]),
        ([[4, 0, 0], [-2, 3.4, 0], [0, 0, 12]], (False, False, True), [False, False, True]),
        ([[4, 0, 0], [-2, 3.4, 0], [0, 0, 12]], (True, True, False), [True, True, False]),
        ([[4, 0, 0], [-2, 3.4, 0], [0, 0, 12]], (True, False, False), None),  # moves along b, which is no axis
    ],
)
def test_selective_dynamics_of_a_poscar(tmp_path, cell, mask, held):
    atoms = Atoms("Cu2", [[0, 0, 0], [0, 0, 2.5]], cell=cell, pbc=True)
    atoms.set_constraint([FixAtoms([0]), FixScaled([1], mask)])
    ase.io.write(tmp_path / "POSCAR", atoms, format="vasp")
    write_frames(tmp_path / "a.extxyz", read_frames(tmp_path / "POSCAR", labeled=False))
    (ours,) = read_frames(tmp_path / "a.extxyz", labeled=False)
    kind, directions = ("FixScaled", mask) if held is None else ("FixCartesian", held)
    (other,) = [constraint for constraint in constraints_of(ours) if type(constraint).__name__ == kind]
    assert list(other.mask) == list(directions)
    assert ours.arrays["fixed"].tolist() == [True, False]
    by_ase = {type(constraint).__name__ for constraint in ase.io.read(tmp_path / "a.extxyz").constraints}
    assert by_ase == ({"FixAtoms"} if held is None else {"FixCartesian"})

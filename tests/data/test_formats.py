"""Every format hands back what was written, to the last digit where it stores float64."""

import json
import lzma

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms
from hypothesis import given, settings
from hypothesis import strategies as st

from alphanet.data.cards import LabelKeys, load_card
from alphanet.data.formats import deepmd, read_frames, write_frames
from alphanet.data.labels import labels_of
from alphanet.errors import UserError

EXACT = ["a.extxyz", "a.xyz.gz", "a.extxyz.xz", "a.extxyz.bz2", "a.extxyz.zip", "a.traj", "a.db", "a.aselmdb", "deep"]


def assert_same(found: Atoms, expected: Atoms) -> None:
    np.testing.assert_array_equal(found.numbers, expected.numbers)
    np.testing.assert_array_equal(found.positions, expected.positions)
    np.testing.assert_array_equal(found.cell.array, expected.cell.array)
    np.testing.assert_array_equal(found.pbc, expected.pbc)
    wanted = labels_of(expected)
    labels = labels_of(found)
    assert labels.keys() == wanted.keys()
    for name in wanted:
        np.testing.assert_array_equal(labels[name], wanted[name])


@pytest.mark.parametrize("name", EXACT)
def test_round_trip_is_exact(tmp_path, frame, name):
    frames = [frame(seed, stress=name != "deep") for seed in range(3)]
    assert write_frames(tmp_path / name, frames) == 3
    found = list(read_frames(tmp_path / name))
    assert len(found) == 3
    for one, other in zip(found, frames, strict=True):
        assert_same(one, other)


def test_info_and_columns_survive_in_extxyz(tmp_path, frame):
    atoms = frame(0, group='a "b" = c', kind="md", step=3, vector=np.array([1.5, 2.5]))
    atoms.arrays["fixed"] = np.array([True, False, False, True])
    write_frames(tmp_path / "a.extxyz", [atoms])
    (found,) = read_frames(tmp_path / "a.extxyz")
    assert found.info["group"] == 'a "b" = c'
    assert found.info["step"] == 3
    np.testing.assert_array_equal(found.info["vector"], [1.5, 2.5])
    np.testing.assert_array_equal(found.arrays["fixed"], atoms.arrays["fixed"])


def test_ase_reads_what_is_written(tmp_path, frame):
    atoms = frame(0)
    write_frames(tmp_path / "a.extxyz", [atoms])
    found = ase.io.read(tmp_path / "a.extxyz")
    assert found.get_potential_energy() == atoms.get_potential_energy()
    np.testing.assert_array_equal(found.get_forces(), atoms.get_forces())
    np.testing.assert_array_equal(found.get_stress(), atoms.get_stress())


@settings(max_examples=30, deadline=None)
@given(
    cell=st.lists(st.floats(-20, 20), min_size=9, max_size=9),
    positions=st.lists(st.floats(-1e3, 1e3), min_size=6, max_size=6),
    energy=st.floats(-1e6, 1e6),
    pbc=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_any_numbers_survive_extxyz(tmp_path_factory, cell, positions, energy, pbc):
    atoms = Atoms("CO", np.reshape(positions, (2, 3)), cell=np.reshape(cell, (3, 3)), pbc=pbc)
    forces = np.reshape(positions[::-1], (2, 3))
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
    path = tmp_path_factory.mktemp("any") / "a.extxyz"
    write_frames(path, [atoms])
    (found,) = read_frames(path)
    assert_same(found, atoms)


def test_molecules_without_a_cell(tmp_path):
    atoms = molecule("H2O")
    atoms.calc = SinglePointCalculator(atoms, energy=-1.0, forces=np.zeros((3, 3)))
    for name in ("a.extxyz", "a.aselmdb", "deep"):
        write_frames(tmp_path / name, [atoms])
        (found,) = read_frames(tmp_path / name)
        assert not found.pbc.any()
        assert not found.cell.array.any()


def test_deepmd_virial_has_the_opposite_sign_of_stress(tmp_path, frame):
    atoms = frame(0)
    write_frames(tmp_path / "deep", [atoms])
    virial = np.load(tmp_path / "deep/set.000/virial.npy").reshape(3, 3)
    stress = atoms.get_stress(voigt=False)
    np.testing.assert_allclose(virial, -stress * atoms.get_volume(), rtol=1e-12)
    (found,) = read_frames(tmp_path / "deep")
    np.testing.assert_allclose(found.get_stress(), atoms.get_stress(), rtol=1e-12)


def test_a_folder_of_deepmd_systems_is_read_in_order(tmp_path, frame):
    for name in ("b", "a"):
        (tmp_path / "sets" / name).mkdir(parents=True)
        deepmd.write(tmp_path / "sets" / name, [frame(0)])
    assert [atoms.info["group"] for atoms in read_frames(tmp_path / "sets")] == ["a", "b"]


def test_deepmd_holds_one_system(tmp_path, frame):
    with pytest.raises(UserError, match=r"frame 1 is H2O.*one folder for each"):
        frames = [frame(0), molecule("H2O")]
        write_frames(tmp_path / "deep", frames)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def zeolite():
    rng = np.random.default_rng(0)
    return {
        "energies": rng.normal(size=2).astype(np.float32),
        "forces": rng.normal(size=(2, 3, 3)).astype(np.float32),
        "positions": rng.normal(size=(2, 3, 3)).astype(np.float32),
        "cells": np.stack([np.eye(3) * 5] * 2).astype(np.float32),
        "symbols": np.array(["O", "Si", "O"]),
    }


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_zeolite_npz(tmp_path, zeolite, save):
    save(tmp_path / "abw.npz", **zeolite)
    first, second = read_frames(tmp_path / "abw.npz")
    assert first.get_chemical_formula() == "O2Si"
    assert second.get_potential_energy() == float(zeolite["energies"][1])
    np.testing.assert_array_equal(second.get_forces(), zeolite["forces"][1])
    assert second.info["group"] == "abw"
    assert second.get_forces().dtype == np.float64


def test_npz_with_a_pickle_is_refused(tmp_path, zeolite):
    zeolite["symbols"] = zeolite["symbols"].astype(object)
    np.savez(tmp_path / "a.npz", **zeolite)
    with pytest.raises(UserError, match="pickle"):
        list(read_frames(tmp_path / "a.npz"))


def test_npz_of_wrong_shape_or_without_an_array(tmp_path, zeolite):
    np.savez(tmp_path / "a.npz", **zeolite | {"forces": zeolite["forces"][:, :2]})
    with pytest.raises(UserError, match=r"'forces' has shape \(2, 2, 3\)"):
        list(read_frames(tmp_path / "a.npz"))
    del zeolite["cells"]
    np.savez(tmp_path / "b.npz", **zeolite)
    with pytest.raises(UserError, match="no array 'cells'"):
        list(read_frames(tmp_path / "b.npz"))


def test_oc20_pairs(tmp_path, frame):
    write_frames(tmp_path / "0.extxyz.xz", [frame(0), frame(1)])
    with lzma.open(tmp_path / "0.txt.xz", "wt") as stream:
        stream.write("random12,frame0,-5.5\nrandom12,frame7,-5.5\n")
    first, second = read_frames(tmp_path / "0.extxyz.xz")
    assert first.get_potential_energy() == frame(0).get_potential_energy()  # raw
    assert (second.info["system"], second.info["frame"]) == ("random12", 7)
    assert second.info["reference_energy"] == -5.5
    adsorption, _ = read_frames(tmp_path / "0.extxyz.xz", labels=LabelKeys(energy_origin="reference_energy"))
    assert adsorption.get_potential_energy() == pytest.approx(frame(0).get_potential_energy() + 5.5)
    with pytest.raises(UserError, match="no 'slab_energy' to take off"):
        list(read_frames(tmp_path / "0.extxyz.xz", labels=LabelKeys(energy_origin="slab_energy")))
    with lzma.open(tmp_path / "0.txt.xz", "wt") as stream:
        stream.write("random12,frame0,-5.5\n")
    with pytest.raises(UserError, match="no line for frame 1"):
        list(read_frames(tmp_path / "0.extxyz.xz"))


def test_oc20_s_leaderboard_energies_are_adsorption_energies():
    origins = {name: at.labels.energy_origin for name, at in load_card("oc20").scales.items()}
    assert origins == {"mini": None, "slice": None, "full": "reference_energy"}


def test_constraints_do_not_zero_forces(tmp_path, frame):
    atoms = frame(0)
    raw = atoms.get_forces()
    atoms.set_constraint(FixAtoms([0, 2]))
    ase.io.write(tmp_path / "a.traj", atoms)
    (found,) = read_frames(tmp_path / "a.traj")
    np.testing.assert_array_equal(found.get_forces(), raw)
    assert found.arrays["fixed"].tolist() == [True, False, True, False]
    write_frames(tmp_path / "a.aselmdb", [atoms])
    (found,) = read_frames(tmp_path / "a.aselmdb")
    np.testing.assert_array_equal(found.get_forces(), raw)
    assert found.arrays["fixed"].tolist() == [True, False, True, False]


def test_pymatgen_entries(tmp_path):
    from pymatgen.core import Lattice, Structure
    from pymatgen.entries.computed_entries import ComputedStructureEntry

    structure = Structure(
        Lattice.cubic(4.2), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]], site_properties={"forces": [[0.1] * 3] * 2}
    )
    entry = ComputedStructureEntry(structure, -7.5, correction=-1.0, entry_id="mp-1")
    (tmp_path / "a.json").write_text(json.dumps([entry.as_dict()]))
    (found,) = read_frames(tmp_path / "a.json")
    assert found.get_potential_energy() == -7.5  # uncorrected
    np.testing.assert_allclose(found.positions[1], 2.1)
    assert found.info["entry_id"] == "mp-1"
    (tmp_path / "bare.json").write_text(json.dumps(structure.as_dict()))
    with pytest.raises(UserError, match="frame 0 has no energy"):
        list(read_frames(tmp_path / "bare.json"))
    (bare,) = read_frames(tmp_path / "bare.json", labeled=False)
    np.testing.assert_allclose(bare.get_forces(), 0.1)


def test_mptrj_json_has_stress_in_kbar_with_vasps_sign(tmp_path):
    from pymatgen.core import Lattice, Structure

    structure = Structure(Lattice.cubic(3.0), ["Po"], [[0, 0, 0]]).as_dict()
    record = {
        "structure": structure,
        "uncorrected_total_energy": -1.0,
        "corrected_total_energy": -2.0,
        "force": [[0.0, 0.0, 0.1]],
        "stress": np.diag([10.0, 20.0, 30.0]).tolist(),
        "mp_id": "mp-5",
    }
    (tmp_path / "a.json").write_text(json.dumps({"mp-5": {"task-0-0": record}}))
    (found,) = read_frames(tmp_path / "a.json")
    assert found.get_potential_energy() == -1.0
    np.testing.assert_allclose(found.get_stress()[:3], [-0.00624151, -0.01248302, -0.01872453], rtol=1e-6)
    assert found.info["group"] == "mp-5"


def test_gpumd_names_of_labels_are_found(tmp_path, frame, caplog):
    atoms = frame(0)
    write_frames(tmp_path / "a.xyz", [atoms])
    text = (tmp_path / "a.xyz").read_text().replace(" energy=", " Energy=").replace("forces:R", "force:R")
    (tmp_path / "a.xyz").write_text(text)
    with caplog.at_level("INFO"):
        (found,) = read_frames(tmp_path / "a.xyz")
    assert_same(found, atoms)
    assert caplog.messages == ["energy found under 'Energy'", "forces found under 'force'"]
    (found,) = read_frames(tmp_path / "a.xyz", labels=LabelKeys(energy="Energy", forces="force"))
    assert_same(found, atoms)


def test_other_names_of_labels(tmp_path, frame):
    atoms = frame(0)
    write_frames(tmp_path / "a.xyz", [atoms])
    text = (tmp_path / "a.xyz").read_text().replace(" energy=", " My.Energy=").replace("forces:R", "mean_force:R")
    (tmp_path / "a.xyz").write_text(text)
    with pytest.raises(
        UserError, match=r"no energy and no forces; it has 'My.Energy', 'mean_force': .*'My.Energy' for the energy"
    ):
        list(read_frames(tmp_path / "a.xyz"))
    (found,) = read_frames(tmp_path / "a.xyz", labels=LabelKeys(energy="My.Energy", forces="mean_force"))
    assert_same(found, atoms)


def broken(frame, kind):
    atoms = frame(1)
    results = atoms.calc.results
    if kind == "no forces":
        del results["forces"]
    elif kind == "no energy":
        del results["energy"]
    elif kind == "NaN energy":
        results["energy"] = float("nan")
    elif kind == "infinite forces":
        results["forces"][0, 0] = np.inf
    elif kind == "NaN positions":
        atoms.positions[0, 0] = np.nan
    return atoms


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("no forces", "frame 1 has no forces"),
        ("no energy", "frame 1 has no energy"),
        ("NaN energy", "frame 1 has NaN or infinite energy"),
        ("infinite forces", "frame 1 has NaN or infinite forces"),
        ("NaN positions", "frame 1 has NaN or infinite positions"),
    ],
)
@pytest.mark.parametrize("name", ["a.extxyz", "a.aselmdb"])
def test_unsound_frames_are_named(tmp_path, frame, kind, message, name):
    write_frames(tmp_path / name, [frame(0), broken(frame, kind)])
    frames = read_frames(tmp_path / name)
    next(frames)  # the first one is fine and comes out before the second is read
    with pytest.raises(UserError, match=f"{name}: {message}"):
        next(frames)


@pytest.mark.parametrize("name", [name for name in EXACT if name != "deep"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_truncated_files_are_errors(tmp_path, frame, name, share):
    write_frames(tmp_path / name, [frame(seed) for seed in range(20)])
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UserError, match=name):
        list(read_frames(tmp_path / name))


def test_labels_without_a_line_end_may_be_cut(tmp_path, frame):
    write_frames(tmp_path / "a.extxyz", [frame(0)])
    (tmp_path / "a.extxyz").write_text((tmp_path / "a.extxyz").read_text()[:-3])
    with pytest.raises(UserError, match="frame 0 ends without a line end"):
        list(read_frames(tmp_path / "a.extxyz"))
    (tmp_path / "hand.xyz").write_text("1\n\nHe 0 0 0")
    assert len(list(read_frames(tmp_path / "hand.xyz", labeled=False))) == 1


@pytest.mark.parametrize(
    "suffix", ["extxyz", "xyz.gz", "extxyz.xz", "zip", "traj", "db", "aselmdb", "npz", "json", "foo"]
)
def test_files_of_another_format_are_errors(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_text("root:x:0:0\n" * 1000)
    with pytest.raises(UserError, match=r"a\."):
        list(read_frames(path))


def test_labels_that_are_no_numbers(tmp_path, frame):
    write_frames(tmp_path / "a.extxyz", [frame(0)])
    text = (tmp_path / "a.extxyz").read_text()
    (tmp_path / "a.extxyz").write_text(text.replace(" energy=", " energy=abc wrong="))
    with pytest.raises(UserError, match=r"a\.extxyz: cannot read frame 0"):
        list(read_frames(tmp_path / "a.extxyz"))


def test_missing_and_empty_files(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        list(read_frames(tmp_path / "a.xyz"))
    (tmp_path / "a.xyz").write_text("")
    with pytest.raises(UserError, match="holds no frames"):
        list(read_frames(tmp_path / "a.xyz"))
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="holds no frames"):
        list(read_frames(tmp_path / "folder"))


def test_a_failed_conversion_leaves_what_was_there(tmp_path, frame):
    def frames():
        yield frame(0)
        raise UserError("the second frame is broken")

    for name in EXACT[:-1]:
        (tmp_path / name).write_text("older")
        with pytest.raises(UserError, match="second frame"):
            write_frames(tmp_path / name, frames())
        assert (tmp_path / name).read_text() == "older"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(EXACT[:-1])


@pytest.mark.parametrize(("name", "message"), [("a.foo", "cannot write format 'foo'"), ("a.traj.gz", "only extxyz")])
def test_formats_that_are_not_written(tmp_path, frame, name, message):
    with pytest.raises(UserError, match=message):
        write_frames(tmp_path / name, [frame(0)])

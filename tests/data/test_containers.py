"""Containers of frames that other programs write: each is read, or refused with the way to read it."""

import codecs
import gzip
import json
import pickle
import subprocess
import zipfile

import lmdb
import numpy as np
import pytest
from ase import units
from ase.build import bulk, molecule
from ase.io import write
from ase.io.jsonio import encode

from alphanet.data.formats import read_frames, write_frames
from alphanet.errors import UserError
from alphanet.paths import own_python

KCAL = units.kcal / units.mol
XYZ = '1\nProperties=species:S:1:pos:R:3:forces:R:3 energy=-1.5 pbc="F F F"\nHe 0.0 0.1 0.2 0.01 0.02 0.03\n'


def frames_of(path, **how):
    return list(read_frames(path, labeled=False, **how))


def refusal(path, **how):
    with pytest.raises(UserError) as caught:
        frames_of(path, **how)
    message = str(caught.value)
    assert "\n" not in message and path.name in message
    return message


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [("utf-8", codecs.BOM_UTF8), ("utf-16-le", codecs.BOM_UTF16_LE), ("utf-16-be", codecs.BOM_UTF16_BE)],
)
@pytest.mark.parametrize("name", ["a.extxyz", "a.extxyz.gz", "a.xyz.zip", "POSCAR", "a.cif", "a.json"])
def test_byte_order_marks_are_no_part_of_the_text(tmp_path, name, encoding, mark):
    plain = tmp_path / "plain"
    kind = {"POSCAR": "vasp", "a.cif": "cif", "a.json": "json"}.get(name, "extxyz")
    write(plain, bulk("Cu"), format=kind)
    data = mark + plain.read_text().encode(encoding)
    if name.endswith(".gz"):
        data = gzip.compress(data)
    if name.endswith(".zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("a.xyz", data)
    else:
        (tmp_path / name).write_bytes(data)
    (atoms,) = frames_of(tmp_path / name)
    assert atoms.symbols[0] == "Cu"


def test_a_mark_before_the_elements_of_a_deepmd_folder(tmp_path):
    for name, text in (
        ("type.raw", "0\n"),
        ("type_map.raw", "He\n"),
        ("coord.raw", "0 0 0\n"),
        ("box.raw", "9 0 0 0 9 0 0 0 9"),
    ):
        (tmp_path / name).write_bytes(codecs.BOM_UTF8 + text.encode())
    assert frames_of(tmp_path)[0].symbols[0] == "He"


@pytest.mark.parametrize(
    ("rows", "whole"),
    [
        ("He 0 0 0 0.01 0.02 0.03\nHe 2 0 0 0.01 0.02 0.03", True),
        ("He 0 0 0 0.01 0.02 0.03\nHe 2 0 0 0.01 0.02 0.0", False),  # half a number is a number
        ("He 0 0 0 0.01 0.02 0.03\nHe 2 0 0 0.01 0.02 1", False),
        ("He 0 0 0 0.01 0.02 0.03\nHe 2 0 0 0.01 0.02", False),
        ("He 0 0 0 0.01 0.02 -12.03\nHe 2 0 0 0.01 0.02 4.03", True),
    ],
)
def test_a_last_line_without_its_end(tmp_path, rows, whole):
    file = tmp_path / "a.extxyz"
    file.write_text(f"2\nProperties=species:S:1:pos:R:3:forces:R:3 energy=1\n{rows}")
    if whole:
        assert frames_of(file)[0].get_forces()[1, 2] in (0.03, 4.03)
    else:
        assert "frame 0" in refusal(file)


def test_links_in_a_folder_are_followed_once(tmp_path, caplog):
    data, scratch = tmp_path / "data", tmp_path / "scratch"
    (scratch / "deep").mkdir(parents=True)
    data.mkdir()
    for place in (data / "a.extxyz", scratch / "b.extxyz", scratch / "deep/c.extxyz", tmp_path / "d.extxyz"):
        place.write_text(XYZ)
    (data / "more").symlink_to("../scratch")
    (data / "z.extxyz").symlink_to("../d.extxyz")
    (scratch / "loop").symlink_to("../data")
    (data / "nothing").symlink_to("../gone")
    assert len(frames_of(data)) == 4
    assert any("nothing is a link to nothing" in message for message in caplog.messages)
    (tmp_path / "link").symlink_to("data")
    assert len(frames_of(tmp_path / "link")) == 4


@pytest.mark.parametrize(
    "junk",
    ["__MACOSX/._a.xyz", "__MACOSX/x/._a.xyz", "._a.xyz", ".hidden/a.xyz", "x/.ipynb_checkpoints/a-checkpoint.xyz"],
)
def test_what_an_archiver_adds_to_a_zip_is_no_data(tmp_path, junk):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x/a.xyz", XYZ)
        archive.writestr(junk, b"\x00\x05\x16\x07\xff\xfe binary")
    assert len(frames_of(tmp_path / "a.zip")) == 1


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("a.cif", "b.cif"), "cif"),
        (("POSCAR", "CONTCAR"), "vasp"),
        (("one/POSCAR", "two/POSCAR_2"), "vasp"),
        (("a.vasp", "b.poscar"), "vasp"),
        (("a.json", "b.json"), "json"),
        (("a.sdf", "b.pdb"), None),
        (("a.xsf", "deep/er/b.xsf"), "xsf"),
    ],
)
def test_folders_of_structures(tmp_path, names, kind):
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".sdf"):
            (tmp_path / name).write_text(SDF)
        else:
            write(tmp_path / name, bulk("Cu", cubic=True), format=kind or "proteindatabank")
    (tmp_path / "notes.txt").write_text("not data")
    assert len(frames_of(tmp_path)) == len(names)


def test_made_for_data_goes_before_structures_beside_it(tmp_path):
    (tmp_path / "a.extxyz").write_text(XYZ)
    (tmp_path / "results.json").write_text('{"mae": 1}')
    (tmp_path / "start.in").write_text("nothing")
    assert len(frames_of(tmp_path)) == 1


def test_a_folder_without_data_names_what_is_in_it(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    assert "no name of a known format among notes.txt" in refusal(tmp_path)


SDF = """one
  test

  2  1  0  0  0  0            999 V2000
    0.0000    0.0000    0.0000 O   0  0  0  0  0  0
    0.9600    0.0000    0.0000 H   0  0  0  0  0  0
  1  2  1  0
M  END
>  <energy>
-12.5

>  <name>
hydroxyl

$$$$
"""


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (SDF, 1),
        (SDF + SDF, 2),
        (SDF * 5, 5),
        (SDF + SDF.removesuffix("$$$$\n"), 2),
        ((SDF * 2).replace("\n", "\r\n"), 2),
        (SDF + "\n\n", 1),
    ],
)
def test_every_molecule_of_an_sd_file(tmp_path, text, count):
    (tmp_path / "a.sdf").write_bytes(text.encode())
    frames = frames_of(tmp_path / "a.sdf")
    assert len(frames) == count and all(str(atoms.symbols) == "OH" and not atoms.pbc.any() for atoms in frames)
    assert frames[-1].info["title"] == "one" and frames[-1].info["name"] == "hydroxyl"


@pytest.mark.parametrize(
    ("old", "new", "said"), [("V2000", "V3000", "V3000"), ("  2  1", "  9  1", "molecule 0 is not whole")]
)
def test_sd_files_that_cannot_be_read(tmp_path, old, new, said):
    (tmp_path / "a.sdf").write_text(SDF.replace(old, new))
    assert said in refusal(tmp_path / "a.sdf")


def labeled(energy=-1.0):
    from ase.calculators.singlepoint import SinglePointCalculator

    atoms = molecule("H2O", cell=[9, 9, 9], pbc=True)
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=0.1 * atoms.positions)
    return atoms


def as_database(file):
    write(file, [labeled(-1.0), labeled(-2.0)], format="json")


def as_objects(file):
    file.write_text(encode([labeled(-1.0).todict(), labeled(-2.0).todict()]))


def as_encoded(file):
    file.write_text(encode([labeled(-1.0), labeled(-2.0)]))


def as_molecules(file):
    from pymatgen.io.ase import AseAtomsAdaptor

    file.write_text(json.dumps([AseAtomsAdaptor.get_molecule(molecule("H2O")).as_dict()] * 2))


def as_structures(file):
    from pymatgen.io.ase import AseAtomsAdaptor

    file.write_text(json.dumps([AseAtomsAdaptor.get_structure(labeled()).as_dict()] * 2))


def as_monty_atoms(file):
    from pymatgen.io.ase import MSONAtoms

    file.write_text(json.dumps([MSONAtoms(labeled()).as_dict()] * 2))


def as_arrays_of_monty(file):
    from pymatgen.io.ase import AseAtomsAdaptor

    value = AseAtomsAdaptor.get_structure(labeled()).as_dict()
    value["lattice"]["matrix"] = {
        "@module": "numpy",
        "@class": "array",
        "dtype": "float64",
        "data": value["lattice"]["matrix"],
    }
    file.write_text(json.dumps([value, value]))


def as_trajectory(file):
    from monty.json import MontyEncoder
    from pymatgen.core.trajectory import Trajectory
    from pymatgen.io.ase import AseAtomsAdaptor

    structures = [AseAtomsAdaptor.get_structure(labeled())] * 2
    trajectory = Trajectory.from_structures(structures, frame_properties=[{"energy": -1.0}, {"energy": -2.0}])
    file.write_text(json.dumps(trajectory.as_dict(), cls=MontyEncoder))


@pytest.mark.parametrize(
    "written",
    [
        as_database,
        as_objects,
        as_encoded,
        as_molecules,
        as_structures,
        as_monty_atoms,
        as_arrays_of_monty,
        as_trajectory,
    ],
)
def test_json_of_any_package(tmp_path, written):
    written(tmp_path / "a.json")
    frames = frames_of(tmp_path / "a.json")
    assert len(frames) == 2 and all(sorted(atoms.symbols) == ["H", "H", "O"] for atoms in frames)
    distances = frames[1].get_all_distances(mic=bool(frames[1].pbc.all()))
    assert distances[0, 1] == pytest.approx(molecule("H2O").get_distance(0, 1), abs=1e-6)
    if written in (as_database, as_trajectory):
        assert [atoms.get_potential_energy() for atoms in frames] == [-1.0, -2.0]


def test_json_of_something_else_is_one_line(tmp_path):
    for text in ('{"mae": 1}', "3", '"x"', "[1, 2]", '{"ids": [1], "nextid": 2}'):
        (tmp_path / "a.json").write_text(text)
        refusal(tmp_path / "a.json")


@pytest.mark.parametrize("name", ["data.lmdb", "data.aselmdb"])
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_pickled_graphs_are_refused_with_the_way_to_convert(tmp_path, name, protocol):
    with (
        lmdb.open(str(tmp_path / name), subdir=False, map_size=10**7) as environment,
        environment.begin(write=True) as put,
    ):
        put.put(b"0", pickle.dumps({"pos": [[0, 0, 0]]}, protocol))
        put.put(b"length", pickle.dumps(1, protocol))
    message = refusal(tmp_path / name)
    assert "pickled graphs" in message and "fairchem" in message


def water(**more):
    R = molecule("H2O").positions[None] + 0.01 * np.arange(2)[:, None, None]
    F = np.zeros((2, 3, 3))
    F[:, 0, 0], F[:, 1, 0] = 10, -10
    return {"z": np.array([8, 1, 1]), "R": R, "E": np.array([[-470.0], [-471.0]]), "F": F, **more}


@pytest.mark.parametrize(
    ("r_unit", "e_unit", "length", "energy"),
    [
        ("Ang", "kcal/mol", 1.0, KCAL),
        ("Angstrom", "eV", 1.0, 1.0),
        ("bohr", "Hartree", units.Bohr, units.Hartree),
        ("Ang", "kJ/mol", 1.0, units.kJ / units.mol),
    ],
)
@pytest.mark.parametrize("names", [{}, {"z": "nuclear_charges", "R": "coords", "E": "energies", "F": "forces"}])
def test_conformations_are_converted_as_the_file_says(tmp_path, names, r_unit, e_unit, length, energy):
    arrays = {names.get(key, key): value for key, value in water(r_unit=r_unit, e_unit=e_unit, theory="PBE").items()}
    np.savez(tmp_path / "water.npz", **arrays)
    frames = frames_of(tmp_path / "water.npz")
    assert [atoms.info["group"] for atoms in frames] == ["water"] * 2
    assert frames[1].get_potential_energy() == pytest.approx(-471 * energy)
    assert frames[0].get_forces()[0, 0] == pytest.approx(10 * energy / length)
    np.testing.assert_allclose(frames[1].positions, water()["R"][1] * length)


def rmd17(file):
    np.savez(file, nuclear_charges=[8, 1, 1], coords=water()["R"], energies=[-1.0, -2.0], forces=water()["F"])


def half_stated(file):
    np.savez(file, **water(e_unit="kcal/mol"))


def unknown_unit(file):
    np.savez(file, **water(r_unit="Ang", e_unit="furlong"))


def pickled(file):
    np.savez(file, z=np.array([8, 1, 1]), R=np.array([{}], dtype=object), r_unit="Ang", e_unit="eV")


def other_arrays(file):
    np.savez(file, weights=np.zeros(3), bias=np.zeros(3))


def misfits(file):
    np.savez(file, **water(r_unit="Ang", e_unit="eV", E=np.zeros(5)))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (rmd17, "does not state its units"),
        (half_stated, "does not state its units"),
        (unknown_unit, "'furlong' is no known unit of energy"),
        (pickled, "allow_pickle"),
        (other_arrays, "arrays bias, weights: no layout that is read"),
        (misfits, "5 energies for 2 conformations"),
    ],
)
def test_conformations_that_are_refused(tmp_path, written, said):
    written(tmp_path / "a.npz")
    message = refusal(tmp_path / "a.npz")
    assert said in message and ("ZEO22" not in message or written is other_arrays)


def spice(file):
    for name in ("ala", "gly"):
        group = file.create_group(name)
        group["atomic_numbers"] = [8, 1, 1]
        for key, unit, values in (
            ("conformations", "bohr", water()["R"] / units.Bohr),
            ("dft_total_energy", "hartree", [-76.0, -76.1]),
            ("dft_total_gradient", "hartree/bohr", -water()["F"]),
        ):
            group[key] = values
            group[key].attrs["units"] = unit


def ani(file):
    group = file.create_group("gdb11_s01/gdb11_s01-0")
    group["species"] = [b"O", b"H", b"H"]
    group["coordinates"] = water()["R"]
    group["energies"] = [-76.0, -76.1]


def test_hdf5_with_units_is_read(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "s.hdf5", "w") as file:
        spice(file)
    frames = frames_of(tmp_path / "s.hdf5")
    assert [atoms.info["group"] for atoms in frames] == ["ala", "ala", "gly", "gly"]
    assert frames[1].get_potential_energy() == pytest.approx(-76.1 * units.Hartree)
    assert frames[0].get_forces()[0, 0] == pytest.approx(10 * units.Hartree / units.Bohr)
    np.testing.assert_allclose(frames[0].positions, water()["R"][0])


def test_hdf5_without_units_is_asked_for_them(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "ani.h5", "w") as file:
        ani(file)
    message = refusal(tmp_path / "ani.h5")
    assert "does not state its units" in message and "ZEO22" not in message
    with h5py.File(tmp_path / "ani.h5", "a") as file:
        file.attrs.update(r_unit="Ang", e_unit="hartree")
    assert frames_of(tmp_path / "ani.h5")[0].get_potential_energy() == pytest.approx(-76.0 * units.Hartree)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["weights"] = [1.0]
    assert "no group has positions" in refusal(tmp_path / "other.h5")


MTP = """BEGIN_CFG
 Size
    2
 Supercell
     4.0 0.0 0.0
     0.0 4.0 0.0
     0.0 0.0 5.0
 AtomData:  id type cartes_x cartes_y cartes_z fx fy fz
     1 0 0.0 0.0 0.0 0.1 0.0 0.0
     2 1 2.0 2.0 2.0 -0.1 0.0 0.0
 Energy
    -7.5
 PlusStress:  xx yy zz yz xz xy
     8.0 4.0 2.0 0.4 0.2 0.1
 Feature   EFS_by   VASP
END_CFG

"""


def test_mtp_configurations(tmp_path):
    (tmp_path / "train.cfg").write_text(MTP + MTP.replace("-7.5", "-7.6"))
    assert "type_map.raw" in refusal(tmp_path / "train.cfg")
    (tmp_path / "type_map.raw").write_text("Cu O\n")
    first, second = frames_of(tmp_path / "train.cfg")
    assert str(first.symbols) == "CuO" and second.get_potential_energy() == -7.6 and first.info["EFS_by"] == "VASP"
    np.testing.assert_allclose(first.get_stress(), -np.array([8, 4, 2, 0.4, 0.2, 0.1]) / 80)
    (tmp_path / "train.cfg").write_text(MTP.replace("     0.0 0.0 5.0\n", ""))
    slab = frames_of(tmp_path / "train.cfg")[0]
    assert slab.pbc.tolist() == [True, True, False] and "stress" not in slab.calc.results
    for old, new in (("END_CFG\n", ""), ("     2 1 2.0 2.0", "     2 7 2.0 2.0"), ("-7.5", "much")):
        (tmp_path / "train.cfg").write_text(MTP.replace(old, new))
        refusal(tmp_path / "train.cfg")


ML_AB = """ 1.0 Version
**************************************************
     The number of configurations
--------------------------------------------------
          1
**************************************************
     Configuration num.      1
==================================================
     System name
--------------------------------------------------
     quartz
==================================================
     The number of atoms
--------------------------------------------------
         3
**************************************************
     Atom types and atom numbers
--------------------------------------------------
     Si     1
     O      2
==================================================
     CTIFOR
--------------------------------------------------
   2.0E-003
==================================================
     Primitive lattice vectors (ang.)
--------------------------------------------------
   5.0 0.0 0.0
   0.0 5.0 0.0
   0.0 0.0 5.0
==================================================
     Atomic positions (ang.)
--------------------------------------------------
   0.0 0.0 0.0
   1.6 0.0 0.0
   0.0 1.6 0.0
==================================================
     Total energy (eV)
--------------------------------------------------
   -23.5
==================================================
     Forces (eV ang.^-1)
--------------------------------------------------
   0.1 0.0 0.0
   -0.1 0.0 0.0
   0.0 0.0 0.0
==================================================
     Stress (kbar)
--------------------------------------------------
     XX YY ZZ
--------------------------------------------------
   1.0 2.0 3.0
--------------------------------------------------
     XY YZ ZX
--------------------------------------------------
   4.0 5.0 6.0
"""


@pytest.mark.parametrize("name", ["ML_AB", "ML_ABN", "ML_AB.1", "ML_AB_quartz"])
def test_vasps_machine_learning_data(tmp_path, name):
    (tmp_path / name).write_text(ML_AB + ML_AB[ML_AB.index("     Configuration num.") :])
    first, second = frames_of(tmp_path / name)
    assert str(first.symbols) == "SiO2" and second.get_potential_energy() == -23.5
    np.testing.assert_allclose(first.get_stress(), -0.1 * units.GPa * np.array([1, 2, 3, 5, 6, 4]))
    (tmp_path / name).write_text(ML_AB[: ML_AB.index("   -0.1 0.0")])
    assert "frame 0 is not whole" in refusal(tmp_path / name)


DAMAGED = {
    "POSCAR": "x\n1.0\n4 0 0\n0 4 0\n0 0 4\n2\nDirect\n0 0 0\n0.5 0.5 0.5\n",
    "vasprun.xml": '<?xml version="1.0"?>\n<modeling>\n <generator>\n  <i name="prog',
    "a.cif": "data_x\n_cell_length_a 4\n_cell_length_b 4\n_cell_length_c 4\n_cell_angle_alpha 90\n_cell_angle_beta 90\n"
    "_cell_angle_gamma 90\n_symmetry_Int_Tables_number 999\nloop_\n_atom_site_label\n_atom_site_fract_x\n"
    "_atom_site_fract_y\n_atom_site_fract_z\nCu 0 0 0\n",
    "OUTCAR": " vasp.6.3.0\n POSITION                                       TOTAL-FORCE (eV/Angst)\n",
    "a.traj": "- of Ulmnothing",
    "a.db": "SQLite format 3\0 and no more",
    "a.npz": "PK\3\4 and no more",
    "a.hdf5": "\211HDF no more",
    "a.sdf": "one\ntwo\n",
    "a.json": '{"ids": [1',
    "XDATCAR": "x\n1.0\n",
    "a.xsf": "CRYSTAL\nPRIMVEC\n1 0\n",
    "a.pdb": "ATOM      1  CU  MOL     1       x.000   0.000\n",
    "a.res": "TITL x\nCELL 1\n",
    "a.cube": "\n\n1 0\n",
    "a.cfg": "Number of particles = x\n",
    "a.gen": "2 S\n",
    "a.nc": "CDF\1 no more",
    "geometry.in": "lattice_vector 1 0\natom x\n",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_whatever_a_reader_raises_is_one_line(tmp_path, name):
    (tmp_path / name).write_text(DAMAGED[name], encoding="latin-1")
    refusal(tmp_path / name)


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
from pathlib import Path
from ase.build import bulk
from alphanet.data.formats import read_frames, write_frames
write_frames(Path("o.aselmdb"), [bulk("Cu")])
print(len(list(read_frames(Path("o.aselmdb"), labeled=False))))
"""


@pytest.mark.parametrize("gigabytes", [4, 30])
def test_a_store_is_written_under_a_limit_of_virtual_memory(tmp_path, gigabytes):
    python, variables = own_python()
    command = [*python, "-c", LIMITED, str(gigabytes * 10**9)]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "1", done.stderr


def test_a_limit_that_is_too_low_is_named(tmp_path, monkeypatch):
    def no_room(*_, **__):
        raise lmdb.MemoryError("Cannot allocate memory")

    monkeypatch.setattr("alphanet.data.store.lmdb.open", no_room)
    with pytest.raises(UserError, match=r"o\.aselmdb: the limit on virtual memory \(ulimit -v\)"):
        write_frames(tmp_path / "o.aselmdb", [bulk("Cu")])
    assert not list(tmp_path.iterdir())

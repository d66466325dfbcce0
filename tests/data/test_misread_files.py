"""Files that readers take for something else: each is read as it is meant, or refused with the reason."""

import json

import ase.io
import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.data.cards import LabelKeys
from alphanet.data.checks import check_file
from alphanet.data.formats import ase_files, read_frames, write_frames
from alphanet.data.units import factor
from alphanet.errors import UserError

HEAD = 'Lattice="5 0 0 0 5 0 0 0 5" pbc="T T T"'


def extxyz(path, comment, columns="species:S:1:pos:R:3:forces:R:3", species="Cu"):
    rows = [f"{species} 0 0 0 0.1 0 0", "O 1.8 0 0 -0.1 0 0"]
    path.write_text("\n".join(["2", f"{HEAD} Properties={columns} {comment}", *rows, ""]))
    return path


def only(path, **options):
    (found,) = read_frames(path, **options)
    return found


@pytest.mark.parametrize(
    ("name", "format"),
    [("CONTCAR@300K", "vasp"), ("run@2.traj", "traj"), ("a@0:2.cif", "cif"), ("x@1.json", "json"), ("p@-1.xsf", "xsf")],
)
def test_an_at_sign_belongs_to_the_name(tmp_path, name, format):
    if format == "json":  # ours is pymatgen's
        pytest.importorskip("pymatgen")
        from pymatgen.core import Lattice, Structure

        structure = Structure(Lattice.cubic(2.87), ["Fe"], [[0, 0, 0]]).as_dict()
        (tmp_path / name).write_text(json.dumps(structure))
    else:
        ase.io.write(tmp_path / name.split("@")[0], bulk("Cu"), format=format)
        ase.io.write(str(tmp_path / "b"), bulk("Fe"), format=format)
        (tmp_path / "b").rename(tmp_path / name)
    assert only(tmp_path / name, labeled=False).get_chemical_symbols() == ["Fe"]


@pytest.mark.parametrize("name", ["data[slab].extxyz", "a[/b].extxyz", "[red]x[/red].traj", "*.db", "a[0-9].aselmdb"])
def test_brackets_belong_to_the_name(tmp_path, frame, name):
    write_frames(tmp_path / name, [frame(0)])
    assert len(list(read_frames(tmp_path / name))) == 1
    result = CliRunner().invoke(app, ["data", "check", str(tmp_path / name)])
    assert result.exit_code == 0, result.output


CIF = """data_x
_cell_length_a 4
_cell_length_b 4
_cell_length_c 4
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'P 1'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
"""
SITES = {
    "shared": "Fe1 Fe 0 0 0 0.6\nCu1 Cu 0 0 0 0.4\n",
    "half empty": "Na1 Na 0 0 0 0.5\nCl1 Cl 0.5 0.5 0.5 1\n",
    "with error": "Na1 Na 0 0 0 0.75(2)\nCl1 Cl 0.5 0.5 0.5 1.0\n",
}


@pytest.mark.parametrize("sites", SITES.values(), ids=SITES)
def test_partial_occupancies_are_refused(tmp_path, sites):
    (tmp_path / "a.cif").write_text(CIF + sites)
    with pytest.raises(UserError, match=r"a\.cif: frame 0 is disordered \(partial occupancies\)"):
        list(read_frames(tmp_path / "a.cif", labeled=False))


def test_full_sites_are_read(tmp_path):
    (tmp_path / "a.cif").write_text(CIF + "Na1 Na 0 0 0 1.0\nCl1 Cl 0.5 0.5 0.5 0.9999\n")
    assert only(tmp_path / "a.cif", labeled=False).get_chemical_formula() == "ClNa"


def test_occupancies_of_a_pdb(tmp_path):
    line = "HETATM{0:5d}  {1:<2}  MOL A   1    {2:8.3f}   0.000   0.000  {3:4.2f}  0.00          {1:>2}\n"
    (tmp_path / "a.pdb").write_text(line.format(1, "C", 0.0, 0.5) + line.format(2, "O", 1.2, 1.0) + "END\n")
    with pytest.raises(UserError, match="partial occupancies"):
        list(read_frames(tmp_path / "a.pdb", labeled=False))


DUMP = """ITEM: TIMESTEP
0
ITEM: NUMBER OF ATOMS
2
ITEM: BOX BOUNDS pp pp pp
0 5
0 5
0 5
ITEM: ATOMS {columns}
{first}
{second}
"""


def dump(path, columns, first, second, before=""):
    path.write_text(before + DUMP.format(columns=columns, first=first, second=second))
    return path


@pytest.mark.parametrize("name", ["cu.lammpstrj", "x.dump", "dump.0"])
def test_lammps_types_are_no_elements(tmp_path, name):
    path = dump(tmp_path / name, "id type x y z", "1 1 0 0 0", "2 2 1.8 0 0")
    with pytest.raises(UserError, match="names atoms by type alone, so its elements are not known"):
        list(read_frames(path, labeled=False))


def test_lammps_dumps_have_no_energy(tmp_path):
    path = dump(tmp_path / "a.lammpstrj", "id element x y z fx fy fz", "1 Cu 0 0 0 1 0 0", "2 O 1.8 0 0 -1 0 0")
    with pytest.raises(UserError, match="frame 0 has no energy"):
        list(read_frames(path))
    found = only(path, labeled=False)
    assert found.get_chemical_symbols() == ["Cu", "O"]
    assert found.calc.results.keys() == {"forces"}


def test_lammps_dumps_name_their_units(tmp_path):
    columns, rows = "id element x y z fx fy fz", ("1 Cu 0 0 0 23.06 0 0", "2 O 1.8 0 0 -23.06 0 0")
    path = dump(tmp_path / "a.lammpstrj", columns, *rows, before="ITEM: UNITS\nreal\n")
    np.testing.assert_allclose(only(path, labeled=False).calc.results["forces"][0, 0], 1.0, rtol=1e-3)


def test_lammps_data_without_masses(tmp_path):
    box = "0 5 xlo xhi\n0 5 ylo yhi\n0 5 zlo zhi\n"
    text = f"made by hand\n\n1 atoms\n2 atom types\n{box}\n{{}}Atoms # atomic\n\n1 2 0 0 0\n"
    (tmp_path / "a.lammps-data").write_text(text.format(""))
    with pytest.raises(UserError, match="add Masses"):
        list(read_frames(tmp_path / "a.lammps-data", labeled=False))
    (tmp_path / "a.lammps-data").write_text(text.format("Masses\n\n1 63.546\n2 15.999\n\n"))
    assert only(tmp_path / "a.lammps-data", labeled=False).get_chemical_symbols() == ["O"]


@pytest.mark.parametrize(
    "key",
    [
        "REF_energy",
        "ref_energy",
        "dft_energy",
        "DFT-energy",
        "TotEnergy",
        "total_energy",
        "Energy",
        "energy_dft",
        "energy_eV",
        "REF_total_energy",
        "pbe_energy",
        "qm energy",
        "potential_energy",
        "energy_ref",
    ],
)
def test_known_names_of_the_energy(tmp_path, key, caplog):
    path = extxyz(tmp_path / "a.extxyz", f'"{key}"=-7.25')
    with caplog.at_level("INFO"):
        found = only(path)
    assert found.get_potential_energy() == -7.25
    assert f"energy found under {key!r}" in caplog.messages
    assert not found.info


@pytest.mark.parametrize(
    "key",
    ["reference_energy", "energy_per_atom", "atomic_energy", "mace_energy", "formation_energy", "energy_error", "E0"],
)
def test_names_that_mean_another_energy(tmp_path, key):
    with pytest.raises(UserError, match="frame 0 has no energy"):
        list(read_frames(extxyz(tmp_path / "a.extxyz", f"{key}=-7.25")))


@pytest.mark.parametrize(
    "key", ["force", "Forces", "REF_forces", "ref_force", "dft_forces", "forces_dft", "atomic_forces"]
)
def test_known_names_of_the_forces(tmp_path, key):
    path = extxyz(tmp_path / "a.extxyz", "energy=-1", f"species:S:1:pos:R:3:{key}:R:3")
    np.testing.assert_array_equal(only(path).get_forces()[:, 0], [0.1, -0.1])


@pytest.mark.parametrize("key", ["virial", "virials", "REF_virial", "REF_virials", "dft_virial", "virial_tensor"])
@pytest.mark.parametrize("values", ["0.02 0 0 0 0.02 0 0 0 0.02", "0.02 0.02 0.02 0 0 0"])
def test_virials_become_a_stress(tmp_path, key, values):
    found = only(extxyz(tmp_path / "a.extxyz", f'energy=-1 {key}="{values}"'))
    np.testing.assert_allclose(found.get_stress()[:3], -0.02 / 125)


@pytest.mark.parametrize("key", ["stress", "REF_stress", "dft_stress", "Stress", "stresses", "stress_tensor"])
def test_stresses_keep_their_sign(tmp_path, key):
    found = only(extxyz(tmp_path / "a.extxyz", f'energy=-1 {key}="0.01 0 0 0 0.01 0 0 0 0.01"'))
    np.testing.assert_allclose(found.get_stress()[:3], 0.01)


def test_what_has_the_name_of_a_label_and_another_form_is_told(tmp_path, caplog):
    found = only(extxyz(tmp_path / "a.extxyz", 'energy=-1 virials="1 2 3 4"'))
    assert "'virials' is not taken as virial: it has the shape (4,)" in caplog.messages
    assert found.info["virials"].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("key", ["vasp_stress", "virial_stress", "stress_from_fit"])
def test_a_stress_of_open_sign_is_told(tmp_path, key, caplog):
    found = only(extxyz(tmp_path / "a.extxyz", f'energy=-1 {key}="0.01 0 0 0 0.01 0 0 0 0.01"'))
    assert "stress" not in found.calc.results
    assert f"say --stress-key or --virial-key {key}" in caplog.text


def test_numbers_that_may_be_the_energy_are_named(tmp_path):
    with pytest.raises(UserError, match=r"it has 'E_dft': name the keys of its labels, e\.g\. 'E_dft' for the energy"):
        only(extxyz(tmp_path / "a.extxyz", "E_dft=-7.25 step=3"))


def test_stress_and_virial_that_disagree(tmp_path, caplog):
    agreeing = 'energy=-1 stress="0.01 0 0 0 0.01 0 0 0 0.01" virial="-1.25 0 0 0 -1.25 0 0 0 -1.25"'
    np.testing.assert_allclose(only(extxyz(tmp_path / "a.extxyz", agreeing)).get_stress()[:3], 0.01)
    assert not caplog.records
    found = only(extxyz(tmp_path / "a.extxyz", agreeing.replace("-1.25", "1.25")))
    np.testing.assert_allclose(found.get_stress()[:3], 0.01)
    assert "sign or unit of one is wrong" in caplog.text
    assert found.info["virial"][0, 0] == 1.25


def test_named_keys_win_and_nothing_else_is_taken(tmp_path, caplog):
    comment = 'energy=-1 REF_energy=-2 stress="1 0 0 0 1 0 0 0 1" virials="0.02 0 0 0 0.02 0 0 0 0.02"'
    path = extxyz(tmp_path / "a.extxyz", comment)
    assert only(path).get_potential_energy() == -1
    assert "energy is taken from 'energy'; also there: 'REF_energy'" in caplog.text
    found = only(path, labels=LabelKeys(energy="REF_energy", virial="virials"))
    assert found.get_potential_energy() == -2
    np.testing.assert_allclose(found.get_stress()[:3], -0.02 / 125)
    with pytest.raises(UserError, match="frame 0 has no energy; it has 'REF_energy'"):
        list(read_frames(path, labels=LabelKeys(energy="REF_enrgy")))
    list(read_frames(path, labeled=False, labels=LabelKeys(stress="REF_stress")))
    assert "no frame has 'REF_stress'" in caplog.text


@pytest.mark.parametrize("command", ["convert", "stats", "check"])
def test_keys_are_options_wherever_labels_are_read(tmp_path, command):
    path = extxyz(tmp_path / "a.extxyz", 'e=-1 w="0.02 0 0 0 0.02 0 0 0 0.02"', "species:S:1:pos:R:3:f:R:3")
    target = [str(tmp_path / "b.extxyz")] if command == "convert" else []
    keys = ["--energy-key", "e", "--forces-key", "f", "--virial-key", "w"]
    result = CliRunner().invoke(app, ["data", command, str(path), *target, *keys])
    assert result.exit_code == 0, result.output
    if target:
        np.testing.assert_allclose(only(tmp_path / "b.extxyz").get_stress()[0], -0.02 / 125)


HA, KCAL, BAR = units.Hartree, units.kcal / units.mol, units.bar
STRESS = 'energy=-1 stress="{0} 0 0 0 {0} 0 0 0 {0}"'


@pytest.mark.parametrize(
    ("comment", "energy", "force", "stress"),
    [
        ("energy=-1 energy_unit=Hartree force_unit=Hartree/Bohr", -HA, 0.1 * HA / units.Bohr, None),
        ("energy=-1 energy-unit=au force-unit=a.u.", -HA, 0.1 * HA / units.Bohr, None),
        ("energy=-1 energy_unit=kcal/mol forces_unit=kcal/mol/angstrom", -KCAL, 0.1 * KCAL, None),
        ("energy_Ha=-1", -HA, 0.1, None),
        ("energy_kcal_mol=-1", -KCAL, 0.1, None),
        ("energy=-1 energy_unit=eV units='eV, eV/A'", -1, 0.1, None),
        (STRESS.format(10) + " stress-unit=kbar", -1, 0.1, 1e4 * BAR),
        (STRESS.format(2) + " stress_unit=GPa", -1, 0.1, 2 * units.GPa),
        (STRESS.format(2) + " stressUnit=GPa", -1, 0.1, 2 * units.GPa),
        (STRESS.format(2) + " units_of_stress=GPa unit_energy=eV", -1, 0.1, 2 * units.GPa),
        (STRESS.format(2) + " stress_unit=eV/A^3", -1, 0.1, 2),
        ('energy=-1 stress_GPa="2 0 0 0 2 0 0 0 2"', -1, 0.1, 2 * units.GPa),
        ('energy=-1 stress_kbar="2 2 2 0 0 0"', -1, 0.1, 2e3 * BAR),
        ('energy=-1 virial="2 2 2 0 0 0" energy_unit=Ha', -HA, 0.1, -2 * HA / 125),
    ],
)
def test_units_that_the_file_names(tmp_path, comment, energy, force, stress, caplog):
    with caplog.at_level("INFO"):
        found = only(extxyz(tmp_path / "a.extxyz", comment))
    assert found.get_potential_energy() == pytest.approx(energy)
    assert found.get_forces()[0, 0] == pytest.approx(force)
    assert found.calc.results.get("stress", [None])[0] == (None if stress is None else pytest.approx(stress))
    assert (energy == -1 and stress in (None, 2)) or "converted from" in caplog.text
    write_frames(tmp_path / "b.extxyz", [found])
    assert only(tmp_path / "b.extxyz").get_potential_energy() == pytest.approx(energy)  # not converted again


def test_the_unit_of_a_stress_that_comes_from_a_virial_is_not_written_beside_it(tmp_path):
    virial = 'virial="1 0 0 0 1 0 0 0 1" stress_unit=kbar'
    (tmp_path / "a.extxyz").write_text(f'1\nLattice="4 0 0 0 4 0 0 0 4" energy=-3 {virial}\nCu 0 0 0\n')
    for source, target in (("a", "b"), ("b", "c")):
        write_frames(tmp_path / f"{target}.extxyz", read_frames(tmp_path / f"{source}.extxyz", labeled=False))
    (found,) = read_frames(tmp_path / "c.extxyz", labeled=False)
    np.testing.assert_allclose(found.get_stress()[:3], -1 / 64)


def test_lengths_in_other_units(tmp_path):
    found = only(extxyz(tmp_path / "a.extxyz", "energy=-1 length_unit=bohr"))
    assert found.get_distance(0, 1) == pytest.approx(1.8 * units.Bohr)
    assert found.cell.lengths() == pytest.approx([5 * units.Bohr] * 3)


def test_a_unit_cell_is_no_unit(tmp_path):
    assert only(extxyz(tmp_path / "a.extxyz", "energy=-1 unit_cell=conventional")).info["unit_cell"] == "conventional"


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("energy=-1 energy-unit=nonsense", "'energy-unit' names a unit of energy that is not known: 'nonsense'"),
        (STRESS.format(2) + " stress_unit=eV", "'stress_unit' names a unit of stress that is not known"),
        ("energy=-1 units=atomic", "says units=atomic: name the units one by one"),
        (STRESS.format(2) + " units=GPa", "says units=GPa: name the units one by one"),
        ("energy=-1 length_unit=furlong", "unit of length that is not known"),
    ],
)
def test_units_that_are_not_understood(tmp_path, comment, message):
    with pytest.raises(UserError, match=message):
        list(read_frames(extxyz(tmp_path / "a.extxyz", comment)))


def test_forces_beside_energies_in_another_unit_are_doubted(tmp_path, caplog):
    only(extxyz(tmp_path / "a.extxyz", "energy=-1 energy_unit=Ha"))
    assert "none of its forces: taken as eV/Å" in caplog.text


@pytest.mark.parametrize(
    ("unit", "quantity", "expected"),
    [
        ("kJ mol^-1", "energy", units.kJ / units.mol), ("eV Å^-3", "stress", 1.0), ("ev per angstrom", "forces", 1.0),
        ("Ry/bohr", "forces", units.Rydberg / units.Bohr), ("Hartree/Bohr**3", "stress", HA / units.Bohr**3),
        ("MPa", "stress", units.GPa / 1000),
        ("nm", "length", 10.0), ("eV", "stress", None), ("GPa", "energy", None),
    ],
)  # fmt: skip
def test_factors(unit, quantity, expected):
    assert factor(unit, quantity) == (None if expected is None else pytest.approx(expected))


def test_cp2k_trajectories(tmp_path):
    text = "2\n i =        1, time =        0.000, E =       -17.1\n H 0.0 0.0 0.0\n H 0.74 0.0 0.0\n"
    (tmp_path / "run-pos-1.xyz").write_text(text)
    found = only(tmp_path / "run-pos-1.xyz", labeled=False)
    assert found.get_potential_energy() == pytest.approx(-17.1 * HA)
    (tmp_path / "run-frc-1.xyz").write_text(text)
    with pytest.raises(UserError, match="holds forces or velocities of CP2K, not positions"):
        list(read_frames(tmp_path / "run-frc-1.xyz", labeled=False))


@pytest.mark.parametrize("place", [".ipynb_checkpoints/a-checkpoint.extxyz", ".git/a.extxyz", "__MACOSX/a.extxyz"])
def test_stale_copies_are_no_data(tmp_path, frame, place):
    write_frames(tmp_path / "a.extxyz", [frame(0)])
    (tmp_path / place).parent.mkdir()
    write_frames(tmp_path / place, [frame(1)])
    for junk in ("._b.extxyz", "Thumbs.db", "b.extxyz~", "#b.extxyz#", "c-checkpoint.extxyz", "d.extxyz.bak"):
        (tmp_path / junk).write_text("no data")
    assert len(list(read_frames(tmp_path))) == 1


def test_a_hidden_folder_may_be_named(tmp_path, frame):
    write_frames(tmp_path / ".mine" / "a.extxyz", [frame(0)])
    assert len(list(read_frames(tmp_path / ".mine"))) == 1


@pytest.mark.parametrize("text", [b"made with PBE, 400 eV\n", b"", b"\xff\xfe\x00", b"a,b,c\n1,2,3\n", b"frame 1\n"])
@pytest.mark.parametrize("name", ["water.txt", "water.txt.xz"])
def test_an_unrelated_text_beside(tmp_path, frame, name, text):
    import lzma

    write_frames(tmp_path / "water.extxyz", [frame(0)])
    (tmp_path / name).write_bytes(lzma.compress(text) if name.endswith("xz") else text)
    assert not only(tmp_path / "water.extxyz").info


@pytest.mark.parametrize(
    ("species", "hint"), [("D", "write H"), ("Cu2+", "write Cu"), ("Fe1", "write Fe"), ("8", "Z:I:1"), ("Wat", "")]
)
def test_species_that_are_no_symbols(tmp_path, species, hint):
    path = extxyz(tmp_path / "a.extxyz", "energy=-1", species=species)
    with pytest.raises(UserError, match=rf"frame 0: '{species.replace('+', '.')}' is no chemical symbol.*{hint}"):
        list(read_frames(path))


def test_frames_of_an_outcar_that_did_not_converge_are_told(tmp_path, caplog):
    step, force = "----- Iteration 1( 60) -----\n", " POSITION    TOTAL-FORCE (eV/Angst)\n"
    reached, missed = "aborting loop because EDIFF is reached\n", "aborting loop EDIFF was not reached (unconverged)\n"
    (tmp_path / "OUTCAR").write_text(step + reached + force + step + missed + force + step + force)
    steps = ase_files._converged_steps(tmp_path / "OUTCAR")
    assert steps == [True, False, False]
    frames = list(ase_files._judged(iter([Atoms("H") for _ in range(3)]), steps))
    assert [atoms.info for atoms in frames] == [{}, {"converged": False}, {"converged": False}]
    assert "2 frames of an OUTCAR did not converge" in caplog.text
    (tmp_path / "OUTCAR").write_text(force)  # cut by hand
    assert ase_files._converged_steps(tmp_path / "OUTCAR") == []


@pytest.mark.parametrize(
    ("stress", "verdict"),
    [(160.0, "warning"), (1.5, "warning"), (0.5, "warning"), (0.01, "ok"), (-0.2, "ok"), (0.0, "warning")],
)
def test_check_judges_the_stress(tmp_path, stress, verdict):
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.05)
    forces = np.random.default_rng(0).normal(size=(4, 3))
    forces -= forces.mean(axis=0)
    atoms.calc = SinglePointCalculator(atoms, energy=-12.0, forces=forces, stress=[stress] * 3 + [0, 0, 0])
    write_frames(tmp_path / "a.extxyz", [atoms])
    verdicts = {finding.subject: finding.verdict for finding in check_file(tmp_path / "a.extxyz")}
    assert verdicts["frames: stress"] == verdict
    assert verdicts["frames: units"] == "ok"


def mixed_system(folder):
    part = folder / "set.000"
    part.mkdir(parents=True)
    (folder / "type.raw").write_text("0\n0\n0\n")
    (folder / "type_map.raw").write_text("H\nO\nCu\n")
    np.save(part / "real_atom_types.npy", np.array([[2, 1, 0], [2, 1, -1]]))
    np.save(part / "coord.npy", np.arange(18.0).reshape(2, 9))
    np.save(part / "box.npy", np.stack([np.eye(3).ravel() * 20] * 2))
    np.save(part / "energy.npy", np.array([-1.0, -2.0]))
    np.save(part / "force.npy", np.arange(18.0).reshape(2, 9))
    return folder


def test_deepmd_mixed(tmp_path):
    first, second = read_frames(mixed_system(tmp_path / "mixed"))
    assert (first.get_chemical_symbols(), second.get_chemical_symbols()) == (["Cu", "O", "H"], ["Cu", "O"])
    np.testing.assert_array_equal(second.get_forces(), np.arange(9.0, 15.0).reshape(2, 3))


def test_deepmd_raw_text_and_files_that_are_not_read(tmp_path, frame, caplog):
    atoms = frame(0)
    write_frames(tmp_path / "npy", [atoms, frame(1)])
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in ("type.raw", "type_map.raw"):
        (raw / name).write_text((tmp_path / "npy" / name).read_text())
    for name in ("coord", "box", "energy", "force", "virial"):
        np.savetxt(raw / f"{name}.raw", np.load(tmp_path / f"npy/set.000/{name}.npy"))
    (raw / "polarizability.raw").write_text("1\n2\n")
    for system in ("npy", "raw"):
        found = list(read_frames(tmp_path / system))
        assert len(found) == 2
        np.testing.assert_allclose(found[0].get_stress(), atoms.get_stress())
        assert found[0].get_potential_energy() == pytest.approx(atoms.get_potential_energy())
    assert "not read: polarizability" in caplog.text

"""Initial structures by id from every published form, and samples of them."""

import json
import zipfile
from collections import Counter

import pytest
from ase.io import write
from crystals_to_relax import strained_crystals

from alphanet.errors import UserError
from alphanet.measure.relaxation.records import Crystal
from alphanet.measure.relaxation.sampling import sample
from alphanet.measure.relaxation.structures import initial_structures, read_structures

CRYSTALS = strained_crystals()


def zipped(folder):
    """As published: a file an id."""
    with zipfile.ZipFile(folder / "initial.extxyz.zip", "w") as archive:
        for identity, atoms in CRYSTALS.items():
            write(folder / "one.extxyz", atoms)
            archive.write(folder / "one.extxyz", f"{identity}.extxyz")
    return folder / "initial.extxyz.zip"


def one_file(folder):
    """Ids in `material_id`."""
    for identity, atoms in CRYSTALS.items():
        atoms.info["material_id"] = identity
    write(folder / "initial.extxyz", list(CRYSTALS.values()))
    return folder / "initial.extxyz"


def as_table(folder):
    """The published JSON: columns of pandas."""
    from pymatgen.io.ase import AseAtomsAdaptor

    found = [AseAtomsAdaptor.get_structure(atoms).as_dict() for atoms in CRYSTALS.values()]
    columns = {
        "material_id": {str(row): identity for row, identity in enumerate(CRYSTALS)},
        "initial_structure": {str(row): structure for row, structure in enumerate(found)},
    }
    (folder / "initial.json").write_text(json.dumps(columns))
    return folder / "initial.json"


@pytest.mark.parametrize("form", [zipped, one_file, as_table])
def test_published_forms(form, tmp_path):
    structures = read_structures(form(tmp_path))
    assert list(structures) == list(CRYSTALS)
    found = structures["wbm-1-2"]
    assert found.get_chemical_formula() == "O3SrTi"
    assert found.cell.array == pytest.approx(CRYSTALS["wbm-1-2"].cell.array, abs=1e-7)
    assert "wbm-7-7" not in structures


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(UserError, match="alphanet data fetch wbm --scale full"):
        initial_structures(None)
    with pytest.raises(UserError, match="does not exist"):
        initial_structures(tmp_path / "nothing.extxyz")
    write(tmp_path / "nameless.extxyz", Crystal.of(CRYSTALS["wbm-1-1"]).atoms())
    with pytest.raises(UserError, match="structure 0 has no id"):
        read_structures(tmp_path / "nameless.extxyz")
    (tmp_path / "torn.zip").write_bytes(b"PK")
    with pytest.raises(UserError, match="cannot be read"):
        read_structures(tmp_path / "torn.zip")


def test_samples_are_stratified_and_depend_on_nothing_but_ids_number_and_seed():
    sizes = {1: 6100, 2: 5200, 3: 7900, 4: 4000, 5: 2300}
    ids = [f"wbm-{step}-{number}" for step, size in sizes.items() for number in range(1, size + 1)]
    drawn = sample(ids, 200, seed=1)
    assert drawn == sample(reversed(ids), 200, seed=1)
    assert len(set(drawn)) == 200
    assert len(set(drawn) & set(sample(ids, 200, seed=2))) < 20
    steps = Counter(int(one.split("-")[1]) for one in drawn)
    for step, size in sizes.items():
        assert abs(steps[step] - 200 * size / len(ids)) < 1
    assert sample(ids[:50], 500) == ids[:50]
    with pytest.raises(UserError, match="at least one"):
        sample(ids, 0)


def test_samples_have_cells_of_all_sizes():
    ids = [f"wbm-1-{number}" for number in range(1, 1001)]
    n_sites = {one: 2 if place % 10 else 40 for place, one in enumerate(ids)}
    drawn = sample(ids, 50, n_sites=n_sites)
    assert sum(n_sites[one] == 40 for one in drawn) == 5

"""Any ASE calculator and any torch_sim model is a potential."""

import subprocess
import sys

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from alphanet.errors import UserError
from alphanet.measure.conformance import Claims, crystal, run_checks
from alphanet.paths import own_python
from alphanet.potentials.opening import LoadOptions, open_potential

MODULE = "python_potentials"


def opened(name, **how):
    return open_potential(f"{MODULE}:{name}", LoadOptions(**how))


def test_an_ase_calculator_conforms():
    checks = run_checks(opened("lennard_jones"), Claims(("C", "O")))
    assert [check.check for check in checks if not check.passed] == []


def test_a_calculator_without_stress_has_none():
    (answer,) = opened("NoStress").predict([bulk("Cu")])
    assert answer.energy == 1.0
    assert answer.stress is None


def test_the_callable_receives_what_it_has_parameters_for():
    dimer = Atoms("H2", [[0, 0, 0], [0, 0, 1.2]])
    small, large = (opened("with_seed", seed=seed).predict([dimer])[0].energy for seed in (1, 2))
    assert large == pytest.approx(2 * small)
    assert opened("with_seed", seed=1, dtype="float64").predict([dimer])[0].energy == pytest.approx(1.1 * small)


def test_a_torch_sim_model_equals_the_same_potential_through_ase():
    torch_sim = pytest.importorskip("torch_sim")
    assert torch_sim
    frames = [crystal(("C", "O"), seed) for seed in range(3)]
    batched = opened("torch_sim_model").predict(frames, batch_size=2)
    single = opened("torch_sim_model").predict(frames, batch_size=1)
    for atoms, one, other in zip(frames, batched, single, strict=True):
        assert one.forces.shape == (len(atoms), 3)
        assert one.energy == pytest.approx(other.energy, rel=1e-12)
        np.testing.assert_allclose(one.forces, other.forces, atol=1e-12)
    assert opened("torch_sim_model").provenance()["dtype"] == "float64"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (f"{MODULE}:raises", "cannot be called: ValueError: no weights"),
        (f"{MODULE}:something_else", "returned int, neither an ASE calculator nor a torch_sim model"),
        (f"{MODULE}:nothing_at_all", "returned NoneType, neither an ASE calculator nor a torch_sim model"),
        (f"{MODULE}:structure", "returned Atoms, neither an ASE calculator"),
        (f"{MODULE}:a_class", "returned the class NoStress; return a calculator that is made from it"),
        (f"{MODULE}:exits", "cannot be called: SystemExit: bye"),
        (f"{MODULE}:not_callable", "is not a function"),
        (f"{MODULE}:nothing", "cannot be imported as module:callable"),
        ("no_such_module:f", "no file, no baseline, and cannot be imported"),
    ],
)
def test_mistakes_are_named(name, said):
    with pytest.raises(UserError, match=said):
        open_potential(name, LoadOptions())


def test_failures_name_the_frame():
    with pytest.raises(UserError, match=r"frame 1 \(H3\): RuntimeError: too many atoms"):
        opened("Fragile").predict([chain(2), chain(3)])
    with pytest.raises(UserError, match=r"the prediction for frame 0 \(H\) is not finite"):
        opened("Fragile").predict([chain(1)])


def chain(n: int) -> Atoms:
    return Atoms(f"H{n}", np.arange(3.0 * n).reshape(n, 3))


def counted(monkeypatch):
    """Sizes of the batches that torch_sim is given."""
    import torch_sim

    sizes, make = [], torch_sim.initialize_state

    def initialize_state(batch, **how):
        sizes.append(len(batch))
        return make(batch, **how)

    monkeypatch.setattr(torch_sim, "initialize_state", initialize_state)
    return sizes


def test_batches_of_mixed_periodicity_are_split(monkeypatch):
    sizes = counted(monkeypatch)
    frames = [chain(3) for _ in range(7)]
    for atoms in (frames[0], frames[1], frames[4]):
        atoms.set_cell([9.0, 9.0, 9.0])
        atoms.pbc = True
    ase, torch_sim = opened("lennard_jones"), opened("torch_sim_model")
    answers = torch_sim.predict(frames, batch_size=3)
    assert sizes == [2, 2, 1, 2]
    for ours, theirs in zip(answers, ase.predict(frames), strict=True):
        assert ours.energy == pytest.approx(theirs.energy, abs=0.05) and ours.forces.shape == theirs.forces.shape


@pytest.mark.parametrize("pbc", [(True, True, False), (True, False, False), (False, True, True)])
def test_a_slab_is_refused_by_a_torch_sim_that_cannot_say_it(pbc):
    slab = chain(3)
    slab.set_cell([9.0, 9.0, 9.0])
    slab.pbc = pbc
    with pytest.raises(UserError, match=r"frame 1 .* periodic in some directions only \(pbc [TF] [TF] [TF]\)"):
        opened("torch_sim_model").predict([chain(2), slab])


SHADOWED = """
from alphanet.potentials.calculators import from_python
from_python("mine:make", dtype="float64", device="cpu", seed=0)
import {name}
"""


@pytest.mark.parametrize("name", ["ase", "typing_extensions", "scipy"])
def test_the_working_folder_gives_the_named_module_and_shadows_no_package(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("raise SystemExit('taken from the working folder')")
    (tmp_path / "helper.py").write_text("from ase.calculators.lj import LennardJones")
    (tmp_path / "statistics.py").write_text("raise SystemExit('this, too')")
    (tmp_path / "mine.py").write_text("import statistics, helper\ndef make():\n    return helper.LennardJones()")
    python, variables = own_python()
    command = [*python, "-c", SHADOWED.format(name=name)]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_module_of_the_working_folder_goes_before_an_installed_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tabulate.py").write_text("from ase.calculators.lj import LennardJones as make")
    monkeypatch.delitem(sys.modules, "tabulate", raising=False)
    potential = open_potential("tabulate:make", LoadOptions())
    assert potential.provenance()["calculator"] == "ase.calculators.lj.LennardJones"
    assert len(potential.provenance()["source_sha256"]) == 64
    monkeypatch.delitem(sys.modules, "tabulate", raising=False)

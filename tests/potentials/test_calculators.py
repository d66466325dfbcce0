"""Any ASE calculator and any torch_sim model is a potential."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from alphanet.errors import UserError
from alphanet.measure.conformance import Claims, crystal, run_checks
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

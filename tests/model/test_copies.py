"""Calculators travel: pickled, deep-copied and forked ones answer as the one they come from, in every mode."""

import multiprocessing
import os
import pickle
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import bulk
from model_samples import official_config, paper_config, random_model

from alphanet import AlphaNetCalculator
from alphanet.model.fast.model import FastModel
from alphanet.torch_sim_model import AlphaNetModel

CONFIGS = {"paper": paper_config(), "official": official_config()}


def silicon(seed=0):
    atoms = bulk("Si", cubic=True)
    atoms.rattle(0.05, seed=seed)
    return atoms


@pytest.mark.parametrize("copied", [deepcopy, lambda one: pickle.loads(pickle.dumps(one))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("mode", ["eager", "blocked"])
@pytest.mark.parametrize("reading", CONFIGS)
def test_a_copied_calculator_answers_the_same(reading, mode, copied):
    calculator = AlphaNetCalculator(random_model(CONFIGS[reading]), mode=mode)
    fresh = copied(calculator)
    for seed in (0, 1):  # before and after the first evaluation
        wanted, found = calculator.get_forces(silicon(seed)), fresh.get_forces(silicon(seed))
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)
        fresh = copied(calculator)
    assert fresh.mode == mode


def test_settings_of_a_fast_model_travel():
    fast = FastModel(random_model(CONFIGS["paper"]), compiled=False, native=False, max_memory=0, block=256)
    fast.mode, fast.note = "eager", "it differs"
    copy = deepcopy(fast)
    assert (copy.mode, copy.note, copy._limit, copy._block) == ("eager", "it differs", 0, 256)


def test_the_compiled_mode_travels_as_its_settings():
    fast = FastModel(random_model(CONFIGS["paper"]), compiled=True, native=False)
    for copy in (deepcopy(fast), pickle.loads(pickle.dumps(fast))):
        assert copy.mode == "compiled"


@pytest.mark.slow
def test_a_compiled_calculator_is_pickled_and_copied():
    calculator = AlphaNetCalculator(random_model(CONFIGS["paper"]), mode="compiled")
    wanted = calculator.get_potential_energy(silicon())
    for copy in (deepcopy(calculator), pickle.loads(pickle.dumps(calculator))):
        assert copy.get_potential_energy(silicon()) == pytest.approx(wanted, rel=1e-5)


def test_a_torch_sim_model_is_copied():
    pytest.importorskip("torch_sim")
    model = AlphaNetModel(random_model(CONFIGS["paper"]))
    from torch_sim import initialize_state

    state = initialize_state([silicon()], torch.device("cpu"), torch.float64)
    for copy in (deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert float(copy(state)["energy"][0]) == float(model(state)["energy"][0])


FORK = """
import multiprocessing, sys
import torch
torch.set_num_threads(2)
from ase.build import bulk
sys.path.insert(0, {tests!r})
from model_samples import paper_config, random_model
from alphanet import AlphaNetCalculator
model = random_model(paper_config(hidden_channels=64))
calculators = [AlphaNetCalculator(model, mode=mode) for mode in ("eager", "blocked")]
def energies(seed):
    atoms = bulk("Si", cubic=True).repeat(2)
    atoms.rattle(0.05, seed=seed)
    return [float(calculator.get_potential_energy(atoms)) for calculator in calculators]
here = [energies(k) for k in range(2)]
with multiprocessing.get_context("fork").Pool(2) as pool:
    there = pool.map_async(energies, range(2)).get(60)
assert all(abs(a - b) < 1e-6 for one, other in zip(here, there) for a, b in zip(one, other)), (here, there)
"""


@pytest.mark.integration
@pytest.mark.long
def test_a_pool_forked_after_an_evaluation_does_not_hang():
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("no fork here")
    variables = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    command = [sys.executable, "-c", FORK.format(tests=str(Path(__file__).parents[1]))]
    done = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
    assert done.returncode == 0, done.stderr

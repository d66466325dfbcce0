"""The mode that nobody asks for: kernels without inductor, compiled in the background, and the reference until then."""

import json
import pickle
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from model_samples import REFERENCE_ONLY, alloy, paper_config, random_model

from alphanet import AlphaNetCalculator
from alphanet.errors import UserError
from alphanet.model.evaluator import evaluation
from alphanet.model.fast import ready
from alphanet.model.fast.ready import Reference, WhenReady
from alphanet.model.native import library
from alphanet.model.native.library import cpp_compiler
from alphanet.model.prediction import predict
from alphanet.paths import own_python

needs_compiler = pytest.mark.skipif(cpp_compiler() is None, reason="no C++ compiler")


@pytest.fixture(autouse=True)
def _no_mode_of_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALPHANET_MODE")


def single():
    return random_model(paper_config()).float()


READY = """
import json, sys, time
sys.path.insert(0, {tests!r})
import torch
torch.set_num_threads(1)
from model_samples import alloy, paper_config, random_model
from alphanet import AlphaNetCalculator
model = random_model(paper_config()).float()
calculator, modes, errors = AlphaNetCalculator(model), [], []
atoms = alloy()
for step in range(3000):
    modes.append(calculator.mode)
    atoms.positions[0, 0] += 0.001
    calculator.calculate(atoms)
    exact = AlphaNetCalculator(model, mode="eager").get_potential_energy(atoms)
    errors.append(calculator.results["energy"] - exact)
    if modes[-1] == "compiled":
        break
    time.sleep(0.02)
inductor = sorted(name for name in sys.modules if name.startswith(("torch._inductor", "torch._dynamo")))
print(json.dumps(dict(modes=modes, errors=errors, inductor=inductor)))
"""


def in_a_new_process() -> dict:
    command, variables = own_python()
    script = READY.format(tests=str(Path(__file__).parents[1]))
    done = subprocess.run([*command, "-c", script], capture_output=True, text=True, env=variables, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_compiler
@pytest.mark.integration
def test_a_later_process_is_ready_at_once_without_inductor() -> None:
    """Nothing of inductor or dynamo is even imported."""
    loaded, path = Path(library.kernels(16)._name), library.place(16)
    if loaded != path:  # another test has compiled them
        shutil.copy(loaded, path)
    found = in_a_new_process()
    assert found["modes"] == ["compiled"]
    assert found["inductor"] == []
    assert np.abs(found["errors"]).max() < 1e-4


@needs_compiler
@pytest.mark.slow
def test_the_first_process_answers_while_kernels_are_compiled() -> None:
    found = in_a_new_process()
    assert found["modes"][0] == "eager" and found["modes"][-1] == "compiled"
    assert found["inductor"] == []
    assert np.abs(found["errors"]).max() < 1e-4


def test_other_models_are_evaluated_by_the_reference() -> None:
    assert isinstance(evaluation(random_model(paper_config()), None), Reference)  # float64
    for config in REFERENCE_ONLY.values():
        assert isinstance(evaluation(random_model(config).float(), None), Reference)
    with pytest.raises(UserError, match="max_memory"):
        evaluation(random_model(paper_config()), None, 1000)


def test_a_variable_names_the_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPHANET_MODE", "blocked")
    assert isinstance(evaluation(single(), "eager"), Reference)
    assert evaluation(random_model(paper_config()), None).mode == "blocked"
    monkeypatch.setenv("ALPHANET_MODE", "fastest")
    with pytest.raises(UserError, match="fastest"):
        evaluation(single(), None)


def test_without_a_compiler_the_reference_is_used_and_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "cpp_compiler", lambda: None)
    with pytest.warns(UserWarning, match=r"no C\+\+ compiler found.*mode eager") as said:
        calculator = AlphaNetCalculator(single())
    assert len(said) == 1
    assert calculator.mode == "eager"
    assert np.isfinite(calculator.get_potential_energy(alloy()))


class Compilation:
    """A process that compiles, for as long as a test wants."""

    def __init__(self, code: str) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)

    def __call__(self, _channels: int) -> "subprocess.Popen[str]":
        return self.process


def test_a_compiler_that_refuses_leaves_the_reference(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ready, "is_built", lambda _: False)
    compilation = Compilation("import sys; sys.exit('g++ refuses: out of cheese')")
    monkeypatch.setattr(ready, "start", compilation)
    engine = WhenReady(single(), waits=False)
    graph = single().graph(alloy())
    with pytest.warns(UserWarning, match="g.. refuses: out of cheese.*mode eager"):
        engine.predict(graph)
        compilation.process.wait()
        found = engine.predict(graph)
    assert engine.mode == "eager" and torch.equal(found.forces, predict(single(), graph).forces)


@needs_compiler
def test_copies_and_changed_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits has the kernels; a copy has them at once; a change of the weights is seen, by the reference."""
    library.kernels(16)  # of this process, if another test has them
    monkeypatch.setattr(ready, "is_built", lambda _: True)
    model = single()
    graph = model.graph(alloy())
    engine = WhenReady(model, waits=True)
    assert engine.mode == "compiled"
    wanted = engine.predict(graph)
    for copy in (deepcopy(engine), pickle.loads(pickle.dumps(engine))):
        assert copy.mode == "compiled"
        assert torch.equal(copy.predict(graph).forces, wanted.forces)
    with torch.no_grad():
        model.readout.weight.mul_(2)
    assert engine.mode == "eager"
    assert torch.equal(engine.predict(graph).forces, predict(model, graph).forces)

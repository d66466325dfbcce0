"""The common kit and loop, as SchNet, PaiNN and others use them, with a toy network in this interpreter."""

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from toy_row import NETWORK, PRESETS, WORKER

from alphanet.data.store import write_store
from alphanet.errors import UserError
from alphanet.files import sha256_of
from alphanet.potentials.conformance import Subject, run_checks
from alphanet.potentials.kit.worker_kit import open_store
from alphanet.potentials.remote import RemotePotential

CP2K = {"Cu": -1306.0, "Au": -900.0}  # eV that a code with core electrons would add to each atom


@pytest.fixture
def card(installed, tmp_path):
    made = installed(name="toy", worker=WORKER, presets=PRESETS)
    (made.places[0] / "network.py").write_text(NETWORK)
    return made


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Training and validation frames of a Cu-Au alloy, with EMT's labels shifted to CP2K's size."""
    folder, random = tmp_path_factory.mktemp("stores"), np.random.default_rng(0)
    for name, count in (("train", 24), ("valid", 8)):
        frames = []
        for _ in range(count):
            atoms = bulk("Cu", cubic=True, a=3.8)
            atoms.symbols = random.choice(["Cu", "Au"], len(atoms))
            atoms.rattle(0.1, rng=random)
            atoms.calc = EMT()
            labels = {"forces": atoms.get_forces(), "stress": atoms.get_stress()}
            energy = atoms.get_potential_energy() + sum(CP2K[symbol] for symbol in atoms.symbols)
            atoms.calc = SinglePointCalculator(atoms, energy=energy, **labels)
            frames.append(atoms)
        write_store(folder / f"{name}.aselmdb", frames, {})
    return folder


def train(card, stores, out, report=print, **settings):
    with RemotePotential(card) as remote:
        return remote.train(stores / "train.aselmdb", stores / "valid.aselmdb", out, settings, report)


@pytest.mark.parametrize("direct", [False, True])
def test_a_network_of_the_kit_conforms(card, direct):
    elements = ("C", "O", "Si")
    settings = {"elements": elements, "model": {"direct": direct}}
    with RemotePotential(card.model_copy(update={"stress": not direct}), settings=settings, dtype="float64") as remote:
        checks = run_checks(remote, Subject(elements, conservative=not direct, stress=not direct, refuses="H"))
    assert [check.check for check in checks if not check.passed] == []


def test_training_learns_and_keeps_the_digits_of_large_energies(card, stores, tmp_path):
    lines = []
    trained = train(card, stores, tmp_path / "out", lines.append)
    assert trained["epochs"] == 6
    assert lines[0].startswith("epoch 1/6: valid ")
    first, last = (float(line.split(",")[-1].split()[0]) for line in (lines[0], lines[-1]))
    assert last < 0.7 * first
    assert trained["reference_energies"].keys() == {"Au", "Cu"}
    with RemotePotential(card, model=trained["model"], dtype="float32") as remote:
        (answer,) = remote.predict([bulk("Cu", cubic=True, a=3.8)])
    assert answer.energy / 4 == pytest.approx(-1306.0, abs=3.0)


def test_a_killed_training_goes_on_to_the_same_weights(card, stores, tmp_path):
    whole = train(card, stores, tmp_path / "whole")
    with pytest.raises(UserError, match="died in 'train'"):
        killed(card, stores, tmp_path / "broken")
    lines = []
    resumed = train(card, stores, tmp_path / "broken", lines.append)
    assert not any(line.startswith("epoch 1/") for line in lines)
    assert resumed["epochs"] == whole["epochs"] == 6
    assert sha256_of(resumed["model"]) == sha256_of(whole["model"])


def killed(card, stores, out, **budget):
    """Train until the second epoch has ended, then kill -9 the worker."""
    with RemotePotential(card) as remote:
        pid = remote_pid(remote)

        def watch(line: str) -> None:
            if line.startswith("epoch 2"):
                threading.Thread(target=lambda: (time.sleep(0.05), os.kill(pid(), signal.SIGKILL))).start()

        remote.train(stores / "train.aselmdb", stores / "valid.aselmdb", out, budget or {"epochs": 6}, watch)


def remote_pid(remote):
    def pid() -> int:
        (gateway,) = remote._worker._group
        return int(gateway._io.popen.pid)

    return pid


@pytest.mark.parametrize(("budget", "epochs"), [({"epochs": None, "steps": 12}, 2), ({"max_time": 0.01}, 1)])
def test_budgets_end_a_training(card, stores, tmp_path, budget, epochs):
    trained = train(card, stores, tmp_path / "out", **budget)
    assert trained["epochs"] == epochs
    assert Path(trained["model"]).is_file()


def test_a_budget_of_steps_is_kept_over_a_kill(card, stores, tmp_path):
    whole = train(card, stores, tmp_path / "whole", epochs=None, steps=27)
    with pytest.raises(UserError, match="died in 'train'"):
        killed(card, stores, tmp_path / "broken", epochs=None, steps=27)
    resumed = train(card, stores, tmp_path / "broken", epochs=None, steps=27)
    assert resumed["steps"] == whole["steps"] == 27
    assert sha256_of(resumed["model"]) == sha256_of(whole["model"])


def test_what_is_not_finite_stops_the_training_and_is_named(card, stores, tmp_path):
    frames = [row.toatoms() for row in open_store(stores / "train.aselmdb").select()]
    frames[5].calc.results["forces"][0, 0] = np.nan
    folder = tmp_path / "spoiled"
    folder.mkdir()
    write_unchecked(folder / "train.aselmdb", frames)
    (folder / "valid.aselmdb").write_bytes((stores / "valid.aselmdb").read_bytes())
    with pytest.raises(UserError, match=r"toy: frame 5 of .*train.aselmdb: forces not finite"):
        train(card, folder, tmp_path / "out")
    with pytest.raises(UserError, match=r"toy: training stopped at epoch 1, step \d+: .*lower learning_rate"):
        train(card, stores, tmp_path / "diverged", learning_rate=1e30)


def write_unchecked(path, frames):
    """A store with labels that `write_store` would refuse."""
    from ase.db import connect

    with connect(path, type="aselmdb") as store:
        for atoms in frames:
            store.write(atoms)

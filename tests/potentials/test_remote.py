import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from alphanet.errors import UserError
from alphanet.potentials.channel import Worker
from alphanet.potentials.kit.worker_kit import decode, encode
from alphanet.potentials.remote import RemotePotential

pytestmark = pytest.mark.integration

HERE = Path(sys.executable)
LONE = Atoms("H", [[0, 0, 0]])


def chain(n: int, **cell: object) -> Atoms:
    return Atoms(f"H{n}", np.arange(3.0 * n).reshape(n, 3), **cell)


@pytest.fixture
def potential(make_card):
    made = []

    def make(behavior: str | None = None, **options: object) -> RemotePotential:
        settings = {"model": {"behavior": behavior}}
        made.append(RemotePotential(make_card(), python=HERE, settings=settings, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def gone(pid: int, within: float = 30.0) -> bool:
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_predictions_come_in_order_whatever_the_batch(potential):
    remote = potential(threads=3)
    frames = [chain(n, cell=[9, 9, 9], pbc=n % 2) for n in (2, 5, 3, 4, 7)]
    for size in (1, 2, 8):
        answers = remote.predict(frames, batch_size=size)
        for atoms, answer in zip(frames, answers, strict=True):
            assert answer.energy == pytest.approx((atoms.positions**2).sum(), rel=1e-15)
            np.testing.assert_array_equal(answer.forces, -2 * atoms.positions)
            assert (answer.stress is not None) == bool(atoms.pbc.all())
    assert remote.info()["threads"] == "3"
    assert remote.memory()["resident"] > 1e6


def test_settings_and_provenance(potential, make_card):
    assert potential().provenance()["weights"]["untrained"]["preset"] == "mini"
    with pytest.raises(UserError, match="unknown key 'sed'; did you mean 'seed'"):
        RemotePotential(make_card(), python=HERE, settings={"sed": 1})
    with pytest.raises(UserError, match="float16"):
        RemotePotential(make_card(), python=HERE, dtype="float16")
    with pytest.raises(UserError, match="no checkpoint at"):
        RemotePotential(make_card(), python=HERE, model="nowhere.ckpt")
    with pytest.raises(UserError, match=r"alphanet baselines install .*fake"):
        RemotePotential(make_card())


def test_a_refusal_leaves_the_worker_alone(potential):
    remote = potential()
    before = remote.info()["pid"]
    with pytest.raises(UserError, match="fake: this model does not know Au; it knows H, C"):
        remote.predict([Atoms("HAu", [[0, 0, 0], [0, 0, 2]])])
    assert remote.info()["pid"] == before


@pytest.mark.parametrize(
    ("behavior", "said"),
    [
        ("crash", "died in 'predict'; it last said: something is wrong"),
        ("raise", "failed in 'predict': ValueError: no such orbital in 0.1, 0.2"),
        ("hang", "did not answer 'predict' for 1 s and was ended; it last said: something is wrong"),
    ],
)
def test_after_a_failure_comes_a_fresh_worker(potential, behavior, said):
    remote = potential(behavior, timeout=1.0)
    before = remote.info()["pid"]
    with pytest.raises(UserError, match=said):
        remote.predict([LONE])
    assert gone(before)
    assert remote.predict([chain(2)])[0].energy > 0
    assert remote.info()["pid"] != before


def test_a_killed_worker_is_noticed(potential):
    remote = potential()
    os.kill(remote.info()["pid"], signal.SIGKILL)
    with pytest.raises(UserError, match="died in 'predict'"):
        remote.predict([chain(2)])
    assert remote.predict([chain(2)])[0].energy > 0


def test_a_prediction_that_is_not_finite_is_an_error(potential):
    broken = chain(2)
    broken.positions[0, 0] = np.inf
    with pytest.raises(UserError, match=r"the prediction for frame 1 \(H2\) is not finite"):
        potential().predict([chain(2), broken], batch_size=1)


def test_a_python_that_is_none(make_card):
    with pytest.raises(UserError, match="cannot be started with"):
        RemotePotential(make_card(), python=Path("/nowhere/python")).info()


def test_a_training_s_messages_are_logged(potential, tmp_path, caplog):
    caplog.set_level("INFO")
    request = {"epochs": 2, "architecture": {"stiffness": 2.0}, "out": str(tmp_path)}
    assert potential().train(request).validation["force_mae"] == 0.02
    assert caplog.messages == ["epoch 0", "epoch 1"]
    assert (tmp_path / "model.safetensors").read_text() == "3.0"


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_its_parent(make_card, tmp_path, ending):
    """The parent trains; its worker has started a trainer; then the parent is killed, or Ctrl-C arrives."""
    place = make_card().places[0]  # a worker's children import from its folder, not from PYTHONPATH
    (place / "sleeper.py").write_text(
        "import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(60)"
    )
    script = f"""
        import pathlib, signal, sys
        signal.signal(signal.SIGINT, signal.default_int_handler)  # also in the background of a shell
        from alphanet.potentials.cards import read_baseline
        from alphanet.potentials.remote import RemotePotential
        card = read_baseline(pathlib.Path({str(place / "card.yaml")!r}))
        remote = RemotePotential(card, python=pathlib.Path(sys.executable))
        print(remote.info()["pid"], flush=True)
        here = pathlib.Path({str(tmp_path)!r})
        remote.train(dict(epochs=1, out=str(here), architecture=dict(behavior="sleep")))
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    ) as parent:
        worker = int(parent.stdout.readline())
        note = tmp_path / "pid"
        end = time.monotonic() + 20
        while not (note.exists() and note.read_text()) and time.monotonic() < end:
            time.sleep(0.05)
        trainer = int(note.read_text())
        if ending == signal.SIGINT:
            os.killpg(parent.pid, ending)  # as a terminal does: everyone in the group receives it
        else:
            parent.kill()
        assert gone(worker)
        assert gone(trainer)


def test_arrays_travel_unchanged():
    values = {
        "big": np.random.default_rng(0).normal(size=(300_000, 3)),
        "flags": np.array([[True, False]]),
        "empty": np.zeros((0, 3), dtype=np.float32),
        "plain": [1, 2.5, "three", None, {"deep": np.int64(4)}],
    }
    back = decode(encode(values))
    for key in ("big", "flags", "empty"):
        assert back[key].dtype == values[key].dtype
        np.testing.assert_array_equal(back[key], values[key])
    assert back["plain"] == [1, 2.5, "three", None, {"deep": 4}]


def test_big_arrays_cross_the_channel(make_card):
    worker = Worker("fake", HERE, make_card().places, 1)
    try:
        request = {"checkpoint": None, "carried": None, "architecture": {"stiffness": 1.0}}
        worker.call("load", request, timeout=20)
        positions = np.random.default_rng(1).normal(size=(200_000, 3))
        structures = {
            "counts": np.array([100_000, 100_000]),
            "numbers": np.ones(200_000, dtype=np.int64),
            "positions": positions,
            "cells": np.zeros((2, 3, 3)),
            "pbc": np.zeros((2, 3), dtype=bool),
        }
        np.testing.assert_array_equal(worker.call("predict", structures, timeout=20)["forces"], -positions)
    finally:
        worker.close()


@pytest.mark.parametrize("name", ["numpy", "worker", "worker_kit", "queue", "typing_extensions", "ase"])
def test_what_lies_in_the_current_folder_is_not_imported(potential, tmp_path, monkeypatch, name):
    for folder in (tmp_path / "here", tmp_path / "path"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("raise SystemExit('taken')")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    assert potential().predict([LONE])[0].energy == 0


def test_a_copy_of_a_running_potential_starts_a_worker_of_its_own(potential):
    remote = potential()
    remote.predict([LONE])
    for copy in (deepcopy(remote), pickle.loads(pickle.dumps(remote))):
        with copy:
            assert not copy._worker.running
            np.testing.assert_array_equal(copy.predict([chain(3)])[0].forces, remote.predict([chain(3)])[0].forces)
    assert remote._worker.running

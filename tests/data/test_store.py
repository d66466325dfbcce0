"""Stores: exact, lazy, shareable between processes, whole or not there."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from alphanet.data.store import FRAMES_PER_COMMIT, FrameStore, write_store
from alphanet.errors import UserError


def test_labels_round_trip_to_the_last_bit(tmp_path, frame):
    frames = [frame(seed, split="train", group=f"run{seed}") for seed in range(5)]
    path = tmp_path / "a.aselmdb"
    assert write_store(path, frames, {"card": "formate"}) == 5
    store = FrameStore(path)
    assert len(store) == 5
    assert store.metadata == {"card": "formate", "frames": 5}
    for found, expected in zip(store, frames, strict=True):
        assert found.get_potential_energy() == expected.get_potential_energy()
        np.testing.assert_array_equal(found.get_forces(), expected.get_forces())
        np.testing.assert_array_equal(found.get_stress(), expected.get_stress())
        np.testing.assert_array_equal(found.positions, expected.positions)
        assert found.info == expected.info
    assert store[-1].info["group"] == "run4"
    with pytest.raises(IndexError):
        store[5]


def test_it_is_an_ordinary_ase_database(tmp_path, frame):
    from ase.db import connect

    write_store(tmp_path / "a.aselmdb", [frame(0), frame(1)], {})
    database = connect(tmp_path / "a.aselmdb", readonly=True, use_lock_file=False)
    assert database.count() == 2
    assert database.get(2).energy == frame(1).get_potential_energy()


def test_the_file_is_as_large_as_its_content(tmp_path, frame):
    path = tmp_path / "a.aselmdb"
    write_store(path, [frame(0)], {})
    assert path.stat().st_size < 1e6
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.aselmdb"]  # no lock files


def test_more_frames_than_one_commit(tmp_path, frame):
    count = FRAMES_PER_COMMIT + 3
    one = frame(0)
    assert write_store(tmp_path / "a.aselmdb", (one for _ in range(count)), {}) == count
    assert len(FrameStore(tmp_path / "a.aselmdb")) == count


def test_two_stores_of_one_file_and_a_replaced_file(tmp_path, frame):
    path = tmp_path / "a.aselmdb"
    write_store(path, [frame(0)], {})
    first, second = FrameStore(path), FrameStore(path)
    assert first[0].get_potential_energy() == second[0].get_potential_energy()
    write_store(path, [frame(1), frame(2)], {})
    assert len(FrameStore(path)) == 2
    assert FrameStore(path)[0].get_potential_energy() == frame(1).get_potential_energy()


def _energy(store, index, queue):
    queue.put(store[index].get_potential_energy())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_read_a_store_that_the_parent_has_open(tmp_path, frame, method):
    path = tmp_path / "a.aselmdb"
    write_store(path, [frame(0), frame(1)], {})
    store = FrameStore(path)
    assert store[0] is not None
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    worker = context.Process(target=_energy, args=(store, 1, queue))
    worker.start()
    assert queue.get(timeout=60) == frame(1).get_potential_energy()
    worker.join()
    assert store[1].get_potential_energy() == frame(1).get_potential_energy()


def test_a_store_can_be_pickled(tmp_path, frame):
    write_store(tmp_path / "a.aselmdb", [frame(0)], {})
    store = pickle.loads(pickle.dumps(FrameStore(tmp_path / "a.aselmdb")))
    assert len(store) == 1


@pytest.mark.parametrize("content", [b"", b"not a store" * 1000])
def test_what_is_no_store_is_an_error(tmp_path, content):
    (tmp_path / "a.aselmdb").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.aselmdb"):
        FrameStore(tmp_path / "a.aselmdb")
    with pytest.raises(UserError, match=r"cannot read .*none\.aselmdb"):
        FrameStore(tmp_path / "none.aselmdb")


def test_a_truncated_store_is_an_error_and_not_a_bus_error(tmp_path, frame):
    path = tmp_path / "a.aselmdb"
    write_store(path, [frame(seed) for seed in range(50)], {})
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(UserError, match="truncated"):
        FrameStore(path)


def test_an_error_leaves_the_older_store(tmp_path, frame):
    path = tmp_path / "a.aselmdb"
    write_store(path, [frame(0)], {})

    def frames():
        yield frame(1)
        raise UserError("broken")

    with pytest.raises(UserError, match="broken"):
        write_store(path, frames(), {})
    assert FrameStore(path)[0].get_potential_energy() == frame(0).get_potential_energy()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.aselmdb"]


WRITER = """
import sys, resource
from pathlib import Path
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from alphanet.data.store import write_store
if sys.argv[2] != "none":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
def frames():
    atoms = bulk("Cu", cubic=True)
    for index in range(200_000):
        atoms.calc = SinglePointCalculator(atoms, energy=index / 3, forces=atoms.positions)
        yield atoms
write_store(Path(sys.argv[1]), frames(), {})
"""


def test_a_full_disk_is_one_clear_error(tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", WRITER, tmp_path / "a.aselmdb", "300000"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "UserError: cannot write" in run.stderr
    assert list(tmp_path.iterdir()) == []


def test_kill_9_leaves_nothing_under_the_final_name(tmp_path, frame):
    child = subprocess.Popen([sys.executable, "-c", WRITER, tmp_path / "a.aselmdb", "none"])
    deadline = time.monotonic() + 60
    while not any(entry.stat().st_size > 100_000 for entry in tmp_path.iterdir()):
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert not (tmp_path / "a.aselmdb").exists()
    write_store(tmp_path / "a.aselmdb", [frame(0)], {})
    assert len(FrameStore(tmp_path / "a.aselmdb")) == 1


GROWTH = """
import resource, sys
from pathlib import Path
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from alphanet.data.store import FrameStore, write_store
def frames(count):
    atoms = bulk("Cu", cubic=True)
    for index in range(count):
        atoms.calc = SinglePointCalculator(atoms, energy=index / 3, forces=atoms.positions)
        yield atoms
def peak(count):
    write_store(Path(sys.argv[1], f"{count}.aselmdb"), frames(count), {})
    for atoms in FrameStore(Path(sys.argv[1], f"{count}.aselmdb")):
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
first = peak(600)
print(peak(4000) - first)
"""


@pytest.mark.long
def test_memory_does_not_grow_with_the_number_of_frames(tmp_path):
    arguments = [sys.executable, "-c", GROWTH, tmp_path]
    grown = int(subprocess.run(arguments, capture_output=True, text=True, check=True).stdout)
    assert grown < 12_000  # KiB; pages of the mapped file that were read count as well

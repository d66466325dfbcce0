"""A campaign on a Dask cluster: what it writes, how it resumes, and what happens when workers die."""

import logging
import os
import random
import subprocess
import sys
import threading
import time
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from ase import Atoms

from alphanet.errors import UserError
from alphanet.measure.relaxation.campaign import Campaign
from alphanet.measure.relaxation.cluster import client_of
from alphanet.measure.relaxation.job import Job
from alphanet.measure.relaxation.prediction import predict
from alphanet.measure.relaxation.protocol import RelaxationProtocol

pytestmark = pytest.mark.integration

TESTS = Path(__file__).parents[1]


CLUSTER = """
import time
import types
from alphanet.measure.relaxation.cluster import client_of

if __name__ == "__main__":
    with client_of("local:1", threads=1) as client:
        print(client.scheduler.address, flush=True)
        time.sleep(300)
"""


def cubes(count: int) -> dict[str, Atoms]:
    """Small cells of two atoms, no two alike."""
    sizes = np.linspace(4.0, 5.0, count)
    return {
        f"wbm-{1 + place % 5}-{1 + place // 5}": Atoms(
            [11 + place % 7, 3 + place % 5], [[0, 0, 0], [size / 2] * 3], cell=[size] * 3, pbc=True
        )
        for place, size in enumerate(sizes)
    }


@pytest.fixture(scope="module")
def cluster():
    """Address of two workers, which find the tests' potentials as their own processes do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(TESTS))
        with client_of("local:2", threads=1) as client:
            yield client.scheduler.address


def campaign(out: Path, structures: dict[str, Atoms], model: str = "python_potentials:Settled", **protocol) -> Campaign:
    return Campaign(Job(model, protocol=RelaxationProtocol(**protocol)), structures, tuple(structures), out)


def table(out: Path) -> pd.DataFrame:
    """Predictions without what the clock says."""
    return pd.read_csv(out / "predictions.csv.gz", index_col=0).drop(columns="seconds")


def lines_in(out: Path) -> int:
    """Whole lines in the campaign's file of records."""
    file = out / "relaxations.jsonl"
    return file.read_bytes().count(b"\n") if file.exists() else 0


def is_worker(process: psutil.Process) -> bool:
    """Whether a process is one that Dask has started, and alive."""
    try:
        return any("spawn_main" in word for word in process.cmdline())
    except psutil.Error:
        return False


def kill_at_random(out: Path, stop: threading.Event, killed: list[int]) -> None:
    """Kill a Dask worker of this process whenever 150 more structures have records, more or less."""
    chance = random.Random(0)
    while not stop.wait(0.05):
        written = lines_in(out)
        workers = [one for one in psutil.Process().children(recursive=True) if is_worker(one)]
        if written > 150 * len(killed) and workers:
            victim = chance.choice(workers)
            victim.kill()
            killed.append(victim.pid)


@pytest.mark.long
def test_killed_workers_change_nothing(tmp_path, cluster):
    structures = cubes(500)
    result = predict(campaign(tmp_path / "calm", structures), cluster)
    assert result.summary.converged == 500
    stop, killed = threading.Event(), []
    killer = threading.Thread(target=kill_at_random, args=(tmp_path / "stormy", stop, killed))
    killer.start()
    try:
        predict(campaign(tmp_path / "stormy", structures), cluster)
    finally:
        stop.set()
        killer.join()
    assert len(killed) >= 3
    pd.testing.assert_frame_equal(table(tmp_path / "calm"), table(tmp_path / "stormy"))
    assert lines_in(tmp_path / "stormy") == 501  # a header, and no structure twice


@pytest.mark.long
def test_structures_that_end_their_worker_are_set_aside_with_the_reason(tmp_path, cluster):
    structures = cubes(12)
    structures["wbm-1-1"].numbers[:] = 2
    result = predict(campaign(tmp_path, structures, "python_potentials:Deadly"), cluster)
    assert (result.summary.converged, result.summary.failed) == (11, 1)
    reason = table(tmp_path).loc["wbm-1-1", "reason"]
    assert "alone too" in reason
    assert "exit code 9" in reason


def test_goes_on_where_it_was_stopped(tmp_path, cluster, caplog):
    caplog.set_level("INFO", "alphanet")
    structures = cubes(30)
    predict(campaign(tmp_path, structures), cluster)
    whole = table(tmp_path)
    file = tmp_path / "relaxations.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:11]) + lines[11][:40])
    caplog.clear()
    predict(campaign(tmp_path, structures), cluster)
    assert "10 of 30 structures have their records" in caplog.text
    pd.testing.assert_frame_equal(whole, table(tmp_path))
    assert file.read_bytes().splitlines(keepends=True)[:11] == lines[:11]


def test_another_run_is_refused(tmp_path, cluster):
    structures = cubes(4)
    predict(campaign(tmp_path, structures), cluster)
    with pytest.raises(UserError, match=r"other protocol \(protocol: fmax 0\.05 then, 0\.03 now\)"):
        predict(campaign(tmp_path, structures, fmax=0.03), cluster)
    result = predict(campaign(tmp_path, structures, fmax=0.03), cluster, restart=True)
    assert result.summary.conditions["protocol"]["fmax"] == 0.03


def test_other_versions_are_refused_and_nothing_is_lost(tmp_path, cluster):
    structures = cubes(8)
    predict(campaign(tmp_path, structures), cluster)
    file = tmp_path / "relaxations.jsonl"
    lines = file.read_text().replace('"ase":"', '"ase":"0.').splitlines(keepends=True)
    file.write_text("".join(lines[:5]))
    with pytest.raises(UserError, match=r"other versions \(versions: ase 0\."):
        predict(campaign(tmp_path, structures), cluster)
    assert file.read_text() == "".join(lines[:5])


def test_ids_without_a_structure_are_said_first(tmp_path):
    whole = campaign(tmp_path, cubes(2))
    with pytest.raises(UserError, match="no structure wbm-7-7"):
        predict(replace(whole, ids=(*whole.ids, "wbm-7-7")), "local")
    assert not list(tmp_path.iterdir())


def test_a_model_that_cannot_be_opened_is_said_in_one_line(tmp_path, cluster):
    with pytest.raises(UserError, match="cannot be imported"):
        predict(campaign(tmp_path, cubes(2), "python_potentials:NoSuchThing"), cluster)
    with pytest.raises(UserError, match="gives no stress, which relaxing a cell needs"):
        predict(campaign(tmp_path, cubes(2), "python_potentials:NoStress"), cluster)


@pytest.mark.long
def test_a_scheduler_that_is_gone_is_one_line_and_the_command_goes_on(tmp_path, cluster, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (TESTS.parent, TESTS))))  # this checkout's code
    script = tmp_path / "cluster.py"
    script.write_text(CLUSTER)
    structures, out = cubes(1000), tmp_path / "out"
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().strip()

        def kill() -> None:
            while not (out / "relaxations.jsonl").exists():
                time.sleep(0.02)
            process.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.raises(UserError, match="scheduler is gone; what is relaxed is kept"):
            predict(campaign(out, structures), address)
        killer.join()
    written = lines_in(out)
    assert 1 < written < 1000
    assert predict(campaign(out, structures), cluster).summary.converged == 1000


@pytest.mark.parametrize("name", ["local:0", "local:two", "cloud", "slurm:nowhere.yaml", "tcp://127.0.0.1:1"])
def test_clusters_that_are_none(tmp_path, name, monkeypatch):
    monkeypatch.setattr("alphanet.measure.relaxation.cluster.CONNECT", "1s")
    with pytest.raises(UserError, match=r"cluster:|cannot read"):
        predict(campaign(tmp_path, cubes(2)), name)
    assert not list(tmp_path.iterdir())


def test_workers_that_do_not_start_are_one_line(tmp_path, monkeypatch):
    def killed(**_arguments):
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr("distributed.LocalCluster", killed)
    with pytest.raises(UserError, match=r"local:2: a worker did not start \(Nanny failed to start\.\)"):
        predict(campaign(tmp_path, cubes(2)), "local:2")


def test_slurm_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    (tmp_path / "slurm.yaml").write_text("queue: gpu\njobs: 4\n")
    with pytest.raises(UserError, match=r"pip install .alphanet-suite\[slurm\]"):
        predict(campaign(tmp_path / "out", cubes(2)), f"slurm:{tmp_path}/slurm.yaml")


def queue(monkeypatch, tmp_path, *, starts: bool = False, takes: bool = True):
    """dask-jobqueue with a queue that takes jobs or not, which start at once or never; the arguments it was given."""
    from distributed import LocalCluster

    given = {}

    class SLURMCluster(LocalCluster):
        refuses = False

        def __init__(self, **arguments):
            given.update(arguments)
            super().__init__(n_workers=0, processes=False, dashboard_address=None, silence_logs=50)

        def __await__(self):
            if self.refuses:
                raise RuntimeError("Exit code: 1\nstderr:\nsbatch: error: invalid partition specified: gpu\n")
            return super().__await__()

        def scale(self, jobs):
            self.refuses = not takes
            if starts:
                super().scale(jobs)

    monkeypatch.setitem(sys.modules, "dask_jobqueue", types.SimpleNamespace(SLURMCluster=SLURMCluster))
    (tmp_path / "slurm.yaml").write_text(
        "queue: gpu\njobs: 2\nwait_hours: 0.0004\njob_script_prologue: [module load x]\n"
    )
    return given


def test_waiting_in_a_queue_is_said_and_ends(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    queue(monkeypatch, tmp_path, starts=False)
    message = r"no SLURM job has started within 1 s; see squeue"
    with pytest.raises(UserError, match=message), client_of(f"slurm:{tmp_path}/slurm.yaml", threads=2):
        pass
    assert "2 jobs submitted to SLURM; waiting for the first to start, at most 1 s" in caplog.messages


def test_a_queue_that_takes_no_job_is_one_line(tmp_path, monkeypatch):
    queue(monkeypatch, tmp_path, takes=False)
    message = r"slurm\.yaml: SLURM took no job: .*sbatch: error: invalid partition specified: gpu$"
    with pytest.raises(UserError, match=message), client_of(f"slurm:{tmp_path}/slurm.yaml", threads=2):
        pass


def test_a_scheduler_without_workers_is_waited_for(monkeypatch, caplog):
    from distributed import LocalCluster

    caplog.set_level(logging.INFO)
    monkeypatch.setattr("alphanet.measure.relaxation.cluster.JOIN", 1.5)
    with LocalCluster(n_workers=0, processes=False, protocol="tcp", dashboard_address=None, silence_logs=50) as running:
        message = "no worker has joined the scheduler at tcp://.*; start some"
        with pytest.raises(UserError, match=message), client_of(running.scheduler_address, threads=2):
            pass
        assert "has no workers yet; waiting at most 2 s" in caplog.text
        running.scale(1)
        with client_of(running.scheduler_address, threads=2) as client:
            assert len(client.nthreads()) == 1


def test_threads_and_retries_reach_jobs_of_a_queue(tmp_path, monkeypatch):
    given = queue(monkeypatch, tmp_path, starts=True)
    with client_of(f"slurm:{tmp_path}/slurm.yaml", threads=3) as client:
        assert client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.allowed_failures) == 1
    assert given["queue"] == "gpu" and "wait_hours" not in given
    assert given["job_script_prologue"][0] == "export OMP_NUM_THREADS=3"
    assert given["job_script_prologue"][-1] == "module load x"


def test_threads_and_retries_reach_a_running_scheduler(monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setenv("OMP_NUM_THREADS", "7")  # the worker is in this process
    with LocalCluster(n_workers=1, processes=False, protocol="tcp", dashboard_address=None, silence_logs=50) as running:
        with client_of(running.scheduler_address, threads=2) as client:
            assert client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.allowed_failures) == 1
        assert os.environ["OMP_NUM_THREADS"] == "2"

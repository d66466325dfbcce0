"""Which processes train together in a job of SLURM, and what is said where its tasks do not fit."""

import os
import subprocess
import sys
from unittest import mock

import pytest
from lightning.pytorch.plugins.environments import LightningEnvironment, SLURMEnvironment
from training_samples import small_config

from alphanet.cli import process
from alphanet.errors import UserError
from alphanet.potentials.kit.loop import TrainingError
from alphanet.potentials.kit.loop.slurm import cluster_environment, require_one_task
from alphanet.potentials.kit.loop.trainer import Parallel
from alphanet.training.run import run_training

JOB = {"SLURM_JOB_ID": "7", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"}
STEP = {"SLURM_STEP_ID": "0"}
SHELL = {"SLURM_STEP_ID": "4294967290"}  # of salloc, which starts a shell as a step


@pytest.fixture
def job():
    """A function that sets the variables of a job."""
    with mock.patch.dict(os.environ):  # the code sets one, too
        for name in [name for name in os.environ if name.startswith("SLURM")]:
            del os.environ[name]
        yield lambda **variables: os.environ.update({**JOB, **variables})


def test_outside_of_slurm_and_below_torchrun_lightning_finds_out(job, monkeypatch):
    assert cluster_environment(Parallel()) is None
    job(SLURM_NTASKS="2")
    for name in ("TORCHELASTIC_RUN_ID", "RANK", "GROUP_RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.setenv(name, "0")
    assert cluster_environment(Parallel()) is None


@pytest.mark.parametrize(
    ("variables", "parallel"),
    [
        ({"SLURM_NTASKS": "1"}, Parallel()),
        ({"SLURM_NTASKS": "1"}, Parallel(devices=4)),  # Lightning starts the others
        ({"SLURM_NTASKS": "1", **STEP}, Parallel(devices=4)),
        ({"SLURM_NTASKS": "2", "SLURM_JOB_NAME": "interactive", **SHELL}, Parallel()),
    ],
)
def test_one_task_starts_its_own_processes(job, variables, parallel):
    job(**variables)
    assert isinstance(cluster_environment(parallel), LightningEnvironment)


def test_tasks_of_srun_train_together_also_without_ntasks_per_node(job):
    job(SLURM_NTASKS="4", **STEP)
    environment = cluster_environment(Parallel(devices=2, nodes=2))
    assert isinstance(environment, SLURMEnvironment) and environment.world_size() == 4
    environment.validate_settings(num_devices=2, num_nodes=2)


@pytest.mark.parametrize(
    ("variables", "parallel", "said"),
    [
        ({"SLURM_NTASKS": "2"}, Parallel(), "SLURM gives this job 2 tasks, but srun did not start this command"),
        ({"SLURM_NTASKS": "2", **SHELL}, Parallel(), "but srun did not start this command"),
        ({"SLURM_NTASKS": "4", **STEP}, Parallel(), "devices=1 and nodes=1 need .* and srun started 4: let"),
        ({"SLURM_NTASKS": "1"}, Parallel(nodes=2), "devices=1 and nodes=2 need .* and srun started none"),
    ],
)
def test_tasks_that_do_not_fit_are_one_line(job, variables, parallel, said):
    job(**variables)
    with pytest.raises(TrainingError, match=said):
        cluster_environment(parallel)


@pytest.mark.integration
def test_fewer_validation_frames_than_processes_are_one_line(job, data, out):
    job(SLURM_NTASKS="8", **STEP)
    with pytest.raises(UserError, match=r"6 validation frames cannot be shared by 8 processes \(devices × nodes\)"):
        run_training(small_config(devices=8), data, out)
    assert not out.exists()


def test_a_model_that_trains_in_one_process_refuses_several(job):
    job(SLURM_NTASKS="2")
    require_one_task("mace")  # the script's own process
    job(SLURM_NTASKS="2", **STEP)
    with pytest.raises(TrainingError, match="mace trains in one process, and srun started 2: ask for --ntasks=1"):
        require_one_task("mace")


@pytest.mark.parametrize("name", ["RANK", "LOCAL_RANK", "SLURM_PROCID"])
def test_the_first_process_does_the_talking(job, monkeypatch, name):
    assert process.is_first()
    monkeypatch.setenv(name, "1")
    assert not process.is_first()


SCONTROL = """#!/bin/sh
echo "$@" >> asked
test "$2" = 7 || { echo "requested operation is presently disabled" >&2; exit 1; }
"""


@pytest.mark.parametrize(
    ("variables", "code", "asked", "said"),
    [
        ({}, 138, "requeue 7", "job 7 is requeued and will go on"),
        ({"SLURM_ARRAY_JOB_ID": "6", "SLURM_ARRAY_TASK_ID": "2"}, 138, "requeue 6_2", "presently disabled"),
        ({"SLURM_PROCID": "1"}, 138, "", ""),
        ({}, 143, "", ""),
    ],
)
def test_a_job_that_the_warning_ends_is_requeued(job, monkeypatch, tmp_path, caplog, variables, code, asked, said):
    caplog.set_level("INFO", "alphanet")
    (tmp_path / "scontrol").write_text(SCONTROL)
    (tmp_path / "scontrol").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    job(**variables)
    process.requeue_after(code)
    assert ((tmp_path / "asked").read_text().strip() if (tmp_path / "asked").exists() else "") == asked
    assert said in caplog.text


def test_the_warning_ends_any_command_with_its_number():
    code = (
        "import os, signal; from alphanet.cli import app, main\n"
        "app.command('wait')(lambda: os.kill(os.getpid(), signal.SIGUSR1)); main()"
    )
    variables = {"SLURM_JOB_ID": "7", "SLURM_PROCID": "0", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code, "wait"], env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 138
    assert done.stderr.startswith("warning: job 7 was not requeued (scontrol: No such file")

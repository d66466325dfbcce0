"""SLURM as a training finds it: which tasks were started together, and how Lightning joins them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lightning.pytorch.plugins.environments import LightningEnvironment, SLURMEnvironment, TorchElasticEnvironment

from . import TrainingError

if TYPE_CHECKING:
    from .trainer import Parallel

SHELLS = ("bash", "interactive")  # names of jobs in which, as Lightning has it, a user starts processes by hand
NO_TASKS = 0xFFFFFFF0  # from here on SLURM numbers steps that hold a script or a shell


def cluster_environment(parallel: Parallel) -> LightningEnvironment | SLURMEnvironment | None:
    """The processes that train together in a job of SLURM; None where Lightning has to find out.

    Raises:
        TrainingError: the job's tasks are not those that the settings need, or srun did not start this process.
    """
    count = os.environ.get("SLURM_NTASKS", "")
    if not count.isdigit() or TorchElasticEnvironment.detect():
        return None
    tasks, inside = int(count), _inside_a_step()
    if tasks > 1 and not inside and os.environ.get("SLURM_JOB_NAME") not in SHELLS:
        raise TrainingError(
            f"SLURM gives this job {tasks} tasks, but srun did not start this command: write `srun alphanet train …` "
            "and --ntasks-per-node (a task for each GPU) into the script, or ask for --ntasks=1"
        )
    if (tasks == 1 or not inside) and parallel.nodes == 1:
        return LightningEnvironment()  # which starts the processes of the other devices
    if tasks != parallel.devices * parallel.nodes or not inside:
        raise TrainingError(
            f"devices={parallel.devices} and nodes={parallel.nodes} need a task for each device, and srun started "
            f"{tasks if inside else 'none'}: let --ntasks-per-node be devices and --nodes be nodes; "
            "independent trainings take an `srun --ntasks=1` each"
        )
    os.environ.setdefault("SLURM_NTASKS_PER_NODE", str(parallel.devices))  # Lightning insists; --ntasks does not set it
    # Checkpoints saves on SLURM's signals, at the end of a step; Lightning would in the midst of one.
    return SLURMEnvironment(auto_requeue=False)


def require_one_task(name: str) -> None:
    """Check that a model that trains in one process was not started several times.

    Raises:
        TrainingError: it was.
    """
    count = os.environ.get("SLURM_NTASKS", "")
    if count.isdigit() and int(count) > 1 and _inside_a_step():
        raise TrainingError(f"{name} trains in one process, and srun started {count}: ask for --ntasks=1")


def _inside_a_step() -> bool:
    """Whether srun started this process as a task."""
    step = os.environ.get("SLURM_STEP_ID") or os.environ.get("SLURM_STEPID") or ""
    return step.isdigit() and int(step) < NO_TASKS

"""A SLURM of one machine for tests: `python fake_slurm.py NAME WORDS…` is sbatch, srun, scontrol or scancel.

A job starts at once. In its first start the warning of `--signal` comes as soon as the file or folder in `FAKE_WATCH`
exists; a job that is requeued starts again. Tasks are processes, two at most, on as many nodes as the script wants.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

JOB, MOST, STARTS = "4242", 2, 3
REQUEUED, WARNED = Path("fake-requeued"), Path("fake-warned")
EVERY = 0.01  # seconds


def sbatch(script: str) -> int:
    """Run a batch script until it is not requeued any more; its output goes to `slurm.out`.

    A job that a job submits, as Dask does, runs beside it and ends with it.
    """
    if "SLURM_JOB_ID" in os.environ:
        with Path("slurm.out").open("a") as log:
            subprocess.Popen(["bash", script], stdout=log, stderr=log)
        print(f"Submitted batch job {JOB}1")
        return 0
    options = dict(re.findall(r"^#SBATCH --([\w-]+)(?:=(.*))?$", Path(script).read_text(), re.M))
    nodes = min(MOST, int(options.get("nodes", 1)))
    per_node = min(MOST // nodes, int(options.get("ntasks-per-node", options.get("ntasks", 1))))
    variables = {
        "SLURM_JOB_ID": JOB,
        "SLURM_JOB_NAME": options["job-name"],
        "SLURM_NTASKS": str(nodes * per_node),
        "SLURM_NNODES": str(nodes),
        "SLURM_CPUS_PER_TASK": "1",
        "SLURM_NODELIST": "127.0.0.1",
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": "0",
        "SLURM_NODEID": "0",
        "FAKE_REQUEUE": str(int("requeue" in options)),
    }
    if "ntasks-per-node" in options:
        variables["SLURM_NTASKS_PER_NODE"] = str(per_node)
    watched, warned = Path(os.environ["FAKE_WATCH"]), False
    for _ in range(STARTS):
        with Path("slurm.out").open("a") as log:
            job = subprocess.Popen(
                ["bash", script], env=os.environ | variables, stdout=log, stderr=log, start_new_session=True
            )
            while job.poll() is None:
                if watched.exists() and not warned:
                    warned = True
                    if options["signal"].startswith("B:"):
                        job.send_signal(signal.SIGUSR1)
                    else:
                        WARNED.touch()  # srun tells its tasks
                time.sleep(EVERY)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(job.pid, signal.SIGKILL)  # a job ends with its script
        if not REQUEUED.exists():
            break
        REQUEUED.unlink()
    return job.returncode


def srun(*words: str) -> int:
    """Run a command as the tasks of a step; the greatest exit code."""
    warned = WARNED.exists()  # in an earlier start
    count, nodes = int(os.environ["SLURM_NTASKS"]), int(os.environ["SLURM_NNODES"])
    tasks = []
    for rank in range(count):
        node, local = divmod(rank, count // nodes)
        variables = {"SLURM_STEP_ID": "0", "SLURM_PROCID": rank, "SLURM_NODEID": node, "SLURM_LOCALID": local}
        environment = os.environ | {name: str(value) for name, value in variables.items()}
        tasks.append(subprocess.Popen(words, env=environment))
    while any(task.poll() is None for task in tasks):
        if WARNED.exists() and not warned:
            warned = True
            for task in tasks:
                task.send_signal(signal.SIGUSR1)
        time.sleep(EVERY)
    codes = [task.returncode for task in tasks]
    return max(128 - code if code < 0 else code for code in codes)


def scontrol(verb: str, job: str) -> int:
    """Requeue the job, if its script allows it."""
    if verb != "requeue" or job != JOB or os.environ["FAKE_REQUEUE"] != "1":
        print(f"cannot {verb} {job}: requested operation is presently disabled", file=sys.stderr)
        return 1
    REQUEUED.touch()
    return 0


def scancel(*_jobs: str) -> int:
    """Do nothing: jobs of jobs end with these."""
    return 0


if __name__ == "__main__":
    sys.exit({"sbatch": sbatch, "srun": srun, "scontrol": scontrol, "scancel": scancel}[sys.argv[1]](*sys.argv[2:]))

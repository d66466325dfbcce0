"""The batch scripts of the page about clusters, run by a SLURM of the tests' own that warns and requeues them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import write
from crystals_to_relax import SYMBOLS, publish, strained_crystals
from model_samples import paper_config, random_model
from pages import DOCS, ROOT, blocks, write_files

from alphanet.model.checkpoint import save_model

pytestmark = pytest.mark.integration

FAKE = Path(__file__).with_name("fake_slurm.py")
PROGRAMS = {
    "alphanet": "-m alphanet",
    "dask": "-m dask",
    **{name: f"{FAKE} {name}" for name in ("sbatch", "srun", "scontrol", "scancel")},
}
TRAININGS, RELAXATIONS = ("train.sbatch", "ddp.sbatch"), ("wbm.sbatch", "wbm-jobs.sbatch")
LONGEST = 600  # seconds of a job, on a busy machine
SETTINGS = """
epochs: {epochs}
model: {{preset: mini, num_layers: 1, hidden_channels: 8, heads: 2, cutoff: 3.0}}
checkpoint_every: 1000
device: cpu
"""


@pytest.fixture
def submit(tmp_path):
    """A function that submits a script of the page where the files that it names are small, and returns its output."""
    write_files("guides/cluster.md", tmp_path)
    (tmp_path / "bin").mkdir()
    for name, words in PROGRAMS.items():
        program = tmp_path / "bin" / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        program.chmod(0o755)
    (tmp_path / "bin" / "hostname").write_text("#!/bin/sh\necho 127.0.0.1\n")
    (tmp_path / "bin" / "hostname").chmod(0o755)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").write_text("")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SLURM")}
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    places = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])

    def submitted(script: str, watched: str) -> str:
        variables = {"PATH": path, "PYTHONPATH": places, "ALPHANET_HOME": str(tmp_path / "home"), "FAKE_WATCH": watched}
        with subprocess.Popen(["sbatch", script], cwd=tmp_path, env=clean | variables) as job:
            try:
                code = job.wait(timeout=LONGEST)
            finally:
                for left in psutil.Process(job.pid).children(recursive=True) if job.poll() is None else ():
                    left.kill()
        output = (tmp_path / "slurm.out").read_text()
        assert code == 0, output
        return output

    return submitted


def write_frames(path):
    """Rattled cells of copper with labels; a tenth of them is enough for two processes to validate on."""
    frames = [bulk("Cu", cubic=True) for _ in range(24)]
    for seed, atoms in enumerate(frames):
        atoms.rattle(0.1, seed=seed)
        atoms.calc = EMT()
        atoms.get_forces()
    write(path, frames)


def test_every_script_of_the_page_is_run_here():
    titles = {block.title for block in blocks(DOCS / "guides" / "cluster.md") if block.title}
    assert {title for title in titles if title.endswith(".sbatch")} == {*TRAININGS, *RELAXATIONS}


@pytest.mark.parametrize(
    ("script", "tasks"),
    [
        pytest.param("train.sbatch", 1, marks=pytest.mark.long),
        pytest.param("ddp.sbatch", 2, marks=pytest.mark.slow),
    ],
)
def test_a_training_is_requeued_and_goes_on(tmp_path, submit, script, tasks):
    write_frames(tmp_path / "train.extxyz")
    (tmp_path / "settings.yaml").write_text(SETTINGS.format(epochs=60))
    out = tmp_path / "runs" / script.replace("train", "mine").removesuffix(".sbatch")
    output = submit(script, str(out / "checkpoints" / "last.ckpt"))
    first, second = output.split("job 4242 is requeued and will go on")
    assert "interrupted at step" in first and first.count("config.yaml") == 1  # the first task alone talks
    assert "resuming from" in second and second.count("model.safetensors: energy") == 1
    result = json.loads((out / "result.json").read_text())
    assert result["finished"] and result["settings"]["devices"] * result["settings"]["nodes"] == tasks


@pytest.mark.parametrize("script", [pytest.param("wbm.sbatch", marks=pytest.mark.slow), "wbm-jobs.sbatch"])
def test_relaxations_are_requeued_and_go_on(tmp_path, monkeypatch, submit, script):
    if script == "wbm-jobs.sbatch":
        pytest.importorskip("dask_jobqueue")
        shown = yaml.safe_load((tmp_path / "slurm.yaml").read_text())
        small = {"jobs": 1, "cores": 1, "processes": 1, "memory": "1GB"}
        (tmp_path / "slurm.yaml").write_text(yaml.safe_dump(shown | small))
    monkeypatch.setenv("ALPHANET_HOME", str(tmp_path / "home"))
    publish(tmp_path)
    model = random_model(paper_config(num_layers=1).model_copy(update={"elements": SYMBOLS}))
    model.set_reference(dict.fromkeys(SYMBOLS, 0.0), 1e-4)  # forces below those at which a relaxation ends
    save_model(model, tmp_path / "model.safetensors")
    first, second = submit(script, "runs/wbm").split("job 4242 is requeued and will go on")
    assert "F1" not in first and "F1" in second
    (records,) = (tmp_path / "runs" / "wbm").rglob("relaxations.jsonl")
    assert len(records.read_text().splitlines()) == 1 + len(strained_crystals())

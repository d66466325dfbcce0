"""Several processes: the same training as one process on batches that are as large together."""

import json
from pathlib import Path

import pytest
import torch
from training_samples import Data, run_python

pytestmark = pytest.mark.integration

DDP = """
import sys
import json
from pathlib import Path
from training_samples import Data, small_config
from alphanet.training.run import run_training
import logging
import torch
logging.basicConfig(level="INFO")
torch.set_num_threads(1)
folder, out, devices, batch = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
config = small_config(epochs=2, batch_size=batch, devices=devices, precision="float64", loss={"force_weight": 100.0})
run_training(config, Data(folder / "train.aselmdb", folder / "valid.aselmdb"), out)
"""


@pytest.mark.slow
def test_two_processes_agree_with_one(data: Data, tmp_path: Path) -> None:
    script = tmp_path / "ddp.py"
    script.write_text(DDP)
    folder = str(data.train.parent)
    for devices, batch in ((1, 6), (2, 3)):
        out = tmp_path / f"run{devices}"
        ran = run_python(str(script), folder, str(out), str(devices), str(batch))
        assert ran.returncode == 0, ran.stderr
        assert ran.stderr.count("config.yaml") == 1  # rank 0 alone talks
    one, two = (
        torch.load(tmp_path / f"run{devices}" / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for devices in (1, 2)
    )
    assert all(torch.allclose(one[name], two[name], rtol=1e-6, atol=1e-9) for name in one)
    rows = [(tmp_path / f"run{devices}" / "logs" / "metrics.csv").read_text().splitlines() for devices in (1, 2)]
    assert len(rows[0]) == len(rows[1])


COMMITTEE = """
import sys
from pathlib import Path
from training_samples import Data, small_config
from alphanet.training.committee import train_committee
import torch
torch.set_num_threads(1)
folder, out = Path(sys.argv[1]), Path(sys.argv[2])
data = Data(folder / "train.aselmdb", folder / "valid.aselmdb")
train_committee(small_config(epochs=1, batch_size=3, devices=2), data, out, 2)
"""


@pytest.mark.slow
def test_two_processes_train_a_committee(data: Data, tmp_path: Path) -> None:
    script, out = tmp_path / "committee.py", tmp_path / "committee"
    script.write_text(COMMITTEE)
    ran = run_python(str(script), str(data.train.parent), str(out))
    assert ran.returncode == 0, ran.stderr
    members = [json.loads((out / f"member-{place}" / "result.json").read_text()) for place in range(2)]
    assert all(member["finished"] and member["settings"]["devices"] == 2 for member in members)
    assert members[0]["sha256"] != members[1]["sha256"]

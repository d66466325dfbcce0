"""Released OC20 checkpoints against fairchem's digits: what the check needs without files, and its path with stand-ins.

The stand-ins lie in a mirror at the addresses of the shipped cards: weights that are one number, and a tar of OC20's
pairs of extxyz.xz and txt.xz. Only environments are not made.
"""

import io
import lzma
import sys
import tarfile

import numpy as np
import pytest
import yaml
from fake_baseline import CARD, WORKER

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds.accuracy import Accuracy
from alphanet.benchmark.kinds.accuracy.trainers import trainer_of
from alphanet.benchmark.loading import card_path, load_benchmark
from alphanet.benchmark.runner import run_benchmark
from alphanet.cards import card_files, read_yaml
from alphanet.data.addresses import safe_relative
from alphanet.errors import UserError
from alphanet.potentials import environments, remote
from alphanet.potentials.cards import load_baseline

NAME = "oc20-checkpoints"
MAES = {"SchNet": 0.0737, "DimeNet++": 0.0595, "GemNet-OC": 0.0225, "EquiformerV2": 0.0167}
FRAMES = 40


def checkpoints():
    """Row -> baseline and the checkpoint of the shipped card."""
    rows = {row: described.model.split(":") for row, described in load_benchmark(NAME).rows.items()}
    return {row: (name, load_baseline(name).checkpoints[checkpoint]) for row, (name, checkpoint) in rows.items()}


def xyz(scale):
    """Atoms without forces, two free ones at `scale` Å from the origin on every axis and a held one far away."""
    lines = ["3", 'Properties=species:S:1:pos:R:3:move_mask:L:1:tags:I:1:forces:R:3 energy=1.0 pbc="F F F"']
    lines += [f"{symbol} {scale} {scale} {sign * scale} T 1 0 0 0" for symbol, sign in (("C", 1), ("H", -1))]
    return "\n".join([*lines, "H 50 50 50 F 0 0 0 0"]) + "\n"


def add(archive, name, text):
    content = lzma.compress(text.encode())
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """The address of the mirror; the shipped baselines and data set, with workers that take no time."""
    folder = tmp_path / "mirror"
    dataset = read_yaml(card_files("datasets")["oc20-val-id"])
    (source,) = dataset["scales"]["full"]["files"]
    del source["md5"]  # of the published archive
    target = folder / safe_relative(source["url"])
    target.parent.mkdir(parents=True)
    with tarfile.open(target, "w") as archive:
        scales = np.linspace(0.98, 1.02, FRAMES)
        add(archive, "s2ef_val_id/0.extxyz.xz", "".join(map(xyz, scales)))
        add(archive, "s2ef_val_id/0.txt.xz", "".join(f"random{place},frame{place},0.5\n" for place in range(FRAMES)))
    for row, (name, checkpoint) in checkpoints().items():
        weights = folder / safe_relative(checkpoint.source)
        weights.parent.mkdir(parents=True, exist_ok=True)
        weights.write_text(str(MAES[row]))  # the stiffness of the stand-in: its mean force at 1 Å
        place = tmp_path / "baselines" / name
        place.mkdir(parents=True)
        described = {"oc20-2m": {"source": checkpoint.source, "trained_on": checkpoint.trained_on}}
        values = CARD | {"name": name, "presets": {}, "checkpoints": described, "trainable": False, "stress": False}
        (place / "card.yaml").write_text(yaml.safe_dump(values))
        (place / "worker.py").write_text(WORKER)
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "oc20-val-id.yaml").write_text(yaml.safe_dump(dataset, allow_unicode=True))
    monkeypatch.setenv("ALPHANET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ALPHANET_BASELINES", str(tmp_path / "baselines"))
    monkeypatch.setenv("ALPHANET_DATASETS", str(tmp_path / "datasets"))
    monkeypatch.setattr(environments, "is_installed", lambda _card: True)
    monkeypatch.setattr(remote, "python_of", lambda _card: sys.executable)
    monkeypatch.setattr(remote, "resolved_versions", lambda _card: {})
    return f"file://{folder}"


def claims_of(result):
    return {claim.id: claim for claim in result.claims}


def test_without_the_files_the_claim_says_what_it_needs(tmp_path):
    result = run_benchmark(load_benchmark(NAME), RunOptions(out=tmp_path))
    claim = claims_of(result)["force-errors"]
    assert claim.outcome == "not tested" and claim.about == "suite" and result.failures == ()
    for part in ("s2ef_val_id.tar", "schnet_2M.pt", "dimenetpp_2M.pt", "eq2_83M_2M.pt", "--scale full"):
        assert part in claim.needs


@pytest.mark.integration
def test_with_the_files_the_published_digits_are_met(tmp_path, mirror):
    result = run_benchmark(load_benchmark(NAME), RunOptions(out=tmp_path / "runs", scale="full", mirror=mirror))
    assert result.failures == ()
    cells = {cell.row: cell for cell in result.cells}
    for row, error in MAES.items():
        assert cells[row].reason == "" or row == "GemNet-OC"
        assert cells[row].measured == pytest.approx(error, rel=1e-6) and cells[row].repeats == "none"
        assert cells[row].outcome == ("not comparable" if row == "GemNet-OC" else "reproduced")
    claims = claims_of(result)
    claim = claims["force-errors"]
    assert claim.outcome == "supported" and claim.frames == FRAMES and claim.repeats == "none" and claim.seeds == 0
    assert claims["gemnet-oc"].outcome == "not tested" and "quadruplets" in claims["gemnet-oc"].needs
    record = result.records[cells["SchNet"].records[0]]
    assert record.data["trained_on"] == "OC20 S2EF, 2M" and record.released
    assert record.metrics["s2ef_fixed_atoms"] == FRAMES and record.metrics["s2ef_energy_mae"] != record.value(
        "energy_mae"
    )
    again = run_benchmark(load_benchmark(NAME), RunOptions(out=tmp_path / "runs", scale="full", mirror=mirror))
    assert [cell.records for cell in again.cells] == [cell.records for cell in result.cells]


@pytest.mark.integration
def test_wrong_digits_contradict_and_a_missing_file_is_named(tmp_path, mirror, monkeypatch):
    name, checkpoint = checkpoints()["SchNet"]
    weights = tmp_path / "mirror" / safe_relative(checkpoint.source)
    weights.write_text("0.055")
    only = ("SchNet",)
    result = run_benchmark(load_benchmark(NAME), RunOptions(out=tmp_path / "a", scale="full", mirror=mirror, only=only))
    (cell,) = [cell for cell in result.cells if cell.row == "SchNet"]
    assert cell.outcome == "better" and cell.measured == pytest.approx(0.055, rel=1e-6)
    weights.unlink()
    monkeypatch.setenv("ALPHANET_HOME", str(tmp_path / "other"))
    result = run_benchmark(load_benchmark(NAME), RunOptions(out=tmp_path / "b", scale="full", mirror=mirror, only=only))
    (failure,) = result.failures
    assert f"{name} lacks schnet_2M.pt" in failure and checkpoint.source in failure


@pytest.mark.integration
def test_a_column_may_count_a_part_of_the_frames(tmp_path, mirror, monkeypatch):
    values = read_yaml(card_path(NAME))
    values["columns"]["val-id"]["test_frames"] = 10
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / f"{NAME}.yaml").write_text(yaml.safe_dump(values, allow_unicode=True))
    monkeypatch.setenv("ALPHANET_BENCHMARKS", str(tmp_path / "benchmarks"))
    options = RunOptions(out=tmp_path / "runs", scale="full", mirror=mirror, only=("SchNet",))
    (cell,) = [cell for cell in run_benchmark(load_benchmark(NAME), options).cells if cell.row == "SchNet"]
    result = run_benchmark(load_benchmark(NAME), options)
    record = result.records[cell.records[0]]
    assert record.data["frames"] == f"10 of {FRAMES}, evenly spaced" and record.metrics["n_structures"] == 10


def test_a_list_names_every_file_and_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("ALPHANET_HOME", str(tmp_path))
    needs = Accuracy(load_benchmark(NAME), RunOptions(out=tmp_path, scale="full")).plan().data
    assert [need.get for need in needs] == [
        "alphanet data fetch oc20-val-id --scale full",
        *(f"alphanet baselines fetch {name}:oc20-2m" for name, _ in checkpoints().values()),
    ]


def test_a_checkpoint_that_is_not_there_is_one_line():
    with pytest.raises(UserError, match="schnet-oc20 has no checkpoint 'oc20-3m'; did you mean 'oc20-2m'"):
        trainer_of("schnet-oc20:oc20-3m")

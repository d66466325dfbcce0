"""`alphanet train --members N`: members as ordinary runs, resumed one by one, and their evaluation together."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase.io import write
from committees import write_committee
from lightning.pytorch.utilities import rank_zero_only
from training_samples import copper_frames, messages, small_config, write_data
from typer.testing import CliRunner

from alphanet import AlphaNetCalculator, open_potential
from alphanet.cli import app
from alphanet.data.store import FrameStore
from alphanet.errors import UserError
from alphanet.training.api import default_folder, train_on
from alphanet.training.bootstrap import drawn, resampled
from alphanet.training.committee import train_committee

TINY = ["epochs=1", "model={preset: mini, num_layers: 1, hidden_channels: 8, heads: 2, cutoff: 3.0}", "--device", "cpu"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write("mine.extxyz", copper_frames(12, seed=0))
    return tmp_path


def alphanet(*words: str) -> str:
    return CliRunner().invoke(app, list(words), catch_exceptions=False).stdout


@pytest.mark.integration
def test_a_committee_is_trained_evaluated_resumed_and_reported(here: Path) -> None:
    words = ["train", "mine.extxyz", *TINY, "bootstrap=true", "seed=5", "--out", "runs/c", "--json"]
    answer = json.loads(alphanet(*words, "--members", "2"))
    assert [member["settings"]["seed"] for member in answer["members"]] == [5, 6]
    first, second = answer["members"]
    assert first["sha256"] != second["sha256"] and first["reference_energies"] != second["reference_energies"]
    assert answer["errors"]["test"]["calibration"]["members"] == 2
    folder = here / "runs" / "c"
    assert {path.stem for path in folder.glob("*.svg")} == {"parity", "calibration"}
    assert (folder / "member-1" / "learning.svg").is_file()  # as of any run

    shown = json.loads(alphanet("eval", "runs/c", "mine.extxyz", "--json"))
    assert shown["calibration"]["force"]["scale"] > 0
    with messages() as lines:  # more members are added, the others are kept
        again = json.loads(alphanet(*words, "--members", "3"))
    assert sum("is trained already" in line for line in lines) == 2
    assert [member["sha256"] for member in again["members"][:2]] == [first["sha256"], second["sha256"]]
    with messages() as lines:
        table = alphanet(*words[:-1], "--members", "3")
    assert not any("evaluating" in line for line in lines)
    assert "| committee" in table and "| member-2" in table and "rank correlation" in table

    alphanet("report", "runs", "--out", "page")
    report = json.loads((here / "page" / "results.json").read_text())
    (run,) = report["runs"]
    assert run["problems"] == [] and "calibration" in run["figures"]
    assert {grid["id"] for grid in run["result"]["grids"]} == {"errors", "calibration", "settings"}


@pytest.mark.integration
def test_an_interrupted_committee_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, out = write_data(tmp_path), tmp_path / "committee"
    settings = small_config(epochs=1)
    train_on(settings, data, out / "member-0")  # as far as the first call came
    with pytest.raises(UserError, match="without a committee"):
        AlphaNetCalculator(out)
    (out / "committee.json").write_text('{"members": ["member-0", "member-1"]}')
    with pytest.raises(UserError, match="is a committee of 2, of which member-1 is missing"):
        AlphaNetCalculator(out)
    before = (out / "member-0" / "model.safetensors").stat().st_mtime_ns
    results = train_committee(settings, data, out, 2)
    assert (out / "member-0" / "model.safetensors").stat().st_mtime_ns == before
    assert [result.settings["seed"] for result in results] == [0, 1]
    with monkeypatch.context() as patch:
        patch.setattr(rank_zero_only, "rank", 1)
        train_committee(settings, data, out, 2, resume=False)  # only the first of several processes removes anything
    assert (out / "member-0" / "model.safetensors").stat().st_mtime_ns == before
    atoms = FrameStore(data.valid)[0]
    atoms.calc = AlphaNetCalculator(out)
    assert atoms.calc.get_property("forces_spread", atoms).max() > 0

    with pytest.raises(UserError, match="holds a committee; train it with --members"):
        train_on(settings, data, out)
    with pytest.raises(UserError, match="holds a single training"):
        train_committee(settings, data, out / "member-0", 2)
    with pytest.raises(UserError, match="two members or more, not 1"):
        train_committee(settings, data, tmp_path / "one", 1)
    with pytest.raises(UserError, match=r"member-0 holds a training with other settings \(epochs 1 there, 2 now\)"):
        train_committee(small_config(epochs=2), data, out, 3)
    assert AlphaNetCalculator(out)  # a refused call changed nothing
    (out / "committee.json").write_text('{"members": ["member-0", "member-1", "member-2"]}')
    with pytest.raises(UserError, match="holds a committee of 3 members; ask for as many or more"):
        train_committee(settings, data, out, 2)


def test_members_draw_frames_of_their_own_and_keep_all_elements(tmp_path: Path) -> None:
    data = write_data(tmp_path)
    stores = [FrameStore(resampled(data.train, seed)) for seed in (0, 0, 1)]
    energies = [sorted(float(atoms.calc.results["energy"]) for atoms in store) for store in stores]
    of_all = {float(atoms.calc.results["energy"]) for atoms in FrameStore(data.train)}
    assert energies[0] == energies[1] != energies[2]
    assert len(energies[0]) == 18 and set(energies[0]) < of_all  # some twice, some not at all

    elements = [frozenset({29})] * 99 + [frozenset({29, 79})]
    missed = [seed for seed in range(20) if 99 not in np.random.default_rng([seed, 100]).integers(100, size=100)]
    chosen = drawn(elements, missed[0])
    assert len(chosen) == 101 and chosen.count(99) == 1


def test_the_folder_of_a_committee_is_not_that_of_a_run() -> None:
    settings = small_config()
    assert default_folder(settings, committee=True).name == f"{default_folder(settings).name}-committee"


def test_one_member_is_a_mistake_of_use(here: Path) -> None:
    result = CliRunner().invoke(app, ["train", "mine.extxyz", "--members", "1"])
    assert result.exit_code == 2 and "--members" in result.output


@pytest.mark.integration
def test_the_plan_says_that_it_is_of_each_member(here: Path) -> None:
    words = ["train", "mine.extxyz", *TINY, "--members", "4", "--dry-run"]
    assert "4 members, each: " in alphanet(*words)


@pytest.mark.integration
def test_weights_to_start_from_may_be_in_the_folder_of_a_run(here: Path) -> None:
    write_committee(here / "old", seeds=(1, 2), elements=("Cu", "Au"))
    words = ["train", "mine.extxyz", "epochs=1", "--device", "cpu", "--members", "2", "--json", "--out", "new"]
    with pytest.raises(UserError, match="old is a committee; start from the folder of one of its members"):
        alphanet(*words, "--from", "old")
    assert not (here / "new").exists()
    answer = json.loads(alphanet(*words, "--from", "old/member-1"))
    assert len(answer["members"]) == 2 and answer["errors"]["test"]["calibration"]["force"]["scale"] > 0


@pytest.mark.integration
def test_a_committee_of_a_baseline(installed, tmp_path: Path) -> None:
    from alphanet.potentials.settings import train_settings

    settings = train_settings(installed(), {"epochs": 1})
    results = train_committee(settings, write_data(tmp_path), tmp_path / "committee", 2)
    assert [result.name for result in results] == ["fake", "fake"]
    potential = open_potential(str(tmp_path / "committee"))
    assert potential.name == "committee of 2 fake"
    potential.close()

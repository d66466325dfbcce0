"""`alphanet train FILE`: from files of a user's own to errors, figures and a report."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from training_samples import copper_frames, messages
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.data.own import OwnData
from alphanet.data.own_stores import OwnFrames, divide, prepare_own
from alphanet.data.store import FrameStore
from alphanet.errors import UserError
from alphanet.model.checkpoint import load_model
from alphanet.training.api import settings_for, with_isolated_atoms
from alphanet.training.keys import training_keys

pytestmark = pytest.mark.integration

TINY = ["epochs=2", "model={preset: mini, num_layers: 1, hidden_channels: 8, heads: 2, cutoff: 3.0}", "--device", "cpu"]


def isolated(symbol: str, energy: float) -> Atoms:
    atoms = Atoms(symbol, cell=[20, 20, 20], pbc=True)
    atoms.info["config_type"] = "IsolatedAtom"
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=np.zeros((1, 3)))
    return atoms


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with twelve frames of three runs in `mine.extxyz`."""
    monkeypatch.setenv("ALPHANET_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    frames = copper_frames(12, seed=0)
    for index, atoms in enumerate(frames):
        atoms.info["run"] = f"r{index // 4}"
    write("mine.extxyz", frames)
    return tmp_path


def alphanet(*words: str) -> str:
    return CliRunner().invoke(app, list(words), catch_exceptions=False).stdout


def test_a_file_is_trained_on_and_tested_and_reported(here: Path, rendered: None) -> None:
    answers = [
        json.loads(alphanet("train", "mine.extxyz", *TINY, f"seed={seed}", "--out", f"runs/{seed}", "--json"))
        for seed in (0, 1)
    ]
    assert answers[0]["frames"] == 10 and answers[0]["errors"]["test"]["n_structures"] == 1
    assert answers[0]["settings"]["dataset"] == "mine"
    assert {path.name for path in (here / "runs" / "0").glob("*.svg")} == {"parity.svg", "learning.svg"}
    alphanet("report", "runs", "--out", "page")
    report = json.loads((here / "page" / "results.json").read_text())
    together = report["runs"][0]["result"]
    assert [row[0] for row in together["grids"][0]["rows"]] == ["runs/0", "runs/1"]
    assert {curve["row"] for curve in together["curves"]} == {"runs/0", "runs/1"}
    assert (here / "page" / "figures" / "trainings-1-learning.svg").is_file()
    again = json.loads(alphanet("train", "runs/0/config.yaml", "--out", "runs/0", "--json"))
    assert again["errors"] == answers[0]["errors"]


def test_the_plan_comes_from_a_trial(here: Path) -> None:
    plan = json.loads(alphanet("train", "--dataset", "mine.extxyz", *TINY, "--dry-run", "--json"))
    assert (plan["train_frames"], plan["steps"]) == (10, 6)
    assert plan["seconds"] > 0 and plan["memory"] > 2**20
    assert (plan["samples"], plan["validations"]) == (20, 2) and plan["gpu_seconds"] is None
    cost = plan["cost"]
    parts = cost["start"] + 6 * cost["step"] + 2 * cost["validation"]
    assert plan["cpu_seconds"] == pytest.approx(parts) and plan["flops"] == pytest.approx(6 * cost["flops"])
    assert not (here / "runs").exists()


def test_several_files_test_file_and_other_keys(here: Path) -> None:
    frames = copper_frames(3, seed=5)
    for atoms in frames:
        atoms.info["REF_energy"] = atoms.calc.results["energy"]
        atoms.arrays["REF_forces"] = atoms.calc.results["forces"]
        atoms.calc = None
    write("a.xyz", frames[:2], format="extxyz")
    write("b.xyz", frames[2:], format="extxyz")
    keys = ["--energy-key", "REF_energy", "--forces-key", "REF_forces"]
    alphanet("data", "split", "a.xyz", "--valid", "b.xyz", "--test", "0", *keys, "--out", "divided")
    assert sorted(path.name for path in (here / "divided").iterdir()) == ["train.extxyz", "valid.extxyz"]
    own = OwnData.model_validate(
        {"train": "a.xyz", "valid": "b.xyz", "test": 0, "labels": {"energy": "REF_energy", "forces": "REF_forces"}}
    )
    assert prepare_own(own).counts == {"train": 2, "valid": 1, "test": 0}


def test_splits_keep_groups_and_time(here: Path) -> None:
    groups = [f"r{index // 4}" for index in range(12)]
    by_group = divide(OwnData(train=("mine.extxyz",), group_by="run", valid=0.3, test=0.3), groups)
    assert len({(group, split) for group, split in zip(groups, by_group, strict=True)}) == 3
    by_time = divide(OwnData(train=("mine.extxyz",), split="time", valid=0.25, test=0.25), [""] * 12)
    assert by_time == ["train"] * 6 + ["valid"] * 3 + ["test"] * 3
    seeds = [divide(OwnData(train=("mine.extxyz",), split_seed=seed), [""] * 50) for seed in (0, 0, 1)]
    assert seeds[0] == seeds[1] != seeds[2]
    with pytest.raises(UserError, match="frame 0 has no 'rum' in its info to group by; did you mean 'run'"):
        prepare_own(OwnData(train=("mine.extxyz",), group_by="rum"))


def test_near_copies_and_one_composition_are_said(here: Path) -> None:
    copies = [atoms.copy() for atoms in copper_frames(1, seed=2) for _ in range(20)]
    for index, atoms in enumerate(copies):
        atoms.rattle(1e-4, seed=index)
        atoms.calc = SinglePointCalculator(atoms, energy=-1.0, forces=np.zeros((4, 3)))
    write("copies.extxyz", copies)
    frames = prepare_own(OwnData(train=("copies.extxyz",)))
    one, copied, *_ = frames.warnings()
    assert "one composition" in one and "IsolatedAtom" in one
    assert "nearly repeat a training frame" in copied
    assert prepare_own(OwnData(train=("mine.extxyz",))).leakage["test"].near == 0


def test_isolated_atoms_give_reference_energies(here: Path) -> None:
    write("mine.extxyz", [isolated("Cu", -1000.0), *copper_frames(6, seed=3), isolated("Au", -2000.0)])
    settings = settings_for("alphanet", "mine.extxyz", "mini", {})
    assert settings.data is not None
    frames = prepare_own(settings.data)
    assert isinstance(frames, OwnFrames) and frames.isolated == {"Au": -2000.0, "Cu": -1000.0}
    assert sum(frames.counts.values()) == 6 and not frames.warnings()
    assert with_isolated_atoms(settings, frames).reference_energies == {"Cu": -1000.0, "Au": -2000.0}
    given = settings_for("alphanet", "mine.extxyz", "mini", {"reference_energies": "mean"})
    assert with_isolated_atoms(given, frames) is given
    write("mine.extxyz", [isolated("Cu", -1000.0), *copper_frames(6, seed=3)])
    partly = with_isolated_atoms(settings, prepare_own(settings.data)).reference_energies
    energy = np.mean([atoms.get_potential_energy() for atoms in copper_frames(6, seed=3)])
    assert isinstance(partly, dict)
    assert partly["Cu"] == -1000.0 and partly["Au"] == pytest.approx(energy + 3000.0, abs=1)


def test_the_reference_energies_that_are_told_are_those_of_isolated_atoms(here: Path) -> None:
    write("mine.extxyz", [isolated("Cu", -3.5), *copper_frames(6, seed=3), isolated("Au", -3.25)])
    with messages() as lines:
        alphanet("train", "mine.extxyz", *TINY, "epochs=1", "--out", "run")
    assert "reference energies (eV) Cu -3.500, Au -3.250" in "\n".join(lines)


def test_a_single_frame_is_trained_on_with_a_warning(here: Path) -> None:
    write("one.extxyz", copper_frames(1, seed=0))
    frames = prepare_own(OwnData(train=("one.extxyz",)))
    assert frames.test is None and len(FrameStore(frames.valid)) == 1
    assert "it trains and validates" in frames.warnings()[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["absent.extxyz"], r"absent\.extxyz does not exist"),
        (["mine.extxyz", "formate"], "one set of data"),
        (["formate", "--test", "0.2"], "a data set has its own division"),
        (["mine.extxyz", "--split", "time", "--group-by", "run"], "by time or by group"),
        (["mine.extxyz", "--valid", "0.5", "--test", "0.5"], "leave none to train on"),
        (["mine.extxyz", "data.tset=0.1"], "did you mean 'test'"),
    ],
)
def test_mistakes_are_named(here: Path, words: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        alphanet("train", *words)


def test_every_key_has_a_meaning() -> None:
    for model in ("alphanet", "schnet"):
        keys = training_keys(model)
        assert not [key.name for key in keys if not key.meaning]
        assert {"data.train", "loss.dynamic.stages", "learning_rate"} <= {key.name for key in keys}
    with messages():
        assert "loss.energy_weight" in alphanet("train", "--keys")


def test_frames_with_some_labels_are_trained_on_and_counted(here: Path) -> None:
    frames = copper_frames(12, seed=0)
    for index, atoms in enumerate(frames):
        kept = ("energy",) if index % 2 else ("energy", "forces")
        atoms.calc = SinglePointCalculator(atoms, **{name: atoms.calc.results[name] for name in kept})
    write("partly.extxyz", frames)
    for atoms in frames:
        atoms.calc = SinglePointCalculator(atoms, energy=atoms.calc.results["energy"])
    write("scan.extxyz", frames[:3])
    words = ["partly.extxyz", "--test", "scan.extxyz", *TINY, "loss.stress_weight=10", "--out", "run", "--json"]
    with messages() as lines:
        errors = json.loads(alphanet("train", *words))["errors"]
    assert "loss.stress_weight is 10, but no training frame has stress" in "".join(lines)
    assert "forces in 5 of them" in "".join(lines) or "forces in 6 of them" in "".join(lines)
    assert errors["test"]["n_forces"] == 0 and errors["test"]["energy_mae"] >= 0
    assert "force_mae" not in errors["test"]
    lines = alphanet("eval", "run/model.safetensors", "scan.extxyz").splitlines()
    assert any("structures with forces" in line and " 0 " in line for line in lines)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `old.extxyz` of Cu and Au, and weights trained on it."""
    from training_samples import small_config, write_data

    from alphanet.training.run import run_training

    folder = tmp_path_factory.mktemp("trained")
    write(folder / "old.extxyz", copper_frames(6, seed=9))
    run_training(small_config(epochs=8), write_data(folder), folder / "run")
    return folder


def silver_frames(n: int, offset: float) -> list[Atoms]:
    frames = copper_frames(n, seed=7)
    for atoms in frames:
        labels = {"energy": atoms.calc.results["energy"] + offset, "forces": atoms.calc.results["forces"]}
        atoms.symbols[0] = "Ag"
        atoms.calc = SinglePointCalculator(atoms, **labels)
    return frames


def test_fine_tuning_adds_elements_and_tells_the_old_error(here: Path, trained: Path) -> None:
    write("silver.extxyz", silver_frames(12, offset=500.0))
    words = ["silver.extxyz", "--from", str(trained / "run" / "model.safetensors"), "epochs=2", "--device", "cpu"]
    more = [f"finetune.replay={trained / 'old.extxyz'}", "finetune.freeze=structure", "--out", "run", "--json"]
    answer = json.loads(alphanet("train", *words, *more))
    assert answer["elements"] == ["Cu", "Ag", "Au"]
    assert answer["frames"] == 10 + 5
    errors = answer["errors"]
    assert {"valid", "test", "old", "old, before"} == errors.keys()
    assert errors["old"]["force_mae"] < 2 * errors["old, before"]["force_mae"]


@pytest.mark.parametrize("rank", [None, 2])
def test_weights_that_are_not_trained_stay(here: Path, trained: Path, rank: int | None) -> None:
    start = str(trained / "run" / "model.safetensors")
    rule = "finetune.freeze=messages" if rank is None else f"finetune.lora={rank}"
    frames = copper_frames(10, seed=3)
    for atoms in frames:
        labels = {"energy": atoms.get_potential_energy() + 40.0, "forces": atoms.get_forces()}
        atoms.calc = SinglePointCalculator(atoms, **labels)
    write("moved.extxyz", frames)
    words = ["moved.extxyz", "--from", start, rule, "epochs=1", "ema_decay=null", "--device", "cpu", "--out", "r"]
    alphanet("train", *words)
    old, new = load_model(start), load_model("r/model.safetensors")
    before, after = dict(old.named_parameters()), dict(new.named_parameters())
    same = {name for name, values in before.items() if values.equal(after[name])}
    expected = {name for name in before if (name.endswith("bias") if rank else name.startswith("messages"))}
    assert expected <= same < before.keys()
    assert new.reference.scale == old.reference.scale
    counts = torch.tensor([3.0, 1.0], dtype=torch.float64)
    moved = (new.reference.energies - old.reference.energies) @ counts
    assert float(moved) == pytest.approx(40.0, abs=5.0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["finetune.freeze=[nothing]"], "no parameter matches 'nothing'"),
        (["finetune.lora=4096"], "no linear map"),
        (["model.num_layers=2"], "the architecture is that of"),
    ],
)
def test_mistakes_in_fine_tuning_are_named(here: Path, trained: Path, words: list[str], said: str) -> None:
    start = str(trained / "run" / "model.safetensors")
    with pytest.raises(UserError, match=said):
        alphanet("train", "mine.extxyz", "--from", start, *words, "--device", "cpu")


def strained_frames(n: int, seed: int, offset: float) -> list[Atoms]:
    """Cells of copper and gold of other volumes and larger displacements, at another level of theory."""
    from ase.calculators.emt import EMT

    random, frames = np.random.default_rng(seed), []
    for atoms in copper_frames(n, seed):
        atoms.set_cell(atoms.cell * random.uniform(0.97, 1.08), scale_atoms=True)
        atoms.rattle(0.1, rng=random)
        atoms.calc = EMT()
        labels = {"energy": atoms.get_potential_energy() + offset, "forces": atoms.get_forces()}
        atoms.calc = SinglePointCalculator(atoms, **labels)
        frames.append(atoms)
    return frames


@pytest.mark.slow
def test_fine_tuning_needs_a_fifth_of_the_steps(here: Path) -> None:
    write("old.extxyz", copper_frames(60, seed=21))
    write("new.extxyz", strained_frames(30, seed=22, offset=300.0))
    tiny = [*TINY[1:], "batch_size=4", "--json"]
    alphanet("train", "old.extxyz", *tiny, "epochs=20", "--test", "0", "--out", "old")
    whole = json.loads(alphanet("train", "new.extxyz", *tiny, "epochs=20", "--out", "whole"))
    start = ["--from", "old/model.safetensors", "learning_rate=3e-3", "epochs=4"]
    words = [word for word in tiny if not word.startswith("model=")]
    tuned = json.loads(alphanet("train", "new.extxyz", *words, *start, "--out", "tuned"))
    assert tuned["steps"] * 5 == whole["steps"]
    assert tuned["validation"]["force_mae"] <= whole["validation"]["force_mae"]
    assert tuned["validation"]["energy_mae"] <= whole["validation"]["energy_mae"]

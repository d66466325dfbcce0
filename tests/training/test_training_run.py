import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_samples import Data, batch_of, dataset_of, messages, small_config

from alphanet.errors import UserError
from alphanet.files import sha256_of
from alphanet.model.checkpoint import load_model, read_metadata
from alphanet.potentials.kit.loop.loss import errors, total_loss
from alphanet.potentials.kit.loop.table import validations
from alphanet.training.config import file_config
from alphanet.training.folder import TrainingResult
from alphanet.training.run import run_training

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def trained(data: Data, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainingResult, list[str]]:
    folder = tmp_path_factory.mktemp("trained") / "run"
    with messages() as lines:
        return folder, run_training(small_config(epochs=6), data, folder), lines


def test_writes_what_it_announces(trained: tuple[Path, TrainingResult, list[str]]) -> None:
    folder, result, lines = trained
    announced = [line.split()[0] for line in lines[0].splitlines()[1:]]
    assert all((folder / name).is_file() for name in announced)
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {name for name in found if "tfevents" not in name} == set(announced)
    assert any("tfevents" in name for name in found)
    assert (result.epochs, result.steps, result.finished) == (6, 30, True)
    assert lines[-1].startswith("epoch 6/6: training loss ")


def test_the_exported_model_is_the_best_average(trained: tuple[Path, TrainingResult, list[str]], data: Data) -> None:
    from alphanet.model.prediction import predict

    _, result, _ = trained
    model = load_model(result.model)
    batch = batch_of(dataset_of(data.valid, model))
    config = small_config().loss
    sums = errors(predict(model, batch.graph), batch, config)
    assert float(total_loss(sums, config, config.energy_weight)) == pytest.approx(result.validation["loss"], rel=1e-4)
    assert float(sums.force_error / sums.components) == pytest.approx(result.validation["force_mae"], rel=1e-4)


def test_learns(trained: tuple[Path, TrainingResult, list[str]]) -> None:
    folder, result, _ = trained
    with (folder / "logs" / "metrics.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["valid_loss"]]
    assert len(rows) == 6
    assert result.validation["force_mae"] < 0.5 * float(rows[0]["valid_force_mae"])
    assert [float(row["energy_weight"]) for row in rows][-1] == 4.0


def test_the_model_says_where_it_comes_from(trained: tuple[Path, TrainingResult, list[str]], data: Data) -> None:
    _, result, _ = trained
    provenance = json.loads(read_metadata(result.model)["alphanet_training"])
    assert provenance["sources"] == data.sources
    assert provenance["epoch"] == result.best_epoch
    assert provenance["config"]["epochs"] == 6
    assert provenance["software"].keys() > {"torch", "lightning"}


def test_the_written_configuration_is_one(trained: tuple[Path, TrainingResult, list[str]]) -> None:
    folder, _, _ = trained
    assert file_config(folder / "config.yaml") == small_config(epochs=6)


def test_the_checkpoint_needs_no_pickled_code(trained: tuple[Path, TrainingResult, list[str]]) -> None:
    folder, _, _ = trained
    state = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert state["global_step"] == 30
    assert state["state_dict"].keys() > {
        f"average.{name}" for name in load_model(folder / "model.safetensors").state_dict()
    }


def test_a_finished_run_returns_at_once(trained: tuple[Path, TrainingResult, list[str]], data: Data) -> None:
    folder, result, _ = trained
    before = sha256_of(result.model)
    with messages() as lines:
        assert run_training(small_config(epochs=6, num_workers=1), data, folder) == result
    assert "trained already" in lines[-1]
    assert sha256_of(result.model) == before


def test_another_configuration_or_other_data_is_refused(
    trained: tuple[Path, TrainingResult, list[str]], data: Data
) -> None:
    folder, _, _ = trained
    with pytest.raises(
        UserError, match=r"epochs 6 there, 7 now; loss\.energy_weight 4\.0 there, 1\.0 now.*other.*folder"
    ):
        run_training(
            small_config(epochs=7, loss={"energy_loss": "per_atom", "energy_weight": 1.0, "dynamic": {"stages": 3}}),
            data,
            folder,
        )
    changed = replace(data, sources={"made.extxyz": "1" * 64})
    with pytest.raises(UserError, match=r"other data \(made\.extxyz changed\)"):
        run_training(small_config(epochs=6), changed, folder)


def test_restart_trains_again(data: Data, out: Path) -> None:
    run_training(small_config(epochs=1), data, out)
    result = run_training(small_config(epochs=2), data, out, resume=False)
    assert result.epochs == 2
    assert sum(1 for _ in (out / "logs" / "metrics.csv").open()) > 1


def test_the_same_seed_gives_the_same_weights_and_another_others(data: Data, tmp_path: Path) -> None:
    models = [
        load_model(run_training(small_config(epochs=1, seed=seed), data, tmp_path / str(index)).model).state_dict()
        for index, seed in enumerate((0, 0, 1))
    ]
    assert all(torch.equal(models[0][name], models[1][name]) for name in models[0])
    assert not all(torch.equal(models[0][name], models[2][name]) for name in models[0])


def test_leaves_torchs_generator_alone(data: Data, out: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    run_training(small_config(epochs=1), data, out)
    assert torch.equal(torch.rand(3), expected)


def test_a_guard_leaves_a_model_and_never_changes_the_schedule(data: Data, out: Path) -> None:
    result = run_training(small_config(epochs=100_000, max_time=1.5), data, out)
    assert not result.finished
    assert 0 < result.epochs < 1000
    assert result.planned_steps == 100_000 * result.steps_per_epoch
    stop = f"not finished: stopped at step {result.steps} of {result.planned_steps}: its guard of 1.5 s"
    assert stop in result.describe() and "of 0" not in result.describe()
    assert load_model(result.model)
    with (out / "logs" / "metrics.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    rates = [float(row["learning_rate"]) for row in rows]
    assert rates == sorted(rates)  # still in the warm-up of the plan: nothing falls because the time is short
    assert run_training(small_config(epochs=100_000, max_time=1.5), data, out) == result
    longer = run_training(small_config(epochs=100_000, max_time=2.5), data, out)
    assert longer.steps > result.steps


def test_a_training_that_goes_on_after_its_guard_ends_as_if_it_had_never_stopped(data: Data, tmp_path: Path) -> None:
    whole = run_training(small_config(epochs=3), data, tmp_path / "whole")
    cut = run_training(small_config(epochs=3, max_time=1e-3), data, tmp_path / "cut")
    assert (cut.steps, cut.finished, cut.planned_steps) == (1, False, whole.steps)
    resumed = run_training(small_config(epochs=3), data, tmp_path / "cut")
    assert resumed.finished and resumed.validation == whole.validation
    weights, expected = (load_model(result.model).state_dict() for result in (resumed, whole))
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


@pytest.mark.parametrize(
    "changes",
    [
        {"ema_decay": None, "optimizer": "adamw", "weight_decay": 0.01, "clip_norm": None},
        {"precision": "float64", "loss": {"kind": "huber", "energy_loss": "total", "stress_weight": 10.0}},
        {"edge_budget": 200, "num_workers": 1, "limit_train": 10, "validate_every": 2},
        {"reference_energies": {"Cu": -1228.0, "Au": -1228.0}, "energy_scale": 1.0, "schedule_interval": "epoch"},
        {"model": {"preset": "mini", "num_layers": 1, "cutoff": 3.0}},
    ],
)
def test_every_choice_trains(data: Data, out: Path, changes: dict[str, object]) -> None:
    result = run_training(small_config(**changes), data, out)
    assert result.finished
    assert result.validation["force_mae"] < 10


def test_a_plateau_lowers_the_rate_when_the_validation_stalls(data: Data, out: Path) -> None:
    slow = {"schedule": "plateau", "learning_rate": 1e-7, "learning_rate_floor": 0.0, "epochs": 13, "loss": {}}
    run_training(small_config(**slow), data, out)
    rates = [row["learning_rate"] for row in validations(out / "logs" / "metrics.csv")]
    assert rates[:6] == [1e-7] * 6  # the first validation, and five that were no better
    assert rates[6:] == pytest.approx([0.6e-7] * 6 + [0.36e-7])


def test_a_number_of_steps_ends_a_training_in_the_midst_of_an_epoch(data: Data, out: Path) -> None:
    config = small_config(steps=7)
    result = run_training(config, data, out)
    assert (result.steps, result.epochs, result.finished) == (7, 1, True)
    rows = validations(out / "logs" / "metrics.csv")
    assert [row["step"] for row in rows] == [5, 7]
    (out / "result.json").unlink()  # as if it had been killed before it could write that
    again = run_training(config, data, out)
    assert (again.steps, again.validation, again.best_epoch) == (7, result.validation, result.best_epoch)


def test_a_device_that_is_not_there_is_named(data: Data, out: Path) -> None:
    with pytest.raises(UserError, match="device 'abacus'"):
        run_training(small_config(device="abacus"), data, out)

import numpy as np
import pytest
import torch
from training_samples import Data, dataset_of, small_config

from alphanet.errors import UserError
from alphanet.model.create import create_model
from alphanet.model.prediction import Prediction, predict
from alphanet.potentials.kit.loop.data import Batch
from alphanet.potentials.kit.loop.loss import errors, total_loss
from alphanet.training.settings import LossSettings


@pytest.fixture
def batch(data: Data) -> Batch:
    """Two structures, in float64, the second without a stress label."""
    model = create_model(small_config().network(["Cu", "Au"])).double()
    frames = dataset_of(data.train, model)
    first, second = frames[0], frames[1]
    second = Batch(**vars(second) | {"has_stress": torch.tensor([False])})
    return frames.collate([first, second])


def off_by(batch: Batch, energy: list[float], force: float, stress: float) -> Prediction:
    shift = torch.tensor(energy, dtype=torch.float64)
    return Prediction(batch.energy + shift, torch.zeros(8), batch.forces + force, batch.stress + stress)


def loss_of(prediction: Prediction, batch: Batch, **settings: object) -> float:
    config = LossSettings.model_validate({"stress_weight": 10.0} | settings)
    return float(total_loss(errors(prediction, batch, config), config, config.energy_weight))


def test_losses_by_hand(batch: Batch) -> None:
    prediction = off_by(batch, [0.4, -0.8], force=0.3, stress=0.02)  # 4 atoms each: 0.1 and 0.2 eV/atom
    by_hand = {
        ("mae", "per_atom"): 4 * 0.15 + 100 * 0.3 + 10 * 0.02,
        ("mae", "total"): 4 * 0.6 + 100 * 0.3 + 10 * 0.02,
        ("mse", "per_atom"): 4 * (0.01 + 0.04) / 2 + 100 * 0.09 + 10 * 0.0004,
        ("mse", "total"): 4 * (0.16 + 0.64) / 2 + 100 * 0.09 + 10 * 0.0004,
    }
    for (kind, energy_loss), value in by_hand.items():
        assert loss_of(prediction, batch, kind=kind, energy_loss=energy_loss) == pytest.approx(value, rel=1e-9)


def test_the_energy_weight_by_either_convention_gives_the_same_loss(batch: Batch) -> None:
    prediction = off_by(batch, [0.4, -0.8], force=0.3, stress=0.02)  # 4 atoms each
    for kind, ratio in (("mae", 4), ("mse", 16)):
        total = LossSettings(kind=kind, energy_weight=4.0)
        weights = total.energy_weights(4.0)
        assert (total.energy_loss, weights.total, weights.per_atom) == ("total", 4.0, 4.0 * ratio)
        per_atom = total.counted_per_atom(4.0)
        assert per_atom.energy_weights(4.0) == weights and per_atom.counted_per_atom(4.0) is per_atom
        both = [loss_of(prediction, batch, **settings.model_dump()) for settings in (total, per_atom)]
        assert both[0] == pytest.approx(both[1], rel=1e-12)
    with pytest.raises(UserError, match=r"huber of total energies has no equal per atom"):
        LossSettings(kind="huber").counted_per_atom(4.0)


def test_lengths_of_force_errors_are_averaged_over_atoms(batch: Batch) -> None:
    prediction = off_by(batch, [0.0, 0.0], force=0.3, stress=0.0)  # of each component
    assert loss_of(prediction, batch, force_loss="vectors") == pytest.approx(100 * 0.3 * 3**0.5, rel=1e-5)
    assert loss_of(prediction, batch, force_loss="vectors", kind="mse") == pytest.approx(100 * 3 * 0.09, rel=1e-5)


def test_a_force_without_an_error_has_a_finite_slope(batch: Batch) -> None:
    forces = batch.forces.clone().requires_grad_()
    config = LossSettings(force_loss="vectors")
    found = errors(Prediction(batch.energy, batch.forces, forces, None), batch, config)
    (slope,) = torch.autograd.grad(total_loss(found, config, 4.0), forces)
    assert torch.equal(slope, torch.zeros_like(slope))


def test_huber_is_a_square_near_zero_and_a_line_beyond(batch: Batch) -> None:
    near = off_by(batch, [0.0, 0.0], force=0.005, stress=0.0)
    far = off_by(batch, [0.0, 0.0], force=0.5, stress=0.0)
    assert loss_of(near, batch, kind="huber") == pytest.approx(100 * 0.5 * 0.005**2)
    assert loss_of(far, batch, kind="huber") == pytest.approx(100 * 0.01 * (0.5 - 0.005))


def test_structures_without_stress_do_not_enter(batch: Batch) -> None:
    wrong = off_by(batch, [0.0, 0.0], force=0.0, stress=0.0)
    wrong.stress[1] += 100.0
    assert loss_of(wrong, batch) == 0.0


def test_sums_of_batches_give_the_mean_over_all(batch: Batch) -> None:
    config = LossSettings(stress_weight=10.0)
    prediction = off_by(batch, [0.4, -0.8], force=0.3, stress=0.02)
    once = errors(prediction, batch, config)
    twice = type(once)(*(2 * value for value in once))
    assert float(total_loss(once, config, 4.0)) == pytest.approx(float(total_loss(twice, config, 4.0)))


@pytest.mark.parametrize("kind", ["mae", "mse", "huber"])
def test_gradient_by_the_parameters_equals_finite_differences(batch: Batch, kind: str) -> None:
    config = LossSettings(kind=kind, stress_weight=10.0)
    model = create_model(small_config().network(["Cu", "Au"]), seed=1).double()
    model.set_reference({"Cu": -1228.0, "Au": -1228.0}, 0.5)

    def loss() -> torch.Tensor:
        return total_loss(errors(predict(model, batch.graph, create_graph=True), batch, config), config, 4.0)

    parameters = list(model.parameters())
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in parameters:  # biases start at zero; a test there would miss what they do
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    direction = [torch.randn(p.shape, generator=generator, dtype=torch.float64) for p in parameters]
    gradients = torch.autograd.grad(loss(), parameters, allow_unused=True)
    along = sum(float((g * d).sum()) for g, d in zip(gradients, direction, strict=True) if g is not None)
    values = []
    for step in (-1e-6, 1e-6):
        with torch.no_grad():
            torch._foreach_add_(parameters, direction, alpha=step)
        values.append(float(loss().detach()))
        with torch.no_grad():
            torch._foreach_add_(parameters, direction, alpha=-step)
    assert np.isclose((values[1] - values[0]) / 2e-6, along, rtol=1e-6)


@pytest.mark.parametrize("lacking", ["energy", "forces"])
def test_frames_without_a_label_do_not_enter(batch: Batch, lacking: str) -> None:
    partly = Batch(**vars(batch) | {f"has_{lacking}": torch.tensor([True, False])})
    wrong = off_by(partly, [0.4, 0.4], force=0.3, stress=0.0)
    assert loss_of(wrong, partly) == pytest.approx(loss_of(wrong, batch))
    second = wrong.energy[1:] if lacking == "energy" else wrong.forces[4:]
    second += 100.0
    assert loss_of(wrong, partly) == pytest.approx(4 * 0.4 + 100 * 0.3)
    nothing = Batch(**vars(batch) | {f"has_{lacking}": torch.tensor([False, False])})
    assert loss_of(wrong, nothing) == pytest.approx(100 * 0.3 if lacking == "energy" else 4 * 0.4)

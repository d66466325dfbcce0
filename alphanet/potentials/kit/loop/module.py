"""The Lightning module: steps, optimizer, schedule and average of one training run."""

# Hooks have the arguments that Lightning gives them.
# ruff: noqa: ARG002

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau
from torch.utils.data import DataLoader

from . import FACTOR, PATIENCE, TrainingError
from .costs import CostMeter, counted
from .data import Batch, GraphDataset, Prediction
from .loss import Errors, errors, frames_at_fault, total_loss
from .optimizer import optimizer_of
from .sampling import TrainingBatches, evaluation_batches
from .schedule import ENDLESS, energy_weight, learning_rate_factor, total_steps

if TYPE_CHECKING:
    from alphanet.training.settings import TrainingSettings

# Called with the network, a graph, and whether a stress is wanted and the answer will be differentiated for training.
Predict = Callable[[nn.Module, Any, bool, bool], Prediction]


class TrainingModule(LightningModule):
    """Trains a network on a store of frames and validates its average on another.

    Everything random is a function of the seed and the step, and everything that changes is in the weights, the average
    and the optimizer: a run that is resumed from any step goes on as if it had not stopped.

    Attributes:
        model: being trained.
        average: exponential average of the weights, or None.
        steps_per_epoch: optimizer steps in an epoch, known when training starts.
        step_errors: summed errors of the last training batch.
        validation: metrics of the last validation, see `metrics`.
        meter: takes the operations of a step, which are counted before the first one.
    """

    def __init__(
        self,
        model: nn.Module,
        settings: TrainingSettings,
        data: tuple[GraphDataset, GraphDataset],
        predict: Predict,
        *,
        packed: list[list[int]] | None = None,
        num_workers: int = 0,
    ) -> None:
        """Prepare a training on `data`, for training and for validation.

        Args:
            model: the network.
            settings: of the training.
            data: frames to train on, and those that choose the best weights.
            predict: gives the network's prediction for a graph.
            packed: training batches that were composed before, see `sampling.pack`.
            num_workers: processes that make graphs.
        """
        super().__init__()
        self.model = model
        self.average: nn.Module | None = None
        if settings.ema_decay is not None:  # as a submodule it is saved, resumed and moved with everything else
            self.average = copy.deepcopy(model).requires_grad_(False)
        self.settings = settings
        self.steps_per_epoch = 0
        self.step_errors: Tensor | None = None
        self.validation: dict[str, float] = {}
        self.meter: CostMeter | None = None
        self._data, self._predict = data, predict
        self._packed, self._workers = packed, num_workers
        self._validation_sums: Tensor | None = None
        self._validation_fault = ""
        self._seen: tuple[Batch, Prediction, Tensor] | None = None

    @property
    def best_model(self) -> nn.Module:
        """The model that is validated and exported: the average if there is one."""
        return self.model if self.average is None else self.average

    @property
    def current_energy_weight(self) -> float:
        """The energy's weight in the loss of the next step."""
        return energy_weight(self.progress, self.settings.loss)

    @property
    def progress(self) -> float:
        """Part of the training that is done."""
        return min(1.0, self.trainer.global_step / self.total_steps)

    @property
    def planned_epochs(self) -> int:
        """Epochs of the whole training; `ENDLESS` if only steps end it."""
        return self.settings.epochs or ENDLESS

    @property
    def total_steps(self) -> int:
        """Optimizer steps of the whole training; time never changes them."""
        return total_steps(self.steps_per_epoch, self.planned_epochs, self.settings)

    @property
    def in_last_epoch(self) -> bool:
        """Whether the training ends with the current epoch, or within it."""
        return (self.trainer.current_epoch + 1) * self.steps_per_epoch >= self.total_steps

    def train_dataloader(self) -> DataLoader[Batch]:
        """Batches that start at the step that was reached."""
        return self._loader(self._data[0], self._batches())

    def val_dataloader(self) -> DataLoader[Batch]:
        """Every validation frame once."""
        rank, world_size = self.trainer.global_rank, self.trainer.world_size
        return self._loader(
            self._data[1], evaluation_batches(len(self._data[1]), self.settings.batch_size, rank, world_size)
        )

    def configure_optimizers(self) -> Any:
        """Adam or AdamW with the scheduled learning rate."""
        self.steps_per_epoch = len(self._batches())
        settings = self.settings
        optimizer = optimizer_of(self.model, settings)
        if settings.schedule == "plateau":
            floor = settings.learning_rate_floor
            plateau = ReduceLROnPlateau(optimizer, factor=FACTOR, patience=PATIENCE, min_lr=floor)
            # Lightning keeps its state, but would step it after the checkpoint is written: a resumed run misses a step
            return {
                "optimizer": optimizer,
                "lr_scheduler": {"scheduler": plateau, "monitor": "loss", "frequency": sys.maxsize},
            }
        cosine = LambdaLR(
            optimizer, lambda step: learning_rate_factor(step, self.steps_per_epoch, self.planned_epochs, settings)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": cosine, "interval": "step"}}

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seed dropout by the step, so that nothing random has to be stored."""
        if self.meter is not None and self.meter.step_flops is None:
            self.meter.step_flops = self._operations(batch)
        step = self.trainer.global_step * self.trainer.world_size + self.trainer.global_rank
        torch.manual_seed(self.settings.seed * 1_000_000_007 + step)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of one batch."""
        prediction, sums, loss = self._loss(batch)
        self.step_errors = torch.stack(sums).detach()
        self._seen = batch, prediction, loss.detach()
        return loss

    def _loss(self, batch: Batch) -> tuple[Prediction, Errors, Tensor]:
        prediction = self._predict(self.model, batch.graph, self._wants_stress(batch), True)
        sums = errors(prediction, batch, self.settings.loss)
        return prediction, sums, total_loss(sums, self.settings.loss, self.current_energy_weight)

    def _operations(self, batch: Batch) -> float:
        """Floating-point operations of a step on `batch`, by a step whose gradients are thrown away."""
        weights = [weight for weight in self.model.parameters() if weight.requires_grad]
        with counted() as counter:
            torch.autograd.grad(self._loss(batch)[2], weights, allow_unused=True)
        return float(counter.get_total_flops())

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Clip the gradient; stop before a step with a loss or gradient that is not finite.

        Raises:
            TrainingError: naming the batch.
        """
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients, foreach=True)
        assert self._seen is not None
        batch, prediction, loss = self._seen
        self._seen = None
        if not bool(self._on_all_ranks(torch.isfinite(loss + norm))):
            fault = self._fault(batch, prediction, self._data[0])
            what = f"loss {loss.item()}, norm of the gradient {norm.item()}"
            self._stop_if(fault, otherwise=self._stopped(what, batch, self._data[0]))
        if self.settings.clip_norm is not None:
            torch.nn.utils.clip_grads_with_norm_(self.model.parameters(), self.settings.clip_norm, norm, foreach=True)

    def optimizer_step(
        self, epoch: int, batch_idx: int, optimizer: Optimizer | LightningOptimizer, optimizer_closure: Any = None
    ) -> None:
        """One step of the optimizer, then of the average."""
        optimizer.step(closure=optimizer_closure)
        if self.average is not None and self.settings.ema_decay is not None:
            update_average(self.average, self.model, self.settings.ema_decay, self.trainer.global_step + 1)

    def on_validation_epoch_start(self) -> None:
        """Forget earlier sums."""
        self._validation_sums = None
        self._validation_fault = ""

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add one batch's errors."""
        prediction = self._predict(self.best_model, batch.graph, self._wants_stress(batch), False)
        sums = torch.stack(errors(prediction, batch, self.settings.loss)).detach()
        if not bool(torch.isfinite(sums).all()):
            self._validation_fault = self._validation_fault or self._fault(batch, prediction, self._data[1])
        self._validation_sums = sums if self._validation_sums is None else self._validation_sums + sums

    def on_validation_epoch_end(self) -> None:
        """Metrics of the whole set, over all ranks; the loss with the full weights, comparable between epochs.

        Raises:
            TrainingError: a prediction was not finite, naming the frames.
        """
        self._stop_if(self._validation_fault)
        sums = self._validation_sums
        if sums is None:
            sums = torch.zeros(len(Errors._fields), dtype=torch.float64, device=self.device)
        if self.trainer.world_size > 1:
            sums = self.trainer.strategy.reduce(sums, reduce_op="sum")
        self.validation = metrics(sums, self.settings, self.settings.loss.energy_weight)
        if self.settings.schedule == "plateau":
            schedule: Any = self.lr_schedulers()
            schedule.step(self.validation["loss"])

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Move a batch."""
        return batch.to(device)

    def _wants_stress(self, batch: Batch) -> bool:
        return self.settings.loss.stress_weight > 0 and bool(batch.has_stress.any())

    def _batches(self) -> TrainingBatches:
        return TrainingBatches(
            len(self._data[0]),
            self.settings.batch_size,
            seed=self.settings.seed,
            steps_taken=lambda: self.trainer.global_step,
            rank=self.trainer.global_rank,
            world_size=self.trainer.world_size,
            packed=self._packed,
        )

    def _loader(self, dataset: GraphDataset, batches: Any) -> DataLoader[Batch]:
        return DataLoader(
            dataset,
            batch_sampler=batches,
            collate_fn=dataset.collate,
            num_workers=self._workers,
            persistent_workers=self._workers > 0,
            generator=torch.Generator().manual_seed(self.settings.seed),  # leaves torch's own generator alone
        )

    def _on_all_ranks(self, flag: Tensor) -> Tensor:
        if self.trainer.world_size == 1:
            return flag
        return self.trainer.strategy.reduce(flag.to(torch.float32), reduce_op="min")

    def _fault(self, batch: Batch, prediction: Prediction, data: GraphDataset) -> str:
        """A text about predictions that are not finite; empty if all are."""
        fault = frames_at_fault(batch, prediction)
        return self._stopped(fault, batch, data) if fault else ""

    def _stopped(self, why: str, batch: Batch, data: GraphDataset) -> str:
        return (
            f"training stopped at epoch {self.trainer.current_epoch + 1}, step {self.trainer.global_step + 1}: {why} "
            f"(batch of frames {batch.frames.tolist()} of {data.frames.path}); the last good checkpoint is kept; "
            "check those frames or lower learning_rate"
        )

    def _stop_if(self, fault: str, otherwise: str = "") -> None:
        """Raise the first rank's fault on all ranks; without any, the first rank's `otherwise`."""
        said = [(fault, otherwise)] * self.trainer.world_size
        if self.trainer.world_size > 1:
            torch.distributed.all_gather_object(said, (fault, otherwise))
        for text in (*(strong for strong, _ in said), *(weak for _, weak in said)):
            if text:
                raise TrainingError(text)


def metrics(sums: Tensor, settings: TrainingSettings, energy_weight: float) -> dict[str, float]:
    """Loss and mean absolute errors from summed `Errors`: `loss`, `energy_mae` (eV/atom), `force_mae` (eV/Å) and, if
    stresses count, `stress_mae` (eV/Å^3); an error stays out if no frame has the label.
    """
    total = Errors(*sums)
    result = {"loss": float(total_loss(total, settings.loss, energy_weight))}
    if total.structures > 0:
        result["energy_mae"] = float(total.energy_error / total.structures)
    if total.components > 0:
        result["force_mae"] = float(total.force_error / total.components)
    if settings.loss.stress_weight > 0 and total.stress_components > 0:
        result["stress_mae"] = float(total.stress_error / total.stress_components)
    return result


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Move `average` towards `model` after optimizer step number `step` (from 1).

    Early steps count more, min(decay, (1 + step) / (10 + step)), so that the initial weights are soon forgotten.
    """
    weight = 1.0 - min(decay, (1.0 + step) / (10.0 + step))
    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), weight)
    for kept, current in zip(average.buffers(), model.buffers(), strict=True):
        kept.copy_(current)

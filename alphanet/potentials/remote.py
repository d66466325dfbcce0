"""A baseline as a potential: its worker, its environment and its settings behind the protocol of potentials."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ase import Atoms
from pydantic import JsonValue

from alphanet.cards import validate
from alphanet.errors import UserError
from alphanet.files import sha256_of
from alphanet.potentials.cards import BaselineCard
from alphanet.potentials.channel import Worker
from alphanet.potentials.environments import python_of, resolved_versions
from alphanet.potentials.kit.worker_kit import packed
from alphanet.potentials.protocol import (
    FramePrediction,
    LoadRequest,
    StartAnswer,
    TrainingAnswer,
    frame_predictions,
)
from alphanet.potentials.settings import architecture, model_settings
from alphanet.potentials.weights import Weights


class RemotePotential:
    """A baseline that runs in its own environment; the worker starts at the first call that needs it."""

    def __init__(
        self,
        card: BaselineCard,
        *,
        model: Path | str | Weights | None = None,
        settings: Mapping[str, JsonValue] | None = None,
        dtype: str = "float32",
        device: str = "cpu",
        threads: int = 1,
        timeout: float = 900.0,
        python: Path | None = None,
    ) -> None:
        """Store the settings; no worker is started yet.

        Args:
            card: the baseline.
            model: a checkpoint that training wrote, or released weights; if None, random weights of a preset.
            settings: for random weights, see `ModelSettings`: preset, model, elements, seed.
            dtype: float32 or float64.
            device: cpu, cuda, cuda:1, …
            threads: threads of the worker's libraries.
            timeout: seconds of silence after which the worker counts as hung.
            python: an interpreter in place of the environment's.

        Raises:
            UserError: the environment is not installed, or a setting is wrong.
        """
        if dtype not in card.dtypes:
            raise UserError(f"{card.name} computes in {' or '.join(card.dtypes)}, not in {dtype}")
        if lacking := card.missing_checkout():
            raise UserError(f"{card.name}: {lacking}")
        self.name = card.name
        self.card = card
        self._weights = _weights(card, model)
        self._settings = model_settings(card, settings or {}) if self._weights is None else None
        self._dtype, self._device, self._threads = dtype, device, threads
        self._timeout = timeout
        self._versions = resolved_versions(card) if python is None else {}
        self._worker = Worker(card.name, python or python_of(card), card.places, threads, card.environment.variables)
        self._loaded = 0  # the worker's generation that holds the model
        self._info: dict[str, Any] = {}

    def predict(self, frames: Sequence[Atoms], *, batch_size: int = 8) -> list[FramePrediction]:
        """Energies, forces and stresses of `frames`, in order; the frames are not changed.

        Raises:
            UserError: an element the model does not know, a prediction that is not finite, or a worker that fails.
        """
        self._load()
        predictions: list[FramePrediction] = []
        for start in range(0, len(frames), batch_size):
            batch = frames[start : start + batch_size]
            answer = self._call("predict", packed(batch))
            arrays = (answer["energy"], answer["forces"], answer.get("stress"))
            predictions += frame_predictions(self.name, batch, start, *arrays)
        return predictions

    def start(self, target: Path, *, freeze: Sequence[str] = (), lora: int | None = None) -> StartAnswer:
        """Write the weights in the format of trainings, and describe them; see `kit.starting`.

        Args:
            target: file to write.
            freeze: patterns of the parameters that the training will leave alone; they are checked.
            lora: rank of the changes that it will train alone; checked, too.

        Raises:
            UserError: the file is of no kind that a training can start from, or a pattern or rank fits nothing of it.
        """
        request = self._load_request().model_dump(mode="json")
        request |= {"target": str(target), "freeze": list(freeze), "lora": lora}
        return validate(self._call("start", request), StartAnswer, f"answer of {self.name}'s worker")

    def train(self, request: Mapping[str, JsonValue]) -> TrainingAnswer:
        """Train in the environment; the worker's messages are logged at once.

        Args:
            request: settings as `alphanet.training.run` completes them, with the folder, the stores and their
                statistics.

        Raises:
            UserError: the trainer refuses or fails.
        """
        return validate(self._call("train", dict(request)), TrainingAnswer, f"answer of {self.name}'s trainer")

    def info(self) -> dict[str, Any]:
        """Properties of the loaded model: parameters, elements, cutoff (Å), dtype."""
        self._load()
        return dict(self._info)

    def memory(self) -> dict[str, int]:
        """Bytes: peak resident memory of the worker and of its children; allocated and reserved on a GPU."""
        return dict(self._call("memory", {}))

    def provenance(self) -> dict[str, JsonValue]:
        """Weights' sha256 or the seed, versions of the environment, precision, device, threads, settings."""
        return {
            "name": self.name,
            "weights": self._origin(),
            "environment": {"name": self.card.environment.name, "packages": dict(self._versions)},
            "dtype": self._dtype,
            "device": self._device,
            "threads": self._threads,
            **{key: self._info[key] for key in ("parameters", "cutoff", "commit") if key in self._info},
        }

    def close(self) -> None:
        """End the worker."""
        self._worker.close()

    def __enter__(self) -> "RemotePotential":
        """Return the potential; leaving the block ends the worker."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the worker."""
        self.close()

    def _load(self) -> None:
        if self._worker.running and self._loaded == self._worker.generation:
            return
        self._info = self._call("load", self._load_request().model_dump(mode="json"))
        self._loaded = self._worker.generation

    def _load_request(self) -> LoadRequest:
        request = LoadRequest(stress=self.card.stress, dtype=self._dtype, device=self._device, threads=self._threads)
        if (random := self._settings) is not None:
            model = {"architecture": architecture(self.card, random), "elements": random.elements, "seed": random.seed}
            return request.model_copy(update=model | {"amplification": random.amplification})
        assert self._weights is not None
        if self._weights.path is None:
            return request.model_copy(update={"carried": self.card.checkpoints[self._weights.name].name})
        return request.model_copy(update={"checkpoint": str(self._weights.path)})

    def _origin(self) -> dict[str, JsonValue]:
        """Where the weights come from, for provenance."""
        if self._settings is not None:
            return {"untrained": self._settings.model_dump(mode="json")}
        assert self._weights is not None
        if self._weights.path is None:
            return {"package": self._weights.name}
        name, path = self._weights.name, self._weights.path
        key, value = ("checkpoint", name) if name else ("file", _portable_path(path))
        return {key: value, "sha256": self._weights.sha256}

    def _call(self, name: str, request: Mapping[str, object]) -> Any:
        return self._worker.call(name, request, timeout=self._timeout)


def _weights(card: BaselineCard, model: Path | str | Weights | None) -> Weights | None:
    if model is None or isinstance(model, Weights):
        return model
    file = Path(model).resolve()
    if not file.is_file():
        raise UserError(f"{card.name}: no checkpoint at {model}")
    return Weights(file, "", sha256_of(file))


def _portable_path(path: Path) -> str:
    """The path relative to the working directory if it is inside, so that records name no machine."""
    whole, working = path.resolve(), Path.cwd()
    return str(whole.relative_to(working) if whole.is_relative_to(working) else whole)

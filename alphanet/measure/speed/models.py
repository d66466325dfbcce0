"""Models that are timed: AlphaNet and baselines, each in a separate worker process that lives for one point."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, JsonValue

from alphanet.errors import UserError, did_you_mean
from alphanet.files import sha256_of
from alphanet.measure.speed.points import Typed
from alphanet.model.released import is_released, model_files, released_names
from alphanet.potentials import alphanet_worker
from alphanet.potentials.cards import BaselineCard, baseline_names, load_baseline
from alphanet.potentials.channel import Worker
from alphanet.potentials.environments import install, is_installed, python_of, resolved_versions
from alphanet.potentials.opening import DEFAULT_PRESET
from alphanet.potentials.protocol import LoadRequest
from alphanet.potentials.settings import architecture, model_settings
from alphanet.potentials.weights import Weights, present
from alphanet.provenance import code_digest

READINGS = {"alphanet": "paper", "alphanet-v1": "official-v1"}
START_TIMEOUT = 600.0  # seconds; a first import on a busy machine


class TimingSetup(Typed):
    """The setup that all timed models have in common."""

    weights: str = "untrained"  # or released
    dtype: str = "float32"
    device: str = "cpu"
    threads: int = 1  # of every library in every worker
    seed: int = 0  # of random weights
    alphanet: str | None = None  # file or name of AlphaNet's weights, if they are released ones


class ModelInfo(BaseModel):
    """A loaded model's description of itself, as far as a point needs it."""

    parameters: int | None = None
    cutoff: float | None = None  # Å
    dtype: str | None = None
    mode: str = "eager"


@dataclass(frozen=True)
class TimedModel:
    """One potential with its settings, before any process is started."""

    name: str
    python: Path
    places: tuple[Path, ...]
    variables: dict[str, str]
    request: LoadRequest
    versions: dict[str, str]
    """Everything the speed depends on besides the machine: packages, settings, weights, and for AlphaNet its sources"""

    def start(self, elements: tuple[str, ...], mode: str) -> tuple[Worker, ModelInfo]:
        """A fresh worker that has loaded the model in `mode`, and the model's description of itself.

        Raises:
            UserError: the worker cannot be started, or refuses.
        """
        worker = Worker(self.name, self.python, self.places, self.request.threads, self.variables)
        request = self.request
        if request.architecture and not request.elements:
            request = request.model_copy(update={"elements": elements})
        try:
            answer = worker.call("load", request.model_dump(mode="json") | {"mode": mode}, timeout=START_TIMEOUT)
            return worker, ModelInfo.model_validate(answer)
        except BaseException:
            worker.close()
            raise


def timed_model(name: str, setup: TimingSetup) -> TimedModel:
    """The model `NAME` or `NAME@PRESET`, or the file or name of AlphaNet's weights.

    Raises:
        UserError: there is no such potential or preset, its environment is not installed, its weights are not on this
            machine, or it does not compute in this precision.
    """
    if _is_trained(name):
        return _trained(name, name, setup)
    head, _, preset = name.partition("@")
    if head in READINGS:
        return _alphanet(name, preset, setup)
    card = _card(head)
    if setup.dtype not in card.dtypes:
        raise UserError(f"{head} computes in {' or '.join(card.dtypes)}, not in {setup.dtype}")
    if lacking := card.missing_checkout():
        raise UserError(f"{head}: {lacking}")
    released = _released(card, preset) if setup.weights == "released" else None
    request = _baseline_request(card, preset, released, setup)
    versions = resolved_versions(card) | {"settings": str(request.architecture)}
    if released is not None:
        versions |= {"weights": released.sha256 or released.name}
    return TimedModel(name, python_of(card), card.places, dict(card.environment.variables), request, versions)


def make_environments(names: Iterable[str]) -> None:
    """Make the environments of models, see `timed_model`, that are missing.

    Raises:
        UserError: no such potential (before anything is made), or an environment cannot be made.
    """
    heads = [name.partition("@")[0] for name in names if not _is_trained(name)]
    for card in [_card(head) for head in heads if head not in READINGS]:
        if not is_installed(card):
            install(card)


def _card(name: str) -> BaselineCard:
    if name not in baseline_names():
        known = [*READINGS, *released_names(), *baseline_names()]
        raise UserError(f"no potential {name!r}{did_you_mean(name, known)}")
    return load_baseline(name)


def _is_trained(name: str) -> bool:
    """Whether `name` is the file or name of AlphaNet's weights; names of other potentials go before files."""
    known = name.partition("@")[0] in (*READINGS, *baseline_names())
    return not known and (is_released(name) or Path(name).is_file())


def _alphanet(name: str, preset: str, setup: TimingSetup) -> TimedModel:
    if setup.weights == "released":
        if setup.alphanet is None:
            raise UserError("weights released: name a file with AlphaNet's as `alphanet`, or leave AlphaNet out")
        return _trained(name, setup.alphanet, setup)
    chosen, reading = preset or DEFAULT_PRESET, READINGS[name.partition("@")[0]]
    _require_preset(chosen)
    return _of_alphanet(name, _request(setup, architecture={"preset": chosen, "reading": reading}), {"preset": chosen})


def _trained(name: str, weights: str, setup: TimingSetup) -> TimedModel:
    """AlphaNet called `name` with the weights in a file, or with released weights, which the worker finds by name."""
    file, _ = model_files(weights)
    checkpoint = weights if is_released(weights) else str(file.resolve())
    return _of_alphanet(name, _request(setup, checkpoint=checkpoint), {"weights": sha256_of(file)})


def _of_alphanet(name: str, request: LoadRequest, versions: dict[str, str]) -> TimedModel:
    sources = {"sources": code_digest(["model", "graph.py", "neighbors.py"])}
    place = Path(alphanet_worker.__file__).parent
    return TimedModel(name, Path(sys.executable), (place,), {}, request, sources | versions)


def _require_preset(name: str) -> None:
    from alphanet.model.config import preset_names

    if name not in preset_names():
        raise UserError(f"AlphaNet has no preset {name!r}{did_you_mean(name, preset_names())}")


def _baseline_request(card: BaselineCard, preset: str, released: Weights | None, setup: TimingSetup) -> LoadRequest:
    if released is None:
        settings = model_settings(card, {"preset": preset or None})
        return _request(setup, stress=card.stress, architecture=architecture(card, settings))
    if released.path is None:
        return _request(setup, stress=card.stress, carried=card.checkpoints[released.name].name)
    return _request(setup, stress=card.stress, checkpoint=str(released.path))


def _released(card: BaselineCard, name: str) -> Weights:
    if card.released is None:
        raise UserError(f"weights released: {card.name} has none; leave it out, or use untrained")
    return present(card, name or card.released)


def _request(
    setup: TimingSetup,
    *,
    stress: bool = True,
    checkpoint: str | None = None,
    carried: str | None = None,
    architecture: dict[str, JsonValue] | None = None,
) -> LoadRequest:
    return LoadRequest(
        checkpoint=checkpoint,
        carried=carried,
        architecture=architecture or {},
        seed=setup.seed,
        stress=stress,
        dtype=setup.dtype,
        device=setup.device,
        threads=setup.threads,
    )

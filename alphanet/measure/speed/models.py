"""Models that are timed: AlphaNet and baselines, each in a separate worker process that lives for one point."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, JsonValue

from alphanet.errors import UserError, did_you_mean
from alphanet.files import sha256_of
from alphanet.hardware import kind_of
from alphanet.measure.speed.points import Typed
from alphanet.model.released import released_files
from alphanet.potentials import alphanet_worker, python_worker
from alphanet.potentials.cards import BaselineCard
from alphanet.potentials.channel import Worker
from alphanet.potentials.environments import install_if_missing, python_of, resolved_versions
from alphanet.potentials.opening import DEFAULT_PRESET, trained_weights
from alphanet.potentials.protocol import LoadRequest
from alphanet.potentials.settings import architecture, model_settings
from alphanet.potentials.specification import Specification, specified
from alphanet.potentials.weights import Weights
from alphanet.programs import accept
from alphanet.provenance import code_digest

START_TIMEOUT = 600.0  # seconds; a first import on a busy machine
EXACT = {"NVIDIA_TF32_OVERRIDE": "0"}  # NVIDIA's libraries multiply without TF32, whatever a package asks torch for
GPU_KERNELS = {"mace-torch": "cuequivariance-torch", "nequip": "openequivariance", "sevenn": "flashTP-e3nn"}
"""Package -> the optional one with its fastest kernels, which run on a GPU only"""


class TimingSetup(Typed):
    """The setup that all timed models have in common."""

    weights: str = "untrained"  # or released: of models whose names tell no weights and that can have random ones
    dtype: str = "float32"
    products: Literal["full"] = "full"  # precision of matrix products: that of `dtype`, never TF32 or bf16
    device: str = "cpu"
    threads: int = 1  # of every library in every worker
    seed: int = 0  # of random weights
    alphanet: str | None = None  # file or name of AlphaNet's weights, which also names their reading
    config: str | None = None  # JSON of AlphaNet's files that carry none
    trust: bool = False  # accept pickled weights whose checksum is not known, and exported models of others


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
    """Everything the speed depends on besides the machine: packages, settings, weights, and the sources of AlphaNet and
    of a checkout"""
    trains_in_blocks: bool = False
    """Whether there is a faster form of training, too, in every mode but eager"""

    def mode_of(self, tasks: Iterable[str], mode: str) -> str:
        """The mode to time `tasks` in if `mode` is asked for: eager where the others make no difference."""
        return mode if self.trains_in_blocks or set(tasks) != {"train"} else "eager"

    def start(self, elements: tuple[str, ...], mode: str) -> tuple[Worker, ModelInfo]:
        """A fresh worker that has loaded the model in `mode`, and the model's description of itself.

        Raises:
            UserError: the worker cannot be started, or refuses.
        """
        worker = Worker(self.name, self.python, self.places, self.request.threads, self.variables | EXACT)
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
    """The model `name`, in one of the forms that `alphanet.potentials.forms.FORMS` lists.

    Raises:
        UserError: there is no such potential or preset, its environment is not installed, its weights are not on this
            machine, or it does not compute in this precision.
    """
    model = specified(name)
    if model.card is not None:
        return _baseline(model, model.card, setup)
    return _python(model, setup) if model.kind == "python" else _alphanet(model, setup)


def make_environments(names: Iterable[str]) -> None:
    """Make the environments of models that are missing.

    Raises:
        UserError: no such potential (before anything is made), or an environment cannot be made.
    """
    for model in [specified(name) for name in names]:
        if model.card is not None:
            install_if_missing(model.card)


def _alphanet(model: Specification, setup: TimingSetup) -> TimedModel:
    versions = {"sources": code_digest(["model", "graph.py", "neighbors.py"])}
    if model.kind == "random" and setup.weights == "released":
        return replace(_with_weights(model, setup), name=model.text)
    if model.kind == "random":
        preset = model.preset or DEFAULT_PRESET
        _require_preset(preset)
        request = _request(setup, architecture={"preset": preset, "reading": model.reading})
        return _alphanet_here(model, request, versions | {"preset": preset})
    if model.kind == "released":  # the worker finds them by name, with their configuration
        file, checkpoint, config = released_files(model.name)[0], model.name, None
    else:
        assert model.file is not None
        accept(model.file, trust=setup.trust)
        if model.members:
            raise UserError(f"{model.text}: the time of a committee is that of its members; name one of them")
        file, checkpoint, config = model.file, str(model.file.resolve()), setup.config
    settings: dict[str, JsonValue] = {} if config is None else {"config": str(Path(config).resolve())}
    request = _request(setup, checkpoint=checkpoint, architecture=settings)
    return _alphanet_here(model, request, versions | {"weights": sha256_of(file)})


def _with_weights(model: Specification, setup: TimingSetup) -> TimedModel:
    """AlphaNet with the weights that the setup names."""
    _refuse_preset(model)
    if setup.alphanet is None:
        raise UserError("weights released: name a file with AlphaNet's as `alphanet`, or leave AlphaNet out")
    named = specified(setup.alphanet)
    if named.kind not in ("file", "released"):
        raise UserError(f"{setup.alphanet} is neither a file of AlphaNet nor the name of released weights")
    return _alphanet(named, setup)


def _python(model: Specification, setup: TimingSetup) -> TimedModel:
    """What a callable returns, in a process of this Python that finds the modules that this one finds."""
    path: list[JsonValue] = [str(Path(place).resolve()) for place in sys.path if place]
    request = _request(setup, architecture={"callable": model.name, "path": path})
    return _here(model, python_worker.__file__, request, {"module": model.digest or ""})


def _alphanet_here(model: Specification, request: LoadRequest, versions: dict[str, str]) -> TimedModel:
    return replace(_here(model, alphanet_worker.__file__, request, versions), trains_in_blocks=True)


def _here(model: Specification, worker: str | None, request: LoadRequest, versions: dict[str, str]) -> TimedModel:
    """A model whose worker runs with this Python."""
    assert worker is not None
    return TimedModel(model.text, Path(sys.executable), (Path(worker).parent,), {}, request, versions)


def _refuse_preset(model: Specification) -> None:
    if model.preset:
        raise UserError(f"{model.text}: @{model.preset} names settings of random weights, and these are released ones")


def _require_preset(name: str) -> None:
    from alphanet.model.config import preset_names

    if name not in preset_names():
        raise UserError(f"AlphaNet has no preset {name!r}{did_you_mean(name, preset_names())}")


def _baseline(model: Specification, card: BaselineCard, setup: TimingSetup) -> TimedModel:
    if setup.dtype not in card.dtypes:
        raise UserError(f"{card.name} computes in {' or '.join(card.dtypes)}, not in {setup.dtype}")
    if lacking := card.missing_checkout():
        raise UserError(f"{card.name}: {lacking}")
    versions = resolved_versions(card) | card.checkout_version()
    if kind_of(setup.device) != "cpu" and (lacking := lacking_kernels(versions)):
        versions |= {"without": lacking}
    if model.has_weights or setup.weights == "released" or card.small is None:
        request, weights = _trained(model, card, setup)
        versions |= {"settings": str(request.architecture), "weights": weights}
    else:
        settings = model_settings(card, {"preset": model.preset or None})
        request = _request(setup, stress=card.stress, architecture=architecture(card, settings))
        versions |= {"settings": str(request.architecture)}
    return TimedModel(model.text, python_of(card), card.places, dict(card.environment.variables), request, versions)


def lacking_kernels(versions: dict[str, str]) -> str | None:
    """The package with the fastest kernels for a GPU that is not in an environment of these versions; None if none."""
    return next(
        (kernels for name, kernels in GPU_KERNELS.items() if name in versions and kernels not in versions), None
    )


def _trained(model: Specification, card: BaselineCard, setup: TimingSetup) -> tuple[LoadRequest, str]:
    """The request for trained weights, and what identifies these."""
    _refuse_preset(model)
    if not model.has_weights and card.released is None:
        raise UserError(f"weights released: {card.name} has none; leave it out, or use untrained")
    weights = trained_weights(model, card, trust=setup.trust)
    if not isinstance(weights, Weights):
        file = weights.resolve()
        return _request(setup, stress=card.stress, checkpoint=str(file)), sha256_of(file)
    if weights.path is None:
        return _request(setup, stress=card.stress, carried=card.checkpoints[weights.name].name), weights.name
    request = _request(setup, stress=card.stress, checkpoint=str(weights.path))
    return request, weights.sha256 or weights.name


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

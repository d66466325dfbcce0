"""Who is timed: AlphaNet and baselines, each in a worker process of its own that lives for one point."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alphanet.errors import UserError, did_you_mean
from alphanet.potentials import own
from alphanet.potentials.cards import BaselineCard, baseline_names, load_baseline
from alphanet.potentials.channel import Worker
from alphanet.potentials.environments import python_of, resolved_versions
from alphanet.potentials.settings import architecture, model_settings
from alphanet.potentials.weights import Weights, present
from alphanet.provenance import code_digest

ALPHANET = "alphanet"
SMALL = "fig3a"  # AlphaNet's settings in the paper's speed figure
START_TIMEOUT = 600.0  # seconds; a first import on a busy machine


@dataclass(frozen=True)
class Setting:
    """What all contestants have in common."""

    weights: str  # untrained or released
    dtype: str
    device: str
    threads: int
    seed: int


@dataclass(frozen=True)
class Contestant:
    """One potential with its settings, before any process is started."""

    name: str
    title: str
    python: Path
    places: tuple[Path, ...]
    variables: dict[str, str]
    request: dict[str, Any]  # what the worker's `load` is told
    versions: dict[str, str]
    """Everything the speed depends on besides the machine: packages, settings, weights, and for AlphaNet its sources"""

    def start(self, threads: int, elements: tuple[str, ...]) -> tuple[Worker, dict[str, Any]]:
        """A fresh worker that has loaded the model, and what the model says of itself.

        Raises:
            UserError: the worker cannot be started, or refuses.
        """
        worker = Worker(self.name, self.python, self.places, threads, self.variables)
        request = self.request | {"elements": list(elements)} if self.request["architecture"] else self.request
        try:
            return worker, worker.call("load", request, timeout=START_TIMEOUT)
        except BaseException:
            worker.close()
            raise


def contestant(name: str, setting: Setting) -> Contestant:
    """The contestant `NAME` or `NAME@PRESET` of `--models`.

    Raises:
        UserError: no such potential or preset, an environment that is not installed, weights that are not here, or a
            precision that it does not compute in.
    """
    head, _, preset = name.partition("@")
    if head == ALPHANET:
        return _alphanet(name, preset or SMALL, setting)
    if head not in baseline_names():
        raise UserError(f"--models: no potential {head!r}{did_you_mean(head, [ALPHANET, *baseline_names()])}")
    card = load_baseline(head)
    if setting.dtype not in card.dtypes:
        raise UserError(f"--models: {head} computes in {' or '.join(card.dtypes)}, not in {setting.dtype}")
    if lacking := card.lacks_checkout():
        raise UserError(f"--models: {head}: {lacking}")
    released = _released(card, preset) if setting.weights == "released" else None
    request = _baseline_request(card, preset, released, setting)
    versions = resolved_versions(card) | {"settings": str(request["architecture"])}
    if released is not None:
        versions |= {"weights": released.sha256 or released.name}
    return Contestant(
        name, card.title, python_of(card), card.places, dict(card.environment.variables), request, versions
    )


def _alphanet(name: str, preset: str, setting: Setting) -> Contestant:
    if setting.weights == "released":
        raise UserError("--weights released: name AlphaNet's file as --alphanet FILE, or leave alphanet out")
    request = _request(setting) | {"architecture": {"preset": preset}}
    sources = code_digest(["model", "graph.py", "neighbors.py"])
    versions = {"sources": sources, "preset": preset}
    return Contestant(name, "AlphaNet", Path(sys.executable), (Path(own.__file__).parent,), {}, request, versions)


def _baseline_request(card: BaselineCard, preset: str, released: Weights | None, setting: Setting) -> dict[str, Any]:
    request = _request(setting) | {"stress": card.stress}
    if released is None:
        chosen = model_settings(card, {"preset": preset or None})
        return request | {"architecture": architecture(card, chosen)}
    if released.path is None:
        return request | {"carried": card.checkpoints[released.name].name}
    return request | {"checkpoint": str(released.path)}


def _released(card: BaselineCard, name: str) -> Weights:
    if card.released is None:
        raise UserError(f"--weights released: {card.name} has no released weights; leave it out, or use untrained")
    return present(card, name or card.released)


def _request(setting: Setting) -> dict[str, Any]:
    return {
        "checkpoint": None,
        "carried": None,
        "architecture": {},
        "elements": [],
        "seed": setting.seed,
        "stress": True,
        "dtype": setting.dtype,
        "device": setting.device,
        "threads": setting.threads,
    }

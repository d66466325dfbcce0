"""Loading a potential by its name: AlphaNet's files, baselines with their weights, calculators from Python."""

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alphanet.errors import UserError, did_you_mean
from alphanet.potentials.protocol import Potential

if TYPE_CHECKING:
    from ase import Atoms

    from alphanet.potentials.cards import BaselineCard
    from alphanet.potentials.weights import Weights

ALPHANET = "alphanet"
NEEDS_UNTRAINED = "of random weights: set untrained, too, or leave it out"
DEFAULT_PRESET = "fig3a"  # of AlphaNet with random weights: appendix B.4, as the baselines have it
Frames = Callable[[], Iterable["Atoms"]]


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """Options of loading a potential. An option that does not apply to the potential is refused, never ignored."""

    dtype: str = "float32"
    device: str = "cpu"
    threads: int | None = None
    """Threads of torch, or of the libraries of a baseline's worker; if None, torch's choice here and one in a worker"""
    config: Path | None = None
    """JSON of an AlphaNet checkpoint that carries none"""
    untrained: bool = False
    seed: int = 0
    """Seed of random weights"""
    preset: str | None = None
    """Name of the settings of random weights; the card's first if None"""
    amplification: float = 1.0
    """Factor on random weights, see `alphanet.potentials.kit.amplification.amplify`"""
    trust: bool = False
    """Accept pickled weights whose checksum is not in the card"""
    mode: str = "eager"
    """Of AlphaNet: eager, blocked or compiled, see `alphanet.model.evaluator.evaluation`"""
    max_memory: float | None = None
    """GB for arrays of edges, see `alphanet.model.fast.model.fast_model`"""


DEFAULTS = LoadOptions()


def open_potential(name: str, options: LoadOptions = DEFAULTS, frames: Frames = tuple) -> Potential:
    """Load the potential called `name`.

    Args:
        name: a file of AlphaNet; the name of released weights; `BASELINE`, or `BASELINE:CHECKPOINT` (a file, or a name
            in the card); `alphanet` for random weights; or `module:callable`, which returns an ASE calculator or a
            torch_sim model.
        options: precision, device, random or trained weights.
        frames: returns the structures whose elements random weights are made for; called only in that case.

    Raises:
        UserError: there is no such potential, it cannot be loaded with these options, or an option does not apply to
            it.
    """
    from alphanet.hardware import resolve_device
    from alphanet.potentials.cards import baseline_names, load_baseline
    from alphanet.potentials.released import released_files, released_names

    options = replace(options, device=resolve_device(options.device))
    if name in released_names() and not Path(name).is_file():
        _refuse(options, ("config",), f"of a file; {name} has its own")
        weights, config = released_files(name)
        name, options = str(weights), replace(options, config=config)
    head, _, tail = name.partition(":")
    ours = name == ALPHANET or Path(name).is_file() or not tail
    if not options.untrained:
        _refuse(options, ("preset", "amplification"), NEEDS_UNTRAINED)
        if ours or head in baseline_names():
            _refuse(options, ("seed",), NEEDS_UNTRAINED)
    if head in baseline_names():
        _refuse(options, ("mode", "max_memory", "config"), f"of AlphaNet's files; {name} runs as its package runs it")
        return _baseline(load_baseline(head), tail, options, frames)
    _refuse(options, ("trust",), "of a baseline's released weights")
    if ours:
        if options.mode == "eager":
            _refuse(options, ("max_memory",), "of the modes blocked and compiled")
        return _alphanet(name, options, frames)
    _refuse(options, ("mode", "max_memory", "config", "threads"), f"which {name} decides for itself")
    from alphanet.potentials.calculators import from_python

    if options.untrained:
        raise UserError(f"{name}: random weights (untrained) are of baselines; the result of {name} is used as it is")
    return from_python(name, dtype=options.dtype, device=options.device, seed=options.seed)


def _refuse(options: LoadOptions, names: Iterable[str], why: str) -> None:
    """Refuse options that differ from their defaults."""
    for name in names:
        if getattr(options, name) != getattr(DEFAULTS, name):
            raise UserError(f"{name} {getattr(options, name)} is an option {why}")


def _alphanet(name: str, options: LoadOptions, frames: Frames) -> Potential:
    from alphanet.potentials.cards import baseline_names
    from alphanet.potentials.local import AlphaNetPotential

    if options.threads is not None:
        import torch

        torch.set_num_threads(options.threads)
    limit = None if options.max_memory is None else int(options.max_memory * 1e9)
    potential = partial(AlphaNetPotential, device=options.device, mode=options.mode, max_memory=limit)
    if name == ALPHANET and not Path(name).is_file():
        if not options.untrained:
            raise UserError("alphanet: name a checkpoint file, or ask for random weights (untrained)")
        _refuse(options, ("config",), "of a file, and random weights have none")
        return potential(_random_alphanet(options, frames))
    if options.untrained:
        raise UserError(f"{name}: random weights (untrained) go with a name: alphanet, or one of the baselines")
    if not Path(name).is_file() and not Path(name).suffix:
        known = [ALPHANET, *baseline_names()]
        raise UserError(f"{name}: no such file, and no potential of that name{did_you_mean(name, known)}")
    return potential(name, config=options.config, dtype=options.dtype)


def _random_alphanet(options: LoadOptions, frames: Frames) -> Any:
    from alphanet.model.checkpoint import DTYPES
    from alphanet.model.config import preset
    from alphanet.model.create import create_model
    from alphanet.potentials.kit.amplification import amplify

    config = preset(options.preset or DEFAULT_PRESET, reading="paper", elements=_elements(frames))
    model = create_model(config, options.seed).to(DTYPES[options.dtype])
    if options.amplification != 1:
        amplify(model, options.amplification)
    return model


def _baseline(card: "BaselineCard", checkpoint: str, options: LoadOptions, frames: Frames) -> Potential:
    from alphanet.potentials.remote import RemotePotential

    threads = options.threads or 1
    potential = partial(RemotePotential, card, dtype=options.dtype, device=options.device, threads=threads)
    if options.untrained:
        if checkpoint:
            raise UserError(f"{card.name}:{checkpoint}: weights are either {checkpoint} or random (untrained)")
        settings: dict[str, Any] = {
            "preset": options.preset,
            "elements": list(_elements(frames)),
            "seed": options.seed,
            "amplification": options.amplification,
        }
        return potential(settings=settings)
    return potential(model=checkpoint_of(card, checkpoint, trust=options.trust))


def checkpoint_of(card: "BaselineCard", checkpoint: str, *, trust: bool) -> "Path | Weights":
    """A file, or released weights. A bare name never means a training of the user, which has to be named.

    Args:
        card: the baseline.
        checkpoint: a file, a name in the card, or empty for the card's first.
        trust: accept pickles.

    Raises:
        UserError: there are no such weights on this disk, or they are a pickle that is not trusted.
    """
    from alphanet.potentials.weights import present

    if checkpoint in card.checkpoints:
        return present(card, checkpoint, trust=trust)
    if checkpoint:
        if Path(checkpoint).is_file():
            if any(weights.pickled for weights in card.checkpoints.values()) and not trust:
                raise UserError(
                    f"{checkpoint}: {card.name} loads pickles, which run any code; set trust if it is yours"
                )
            return Path(checkpoint)
        known = f"; its released weights: {', '.join(card.checkpoints)}" if card.checkpoints else ""
        raise UserError(f"{card.name}: no checkpoint {checkpoint}{known}")
    if card.released is not None:
        return present(card, card.released, trust=trust)
    raise UserError(f"{card.name} has no released weights: {_choices(card)}")


def _choices(card: "BaselineCard") -> str:
    """A text that names the trainings of this baseline on this disk, or says how to make one."""
    from alphanet.potentials.runs import RUNS, trained_model

    names = []
    for result in sorted(RUNS.glob(f"{card.name}-*/result.json")):
        with contextlib.suppress(UserError):
            names.append(f"{card.name}:{trained_model(result, card.name)}")
    if names:
        return f"name a training, {' or '.join(names)}, or ask for random weights (untrained)"
    return f"train it, name a checkpoint ({card.name}:FILE), or ask for random weights (untrained)"


def _elements(frames: Frames) -> tuple[str, ...]:
    """Chemical symbols in the structures, in order of atomic number."""
    from ase.data import chemical_symbols

    numbers = {int(number) for atoms in frames() for number in atoms.numbers}
    return tuple(chemical_symbols[number] for number in sorted(numbers))

"""Loading a potential by its name: AlphaNet's files, baselines with their weights, calculators from Python."""

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from alphanet.errors import UserError
from alphanet.potentials.cards import USUAL
from alphanet.potentials.protocol import Potential
from alphanet.potentials.specification import ALPHANET, Specification, specified
from alphanet.programs import accept

if TYPE_CHECKING:
    from ase import Atoms

    from alphanet.potentials.cards import BaselineCard
    from alphanet.potentials.weights import Weights

__all__ = ["ALPHANET", "DEFAULTS", "DEFAULT_PRESET", "Frames", "LoadOptions", "open_potential"]

NEEDS_UNTRAINED = "of random weights: set untrained, too, or leave it out"
DEFAULT_PRESET = "fig3a"  # of AlphaNet with random weights: appendix B.4, as the baselines have it
Frames = Callable[[], Iterable["Atoms"]]


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """Options of loading a potential. An option that does not apply to the potential is refused, never ignored."""

    dtype: str | None = None
    """float32 or float64; if None, float32, or the precision that a baseline or a package has if it has no other"""
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
    """Accept pickled weights whose checksum is not in the card, and an exported model (`.pt2`) of someone else"""
    mode: str | None = None
    """Of AlphaNet: eager, blocked, compiled or None, see `alphanet.model.evaluator.evaluation`"""
    max_memory: float | None = None
    """GB for arrays of edges, see `alphanet.model.fast.model.fast_model`"""


DEFAULTS = LoadOptions()


def open_potential(name: str, options: LoadOptions = DEFAULTS, frames: Frames = tuple) -> Potential:
    """Load the potential called `name`.

    Args:
        name: one of the forms that `alphanet.potentials.forms.FORMS` lists.
        options: precision, device, random or trained weights.
        frames: returns the structures whose elements random weights are made for; called only in that case.

    Raises:
        UserError: there is no such potential, it cannot be loaded with these options, or an option does not apply to
            it.
    """
    from alphanet.hardware import resolve_device

    model = specified(name)
    options = _with_preset(model, replace(options, device=resolve_device(options.device)))
    if not options.untrained:
        _refuse(options, ("preset", "amplification"), NEEDS_UNTRAINED)
        if model.kind != "python":
            _refuse(options, ("seed",), NEEDS_UNTRAINED)
    if model.card is not None:
        _refuse(options, ("mode", "max_memory", "config"), f"of AlphaNet's files; {name} runs as its package runs it")
        if model.members:
            from alphanet.potentials.committee import CommitteePotential

            return CommitteePotential([_baseline(one, model.card, options, frames) for one in model.single_members])
        return _baseline(model, model.card, options, frames)
    if not accept(model.file, trust=options.trust):
        _refuse(options, ("trust",), "of a baseline's released weights and of exported models (.pt2)")
    if model.kind != "python":
        if options.mode == "eager":
            _refuse(options, ("max_memory",), "of every mode but eager")
        return _alphanet(model, options, frames)
    _refuse(options, ("mode", "max_memory", "config", "threads"), f"which {name} decides for itself")
    from alphanet.potentials.calculators import from_python

    if options.untrained:
        raise UserError(f"{name}: random weights (untrained) are of baselines; the result of {name} is used as it is")
    return from_python(model.name, dtype=options.dtype or model.usual_dtype, device=options.device, seed=options.seed)


def _with_preset(model: Specification, options: LoadOptions) -> LoadOptions:
    """The options with the preset that the name has, if it has one."""
    if not model.preset:
        return options
    if not options.untrained:
        raise UserError(f"{model.text}: @{model.preset} names settings {NEEDS_UNTRAINED}")
    if options.preset not in (None, model.preset):
        raise UserError(f"{model.text}: the preset is either {model.preset} or {options.preset}; give one")
    return replace(options, preset=model.preset)


def _refuse(options: LoadOptions, names: Iterable[str], why: str) -> None:
    """Refuse options that differ from their defaults."""
    for name in names:
        if getattr(options, name) != getattr(DEFAULTS, name):
            raise UserError(f"{name} {getattr(options, name)} is an option {why}")


def _alphanet(model: Specification, options: LoadOptions, frames: Frames) -> Potential:
    from alphanet.potentials.local import AlphaNetPotential

    if options.threads is not None:
        import torch

        torch.set_num_threads(options.threads)
    limit = None if options.max_memory is None else int(options.max_memory * 1e9)
    potential = partial(AlphaNetPotential, device=options.device, mode=options.mode, max_memory=limit)
    if model.kind == "random":
        if not options.untrained:
            raise UserError(f"{model.text}: name a checkpoint file, or ask for random weights (untrained)")
        _refuse(options, ("config",), "of a file, and random weights have none")
        return potential(_random_alphanet(model.reading, options, frames))
    if options.untrained:
        raise UserError(f"{model.text}: random weights (untrained) go with a name: alphanet, or one of the baselines")
    if model.kind == "released":
        return potential(model.name, config=options.config, dtype=options.dtype)
    assert model.file is not None
    return potential(model.members or model.file, config=options.config, dtype=options.dtype)


def _random_alphanet(reading: str, options: LoadOptions, frames: Frames) -> Any:
    from alphanet.model.checkpoint import DTYPES
    from alphanet.model.config import preset
    from alphanet.model.create import create_model
    from alphanet.potentials.kit.amplification import amplify

    config = preset(options.preset or DEFAULT_PRESET, reading=reading, elements=_elements(frames))
    model = create_model(config, options.seed).to(DTYPES[options.dtype or USUAL])
    if options.amplification != 1:
        amplify(model, options.amplification)
    return model


def _baseline(model: Specification, card: "BaselineCard", options: LoadOptions, frames: Frames) -> Potential:
    from alphanet.potentials.remote import RemotePotential

    threads = options.threads or 1
    dtype = options.dtype or model.usual_dtype
    potential = partial(RemotePotential, card, dtype=dtype, device=options.device, threads=threads)
    if options.untrained:
        if model.has_weights:
            raise UserError(f"{model.text}: weights are either {model.checkpoint or model.file} or random (untrained)")
        settings: dict[str, JsonValue] = {
            "preset": options.preset,
            "elements": [*_elements(frames)],
            "seed": options.seed,
            "amplification": options.amplification,
        }
        return potential(settings=settings)
    return potential(model=trained_weights(model, card, trust=options.trust))


def best_dtype(name: str, *, trust: bool = False) -> str:
    """The finest precision that the potential `name` can be opened in: float64 or float32.

    Raises:
        UserError: there is no such potential, or it is an exported model that is not trusted.
    """
    model = specified(name)
    if accept(model.file, trust=trust):
        from alphanet.model.export import ExportedModel  # imports torch, which listing benchmarks does not need

        assert model.file is not None
        return str(ExportedModel(model.file).dtype).removeprefix("torch.")
    if model.card is None or "float64" in model.card.dtypes:
        return "float64"
    return model.card.dtypes[0]


def trained_weights(model: Specification, card: "BaselineCard", *, trust: bool) -> "Path | Weights":
    """The file, or the released weights, that the name means. A bare name never means a training of the user.

    Raises:
        UserError: there are none, they are not on this machine, or they are pickles that are not trusted.
    """
    from alphanet.potentials.weights import present

    if model.file is not None:
        if any(weights.pickled for weights in card.checkpoints.values()) and not trust:
            raise UserError(f"{model.file}: {card.name} loads pickles, which run any code; set trust if it is yours")
        return model.file
    if model.checkpoint:
        return present(card, model.checkpoint, trust=trust)
    if card.released is not None:
        return present(card, card.released, trust=trust)
    raise UserError(f"{card.name} has no released weights: {_choices(card)}")


def _choices(card: "BaselineCard") -> str:
    """A text that names the trainings of this baseline on this disk, or says how to make one."""
    from alphanet.potentials.runs import RESULT, RUNS, trained_run

    names = []
    for result in sorted(RUNS.glob(f"{card.name}-*/{RESULT}")):
        with contextlib.suppress(UserError):
            names.append(f"{card.name}:{trained_run(result.parent, owner=card.name).path}")
    if names:
        return f"name a training, {' or '.join(names)}, or ask for random weights (untrained)"
    return f"train it, name a checkpoint ({card.known_as}:FILE), or ask for random weights (untrained)"


def _elements(frames: Frames) -> tuple[str, ...]:
    """Chemical symbols in the structures, in order of atomic number."""
    from ase.data import chemical_symbols

    numbers = {int(number) for atoms in frames() for number in atoms.numbers}
    return tuple(chemical_symbols[number] for number in sorted(numbers))

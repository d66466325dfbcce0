"""From what a user names to a potential: AlphaNet's files, baselines with their weights, calculators from Python."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alphanet.errors import UserError, did_you_mean
from alphanet.potentials.protocol import Potential

if TYPE_CHECKING:
    from ase import Atoms

    from alphanet.potentials.cards import BaselineCard

ALPHANET = "alphanet"
Frames = Callable[[], Iterable["Atoms"]]


@dataclass(frozen=True)
class Opening:
    """How a potential is opened."""

    dtype: str = "float32"
    device: str = "cpu"
    threads: int = 1
    config: Path | None = None
    """JSON of an AlphaNet checkpoint that carries none"""
    untrained: bool = False
    seed: int = 0
    preset: str | None = None
    """Settings of the random weights; the card's first, if not given"""
    trust: bool = False
    """Accept pickled weights whose checksum is not in the card"""
    mode: str = "eager"
    """Of AlphaNet: eager, blocked or compiled, see `alphanet.model.fast.modes.evaluation`"""
    max_memory: float | None = None
    """GB, see `alphanet.model.fast.model.fast_model`"""


def open_potential(name: str, how: Opening, frames: Frames = tuple) -> Potential:
    """The potential called `name`.

    Args:
        name: a file of AlphaNet; `BASELINE`, `BASELINE:CHECKPOINT` (a file, or a name in the card); `alphanet` with
            `--untrained`; or `module:callable`, which returns an ASE calculator or a torch_sim model.
        how: precision, device, random or trained weights.
        frames: returns the structures whose elements random weights are made for; called only in that case.

    Raises:
        UserError: nothing by that name, or it cannot be opened as asked.
    """
    from alphanet.potentials.cards import baseline_names, load_baseline

    head, _, tail = name.partition(":")
    ours = name == ALPHANET or Path(name).is_file() or not tail
    if how.mode != "eager" and (head in baseline_names() or not ours):
        raise UserError(f"--mode {how.mode}: AlphaNet has modes, {name} runs as its package runs it")
    if head in baseline_names():
        return _baseline(load_baseline(head), tail, how, frames)
    if ours:
        return _alphanet(name, how, frames)
    from alphanet.potentials.calculators import from_python

    return from_python(name, how)


def _alphanet(name: str, how: Opening, frames: Frames) -> Potential:
    from alphanet.potentials.cards import baseline_names
    from alphanet.potentials.local import AlphaNetPotential

    limit = None if how.max_memory is None else int(how.max_memory * 1e9)
    speed: dict[str, Any] = {"mode": how.mode, "max_memory": limit}
    if name == ALPHANET and not Path(name).is_file():
        if not how.untrained:
            raise UserError("alphanet: name a checkpoint file, or add --untrained for random weights")
        return AlphaNetPotential(_random_alphanet(how, frames), device=how.device, **speed)
    if how.untrained:
        raise UserError(f"{name}: --untrained goes with a name: alphanet, or one of `alphanet baselines list`")
    if not Path(name).is_file() and not Path(name).suffix:
        known = [ALPHANET, *baseline_names()]
        raise UserError(f"{name}: no such file, and no potential of that name{did_you_mean(name, known)}")
    return AlphaNetPotential(name, config=how.config, dtype=how.dtype, device=how.device, **speed)


def _random_alphanet(how: Opening, frames: Frames) -> Any:
    from alphanet.model.checkpoint import DTYPES
    from alphanet.model.config import preset
    from alphanet.model.create import create_model

    config = preset(how.preset or "fig3a", reading="paper", elements=_elements(frames))
    return create_model(config, how.seed).to(DTYPES[how.dtype])


def _baseline(card: "BaselineCard", checkpoint: str, how: Opening, frames: Frames) -> Potential:
    from alphanet.potentials.remote import RemotePotential

    where: dict[str, Any] = {"dtype": how.dtype, "device": how.device, "threads": how.threads}
    if how.untrained:
        if checkpoint:
            raise UserError(f"{card.name}:{checkpoint}: weights are either {checkpoint} or --untrained")
        settings = {"preset": how.preset, "elements": _elements(frames), "seed": how.seed}
        return RemotePotential(card, settings=settings, **where)
    return RemotePotential(card, model=_trained(card, checkpoint, trust=how.trust), **where)


def _trained(card: "BaselineCard", checkpoint: str, *, trust: bool) -> Any:
    """A file, released weights, or the newest training of this baseline."""
    from alphanet.potentials.weights import present

    if checkpoint in card.checkpoints:
        return present(card, checkpoint, trust=trust)
    if checkpoint:
        if Path(checkpoint).is_file():
            if any(one.pickled for one in card.checkpoints.values()) and not trust:
                raise UserError(f"{checkpoint}: {card.name} loads pickles, which run any code; to trust it: --trust")
            return Path(checkpoint)
        known = f"; its released weights: {', '.join(card.checkpoints)}" if card.checkpoints else ""
        raise UserError(f"{card.name}: no checkpoint {checkpoint}{known}")
    if card.released is not None:
        return present(card, card.released, trust=trust)
    return _newest(card)


def _newest(card: "BaselineCard") -> Path:
    from alphanet.data.progress import print_to_stderr
    from alphanet.potentials.runs import RUNS, trained_model

    found = sorted(RUNS.glob(f"{card.name}-*/result.json"), key=lambda file: file.stat().st_mtime)
    if not found:
        raise UserError(
            f"{card.name} has no weights of its own: train it (alphanet train --model {card.name} --dataset NAME), "
            f"name a checkpoint ({card.name}:FILE), or add --untrained"
        )
    model = trained_model(found[-1])
    print_to_stderr(f"{card.name}: the newest training, {model}")
    return model


def _elements(frames: Frames) -> tuple[str, ...]:
    """Chemical symbols in the structures, in order of atomic number."""
    from ase.data import chemical_symbols

    numbers = {int(number) for atoms in frames() for number in atoms.numbers}
    return tuple(chemical_symbols[number] for number in sorted(numbers))

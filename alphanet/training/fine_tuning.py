"""A training that starts from trained weights: elements are added, reference energies fitted again, parts frozen."""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols

from alphanet.data.formats import read_frames
from alphanet.data.labels import labels_of
from alphanet.data.own_stores import isolated_atom
from alphanet.data.store import FrameStore, write_store
from alphanet.data.subsets import evenly_spaced
from alphanet.errors import UserError
from alphanet.files import sha256_of
from alphanet.paths import home
from alphanet.training.data import LabeledFrames
from alphanet.training.references import Statistics, fit_references

if TYPE_CHECKING:
    import torch

    from alphanet.model.base import InteratomicModel
    from alphanet.training.settings import FineTuning

SAMPLE = 200  # frames to which reference energies are fitted
BATCH = 8

logger = logging.getLogger(__name__)


def loaded(start: "FineTuning", elements: Sequence[str], dtype: str) -> "InteratomicModel":
    """The model of `start.weights` on the CPU, with those of `elements` that it does not know added.

    What belongs to a new element starts as the mean over the known ones. Its reference energy is zero.

    Raises:
        UserError: the file cannot be read, or is of a baseline.
    """
    from alphanet.model.checkpoint import load_model
    from alphanet.model.config import config_from
    from alphanet.model.create import create_model

    old = load_model(*weights_of(start), dtype)
    added = [symbol for symbol in elements if symbol not in old.config.elements]
    if not added:
        return old
    logger.info("elements that are new to %s: %s", start.weights, ", ".join(added))
    values = old.config.model_dump(mode="json")
    config = config_from(values | {"elements": [*old.config.elements, *added]}, str(start.weights))
    new = create_model(config).to(old.dtype)
    places = [config.elements.index(symbol) for symbol in old.config.elements]
    state = new.state_dict()
    for name, tensor in old.state_dict().items():
        state[name] = _extended(name, tensor, state[name], places)
    new.load_state_dict(state)
    return new.eval()


def weights_of(start: "FineTuning") -> tuple[Path, Any]:
    """The file of the weights and their configuration, if it is apart; a name is that of released weights.

    Raises:
        UserError: no such file, weights of a baseline, released weights that are not here, or a folder that is not of
            one training.
    """
    from alphanet.model.released import model_files
    from alphanet.potentials.cards import baseline_names, load_baseline
    from alphanet.potentials.runs import alphanet_files

    head = str(start.weights).partition(":")[0]
    if head in baseline_names() and not start.weights.expanduser().exists():
        model = load_baseline(head).trained_as or head
        raise UserError(f"{start.weights} are weights of {head}, not of AlphaNet; add --model {model}")
    found = alphanet_files(start.weights.expanduser())
    if isinstance(found, tuple):
        raise UserError(f"{start.weights} is a committee; start from the folder of one of its members")
    return model_files(found, start.config)


def replayed(train: Path, start: "FineTuning") -> Path:
    """A store of the frames in `train` and of `replay_part` as many of `start.replay`, evenly spaced; written once.

    Raises:
        UserError: the file cannot be read.
    """
    assert start.replay is not None
    old = list_of(start.replay)
    new = FrameStore(train)
    count = max(1, round(start.replay_part * len(new)))
    content = f"{sha256_of(train)} {sha256_of(start.replay.expanduser())} {count}"
    target = home() / "data" / "own" / f"replay-{hashlib.sha256(content.encode()).hexdigest()[:12]}.aselmdb"
    if not target.exists():
        chosen = [old[int(index)] for index in evenly_spaced(len(old), count)]
        write_store(target, chain(new, chosen), {"replay": str(start.replay)})
    logger.info("%d frames of the old task are mixed with %d new ones", min(count, len(old)), len(new))
    return target


def list_of(path: Path) -> list[Atoms]:
    """The frames of a file; those without a label and isolated atoms are left out.

    Raises:
        UserError: the file cannot be read or has no labeled frames.
    """
    frames = [
        atoms
        for atoms in read_frames(path.expanduser(), labeled=False)
        if labels_of(atoms) and not isolated_atom(atoms)
    ]
    if not frames:
        raise UserError(f"{path} has no labeled frames")
    return frames


def _extended(name: str, old: "torch.Tensor", new: "torch.Tensor", places: Sequence[int]) -> "torch.Tensor":
    """A table by element with rows for new elements; other tensors as they are."""
    if old.shape == new.shape:
        return old
    mean = old.mean(dim=0) if not name.startswith("reference.") else old.new_zeros(old.shape[1:])
    table = mean.expand(new.shape).clone()
    table[list(places)] = old
    return table


def refitted(
    before: Mapping[str, float],
    predict: Callable[[Sequence[Atoms]], Sequence[float]],
    frames: LabeledFrames,
    statistics: Statistics,
) -> dict[str, float]:
    """Reference energies with which the old network comes nearest to the new frames' energies.

    A shift of each element's energy is fitted to the errors of the network; an element that the frames lack keeps its
    energy. A new element begins at the energy fitted to the frames alone.

    Args:
        before: eV, by element of the model.
        predict: gives the energies (eV) of structures with the references `before`.
        frames: of the new training.
        statistics: of these frames.

    Returns:
        eV, by element of the model.
    """
    start = {symbol: energy or statistics.reference_energies.get(symbol, 0.0) for symbol, energy in before.items()}
    chosen = [frames[int(index)] for index in evenly_spaced(len(frames), SAMPLE)]
    chosen = [atoms for atoms in chosen if "energy" in labels_of(atoms)]
    if not chosen:
        return start
    predicted = np.concatenate([predict(chosen[i : i + BATCH]) for i in range(0, len(chosen), BATCH)])
    counts = np.array([np.bincount(atoms.numbers, minlength=len(chemical_symbols)) for atoms in chosen], dtype=float)
    columns = [atomic_numbers[symbol] for symbol in start]
    change = np.array([start[symbol] - before[symbol] for symbol in start])
    errors = np.array([labels_of(atoms)["energy"] for atoms in chosen]) - predicted - counts[:, columns] @ change
    present = [symbol for symbol in start if counts[:, atomic_numbers[symbol]].any()]
    shifts = fit_references(counts[:, [atomic_numbers[symbol] for symbol in present]], errors)
    logger.info(
        "reference energies move by (eV) %s",
        ", ".join(f"{symbol} {shift:+.3f}" for symbol, shift in zip(present, shifts, strict=True)),
    )
    return start | {symbol: start[symbol] + float(shift) for symbol, shift in zip(present, shifts, strict=True)}


def fine_tuned(
    start: "FineTuning",
    statistics: Statistics,
    frames: LabeledFrames,
    given: str | Mapping[str, float],
    dtype: str,
    seed: int,
) -> "InteratomicModel":
    """AlphaNet as `start` has it, ready to be trained on `frames`.

    Args:
        start: weights and rules.
        statistics: of the frames.
        frames: of the training.
        given: energies by element that replace reference energies, or a method, which leaves the choice to `start`.
        dtype: precision.
        seed: of adapters.

    Raises:
        UserError: weights that cannot be read, or given energies of unknown elements.
        TrainingError: patterns that match nothing.
    """
    from alphanet.potentials.kit.loop.adapters import add_low_rank, freeze
    from alphanet.potentials.local import AlphaNetPotential

    model = loaded(start, statistics.elements, dtype)
    energies = dict(zip(model.config.elements, model.reference.energies.tolist(), strict=True))
    if isinstance(given, Mapping):
        if unknown := sorted(set(given) - set(energies)):
            raise UserError(f"reference_energies: the model has no {', '.join(unknown)}")
        energies |= given
    elif start.references == "refit":
        potential = AlphaNetPotential(model, mode="eager")
        energies = refitted(
            energies, lambda atoms: [one.energy for one in potential.predict(atoms)], frames, statistics
        )
    model.set_reference(energies, float(model.reference.scale))
    model.train().requires_grad_(True)
    if start.lora is not None:
        count = add_low_rank(model, start.lora, seed)
        logger.info("low-rank changes of the linear maps are trained: %d values", count)
    if start.freeze:
        logger.info("%d values are frozen", freeze(model, start.freeze))
    return model

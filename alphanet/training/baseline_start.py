"""The start of a baseline's training from trained weights: its own, or the released ones of a card."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ase import Atoms
from pydantic import JsonValue

from alphanet.cards import validate
from alphanet.errors import UserError
from alphanet.files import read_json_object, write_text
from alphanet.potentials.cards import BaselineCard, baseline_names, list_baselines, load_baseline
from alphanet.potentials.environments import install_if_missing
from alphanet.potentials.opening import trained_weights
from alphanet.potentials.protocol import StartAnswer
from alphanet.potentials.remote import RemotePotential
from alphanet.potentials.settings import BaselineSettings
from alphanet.potentials.specification import Specification, baseline_specification
from alphanet.training.data import LabeledFrames
from alphanet.training.fine_tuning import refitted
from alphanet.training.folder import RunFolder
from alphanet.training.references import Statistics
from alphanet.training.settings import FineTuning

OURS = ".safetensors"  # what the trainings of all baselines write; other files are of a package


@dataclass(frozen=True)
class Start:
    """What a training of a baseline begins with: random weights if `finetune` is None."""

    architecture: dict[str, JsonValue]
    elements: tuple[str, ...]
    references: dict[str, float]  # eV
    energy_scale: float  # eV
    finetune: dict[str, JsonValue] | None = None  # rules of a start from weights, with their copy in the folder

    @property
    def request(self) -> dict[str, JsonValue]:
        """The same as a part of a worker's request."""
        return asdict(self) | {"elements": list(self.elements)}


def baseline_start(
    card: BaselineCard,
    settings: BaselineSettings,
    statistics: Statistics,
    frames: LabeledFrames,
    folder: RunFolder,
    device: str,
) -> Start:
    """The parts of a training that the weights decide: architecture, elements, references, scale.

    The weights are copied into the folder in the format of trainings, whatever theirs is. A resumed training takes
    what its first start found.

    Args:
        card: the baseline.
        settings: of the training, with `finetune`.
        statistics: of the training frames.
        frames: of the training.
        folder: of the training.
        device: to compute the old network's energies on.

    Raises:
        UserError: the weights are not there, not this baseline's, or their tables lack an element of the new frames.
    """
    start = settings.finetune
    assert start is not None
    if card.fixed_settings and start.lora is not None:
        raise UserError(f"finetune.lora: {card.name}'s own trainer has no low-rank changes; use finetune.freeze")
    facts = folder.start.with_suffix(".json")
    if not (facts.exists() and folder.start.exists()):
        folder.trainer.mkdir(parents=True, exist_ok=True)
        answer = _read(card, settings, statistics, frames, folder.start, device)
        write_text(facts, answer.model_dump_json(indent=1) + "\n")
    answer = validate(read_json_object(facts), StartAnswer, str(facts))
    return Start(
        architecture=answer.architecture,
        elements=tuple(answer.references),
        references=answer.references,
        energy_scale=answer.energy_scale,
        finetune=start.model_dump(mode="json") | {"weights": str(folder.start.resolve())},
    )


def _read(
    card: BaselineCard,
    settings: BaselineSettings,
    statistics: Statistics,
    frames: LabeledFrames,
    target: Path,
    device: str,
) -> StartAnswer:
    """The weights' facts, with the reference energies of the new training; the weights are written to `target`."""
    start = settings.finetune
    assert start is not None
    named, source = source_of(card, start)
    install_if_missing(source)
    dtype = settings.precision if settings.precision in source.dtypes else source.dtypes[0]
    weights = trained_weights(named, source, trust=start.trust)
    with RemotePotential(source, model=weights, dtype=dtype, device=device, threads=settings.threads or 1) as old:
        answer = old.start(target, freeze=start.freeze, lora=start.lora)
        elements = answer.elements or statistics.elements
        if unknown := sorted(set(statistics.elements) - set(elements)):
            raise UserError(
                f"{start.weights} knows {', '.join(elements)}; {', '.join(unknown)} cannot be added to {card.name}"
            )
        before = {symbol: answer.references[symbol] for symbol in elements}

        def energies(atoms: Sequence[Atoms]) -> list[float]:
            return [one.energy for one in old.predict(atoms)]

        if isinstance(settings.reference_energies, dict):
            if strange := sorted(set(settings.reference_energies) - set(before)):
                raise UserError(f"reference_energies: the model has no {', '.join(strange)}")
            references = before | settings.reference_energies
        elif start.references == "keep":
            references = before
        else:
            references = refitted(before, energies, frames, statistics)
    return answer.model_copy(update={"elements": tuple(elements), "references": references})


def source_of(card: BaselineCard, start: FineTuning) -> tuple[Specification, BaselineCard]:
    """The weights that a training of `card` starts from, and the card that loads them.

    `finetune.weights` is a file, a checkpoint of the card or of one whose weights it trains on, or `NAME:CHECKPOINT`
    with the name of such a card, as everywhere.

    Raises:
        UserError: the weights are another baseline's, or there is no such file and no such name.
    """
    text = str(start.weights)
    file = start.weights.expanduser()
    sources = [card, *(other for other in list_baselines() if other.trained_as == card.name)]
    if file.is_file():
        return _specified(text, card if file.suffix == OURS else sources[-1], str(file))
    for source in sources:
        if text in source.checkpoints:
            return _specified(text, source, text)
    head, _, tail = text.partition(":")
    if head not in baseline_names():
        raise UserError(f"{text}: no such file, and no weights that {card.name} starts from: {_known(sources)}")
    source = load_baseline(head)
    if source.name not in [one.name for one in sources]:
        to = f"; use --model {source.trained_as or head}" if source.trainable or source.trained_as else ""
        raise UserError(f"{text}: {card.name} cannot start from weights of {head}{to}")
    return _specified(text, source, tail)


def _specified(text: str, source: BaselineCard, checkpoint: str) -> tuple[Specification, BaselineCard]:
    return baseline_specification(text, source.name, source, checkpoint), source


def _known(sources: list[BaselineCard]) -> str:
    named = [f"{source.name}:{name}" for source in sources for name in source.checkpoints]
    return ", ".join([*named, "a file that `train` wrote"])

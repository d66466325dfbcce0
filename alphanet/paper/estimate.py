"""What trainings that nobody ran would take: their frames, at what the paper's own table of costs says of a frame."""

from collections.abc import Sequence
from dataclasses import dataclass

from alphanet.data.cards import load_card
from alphanet.paper.all_cards import any_card, ordered_names
from alphanet.paper.benchmark import Scale
from alphanet.paper.cost_cards import CostTable
from alphanet.paper.plan import Training
from alphanet.paper.timed_steps import DAY
from alphanet.potentials.cards import load_baseline
from alphanet.training.config import preset_config

FULL = "full"  # printed costs are of trainings by the paper's own settings


@dataclass(frozen=True)
class Rate:
    """Time of a GPU for one frame, once."""

    dataset: str
    seconds: float
    source: str  # table and column that print it


def printed_rates() -> list[Rate]:
    """What the cards of costs print: GPU-days over samples and epochs; the cheapest frame first.

    Raises:
        UserError: a card is wrong.
    """
    found = []
    for card in map(any_card, ordered_names()):
        if isinstance(card, CostTable):
            for value in card.paper:
                if value.metric == "training_cost":
                    column = card.columns[value.column]
                    frames = column.samples * preset_config(column.dataset, FULL).epochs
                    found.append(
                        Rate(column.dataset, DAY * float(value.printed) / frames, f"{card.name}, {value.column}")
                    )
    return sorted(found, key=lambda rate: rate.seconds)


def gpu_days(trainings: Sequence[Training], protocol: Scale, seeds: int) -> tuple[float | None, str]:
    """GPU-days of all `trainings` at scale `full`, and what the number rests on; none where a size is not known.

    A frame counts what the paper's table prints for its data set, or else the cheapest that is printed, whatever
    network is trained: nothing else about the time of a GPU is known here without one.

    Raises:
        UserError: a card is wrong.
    """
    rates, days, used = printed_rates(), 0.0, {}
    if not rates:
        return None, "no table of costs"
    for training in trainings:
        frames = training.train_frames or load_card(training.dataset).at(FULL).train_frames
        epochs = _epochs(training, protocol)
        if frames is None or epochs is None:
            return None, f"{training.title}: its frames or epochs are not known"
        rate = next((rate for rate in rates if rate.dataset == training.dataset), rates[0])
        used[rate.source] = f"{rate.seconds:.2g} s a frame ({rate.source})"
        days += seeds * frames * epochs * rate.seconds / DAY
    return days, f"at the printed {', '.join(used.values())}, every network alike"


def _epochs(training: Training, protocol: Scale) -> int | None:
    asked = protocol.epochs or training.run.settings.get("epochs")
    if asked is not None:
        return int(asked)
    if training.model == "alphanet":
        return preset_config(training.dataset, FULL).epochs
    card = load_baseline(training.model)
    name = training.run.settings.get("preset", card.small)
    found = card.preset(str(name)).training.get("epochs")
    return None if found is None else int(found)

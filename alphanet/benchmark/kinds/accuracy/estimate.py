"""Estimated cost of trainings: the number of frames times the time of a frame in the paper's own table of costs."""

from collections.abc import Sequence
from dataclasses import dataclass

from alphanet.benchmark.kinds.accuracy.card import AccuracyScale
from alphanet.benchmark.kinds.accuracy.plan import PlannedTraining
from alphanet.benchmark.kinds.accuracy.trainers import trainer_of
from alphanet.benchmark.kinds.cost import DAY, CostCard
from alphanet.benchmark.loading import benchmark_names, card_path
from alphanet.cards import read_yaml, validate
from alphanet.data.cards import load_card
from alphanet.training.config import preset_config

FULL = "full"  # printed costs are of trainings by the paper's own settings


@dataclass(frozen=True)
class Rate:
    """Time of a GPU for one pass over one frame."""

    dataset: str
    seconds: float
    source: str  # table and column that print it


def printed_rates() -> list[Rate]:
    """The rates that the cards of costs print: GPU-days over samples and epochs; the cheapest frame first.

    Raises:
        UserError: a card is wrong.
    """
    rates = []
    for path in map(card_path, benchmark_names()):
        values = read_yaml(path)
        # Only cards of costs are validated: a mistake in another card must not stop the estimate.
        if isinstance(values, dict) and values.get("kind") == "cost":
            card = validate(values, CostCard, str(path))
            for columns in card.paper.values():
                for name, metrics in columns.items():
                    if printed := metrics.get("training_cost"):
                        column = card.columns[name]
                        frames = column.samples * preset_config(column.dataset, FULL).epochs
                        rates.append(Rate(column.dataset, DAY * float(printed) / frames, f"{card.name}, {name}"))
    return sorted(rates, key=lambda rate: rate.seconds)


def gpu_days(trainings: Sequence[tuple[PlannedTraining, AccuracyScale]]) -> tuple[float | None, str]:
    """GPU-days of all `trainings` at scale `full`, and the basis of the number; None if a size is not known.

    The time of a frame is what the paper's table of costs gives for its data set, or else for the cheapest one,
    whatever network is trained: without a GPU no other time is known.

    Raises:
        UserError: a card is wrong.
    """
    rates, days, used = printed_rates(), 0.0, {}
    if not rates:
        return None, "no table of costs"
    for training, scale in trainings:
        card = load_card(training.dataset)
        if FULL not in card.scales:  # a user's own data set
            return None, f"{training.dataset} has no scale {FULL}"
        frames = training.train_frames or card.at(FULL).train_frames
        settings = training.run.settings
        epochs = scale.epochs or trainer_of(training.model).epochs(training.dataset, FULL, settings)
        if frames is None or epochs is None:
            return None, f"{training.title}: its frames or epochs are not known"
        rate = next((rate for rate in rates if rate.dataset == training.dataset), rates[0])
        used[rate.source] = f"{rate.seconds:.2g} s a frame ({rate.source})"
        days += frames * epochs * rate.seconds / DAY
    return days, f"at the printed {', '.join(used.values())}, every network alike"

"""Identities that printed numbers must satisfy, whatever was measured; a violation is an erratum of the paper.

Every printed number stands for the interval that rounds to it. An identity is violated if no numbers in these intervals
satisfy it.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import nan

from alphanet.benchmark.card import AnyCard
from alphanet.benchmark.judging import last_digit

DAY = 86_400  # s
STABLE = 33374 / 215488
"""Stable fraction of WBM's unique prototypes, by labels rounded to 1 meV/atom: that of the counts"""
STABLE_UNROUNDED = 32942 / 215488
"""That of the labels before rounding, by which the discovery acceleration factor divides"""

Span = tuple[float, float]


@dataclass(frozen=True)
class Violation:
    """A printed number that others of the paper exclude."""

    row: str
    column: str
    metric: str
    printed: Decimal
    implied: Span  # the values that the others allow
    by: str  # the others, in words

    @property
    def text(self) -> str:
        """`GRACE: accuracy 0.896, but 0.895 to 0.895 by F1 and precision`."""
        low, high = self.implied
        return f"{self.row}: {self.metric} {self.printed}, but {low:.4g} to {high:.4g} by {self.by}"


def stability_violations(card: AnyCard) -> list[Violation]:
    """Accuracies and acceleration factors of a card of discovery that F1 and precision exclude."""
    violations: list[Violation] = []
    for row, column in itertools.product(card.rows, card.columns):
        printed = {metric: card.printed(row, column, metric) for metric in card.metrics}
        f1, precision = printed.get("f1"), printed.get("precision")
        if precision is not None and (daf := printed.get("daf")) is not None:
            implied = _span(lambda p: p / STABLE_UNROUNDED, [precision])
            violations += _excluded(row, column, "daf", daf, implied, "the precision and the stable fraction")
        if f1 is not None and precision is not None and (accuracy := printed.get("accuracy")) is not None:
            implied = _span(accuracy_of, [f1, precision])
            violations += _excluded(row, column, "accuracy", accuracy, implied, "F1, precision and the stable fraction")
    return violations


def cost_violations(card: AnyCard, epochs: Mapping[str, float], rates: Mapping[str, Decimal]) -> list[Violation]:
    """Device-days of a card of costs that samples, epochs and a printed speed exclude, by more than a tenth.

    Args:
        card: whose columns have `samples`.
        epochs: by column.
        rates: structures a second of one device, as printed, by column.
    """
    violations: list[Violation] = []
    for row, (column, rate) in itertools.product(card.rows, rates.items()):
        days = card.printed(row, column, "training_cost")
        if days is None:
            continue
        samples = card.columns[column].samples
        low, high = _span(lambda r, c=column, n=samples: training_days(n, epochs[c], r), [rate])
        by = "the samples, the epochs and the speed"
        violations += _excluded(row, column, "training_cost", days, (0.9 * low, 1.1 * high), by)
    return violations


def training_days(samples: float, epochs: float, rate: float) -> float:
    """Device-days of a training, from its samples, its epochs and the structures a second of one device."""
    return samples * epochs / rate / DAY


def global_batch(samples: float, epochs: float, steps: float) -> float:
    """Structures in a step of all devices together."""
    return samples * epochs / steps


def recall_of(f1: float, precision: float) -> float:
    """The recall that F1 and precision fix; NaN if none does."""
    inverse = 2 / f1 - 1 / precision
    return 1 / inverse if inverse > 0 else nan


def accuracy_of(f1: float, precision: float, stable: float = STABLE) -> float:
    """The accuracy that F1, precision and the stable fraction fix: one less false positives and false negatives."""
    true_positives = recall_of(f1, precision) * stable
    return 1 - true_positives * (1 / precision - 1) - (stable - true_positives)


def _excluded(row: str, column: str, metric: str, printed: Decimal, implied: Span, by: str) -> Iterator[Violation]:
    half_digit = last_digit(printed) / 2 * (1 + 1e-9)
    if float(printed) + half_digit < implied[0] or float(printed) - half_digit > implied[1]:
        yield Violation(row, column, metric, printed, implied, by)


def _span(function: Callable[..., float], printed: Sequence[Decimal]) -> Span:
    """The least and greatest value of a monotone function over all numbers that round to the printed ones."""
    ends = [(float(value) - last_digit(value) / 2, float(value) + last_digit(value) / 2) for value in printed]
    values = [function(*corner) for corner in itertools.product(*ends)]
    return min(values), max(values)

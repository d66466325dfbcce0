"""The test of a potential on pairs: plain weights, amplified weights, and a training where it is AlphaNet."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from alphanet.errors import UserError
from alphanet.measure.expressiveness import AMPLIFICATION, STEPS
from alphanet.measure.expressiveness.comparison import Comparison, Difference, difference
from alphanet.measure.expressiveness.energies import STAR, Opened, opened
from alphanet.measure.expressiveness.learning import learned_part
from alphanet.measure.expressiveness.pairs import Pair, make_pair
from alphanet.potentials.opening import LoadOptions
from alphanet.potentials.remote import RemotePotential

TRAINED = "its weights are trained, and only random ones are amplified"
OTHERS = "only AlphaNet is trained on pairs"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tested:
    """A comparison, with the potential as it was opened."""

    comparison: Comparison
    subject: Opened


def compare(
    name: str, options: LoadOptions, pairs: Sequence[str], *, steps: int = STEPS, seed: int = 0
) -> Iterator[Tested]:
    """Yield a comparison for each of `pairs`; a pair in which the potential fails says so, and the next is made.

    Args:
        name: the potential, see `open_potential`.
        options: device, weights and seed; the best precision is taken.
        pairs: names of pairs.
        steps: of the training on each pair; 0: none is made.
        seed: of rotated copies and of the weights that are trained.

    Raises:
        UserError: the potential cannot be opened.
    """
    with opened(name, options) as subject, _amplified(name, options) as stronger:
        for pair_name in pairs:
            pair = make_pair(pair_name, subject.cutoff, subject.symbol)
            result = Comparison(pair_name)
            result.plain = _measured(result, "difference", subject, pair, seed)
            if isinstance(stronger, str):
                result.untested["amplified"] = stronger
            else:
                result.amplified = _measured(result, "amplified", stronger, pair, seed)
            if subject.model is None or steps == 0:
                result.untested["learned"] = OTHERS if subject.model is None else "no steps of training were asked for"
            else:
                result.learned = learned_part(subject.model.config, pair, steps=steps, seed=seed)
            logger.info("%s: %s: %s", name, pair.title, in_words(result))
            yield Tested(result, subject)


def in_words(result: Comparison) -> str:
    """The verdict on a pair: told apart, alike, or not tested."""
    return {True: "told apart", False: "alike", None: "not tested"}[result.told_apart]


@contextmanager
def _amplified(name: str, options: LoadOptions) -> Iterator[Opened | str]:
    """The potential with amplified weights, or the reason why there is none."""
    if not options.untrained:
        yield TRAINED
        return
    with ExitStack() as stack:
        try:
            subject = stack.enter_context(opened(name, replace(options, amplification=AMPLIFICATION)))
        except UserError as error:
            reason = str(error)
        else:
            potential = subject.potential
            other = isinstance(potential, RemotePotential) and potential.info().get("amplification") != AMPLIFICATION
            reason = "its package makes random weights of one size" if other else ""
        if reason:
            stack.close()
        yield reason or subject


def _measured(result: Comparison, quantity: str, subject: Opened, pair: Pair, seed: int) -> Difference | None:
    if pair.star and subject.model is None:
        result.untested[quantity] = STAR
        return None
    try:
        return difference(subject, pair, seed)
    except UserError as error:
        result.untested[quantity] = str(error)
        return None

"""Accuracy on the miniatures and speed are those of the last commit, within what chance explains."""

from pathlib import Path

import last_committed
import miniature_errors
import pytest
import time_ratios

from alphanet.measure.speed.statistics import RatioInterval
from alphanet.model.native.library import cpp_compiler
from alphanet.provenance import hardware

AGAIN = "if this is meant: python tests/regression/last_committed.py"


@pytest.mark.slow
def test_errors_have_not_grown(tmp_path: Path):
    errors = miniature_errors.measured(tmp_path)
    assert not miniature_errors.grown(errors, last_committed.last_errors()), (AGAIN, errors)


@pytest.mark.slow
@pytest.mark.skipif(cpp_compiler() is None, reason="no C++ compiler")
def test_ratios_of_times_have_not_grown():
    cpu, last = last_committed.last_ratios()
    factor = time_ratios.SAME if cpu == hardware()["cpu"] else time_ratios.OTHER
    ratios = time_ratios.measured()
    assert not time_ratios.slower(ratios, last, factor), (AGAIN, ratios)


def test_worse_errors_are_found_and_chance_is_not():
    last = last_committed.last_errors()
    assert not miniature_errors.grown(last, last)
    assert not miniature_errors.grown({key: [0.5 * value for value in values] for key, values in last.items()}, last)
    one = last | {"formate force_mae": [2 * value for value in last["formate force_mae"]]}
    assert miniature_errors.grown(one, last) == {"formate force_mae": pytest.approx(2.0)}
    little = {key: [1.3 * value for value in values] for key, values in last.items()}  # of each: chance; of all: not
    assert miniature_errors.grown(little, last).keys() == {"all of them"}


def test_slower_ratios_are_found_and_noise_is_not():
    def around(ratio: float) -> dict[str, RatioInterval]:
        return {"a": RatioInterval(ratio=ratio, low=0.9 * ratio, high=1.1 * ratio)}

    assert not time_ratios.slower(around(1.4), around(1.0), time_ratios.SAME)
    assert time_ratios.slower(around(1.6), around(1.0), time_ratios.SAME) == {"a": pytest.approx(1.6)}
    assert not time_ratios.slower(around(0.2), around(1.0), time_ratios.SAME)

"""What an audit found of each property: the worst of its checks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from alphanet.measure.physics.checks import Check

OK, NEGLIGIBLE, FAILS, UNCHECKED = "ok", "negligible", "FAILS", "not checked"


@dataclass(frozen=True)
class Finding:
    """The worst check of one property."""

    state: str
    text: str  # the value with its unit; empty if nothing was checked


def findings(checks: Sequence[Check], *, untrained: bool) -> dict[str, Finding]:
    """By property, the check that is worst in units of its limit."""
    from alphanet.measure.physics.audit import CHECKS  # with torch, which the kind's cards are read without

    worst = {}
    for name in CHECKS:
        made = [check for check in checks if check.group == name and check.passed is not None]
        if not made:
            worst[name] = Finding(UNCHECKED, "")
            continue
        check = max(made, key=lambda one: (not one.passed, (one.value or 0.0) / (one.limit or 1.0)))
        worst[name] = Finding(state_of(made, untrained=untrained), value_text(check))
    return worst


def state_of(checks: Iterable[Check], *, untrained: bool) -> str:
    """The worst state of checks; random weights have energies of any size, of which none is too small to matter."""
    made = [check for check in checks if check.passed is not None]
    if not made:
        return UNCHECKED
    failed = [check for check in made if not check.passed]
    if not failed:
        return OK
    return NEGLIGIBLE if not untrained and all(check.is_negligible for check in failed) else FAILS


def value_text(check: Check) -> str:
    """A value with its unit, in two digits, or whole from 100 on; a dash if nothing was measured."""
    if check.value is None:
        return "–"
    digits = f"{check.value:.0f}" if 99.5 <= abs(check.value) < 1e6 else f"{check.value:.2g}"
    return f"{digits} {check.unit}"

"""Durations, as users write and read them."""

import re

from alphanet.errors import UserError

UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
EXAMPLES = "90s, 2m, 1h or hh:mm:ss; a plain number is minutes"


def seconds(text: str) -> float:
    """Seconds of a duration: a plain number is minutes; `90s`, `2m`, `1.5h`, `1d`, `hh:mm:ss`.

    Raises:
        UserError: another form, or a duration that is not positive.
    """
    value = clock(text) if ":" in text else _with_unit(text)
    if value is None or not 0 < value < float("inf"):
        raise UserError(f"{text!r} is no duration; write {EXAMPLES}")
    return value


def clock(text: str) -> float | None:
    """Seconds of `hh:mm:ss`; None if `text` has another form."""
    parts = text.strip().split(":")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return None
    hours, minutes, rest = map(int, parts)
    return 3600.0 * hours + 60.0 * minutes + rest


def words(seconds: float) -> str:
    """A duration in words: `40 s`, `12 min`, `3.5 h`, `2.1 days`."""
    for size, unit in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size or (unit == "min" and seconds >= size):
            return f"{seconds / size:.2g} {unit}" if seconds < 9.95 * size else f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _with_unit(text: str) -> float | None:
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)\s*", text.lower())
    if match is None or match[2] not in {"", *UNITS}:
        return None
    return float(match[1]) * UNITS[match[2] or "m"]

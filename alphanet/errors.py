"""The one exception for foreseeable mistakes."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A foreseeable mistake: one line that names the file, key or value and says what to do.

    The command line prints it without a traceback and exits with 1.
    """


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`"; did you mean 'x'?"`, or the list of known names if none is near."""
    candidates = sorted(known)
    near = get_close_matches(name, candidates, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(candidates)}" if candidates else ""

"""Widths of a table's columns on a terminal. rich's own choice cuts words although there is room for them."""

from collections.abc import Sequence


def widened(widths: Sequence[int], longest: Sequence[int], spare: int) -> list[int]:
    """The widths with `spare` more characters, shared evenly among the columns that have longer texts.

    Args:
        widths: least width of each column: that of its longest word.
        longest: of the texts of each column.
        spare: characters to share.
    """
    wider = list(widths)
    for _ in range(spare):
        narrow = [place for place, most in enumerate(longest) if wider[place] < most]
        if not narrow:
            break
        wider[min(narrow, key=lambda place: wider[place] - widths[place])] += 1
    return wider

"""The one function through which texts from elsewhere reach a terminal: what could steer it is spelled out."""

import re

# Control characters of both halves, line and paragraph separators, marks of direction, lone surrogates.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


def printable(text: str) -> str:
    r"""The text with every character that steers a terminal spelled as Python does (`\x1b`); tabs and lines stay.

    Names, keys and values of files may hold such characters: they would recolor, move, rename or answer for the user.
    """
    return _STEERING.sub(_spelled, text)


def printable_json(text: str) -> str:
    """The same of a JSON text, whose content stays: JSON has escapes for all of them."""
    return _STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def one_line(error: object, longest: int = 300) -> str:
    """The message of an error of a library as a part of a line: printable, without line ends, not too long."""
    words = " ".join(printable(str(error)).split()) or type(error).__name__
    return words if len(words) <= longest else f"{words[: longest - 1]}…"


def _spelled(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"

"""The comment line of extended XYZ: `key=value` pairs that ASE's reader gives back as they were."""

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from ase.io.extxyz import SPECIAL_3_3_KEYS, UNPROCESSED_KEYS, key_val_str_to_dict
from ase.spacegroup import Spacegroup

from alphanet.data.constraints import plain
from alphanet.data.leftovers import Leftovers

RESERVED = {"Lattice", "Properties", "pbc"}
_WORD = re.compile(r"[A-Za-z][\w.+:/-]*", re.ASCII)
_NOT_WORDS = {"t", "f", "true", "false", "nan", "inf", "infinity"}
_CLOSING = {'"': '"', "'": "'", "{": "}", "[": "]"}
_MAY_BE_EMPTY = re.compile(r"=(?:\s|$|\"\"|''|\{\}|\[\])")
_NEXT_PAIR = re.compile(r"\s+[^\s=\"'{}\[\]]+=|\s*$")
_VOIGT = re.compile(r"(?<![^\s])(stress|virial)\s*=\s*([\"'{\[])([^\"'{}\[\]]*)([\"'}\]])")
EMPTY = '"_JSON \\"\\""'  # of an empty text, which ASE would take for the key that follows


def parse(comment: str) -> dict[str, Any]:
    """The pairs of a comment line, as ASE parses them; empty values stay empty, six numbers of a stress are Voigt's."""
    return key_val_str_to_dict(_VOIGT.sub(_full, _with_empty_values(comment)))


def text(pairs: Mapping[str, object], leftovers: Leftovers) -> str:
    """The pairs as a line. A value that ASE's reader would change is written as JSON, marked as ASE marks it."""
    words = []
    for key, value in pairs.items():
        written = None if _is_broken(key) else _value(key, value)
        if written is None:
            leftovers.add(f"info {key!r}")
        else:
            words.append(f"{_quoted(key)}={written}")
    return " ".join(words)


def _is_broken(key: str) -> bool:
    return key == "" or not _is_line(key)


def _is_line(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return not any(character in value for character in "\n\r") and value.isprintable()


def _value(key: str, value: Any) -> str | None:
    """The text of a value, with quotes where needed; None if the format cannot hold it."""
    if isinstance(value, Spacegroup):
        value = value.symbol
    if key in SPECIAL_3_3_KEYS:
        array = np.asarray(value)
        fits = array.shape == (3, 3) and array.dtype.kind in "fiu"
        return _quoted(" ".join(map(str, array.astype(float).ravel(order="F").tolist()))) if fits else None
    if isinstance(value, str):
        return _text_value(key, value)
    if isinstance(value, bool | np.bool_):
        return "T" if value else "F"
    if isinstance(value, int | float | np.integer | np.floating):
        number = plain(value) if isinstance(value, np.generic) else value
        fits = not isinstance(number, int) or abs(number) < 2**63
        return (str(number) if fits else _json(value)) if key.lower() not in UNPROCESSED_KEYS else None
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.size > 1 and value.dtype.kind in "fib":
        words = ("FT"[entry] if value.dtype.kind == "b" else str(entry) for entry in value.tolist())
        return _quoted(" ".join(words))
    return _json(value)


def _text_value(key: str, value: str) -> str | None:
    if _WORD.fullmatch(value) and value.lower() not in _NOT_WORDS:
        return value
    quoted = _quoted(value, always=True)
    if value and _is_line(value) and not value.startswith("_JSON "):
        found = key_val_str_to_dict(f"{_quoted(key)}={quoted}").get(key)
        if isinstance(found, str) and found == value:
            return quoted
    return None if key.lower() in UNPROCESSED_KEYS else _json(value)


def fits(value: Any) -> bool:
    """Whether JSON can hold a value so that ASE's reader gets it back."""
    return _json(value) is not None


def _json(value: Any) -> str | None:
    try:
        written = json.dumps(plain(value))
        np.array(json.loads(written))  # ASE's reader does it, and fails where lists have different lengths
    except (TypeError, ValueError, RecursionError):
        return None
    return _quoted(f"_JSON {written}", always=True)


def _quoted(word: str, always: bool = False) -> str:
    if not always and _WORD.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _with_empty_values(comment: str) -> str:
    """The line with a mark in place of every empty value: `note=""`, and `note=` before another pair, as of ASE."""
    if not _MAY_BE_EMPTY.search(comment):  # nearly every line; going through one takes longer than ASE's parsing it
        return comment
    parts: list[str] = []
    closing: str | None = None
    place = 0
    while place < len(comment):
        character = comment[place]
        if character == "\\":
            parts.append(comment[place : place + 2])
            place += 2
            continue
        if closing:
            closing = None if character == closing else closing
        elif character in _CLOSING:
            closing = _CLOSING[character]
        elif character == "=":
            opening = comment[place + 1 : place + 2]
            quoted = opening in _CLOSING and comment[place + 2 : place + 3] == _CLOSING[opening]
            ends = not comment[place + 3 : place + 4].strip()
            if quoted and ends:
                parts.append(f"={EMPTY}")
                place += 3
                continue
            if _NEXT_PAIR.match(comment, place + 1):
                parts.append(f"={EMPTY}")
                place += 1
                continue
        parts.append(character)
        place += 1
    return "".join(parts)


def _full(match: re.Match[str]) -> str:
    key, opening, values, closing = match.groups()
    if len(values.split()) != 6:
        return match[0]
    xx, yy, zz, yz, xz, xy = values.split()
    return f"{key}={opening}{xx} {xy} {xz} {xy} {yy} {yz} {xz} {yz} {zz}{closing}"

"""Any text, number or list in `info`, any name of a column: what is written is what ASE's reader and ours give back."""

import logging

import ase.io
import numpy as np
import pytest
from ase import Atoms
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alphanet.data.formats import comment, read_frames, write_frames
from alphanet.data.leftovers import Leftovers

WRITERS = ["a.extxyz", "a.xyz.gz", "a.traj", "a.db", "a.aselmdb"]
TEXTS = [
    "",
    "two\nlines",
    'a "quote"',
    "it's",
    "C:\\new",
    "\\",
    '\\"',
    "\t",
    "a\tb",
    "12",
    "1 2 3",
    "1e5",
    "T",
    "true",
    "nan",
]
TEXTS += [
    "T F",
    "_JSON [1]",
    "=",
    "a=b",
    "pbc=F",
    "{",
    "]",
    " ",
    " a ",
    ",",
    "1_000",
    "٣",
    "Å",
    "\u2028",
    "\r",
    "\x00",
    "\ud800",
    "inf",
]
numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.booleans() | st.none()
words = st.text(max_size=8) | st.sampled_from(TEXTS)
values = (
    words | numbers
    | st.lists(words, max_size=3) | st.lists(st.floats(-9, 9), max_size=4) | st.lists(st.integers(-9, 9))
    | st.dictionaries(st.sampled_from(["a", "b c", "="]), words | st.floats(-9, 9), max_size=2)
)  # fmt: skip
keys = words.filter(lambda key: key not in ("pbc", "Lattice", "Properties", "constraints", "arrays", "uid", "UID"))


def same(found: object, expected: object) -> bool:
    if isinstance(expected, dict):
        return (
            isinstance(found, dict)
            and found.keys() == expected.keys()
            and all(same(found[key], value) for key, value in expected.items())
        )
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, bool) or expected is None:
        return found == expected and isinstance(found, type(expected) | np.bool_)
    if isinstance(expected, str):
        return isinstance(found, str) and found == expected
    return not isinstance(found, str) and found == expected


def frame(**info: object) -> Atoms:
    return Atoms("CO", [[0, 0, 0], [0, 0, 1.1]], cell=[5, 5, 9], pbc=[True, True, False], info=info)


class Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(keys, values, max_size=3))
@example({text: text for text in TEXTS})
def test_a_comment_line_gives_back_what_it_holds(info):
    leftovers = Leftovers()
    line = comment.text({**info, "pbc": np.array([True, False, True])}, leftovers)
    assert "\n" not in line and "\r" not in line
    line.encode("utf-8")
    found = comment.parse(line)
    by_ase = comment.key_val_str_to_dict(line)
    assert list(found.pop("pbc")) == list(by_ase.pop("pbc")) == [True, False, True]
    assert found.keys() == by_ase.keys() == {key for key in info if f"info {key!r}" not in leftovers._names}
    for key in found:
        assert same(found[key], info[key]), (key, line)
        assert same(by_ase[key], info[key]), (key, line)
    for key in info.keys() - found.keys():
        assert key == "" or not key.isprintable() or key in ("stress", "virial"), f"{key!r} could be held"


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=12, deadline=None)
@given(st.dictionaries(words, values, max_size=3))
@example({text or "x": text for text in TEXTS})
def test_info_survives_every_writer(tmp_path_factory, name, info):
    path = tmp_path_factory.mktemp("text") / name
    info = {key: value for key, value in info.items() if key not in ("constraints", "arrays")}
    records = Records()
    logging.getLogger("alphanet").addHandler(records)
    try:
        write_frames(path, [frame(**info)])
    finally:
        logging.getLogger("alphanet").removeHandler(records)
    (found,) = read_frames(path, labeled=False, labels=None)
    assert found.pbc.tolist() == [True, True, False]
    for key, value in info.items():
        if not (key in found.info and same(found.info[key], value)):
            assert f"info {key!r}" in " ".join(records.lines)
    assert len(ase.io.read(path, index=":")) == 1 if not name.endswith("aselmdb") else True


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        words.filter(lambda key: key not in ("numbers", "positions")),
        st.sampled_from([
            np.array([1, 2]), np.array([2**40, -1]), np.array([1.5, np.inf]), np.array([True, False]), np.ones((2, 3)),
            np.ones((2, 1)), np.ones((2, 2, 2)), np.array(["12", "T"], dtype=object),
            np.array(["a b", ""], dtype=object),
            np.array(["x", "y"]), np.array([1, 2], dtype=np.uint8),
        ]),
        max_size=3,
    )
)  # fmt: skip
@example({"a:b": np.array([1.0, 2.0]), "pos0": np.array([1, 2]), "": np.array([1, 2]), "Z": np.array([1, 2])})
@example({"a": np.ones((2, 3)), "a1": np.array([1.0, 2.0]), "charge": np.array([1.0, 2.0]), "x y": np.array([1, 2])})
def test_columns_of_any_name_survive(tmp_path_factory, arrays):
    path = tmp_path_factory.mktemp("columns") / "a.extxyz"
    atoms = frame(note="two\nlines")
    atoms.arrays.update(arrays)
    write_frames(path, [atoms])
    (found,) = read_frames(path, labeled=False, labels=None)
    results = found.calc.results if found.calc else {}
    for name, array in arrays.items():
        np.testing.assert_array_equal(
            found.arrays[name] if name in found.arrays else results[name], array, err_msg=name
        )
    assert found.info == {"note": "two\nlines"}
    assert ase.io.read(path).info["note"] == "two\nlines"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('note="" pbc="T T F"', {"note": "", "pbc": [True, True, False]}),
        ("note='' x=1", {"note": "", "x": 1}),
        ("note={} x=1", {"note": "", "x": 1}),
        ('note= pbc="T T F"', {"note": "", "pbc": [True, True, False]}),  # as ASE writes it
        ("x=1 note=", {"x": 1, "note": ""}),
        ("i = 3, E = -1.5", {"i": 3, "E": -1.5}),
        ('say="a=\\"\\" b" x=1', {"say": 'a="" b', "x": 1}),
        ('stress="1 2 3 4 5 6"', {"stress": [[1, 6, 5], [6, 2, 4], [5, 4, 3]]}),
    ],
)
def test_comment_lines_of_others(line, expected):
    found = comment.parse(line)
    assert {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in found.items()} == expected


@pytest.mark.parametrize("key", ["Lattice", "pbc", "Properties", "dipole", "stress", "", "a\nb"])
def test_entries_that_would_break_the_line_are_told(tmp_path, key, caplog):
    write_frames(tmp_path / "a.extxyz", [frame(**{key: "words"}, kept=1)])
    assert f"extxyz cannot hold info {key!r}" in caplog.text.replace("\\\\", "\\")
    assert ase.io.read(tmp_path / "a.extxyz").info == {"kept": 1}

"""Mappings of anything stay at the borders, where a foreign format is read or written."""

import re

from alphanet.paths import PACKAGE

LOOSE = re.compile(r"\b(?:dict|Mapping)\[str, Any\]")
MOST = 35  # lines outside the borders; 27 when this was written
BORDERS = {  # module or package, and what lies beyond it
    "data/formats/": "files",
    "data/listings.py": "websites",
    "data/store.py": "LMDB",
    "files.py": "JSON",
    "measure/relaxation/energies.py": "entries",
    "measure/relaxation/structures.py": "tables",
    "potentials/kit/": "workers",
    "potentials/remote.py": "workers",
}


def test_data_of_our_own_have_types():
    loose = {
        f"{name}:{number}": border
        for file in sorted(PACKAGE.rglob("*.py"))
        for name in [file.relative_to(PACKAGE).as_posix()]
        for border in [next((border for border in BORDERS if name.startswith(border)), None)]
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if LOOSE.search(line)
    }
    inside = [place for place, border in loose.items() if border is None]
    assert len(inside) <= MOST, f"give these a type of their own, or JsonValue: {', '.join(inside)}"
    assert set(BORDERS) == set(loose.values()) - {None}, "a border without such a mapping needs no name here"

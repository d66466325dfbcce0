"""Hostile inputs, made by the tests: files that announce, hold or do what no honest file does."""

import json
import random
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors.torch import save_file

from alphanet.model.checkpoint import CONFIG_KEY
from alphanet.model.config import AlphaNetConfig
from alphanet.model.create import create_model

COMMENT = 'Lattice="{cell}" Properties=species:S:1:pos:R:3:forces:R:{forces} energy=-1.0 pbc="T T T"'  # of a frame
ROWS = "H 0 0 0 0.1 0 0\nH 0 0 0.8 -0.1 0 0\n"
CONFIG = AlphaNetConfig(
    elements=("H",), num_layers=1, hidden_channels=8, heads=2, num_basis=4, temporal_channels=2, cutoff=4.0
)
DEEP = "[" * 100_000
LONG = "9" * 5000  # more digits than Python reads
TOKENS = (b"\0", b"\xff", b"-1", b"1e999", b"9" * 400, b"[" * 200, b"nan", b"\x1b[2J", b"\n", b"{", b'"', b"\xed\xa0")
HUGE = (b"1000000000000", b"1e155", b"1e-300", b"-7", b"nan", LONG.encode())  # in place of honest numbers
CLEAR = "\x1b[2J\x1b]0;mine\x07"  # clears a terminal and renames its window


def frame(count: str = "2", cell: str = "5 0 0 0 5 0 0 0 5", forces: int = 3, rows: str = ROWS) -> str:
    """A frame of extended XYZ."""
    return f"{count}\n{COMMENT.format(cell=cell, forces=forces)}\n{rows}"


def written(path: Path, content: str | bytes) -> Path:
    """The file with this content."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def checkpoint(path: Path, **changes: object) -> Path:
    """A small model whose metadata tell another configuration than its weights have."""
    values = json.loads(CONFIG.model_dump_json()) | changes
    return with_metadata(path, json.dumps(values))


def with_metadata(path: Path, text: str) -> Path:
    """A small model with this text in place of its configuration."""
    state = {key: value.contiguous() for key, value in create_model(CONFIG).state_dict().items()}
    save_file(state, path, metadata={CONFIG_KEY: text, "format": "pt"})
    return path


def torch_file(path: Path, content: object) -> Path:
    """A checkpoint of torch."""
    torch.save(content, path)
    return path


def zip_of(path: Path, name: str, content: str, method: int = zipfile.ZIP_STORED) -> Path:
    """An archive with one member."""
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr(name, content)
    return path


def encrypted(archive: Path) -> Path:
    """The archive with the flag of encryption set, in both headers of its first member."""
    return _patched(archive, (6, 8), lambda value: value | 1)


def unknown_compression(archive: Path) -> Path:
    """The archive with a number of a compression that does not exist."""
    return _patched(archive, (8, 10), lambda _value: 99)


def damaged(archive: Path, places: Iterable[int]) -> Path:
    """The file with other bytes at these places."""
    content = bytearray(archive.read_bytes())
    for place in places:
        content[place] ^= 0xFF
    return written(archive, bytes(content))


def mutated(content: bytes, choose: random.Random) -> bytes:
    """The content with a few changes: other bytes, tokens, holes, repeats, numbers without limits."""
    changed = bytearray(content)
    for _ in range(choose.choice([1, 1, 2, 5])):
        place = choose.randrange(len(changed) + 1)
        kind = choose.randrange(5)
        if kind == 0 and changed:
            changed[place % len(changed)] = choose.randrange(256)
        elif kind == 1:
            changed[place:place] = choose.choice(TOKENS)
        elif kind == 2:
            del changed[place : place + choose.randrange(1, 40)]
        elif kind == 3 and (numbers := list(re.finditer(rb"\d+(\.\d+)?", changed))):
            begin, end = choose.choice(numbers).span()
            changed[begin:end] = choose.choice(HUGE)
        else:
            begin = choose.randrange(len(changed) + 1)
            changed[place:place] = changed[begin : begin + choose.randrange(1, 40)]
    return bytes(changed)


def _patched(archive: Path, places: tuple[int, int], change) -> Path:
    content = bytearray(archive.read_bytes())
    central = content.find(b"PK\x01\x02")
    for place in (places[0], central + places[1]):
        content[place] = change(content[place])
    return written(archive, bytes(content))

"""The commands that faults strike: small, with inputs of their own, and with what must come out of each."""

import hashlib
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from crystals_to_relax import REFERENCES, TRUTH, strained_crystals
from fake_baseline import CARD
from toy_row import NETWORK, PRESETS, WORKER
from training_samples import copper_frames

from alphanet.data.formats import read_frames, write_frames
from alphanet.files import sha256_of
from alphanet.paths import resources

TESTS = Path(__file__).parents[1]
HOST = "example.org"
NETWORK_OF_TESTS = ("hidden_channels=8", "num_layers=1", "heads=2", "num_basis=4", "temporal_channels=4", "cutoff=3.0")
TIMES = {"seconds", "date", "created", "time", "memory", "minutes"}  # words of keys, of what differs from run to run
Outcome = dict[str, Any]


@dataclass(frozen=True)
class Command:
    """A command line and what belongs to it; paths are relative to its folder."""

    words: tuple[str, ...]
    prepare: Callable[[Path, Path], None]
    """Writes inputs to the first folder, and to the second what the server has"""
    outcome: Callable[[Path], Outcome]
    """What must be the same after each fault"""
    share: int
    """Of all faults, relative to the others: the cheaper a command, the more"""
    downloads: bool = False
    works_apart: bool = False
    """Starts processes"""
    variables: dict[str, str] = field(default_factory=dict)
    """With {address} for the server's"""


def _frames(folder: Path, _served: Path) -> None:
    write_frames(folder / "frames.extxyz", copper_frames(18, seed=0))


def _many_frames(folder: Path, _served: Path) -> None:
    write_frames(folder / "frames.extxyz", copper_frames(18, seed=0) * 5)


def _published(folder: Path, served: Path) -> None:
    """A data set of three files: one with a sha256, an archive with an md5, one without a checksum."""
    place = served / HOST
    place.mkdir()
    for name in "ab":
        write_frames(place / f"{name}.extxyz", copper_frames(18, seed=ord(name)) * 3)
    with zipfile.ZipFile(place / "c.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(place / "a.extxyz", "c/frames.extxyz")
    files = [{"url": f"https://{HOST}/{name}"} for name in ("a.extxyz", "b.extxyz", "c.zip")]
    files[0]["sha256"] = sha256_of(place / "a.extxyz")
    files[2] |= {"md5": hashlib.md5((place / "c.zip").read_bytes()).hexdigest(), "unpack": True}
    scale = {"description": "d", "license": "MIT", "level_of_theory": "EMT", "files": files}
    card = {"name": "toys", "title": "Toys", "citation": ["nobody"], "elements": ["Au", "Cu"], "paper": "none"}
    _yaml(
        folder / "cards" / "toys.yaml",
        card | {"scales": {"slice": scale | {"split": {"method": "contiguous", "ratio": [8, 1, 1]}}}},
    )


def _toy(folder: Path, served: Path) -> None:
    """Frames, and a baseline whose environment is this interpreter's."""
    _frames(folder, served)
    _baseline(folder)
    python = folder / "home" / "environments" / "toy" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    from alphanet.potentials.cards import read_baseline

    record = {"digest": read_baseline(folder / "baselines" / "toy" / "card.yaml").environment.digest}
    (python.parents[1] / "alphanet.json").write_text(json.dumps(record | {"versions": {"numpy": "2"}}))


def _wheel(folder: Path, served: Path) -> None:
    """A baseline whose environment has one package, which the server offers."""
    _baseline(folder, {"name": "toy", "packages": [{"name": "toy", "version": "1.0"}], "imports": ["toy"]})
    with zipfile.ZipFile(served / "toy-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("toy.py", "VALUE = 1\n" + "# much\n" * 20_000)
        wheel.writestr("toy-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
        wheel.writestr("toy-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("toy-1.0.dist-info/RECORD", "toy.py,,\ntoy-1.0.dist-info/RECORD,,\n")


def _crystals(folder: Path, _served: Path) -> None:
    from ase.io import write

    for identity, atoms in (crystals := strained_crystals()).items():
        atoms.info["material_id"] = identity
    write(folder / "initial.extxyz", list(crystals.values()))
    (folder / "truth.csv").write_text(TRUTH)
    (folder / "references.json").write_text(json.dumps(REFERENCES))


def _tables(folder: Path, _served: Path) -> None:
    """Cards of two tables that need no time: one without data, one of a potential that only knows the mean."""
    (folder / "cards").mkdir()
    shutil.copy(resources("benchmarks") / "table6.yaml", folder / "cards" / "first.yaml")
    table = yaml.safe_load((TESTS / "benchmark" / "cards" / "table.yaml").read_text())
    for part in (table["rows"], table["paper"], *(scale["runs"] for scale in table["scales"].values())):
        part.pop("Peer", None)
        part.pop("peer", None)  # a baseline that is not here
    (folder / "cards" / "table.yaml").write_text(yaml.safe_dump(table))
    card = folder / "cards" / "first.yaml"
    card.write_text(card.read_text().replace("name: table6", "name: first"))


def _runs(folder: Path, _served: Path) -> None:
    shutil.copytree(resources("reports") / "reference" / "records", folder / "runs", symlinks=False)


def _nothing(folder: Path, _served: Path) -> None:
    """No inputs."""


def _trained(folder: Path) -> Outcome:
    result = json.loads((folder / "run" / "result.json").read_text())
    return {"weights": sha256_of(folder / "run" / "model.safetensors"), "result": _timeless(result)}


def _converted(folder: Path) -> Outcome:
    frames = list(read_frames(folder / "frames.aselmdb"))  # the file itself says when it was written
    write_frames(folder / "again.extxyz", frames)
    return {"frames": len(frames), "content": sha256_of(folder / "again.extxyz")}


def _records(folder: Path) -> Outcome:
    paths = sorted((folder / "out").rglob("results.json"))
    return {str(path.relative_to(folder)): _measured(json.loads(path.read_text())) for path in paths}


def _measured(result: dict[str, Any]) -> list[str]:
    """The numbers of the records; their ids are hashes of times, too."""
    return sorted(json.dumps(_timeless(record["metrics"]), sort_keys=True) for record in result["records"].values())


def _points(folder: Path) -> Outcome:
    (path,) = (folder / "out").rglob("points.jsonl")
    points = [json.loads(line) for line in path.read_text().splitlines()]
    return {"lines": len(points), "keys": sorted({key for point in points for key in point})}


def _files(name: str, pattern: str) -> Callable[[Path], Outcome]:
    """The sha256 of all files of a folder."""

    def outcome(folder: Path) -> Outcome:
        paths = sorted(path for path in (folder / name).rglob(pattern) if path.is_file() and path.suffix != ".lock")
        return {str(path.relative_to(folder)): sha256_of(path) for path in paths}

    return outcome


def _installed(folder: Path) -> Outcome:
    environment = folder / "home" / "environments" / "toy"
    (toy,) = environment.rglob("toy.py")
    return {"record": json.loads((environment / "alphanet.json").read_text()), "toy": sha256_of(toy)}


def _timeless(value: Any) -> Any:
    """The value without what differs from run to run."""
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if not TIMES & set(key.split("_"))}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def _baseline(folder: Path, environment: dict[str, Any] | None = None) -> None:
    place = folder / "baselines" / "toy"
    usual = CARD["environment"] | {"name": "toy"} | (environment or {})
    _yaml(place / "card.yaml", CARD | {"name": "toy", "presets": PRESETS, "environment": usual})
    (place / "worker.py").write_text(WORKER)
    (place / "network.py").write_text(NETWORK)


def _yaml(path: Path, values: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(values))


_MODEL = "python_potentials:Settled"
_OF_MOLECULES = "python_potentials:lennard_jones"
_OUT = ("--out", "out")
_LABELS = ("--structures", "initial.extxyz", "--truth", "truth.csv", "--references", "references.json")
COMMANDS = {
    "data convert": Command(
        ("data", "convert", "frames.extxyz", "frames.aselmdb"), _many_frames, _converted, share=70
    ),
    "data fetch": Command(
        ("data", "fetch", "toys"), _published, _files("home/data", "*[!t]"), share=75, downloads=True,
        variables={"ALPHANET_DATASETS": "cards", "ALPHANET_MIRROR": "{address}"},
    ),
    "train": Command(
        ("train", "frames.extxyz", "epochs=3", "batch_size=4", *(f"model.{key}" for key in NETWORK_OF_TESTS),
         "--out", "run"), _frames, _trained, share=20,
    ),
    "train --model": Command(
        ("train", "frames.extxyz", "--model", "toy", "epochs=3", "--out", "run"), _toy, _trained, share=4,
        works_apart=True, variables={"ALPHANET_BASELINES": "baselines"},
    ),
    "kernels build": Command(("kernels", "build", "8"), _nothing, _files("home", "*.so"), share=3, works_apart=True),
    "baselines install": Command(
        ("baselines", "install", "toy"), _wheel, _installed, share=25, downloads=True, works_apart=True,
        variables={"ALPHANET_BASELINES": "baselines", "UV_FIND_LINKS": "{address}", "UV_NO_INDEX": "1",
                   "UV_CACHE_DIR": "uv", "UV_HTTP_TIMEOUT": "1", "UV_HTTP_RETRIES": "0", "UV_OFFLINE": "0"},
    ),
    "report": Command(("report", "runs", "-o", "out"), _runs, _files("out/tables", "*"), share=10),
    "bench expressiveness": Command(("bench", "expressiveness", _OF_MOLECULES, *_OUT), _nothing, _records, share=3),
    "bench physics": Command(("bench", "physics", _OF_MOLECULES, *_OUT), _nothing, _records, share=1),
    "bench speed": Command(
        ("bench", "speed", _MODEL, "--sizes", "24", "--passes", "1", *_OUT), _nothing, _points, share=1,
        works_apart=True,
    ),
    "bench wbm": Command(
        ("bench", "wbm", _MODEL, *_LABELS, "--cluster", "local:2", *_OUT), _crystals, _records, share=3,
        works_apart=True,
    ),
    "repro all": Command(
        ("repro", "all", "--only", "first,table:mean", *_OUT), _tables, _records, share=3, works_apart=True,
        variables={"ALPHANET_BENCHMARKS": "cards"},
    ),
}  # fmt: skip


def environment(command: Command, folder: Path, address: str) -> dict[str, str]:
    """Variables of the command: caches in its folder, potentials of the tests, the server's address."""
    named = {key: value.format(address=address) for key, value in command.variables.items()}
    for key, value in named.items():
        if (folder / value).exists():
            named[key] = str(folder / value)
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    places = {"ALPHANET_HOME": "home", "XDG_STATE_HOME": "state", "TMPDIR": "tmp"}
    usual = {"PYTHONPATH": path, "ALPHANET_MODE": "eager"}  # no kernel that is compiled meanwhile changes digits
    return {key: str(folder / value) for key, value in places.items()} | usual | named

"""Eight hundred hostile files, each read by a command in its own process: no traceback, no signal, no end of memory."""

import json
import random
from pathlib import Path

import inputs
import pytest
from attack import GIGABYTES, SECONDS, attack
from readers import READERS, seed_of

pytestmark = pytest.mark.slow

EACH = 40  # files of each of the twenty readers
FORMATION, HULL = "e_form_per_atom_mp2020_corrected", "e_above_hull_mp2020_corrected_ppd_mp"
TRUTH = f"""material_id,formula,n_sites,{FORMATION},{HULL},unique_prototype
wbm-1-1,Ac6 U2,8,-0.5,0.0,True
wbm-1-2,Ac1 Th3,4,-0.2,0.1,True
"""
PREDICTIONS = {
    "predictions": b"material_id,e_form_a\nwbm-1-1,-0.5\nwbm-1-2,\n",
    "predictions-json": b'{"material_id": {"0": "wbm-1-1", "1": "wbm-1-2"}, "e_form_a": {"0": -0.5, "1": 0.25}}',
}
FILES = {"result": "results.json", "records": "records.jsonl"}  # in a folder of a run


@pytest.mark.parametrize("name", READERS)
def test_files_of(name: str, tmp_path: Path, frames: Path, monkeypatch: pytest.MonkeyPatch):
    seed, choose = honest(name), random.Random(f"many {name}")
    for number in range(EACH):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.setenv("ALPHANET_DATASETS", str(folder))
        monkeypatch.setenv("ALPHANET_HOME", str(folder / "home"))
        words = reading(name, inputs.mutated(seed, choose), folder, frames)
        found = attack(words)
        assert found.code in (0, 1), (number, found)
        assert "Traceback" not in found.err and found.is_printable(), (number, found)
        assert found.seconds < SECONDS and found.growth < GIGABYTES, (number, found)


def honest(name: str) -> bytes:
    """The content of an honest file that the reader's command reads to its end."""
    return PREDICTIONS.get(name) or seed_of(READERS[name])


def reading(name: str, content: bytes, folder: Path, frames: Path) -> list[str | Path]:
    """A command that reads a file with this content in `folder`."""
    path = folder / f"hostile{READERS[name].suffix}"
    out = folder / "out"
    if name in ("safetensors", "checkpoint"):
        config = inputs.written(folder / "config.json", inputs.CONFIG.model_dump_json())
        return ["eval", inputs.written(path, content), frames, *(["--config", config] if name == "checkpoint" else [])]
    if name == "card":
        return ["data", "info", inputs.written(folder / "formate.yaml", content).stem]
    if name.startswith("predictions"):
        truth = inputs.written(folder / "truth.csv", TRUTH)
        return ["bench", "wbm", "--predictions", inputs.written(path, content), "--truth", truth, "--out", out]
    if name in ("result", "records"):
        (folder / "runs").mkdir()
        return ["report", inputs.written(folder / "runs" / FILES[name], content).parent, "-o", out]
    if name in ("zip", "tar", "listing"):
        return fetching(name, content, folder)
    if name in ("npz", "deepmd", "poscar"):  # without labels
        read = system(content, folder / "system") if name == "deepmd" else inputs.written(path, content)
        return ["predict", inputs.checkpoint(folder / "a.safetensors"), read, "-o", f"{out}.extxyz"]
    return ["data", "convert", inputs.written(path, content), folder / "out.extxyz"]


def system(content: bytes, folder: Path) -> Path:
    """A folder of DeePMD-kit around this array."""
    (folder / "set.000").mkdir(parents=True)
    for name, text in {"type.raw": "0 0", "type_map.raw": "H", "nopbc": ""}.items():
        inputs.written(folder / name, text)
    inputs.written(folder / "set.000" / "coord.npy", content)
    return folder


def fetching(name: str, content: bytes, folder: Path) -> list[str | Path]:
    """Fetching a data set whose archive, or whose listing of files, has this content in a mirror."""
    listed = name == "listing"
    place = "zenodo.org/api/records/1" if listed else f"example.org/hostile{READERS[name].suffix}"
    (folder / "mirror" / place).parent.mkdir(parents=True)
    inputs.written(folder / "mirror" / place, content)
    files: dict[str, object] = {"files": [{"url": f"https://{place}", "unpack": True}]}
    listing: dict[str, object] = {"listing": {"record": "zenodo:1", "roles": {"*.zip": "train"}}}
    scale = {"description": "d", "license": "MIT", "level_of_theory": "EMT", **(listing if listed else files)}
    card = {"name": "hostile", "title": "t", "citation": ["nobody"], "elements": ["H"], "paper": "none"}
    split = {"method": "contiguous", "ratio": [8, 1, 1]}
    inputs.written(folder / "hostile.yaml", json.dumps(card | {"scales": {"slice": scale | {"split": split}}}))
    return ["data", "fetch", "hostile", "--mirror", f"file://{folder / 'mirror'}"]

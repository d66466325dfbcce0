"""Errors of libraries: whatever they raise about a file becomes one line that names it."""

import zipfile
from pathlib import Path

import inputs
import pytest
from attack import attack

from alphanet.data.archives import unpack
from alphanet.data.cards import Listing
from alphanet.data.formats import read_frames
from alphanet.data.listings import files_of
from alphanet.errors import UserError
from alphanet.measure.discovery.files import columns_of
from alphanet.model.checkpoint import load_model
from alphanet.potentials.specification import specified

TABLE = "material_id,e\nwbm-1-1,1\n" * 200


def broken_archives(folder: Path, name: str, content: str):
    """Archives of one member that cannot be read, by what is wrong with each."""
    plain = (folder / "a.zip", name, content)
    yield "encrypted", inputs.encrypted(inputs.zip_of(*plain))
    yield "unknown compression", inputs.unknown_compression(inputs.zip_of(*plain))
    packed = inputs.zip_of(*plain, zipfile.ZIP_LZMA)
    yield "damaged LZMA", inputs.damaged(packed, range(45, 60))
    packed = inputs.zip_of(*plain, zipfile.ZIP_DEFLATED)
    yield "damaged deflate", inputs.damaged(packed, range(45, 60))


def test_frames_in_broken_archives(tmp_path: Path):
    for what, path in broken_archives(tmp_path, "a.extxyz", inputs.frame() * 100):
        with pytest.raises(UserError, match=r"a\.zip: cannot read frame 0") as caught:
            list(read_frames(path))
        assert "\n" not in str(caught.value), what


@pytest.mark.parametrize("name", ["a.cfg", "a.extxyz", "a.json", "a.traj", "a.db", "a.npz", "a.sdf", "a.cif", "a.nc"])
def test_bytes_of_no_format(tmp_path: Path, name: str):
    (tmp_path / name).write_bytes(bytes(range(128, 256)) * 4)
    with pytest.raises(UserError, match=rf"{name}: cannot read frame 0 \([^)]{{8}}") as caught:
        list(read_frames(tmp_path / name, labeled=False))
    assert "\n" not in str(caught.value)


def test_downloads_in_broken_archives(tmp_path: Path):
    for _, path in broken_archives(tmp_path, "a.txt", TABLE):
        with pytest.raises(UserError, match="is damaged"):
            unpack(path, tmp_path / "unpacked")
        assert not (tmp_path / "unpacked").exists()


def test_members_without_a_name(tmp_path: Path):
    nameless = zipfile.ZipInfo("a")
    nameless.filename = ""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive, archive.open(nameless, "w") as stream:
        stream.write(b"x")
    with pytest.raises(UserError):
        unpack(tmp_path / "a.zip", tmp_path / "unpacked")
    with pytest.raises(UserError, match=r"holds no \.extxyz"):
        list(read_frames(tmp_path / "a.zip"))


def test_predictions_in_broken_archives(tmp_path: Path):
    for _, path in broken_archives(tmp_path, "a.csv", TABLE):
        table = path.rename(tmp_path / "a.csv.zip")
        with pytest.raises(UserError, match="is not a whole CSV file"):
            columns_of(table)


@pytest.mark.parametrize("text", [inputs.DEEP, f'{{"a": {inputs.LONG}}}', f'{{"a": {"9" * 400}}}'])
def test_predictions_as_broken_json(tmp_path: Path, text: str):
    with pytest.raises(UserError, match="is not a whole JSON file"):
        columns_of(inputs.written(tmp_path / "a.json", text))


@pytest.mark.parametrize("key", [b"a", 3, (1, 2), None])
def test_keys_of_checkpoints_that_are_no_texts(tmp_path: Path, key: object):
    import torch

    path = inputs.torch_file(tmp_path / "a.pt", {key: torch.zeros(2)})
    with pytest.raises(UserError, match="holds no tensors"):
        load_model(path, inputs.CONFIG)


@pytest.mark.parametrize("content", [b"", b"\x80\x02" + b"(" * 10**5, b"\x80\x04\x95" + b"\xff" * 40, b"PK\x03\x04"])
def test_pickles_that_are_none(tmp_path: Path, content: bytes):
    with pytest.raises(UserError, match="is not a readable torch checkpoint"):
        load_model(inputs.written(tmp_path / "a.pt", content), inputs.CONFIG)


@pytest.mark.parametrize("text", ["{not json", inputs.DEEP, "[1]", "1", f'{{"cutoff": {inputs.LONG}}}'])
def test_metadata_that_are_no_configuration(tmp_path: Path, text: str):
    with pytest.raises(UserError, match="metadata"):
        load_model(inputs.with_metadata(tmp_path / "a.safetensors", text))


@pytest.mark.parametrize(
    "text", ['{"model": []}', '{"model": {"name": ["x"], "num_layers": {}}}', '{"model": 1}', "{}"]
)
def test_configurations_of_public_checkpoints(tmp_path: Path, text: str):
    import torch

    path = inputs.torch_file(tmp_path / "a.pt", {"z_emb.weight": torch.zeros(2, 2)})
    with pytest.raises(UserError):
        load_model(path, inputs.written(tmp_path / "a.json", text))


@pytest.mark.parametrize(
    "name", ["..:x", "a.b:..", ":x", "x:", ".:y", "../x:y", "a" * 5000, "a" * 5000 + ":x", " ", "~:x"]
)
def test_names_of_models_that_are_none(name: str):
    with pytest.raises(UserError):
        specified(name)


REPORTS = ['{"schema":"\\ud800"}', '{"a": 1e999}', f'{{"a": {inputs.LONG}}}', inputs.DEEP, '{"a":' * 900, "[]", "\xff"]


def test_results_that_are_none_are_problems_of_the_report(tmp_path: Path):
    for place, text in enumerate(REPORTS):
        (tmp_path / "runs" / str(place)).mkdir(parents=True)
        inputs.written(tmp_path / "runs" / str(place) / "results.json", text)
    found = attack(["report", tmp_path / "runs", "-o", tmp_path / "report"])
    assert found.code == 0 and found.is_printable() and "Traceback" not in found.err, found
    assert found.out.count("unreadable") == len(REPORTS)


@pytest.mark.parametrize("record", ["zenodo:1", "figshare:1"])
def test_sizes_of_listed_files_that_are_no_numbers(tmp_path: Path, record: str):
    names = '"key": "a.zip", "checksum": "md5:0", "name": "a.zip", "computed_md5": "0", "id": 1'
    answer = inputs.written(tmp_path / "answer.json", f'{{"files": [{{{names}, "size": 1e999}}]}}')
    with pytest.raises(UserError, match="is not the answer of"):
        files_of(Listing(record=record, roles={"*.zip": "train"}), answer)

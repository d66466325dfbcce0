"""Inputs without an end: pipes, sockets and devices are refused by name, before anything waits for them."""

import os
import socket
import tarfile
import zipfile
from pathlib import Path

import inputs
import pytest
from attack import attack

from alphanet.cards import read_yaml
from alphanet.data.archives import unpack
from alphanet.data.formats import read_frames
from alphanet.errors import UserError
from alphanet.files import read_json_object, sha256_of
from alphanet.journal import Journal
from alphanet.measure.discovery.files import columns_of
from alphanet.model.checkpoint import load_model
from alphanet.results.records import Record, RecordLog

NOTHING = Record(metrics={}, data={}, model={}, protocol={}, environment={})
READERS = {
    "a.extxyz": lambda path: list(read_frames(path)),
    "a.traj": lambda path: list(read_frames(path)),
    "a.aselmdb": lambda path: list(read_frames(path)),
    "a.zip": lambda path: list(read_frames(path)),
    "POSCAR": lambda path: list(read_frames(path)),
    "a.safetensors": load_model,
    "a.pt": lambda path: load_model(path, inputs.CONFIG),
    "a.json": read_json_object,
    "a.yaml": read_yaml,
    "a.csv": columns_of,
    "a.tar": lambda path: unpack(path, path.with_name("unpacked")),
    "records.jsonl": RecordLog,
    "journal.jsonl": lambda path: Journal(
        path, Record(metrics={}, data={}, model={}, protocol={}, environment={}), Record
    ),
    "any": sha256_of,
}


@pytest.mark.parametrize("name", READERS)
def test_pipes_and_devices_are_refused(tmp_path: Path, name: str):
    path = tmp_path / name
    os.mkfifo(path)
    with pytest.raises(UserError, match="it is a pipe; name a file"):
        READERS[name](path)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(UserError, match="it is a device; name a file"):
        READERS[name](path)


def test_sockets_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("a.extxyz")
        with pytest.raises(UserError, match="it is a socket"):
            list(read_frames(Path("a.extxyz")))


def test_a_command_does_not_wait_for_a_pipe(tmp_path: Path, model: Path, frames: Path):
    os.mkfifo(tmp_path / "pipe.json")
    found = attack(["eval", model, frames, "--config", tmp_path / "pipe.json"])
    assert found.is_one_line() and "it is a pipe" in found.err, found


def test_a_pipe_among_files_is_left_out(tmp_path: Path):
    os.mkfifo(tmp_path / "a.extxyz")
    inputs.written(tmp_path / "b.extxyz", inputs.frame())
    assert len(list(read_frames(tmp_path))) == 1


def test_archives_in_archives_are_not_opened(tmp_path: Path):
    """As files that hold themselves do; the member has a name that a reader takes for frames."""
    for name, word in (("a.zip", "zip"), ("a.extxyz.zip", "zip"), ("a.extxyz", "frame 0")):
        path = inputs.written(tmp_path / "inner.zip", b"PK\x05\x06" + bytes(18))
        for _ in range(5):
            with zipfile.ZipFile(tmp_path / "next.zip", "w") as archive:
                archive.write(path, name)
            path = (tmp_path / "next.zip").rename(tmp_path / "inner.zip")
        found = attack(["data", "convert", path, tmp_path / "out.extxyz"])
        assert found.is_one_line() and word in found.err, found


@pytest.mark.parametrize("name", ["a/" * 5000 + "b", "a" * 5000, "."])
def test_members_with_impossible_names(tmp_path: Path, name: str):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(UserError) as caught:
        unpack(tmp_path / "a.tar", tmp_path / "unpacked")
    assert "\n" not in str(caught.value) and not (tmp_path / "unpacked").exists()

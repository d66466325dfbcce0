"""Inputs without an end: pipes, sockets and devices are refused by name, before anything waits for them."""

import os
import socket
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

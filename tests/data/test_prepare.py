"""From a card to stores: once, whole, without overlap, with a mirror or what is shipped."""

import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
import zipfile

import pytest
import yaml

from alphanet.data import cards, fetching
from alphanet.data.fetching import fetch, local_path
from alphanet.data.formats import write_frames
from alphanet.data.prepare import prepare
from alphanet.data.store import FrameStore
from alphanet.errors import UserError


class Library:
    """A user's folder of cards, and a mirror."""

    def __init__(self, folder, monkeypatch):
        self.cards, self.mirror = folder / "datasets", folder / "mirror"
        self.cards.mkdir()
        self.mirror.mkdir()
        monkeypatch.setenv("ALPHANET_DATASETS", str(self.cards))

    @property
    def address(self):
        return f"file://{self.mirror}"

    def put(self, place, frames):
        """Frames at `HOST/PATH` of the mirror; returns the file's entry for a card."""
        path = self.mirror / place
        write_frames(path, frames)
        return {
            "url": f"https://{place}",
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "size": path.stat().st_size,
        }

    def card(self, **scale):
        scale = {"description": "d", "license": "l", "level_of_theory": "toy", **scale}
        content = {
            "name": "toy",
            "title": "t",
            "citation": ["c"],
            "elements": ["Cu", "Au"],
            "paper": "p",
            "scales": {"slice": scale},
        }
        (self.cards / "toy.yaml").write_text(yaml.safe_dump(content))


@pytest.fixture
def library(tmp_path, monkeypatch):
    return Library(tmp_path, monkeypatch)


def energies(path):
    return {atoms.get_potential_energy() for atoms in FrameStore(path)}


def test_frames_are_split_converted_once_and_described(library, frame, caplog):
    splits = ["train"] * 6 + ["valid"] * 2 + ["test"] * 2
    file = library.put("host/a.extxyz", [frame(seed, split=name) for seed, name in enumerate(splits)])
    library.card(files=[file], split={"method": "info"})
    caplog.set_level(logging.INFO)
    data = prepare("toy", "slice", mirror=library.address)
    assert data.counts == {"train": 6, "valid": 2, "test": 2}
    assert data.sources == {"host/a.extxyz": file["sha256"]}
    assert caplog.messages[-1] == "toy (slice): 6 train, 2 valid, 2 test"
    about = FrameStore(data.train).metadata
    assert about["level_of_theory"] == "toy"
    assert about["units"]["stress"] == "eV/Å^3"
    assert (about["dataset"], about["scale"], about["split"], about["frames"]) == ("toy", "slice", "train", 6)
    assert FrameStore(data.test)[0].info["group"] == "a"
    caplog.clear()
    assert prepare("toy", "slice") == data  # needs no mirror
    assert caplog.messages == []


def test_test_frames_are_never_trained_on(library, frame):
    test = library.put("host/test.extxyz", [frame(seed) for seed in range(5)]) | {"role": "test"}
    train = library.put("host/train.extxyz", [frame(seed) for seed in range(3, 30)]) | {"role": "train"}
    more = library.put("host/more.extxyz", [frame(seed) for seed in range(20, 40)]) | {"role": "train"}
    library.card(files=[train, more, test], split={"method": "files", "valid_fraction": 0.2, "distinct_energy": 1e-6})
    data = prepare("toy", "slice", mirror=library.address)
    train, valid, test = energies(data.train), energies(data.valid), energies(data.test)
    assert len(test) == 5
    assert not test & (train | valid)
    assert not train & valid
    assert len(train) + len(valid) == 35 == data.counts["train"] + data.counts["valid"]


def test_a_changed_card_converts_again(library, frame):
    file = library.put("host/a.extxyz", [frame(seed) for seed in range(10)])
    library.card(files=[file], split={"method": "ratio", "ratio": [6, 2, 2]})
    first = prepare("toy", "slice", mirror=library.address)
    library.card(files=[file], split={"method": "ratio", "ratio": [8, 1, 1]})
    second = prepare("toy", "slice", mirror=library.address)
    assert (first.counts["train"], second.counts["train"]) == (6, 8)


def test_a_broken_frame_leaves_nothing_prepared(library, frame):
    bad = frame(3)
    bad.calc.results["forces"][0, 0] = float("nan")
    file = library.put("host/a.extxyz", [frame(0), frame(1), frame(2), bad])
    library.card(files=[file], split={"method": "ratio", "ratio": [2, 1, 1]})
    with pytest.raises(UserError, match=r"a\.extxyz: frame 3 has NaN or infinite forces"):
        prepare("toy", "slice", mirror=library.address)
    folder = fetching.home() / "data/prepared/toy/slice"
    assert [path.name for path in folder.iterdir() if path.name != ".lock"] == []


def test_an_empty_split_is_an_error(library, frame):
    file = library.put("host/a.extxyz", [frame(0)])
    library.card(files=[file], split={"method": "ratio", "ratio": [6, 2, 2]})
    with pytest.raises(UserError, match=r"no frames for .*; correct the card's split"):
        prepare("toy", "slice", mirror=library.address)


def test_what_cannot_be_had_says_what_it_needs(library):
    library.card(needs="buy a disk")
    with pytest.raises(UserError, match="toy has no data at scale slice: buy a disk"):
        prepare("toy", "slice")
    with pytest.raises(UserError, match="no scale 'slic'; did you mean 'slice'"):
        prepare("toy", "slic")


def test_the_mirror_in_the_environment(library, frame, monkeypatch):
    file = library.put("host/a.extxyz", [frame(seed) for seed in range(10)])
    library.card(files=[file], split={"method": "ratio", "ratio": [6, 2, 2]})
    monkeypatch.setenv("ALPHANET_MIRROR", library.address)
    assert prepare("toy", "slice").counts["train"] == 6


@pytest.mark.parametrize(
    ("mirror", "message"),
    [
        ("ftp://host", "not an address"),
        ("/a/folder", r"not an address; write file:///"),
        ("file:///no/such/folder", "no folder /no/such/folder"),
    ],
)
def test_mirrors_that_are_none(library, frame, mirror, message):
    library.card(files=[library.put("host/a.extxyz", [frame(0)])], split={"method": "ratio", "ratio": [6, 2, 2]})
    with pytest.raises(UserError, match=message):
        prepare("toy", "slice", mirror=mirror)


def test_a_mirror_without_the_file(library, tmp_path, frame):
    library.card(files=[library.put("host/a.extxyz", [frame(0)])], split={"method": "ratio", "ratio": [6, 2, 2]})
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"the mirror has no file .*empty/host/a\.extxyz"):
        prepare("toy", "slice", mirror=f"file://{tmp_path / 'empty'}")


def test_a_wrong_file_on_the_mirror(library, frame):
    file = library.put("host/a.extxyz", [frame(0)])
    library.card(files=[file], split={"method": "ratio", "ratio": [6, 2, 2]})
    library.put("host/a.extxyz", [frame(1)])
    with pytest.raises(UserError, match=r"wrong checksum|bytes, expected"):
        prepare("toy", "slice", mirror=library.address)


def test_an_http_mirror_serves_host_and_path(library, server, frame):
    file = library.put("host/a.extxyz", [frame(seed) for seed in range(10)])
    server.content["/base/host/a.extxyz"] = (library.mirror / "host/a.extxyz").read_bytes()
    library.card(files=[file], split={"method": "ratio", "ratio": [6, 2, 2]})
    assert prepare("toy", "slice", mirror=f"{server.address}/base/").counts["train"] == 6


def test_the_first_checksum_is_kept_where_none_is_stated(library, frame):
    file = library.put("host/a.extxyz", [frame(0)])
    first = file.pop("sha256")
    del file["size"]
    library.card(files=[file], split={"method": "ratio", "ratio": [6, 2, 2]})
    card = cards.load_card("toy")
    (fetched,) = fetch(card, "slice", mirror=library.address)
    assert fetched.sha256 == first
    fetched.path.unlink()
    library.put("host/a.extxyz", [frame(1)])
    with pytest.raises(UserError, match=f"wrong checksum .*expected {first}"):
        fetch(card, "slice", mirror=library.address)


def test_the_cache_can_serve_as_a_mirror(library, frame, monkeypatch, tmp_path):
    file = library.put("host/sub/a.extxyz", [frame(0)])
    library.card(files=[file], split={"method": "ratio", "ratio": [6, 2, 2]})
    fetch(cards.load_card("toy"), "slice", mirror=library.address)
    cache = fetching.home() / "data/downloads"
    monkeypatch.setenv("ALPHANET_HOME", str(tmp_path / "other"))
    (again,) = fetch(cards.load_card("toy"), "slice", mirror=f"file://{cache}")
    assert again.sha256 == file["sha256"]


def test_figshare_is_asked_where_it_answers_scripts(library, server):
    content = b"some,csv\n"
    server.content["/api.figshare.com/v2/file/download/123"] = content
    file = {"url": "https://figshare.com/files/123", "name": "a.csv", "role": "reference"}
    library.card(files=[file | {"md5": hashlib.md5(content).hexdigest()}])
    (fetched,) = fetch(cards.load_card("toy"), "slice", mirror=server.address)
    assert fetched.path.name == "a.csv"
    with pytest.raises(UserError, match="has no labeled frames to train on"):
        prepare("toy", "slice")


def test_a_zenodo_record_lists_its_files(library, server, frame, tmp_path):
    entries = []
    for number, name in enumerate(("train.xyz", "valid.xyz", "test.xyz")):
        write_frames(tmp_path / name, [frame(number)])
        content = (tmp_path / name).read_bytes()
        server.content[f"/zenodo.org/records/77/files/{name}"] = content
        md5 = hashlib.md5(content).hexdigest()
        entries.append({"key": name, "size": len(content), "checksum": f"md5:{md5}"})
    server.content["/zenodo.org/api/records/77"] = json.dumps({"files": entries}).encode()
    library.card(
        listing={"record": "zenodo:77", "roles": {"train*": "train", "valid*": "valid", "test*": "test"}},
        split={"method": "files"},
    )
    data = prepare("toy", "slice", mirror=server.address)
    assert data.counts == {"train": 1, "valid": 1, "test": 1}


def test_a_figshare_record_of_archives_is_unpacked(library, server, frame, tmp_path):
    write_frames(tmp_path / "ABW", [frame(seed, stress=False) for seed in range(10)])
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in (tmp_path / "ABW").rglob("*"):
            archive.write(path, path.relative_to(tmp_path))
    content = (tmp_path / "a.zip").read_bytes()
    server.content["/api.figshare.com/v2/file/download/5"] = content
    entry = {"id": 5, "name": "a.zip", "size": len(content), "computed_md5": hashlib.md5(content).hexdigest()}
    server.content["/api.figshare.com/v2/articles/8"] = json.dumps({"files": [entry]}).encode()
    library.card(
        listing={"record": "figshare:8", "roles": {"*.zip": "frames"}, "unpack": True},
        split={"method": "ratio", "ratio": [6, 2, 2]},
    )
    data = prepare("toy", "slice", mirror=server.address)
    assert data.counts == {"train": 6, "valid": 2, "test": 2}
    assert FrameStore(data.train)[0].info["group"] == "ABW"


def test_a_record_without_the_expected_files_names_what_it_has(library, server):
    answer = {"files": [{"key": "README.md", "size": 1, "checksum": "md5:" + "0" * 32}]}
    server.content["/zenodo.org/api/records/77"] = json.dumps(answer).encode()
    library.card(listing={"record": "zenodo:77", "roles": {"*.xyz": "train"}}, split={"method": "files"})
    with pytest.raises(UserError, match=r"zenodo:77 has the files README\.md; none is named like \*\.xyz"):
        prepare("toy", "slice", mirror=server.address)


CHILD = """
import sys, time
from alphanet.data import prepare, store
add = store.StoreWriter.add
def slowly(self, atoms):
    time.sleep(0.02)
    add(self, atoms)
store.StoreWriter.add = slowly
prepare.prepare("toy", "slice", mirror=sys.argv[1])
"""


def test_kill_9_while_converting_is_recovered_from(library, frame):
    file = library.put("host/a.extxyz", [frame(seed) for seed in range(200)])
    library.card(files=[file], split={"method": "ratio", "ratio": [6, 2, 2]})
    child = subprocess.Popen([sys.executable, "-c", CHILD, library.address])
    folder = fetching.home() / "data/prepared/toy/slice"
    deadline = time.monotonic() + 60
    while not list(folder.glob(".*.part.aselmdb")):
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.3)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert not [path for path in folder.glob("*.aselmdb") if not path.name.startswith(".")]
    assert not (folder / "prepared.json").exists()
    data = prepare("toy", "slice", mirror=library.address)
    assert data.counts == {"train": 120, "valid": 40, "test": 40}
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith(".lock"))
    assert names == ["prepared.json", "test.aselmdb", "train.aselmdb", "valid.aselmdb"]


@pytest.mark.parametrize("name", ["formate", "graphene", "zeolite", "oc20", "mptrj"])
def test_miniatures_are_shipped_and_labeled_as_what_they_are(name):
    data = prepare(name, "mini")
    assert sum(data.counts.values()) >= 300
    store = FrameStore(data.test)
    assert "GFN1-xTB" in store.metadata["level_of_theory"]
    found = {symbol for path in (data.train, data.test) for atoms in FrameStore(path) for symbol in atoms.symbols}
    assert found <= set(data.card.elements)
    assert not energies(data.train) & energies(data.test)


def test_addresses_cannot_leave_the_cache(library):
    for url in ("https://host/../../etc/passwd", "https:///etc/passwd"):
        with pytest.raises(UserError, match="unsafe address"):
            local_path(cards.SourceFile(url=url))

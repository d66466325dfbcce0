"""Numbers without limits: what a file announces is compared with limits before anything is allocated."""

import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import inputs
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import write
from attack import GIGABYTES, attack

from alphanet import limits
from alphanet.cards import read_yaml
from alphanet.data.formats import read_frames
from alphanet.errors import UserError
from alphanet.files import UNSUSPICIOUS, check_text, read_json_object, text_of
from alphanet.model.config import AlphaNetConfig
from alphanet.model.create import create_model, estimated_parameters
from alphanet.neighbor_limits import check_search
from alphanet.neighbors import neighbor_pairs
from alphanet.training.settings import mapping_in, parse_override


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch):
    def set_limits(text: str) -> None:
        monkeypatch.setenv(limits.VARIABLE, text)
        limits.limits.cache_clear()

    yield set_limits
    limits.limits.cache_clear()


def test_limits_are_adjusted_by_one_variable_that_is_checked(limited):
    limited("atoms=5, line=1e3")
    assert (limits.limits().atoms, limits.limits().line) == (5, 1000)
    for wrong, message in (("atom=5", "unknown limit 'atom'; did you mean 'atoms'"), ("atoms=-1", "positive number")):
        limited(wrong)
        with pytest.raises(UserError, match=message):
            limits.limits()


HONEST = inputs.frame()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (inputs.frame(count="100000000"), "truncated: 2 of"),
        (inputs.frame(count="1000000000000000000"), "truncated: 2 of"),
        (inputs.frame(count="-5"), "announces -5 atoms"),
        (inputs.frame(count=inputs.LONG), "not its number of atoms"),
        (inputs.frame(forces=10**9), "announces 1e\\+09 columns"),
        (inputs.frame(forces=10**9).replace("Properties", "Properties=x Properties"), "announces 1e\\+09 columns"),
        (inputs.frame(forces=10**9).replace("10000", "1_0000"), "announces 1e\\+09 columns"),
        (inputs.frame(cell="1e155 0 0 0 1e155 0 0 0 1e155"), "beyond 1e\\+06 Å"),
        (HONEST.replace("energy", f'x="_JSON {inputs.DEEP}" energy'), "recursion|nested"),
    ],
    ids=["atoms", "more atoms", "negative", "digits", "columns", "later columns", "marked digits", "cell", "deep JSON"],
)
def test_frames_that_announce_too_much(tmp_path: Path, text: str, message: str):
    path = inputs.written(tmp_path / "a.extxyz", text)
    with pytest.raises(UserError, match=message):
        list(read_frames(path))
    found = attack(["data", "convert", path, tmp_path / "out.extxyz"])
    assert found.is_one_line() and found.growth < 0.1 * GIGABYTES, found


@pytest.mark.parametrize(
    ("name", "line", "honest"),
    [("a.vasp", 6, "4"), ("XDATCAR", 6, "4"), ("a.cube", 2, "4"), ("a.cube", 4, "8"), ("a.gro", 1, "4")],
)
def test_a_header_that_announces_more_than_the_file_has_bytes(tmp_path: Path, name: str, line: int, honest: str):
    path = tmp_path / name
    copper = bulk("Cu", cubic=True)
    if name.endswith(".cube"):
        write(path, copper, data=np.zeros((8, 8, 8)))
    else:
        write(path, copper)
    (atoms,) = read_frames(path, labeled=False)
    assert len(atoms) == 4
    lines = path.read_text().splitlines(keepends=True)
    assert honest in lines[line].split()
    lines[line] = lines[line].replace(honest, "300000000", 1)
    path.write_text("".join(lines))
    with pytest.raises(UserError, match=r"it announces [\d,.e+]+ atoms or values in [\d,]+ bytes"):
        list(read_frames(path, labeled=False))


def test_a_frame_with_more_atoms_than_the_limit(tmp_path: Path, limited):
    path = inputs.written(tmp_path / "a.extxyz", HONEST)
    limited("atoms=1")
    with pytest.raises(UserError, match=r"2 atoms in one frame, and the limit is 1; .* ALPHANET_LIMITS=atoms=NUMBER"):
        list(read_frames(path))


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zip", ""])
def test_a_line_without_end(tmp_path: Path, limited, suffix: str):
    limited("line=1e5")
    content = b"1" * 3 * 10**5
    path = tmp_path / f"a.extxyz{suffix}"
    if suffix == ".zip":
        inputs.zip_of(path, "a.extxyz", content.decode(), zipfile.ZIP_DEFLATED)
    else:
        inputs.written(path, {".gz": gzip.compress, ".xz": lzma.compress, "": bytes}[suffix](content))
    with pytest.raises(UserError, match=r"more than .* bytes in one line, and the limit is 100,000"):
        list(read_frames(path))
    if suffix != ".zip":
        with pytest.raises(UserError, match="bytes in one line"):
            check_text(path)


def test_lines_below_the_limit_are_read_whole(tmp_path: Path, limited):
    limited("line=1e5")
    text = "\n".join("x" * 90_000 for _ in range(20))
    path = inputs.written(tmp_path / "a.txt.gz", gzip.compress(text.encode()))
    with path.open("rb") as stream:
        assert text_of(stream, path.name).read() == text
    check_text(path)


def test_what_unpacks_to_far_more_than_it_is(tmp_path: Path, limited):
    limited("ratio=10")
    lines = (b"x" * 1023 + b"\n") * (2 * UNSUSPICIOUS // 1024)
    path = inputs.written(tmp_path / "a.extxyz.gz", gzip.compress(lines, compresslevel=1))
    with pytest.raises(UserError, match="times its size when unpacked"):
        check_text(path)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("a.extxyz", lines)
    with pytest.raises(UserError, match="times its size when unpacked"):
        list(read_frames(tmp_path / "a.zip"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("num_layers", value) for value in (10**9, 10**5)),
        *((name, 10**9) for name in ("hidden_channels", "num_basis", "heads", "temporal_channels")),
        ("hidden_channels", 10**6),
        *(("cutoff", value) for value in (1e-300, 1e9, 1e300)),
    ],
)
def test_checkpoints_of_absurd_size(tmp_path: Path, frames: Path, name: str, value: float):
    found = attack(["eval", inputs.checkpoint(tmp_path / "model.safetensors", **{name: value}), frames])
    assert found.is_one_line() and found.growth < 0.1 * GIGABYTES and found.seconds < 5, found


def test_parameters_are_estimated_as_they_are():
    config = inputs.CONFIG.model_copy(update={"num_layers": 5})
    assert estimated_parameters(config) == sum(value.numel() for value in create_model(config).state_dict().values())


def test_parameters_have_a_limit(limited):
    limited("parameters=1e6")
    with pytest.raises(UserError, match="parameters, and the limit is"):
        create_model(AlphaNetConfig(elements=("H",), hidden_channels=1024))


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{level}: &a{level} [{','.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"seed: {inputs.LONG}", "digits"),
        (f"seed: {'9' * 400}", "digits"),
        (f"{BOMB}dataset: *a9", "anchors"),
        ("dataset: &a [*a]", "nested more than|anchors"),
        (f"dataset: {'[' * 20_000}{']' * 20_000}", "nesting"),
        (f"dataset: {'[' * 400}{']' * 400}", "nested more than"),
    ],
    ids=["digits", "more than a float", "anchors", "cycle", "deep", "deeper than a limit"],
)
def test_yaml_that_grows(tmp_path: Path, text: str, message: str):
    with pytest.raises(UserError, match=message):
        read_yaml(inputs.written(tmp_path / "a.yaml", text))


def test_anchors_of_honest_cards_are_read(tmp_path: Path):
    path = inputs.written(tmp_path / "a.yaml", "base: &base {a: [1, 2, 3], b: {c: 4}}\nothers: [*base, *base, *base]\n")
    assert read_yaml(path)["others"][2] == {"a": [1, 2, 3], "b": {"c": 4}}


@pytest.mark.parametrize("text", [inputs.DEEP, f'{{"a": {inputs.LONG}}}', f'{{"a": {"9" * 400}}}', '{"a": "\\ud800"}'])
def test_json_that_nothing_can_hold(tmp_path: Path, text: str):
    with pytest.raises(UserError, match="not valid JSON"):
        read_json_object(inputs.written(tmp_path / "a.json", text))


@pytest.mark.parametrize(
    "value", [inputs.LONG, "[" * 3000, "!!timestamp 1", "2020-99-99", "!!python/object:os.x 1", "*a"]
)
def test_values_of_settings_that_are_no_plain_values(value: str):
    with pytest.raises(UserError, match="not valid YAML"):
        parse_override(f"seed={value}")


def test_keys_of_settings_that_are_no_names(tmp_path: Path):
    for text in ("1: 2", "2020-01-01: 3", "loss: {1: 2}"):
        with pytest.raises(UserError, match="is no name but"):
            mapping_in(inputs.written(tmp_path / "a.yaml", text))


PAIR = [[0, 0, 0], [0, 0, 0.8]]


@pytest.mark.parametrize(
    "cell",
    [[1e155] * 3, [1e20, 5, 5], [0.01] * 3, [1e-5, 5, 5], [[5, 0, 0], [4.999999, 1e-4, 0], [0, 0, 5]]],
    ids=["huge", "long", "tiny", "thin", "skewed"],
)
def test_cells_that_no_search_survives(cell):
    with pytest.raises(UserError, match=r"beyond|neighbor"):
        neighbor_pairs(Atoms("H2", PAIR, cell=cell, pbc=True), 5.0)


def test_atoms_on_top_of_each_other(limited):
    limited("neighbors=1000")
    crowd = Atoms("H2000", np.random.default_rng(0).uniform(0, 1, (2000, 3)))
    with pytest.raises(UserError, match="neighbors of each atom, and the limit is 1,000"):
        check_search(crowd, 5.0)


def test_the_estimate_is_near_what_a_search_finds(limited, monkeypatch: pytest.MonkeyPatch):
    from ase.build import bulk

    from alphanet import neighbor_limits

    for atoms in (bulk("Cu"), bulk("Cu", cubic=True).repeat(4)):
        heights = neighbor_limits._heights(atoms)
        estimate = neighbor_limits._estimate(atoms, 6.0, heights)
        assert 0.3 < estimate / len(neighbor_pairs(atoms, 6.0)[0]) < 4


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("POSCAR", "x\n1.0\n5 0 0\n0 5 0\n0 0 5\nH\n100000000000000\nDirect\n0 0 0\n"),
        ("a.cube", "c\nc\n 1 0 0 0\n 1000000 1 0 0\n1000000 0 1 0\n1000000 0 0 1\n 1 0 0 0 0\n 1.0\n"),
    ],
)
def test_headers_that_ask_for_petabytes(tmp_path: Path, name: str, text: str):
    found = attack(["data", "convert", inputs.written(tmp_path / name, text), tmp_path / "out.extxyz"], seconds=10)
    assert found.is_one_line() and found.growth < GIGABYTES, found


def test_arrays_that_announce_petabytes(tmp_path: Path):
    header, numbers = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**12, 2, 3)})
    np.save(numbers, np.ones(2, int))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("z.npy", numbers.getvalue())
        archive.writestr("R.npy", header.getvalue())
    found = attack(["data", "convert", tmp_path / "a.npz", tmp_path / "out.extxyz"])
    assert found.is_one_line() and found.growth < 0.1 * GIGABYTES, found


@pytest.mark.parametrize("shape", [[10**14, 3], [2**62, 2**62], [-1, 3]])
def test_trajectories_that_announce_petabytes(tmp_path: Path, shape: list[int]):
    path = trajectory(tmp_path / "a.traj", lambda values: values["positions."]["ndarray"].__setitem__(0, shape))
    found = attack(["data", "convert", path, tmp_path / "out.extxyz"])
    assert found.is_one_line() and found.growth < 0.1 * GIGABYTES, found


@pytest.mark.parametrize("count", [10**15, -1])
def test_trajectories_that_announce_many_frames(tmp_path: Path, count: int):
    path = trajectory(tmp_path / "a.traj", lambda values: None)
    content = bytearray(path.read_bytes())
    content[32:40] = count.to_bytes(8, "little", signed=True)
    found = attack(["data", "convert", inputs.written(path, bytes(content)), tmp_path / "out.extxyz"])
    assert found.is_one_line() and found.growth < 0.1 * GIGABYTES, found


def trajectory(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """ASE's own format with one frame, whose description is changed; it is put at the end of the file."""
    write(path, Atoms("H2", PAIR))
    content = bytearray(path.read_bytes())
    table = int.from_bytes(content[40:48], "little")  # of the places of frames
    place = int.from_bytes(content[table : table + 8], "little")
    begin, size = place + 8, int.from_bytes(content[place : place + 8], "little")
    values = json.loads(content[begin : begin + size])
    change(values)
    text = json.dumps(values).encode()
    content[table : table + 8] = len(content).to_bytes(8, "little")
    return inputs.written(path, bytes(content) + len(text).to_bytes(8, "little") + text)

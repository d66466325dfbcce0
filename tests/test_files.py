"""Files: what they hold, how they are packed, and who may write them."""

import logging
import os
import stat
import threading
import time

import pytest

from alphanet.errors import UserError
from alphanet.files import atomic_path, locked, read_json_object, text_of, write_text


def test_numbers_that_are_no_json_become_none(tmp_path):
    (tmp_path / "a.json").write_text('{"a": NaN, "b": [-Infinity, 1e999, 0.1], "c": {"d": 3}}')
    assert read_json_object(tmp_path / "a.json") == {"a": None, "b": [None, None, 0.1], "c": {"d": 3}}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"cannot read .*a\.json: No such file"),
        (b'{"a": 1', r"a\.json is not valid JSON, perhaps cut off"),
        (b"\xff", r"a\.json is not valid JSON"),
        (b"[1]", r"a\.json: expected a JSON object, found list"),
        (b"NaN", r"a\.json: expected a JSON object, found NoneType"),
    ],
)
def test_what_is_no_json_object_is_one_line(tmp_path, content, said):
    if content is not None:
        (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=said):
        read_json_object(tmp_path / "a.json")


@pytest.mark.parametrize("name", ["a.xyz", "a.xyz.gz", "a.xyz.xz", "a.xyz.bz2"])
def test_text_is_packed_as_its_name_says(tmp_path, name):
    file = tmp_path / name
    with file.open("wb") as stream, text_of(stream, name, "wt") as text:
        text.write("Å\n" * 1000)
    with file.open("rb") as stream, text_of(stream, name) as text:
        assert text.read() == "Å\n" * 1000
    assert (file.stat().st_size < 1000) == (name != "a.xyz")


def test_a_lock_is_waited_for_and_the_wait_is_said(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    order = []

    def wait() -> None:
        with locked(tmp_path / ".lock", "waiting for the other"):
            order.append("second")

    with locked(tmp_path / ".lock", "waiting for nobody"):
        second = threading.Thread(target=wait)
        second.start()
        end = time.monotonic() + 10
        while not caplog.messages and time.monotonic() < end:
            time.sleep(0.01)
        order.append("first")
    second.join(10)
    assert order == ["first", "second"] and caplog.messages == ["waiting for the other"]


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_new_files_have_the_mode_of_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        with atomic_path(tmp_path / "a") as part:
            part.touch(0o600)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~umask


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path):
    (tmp_path / "a").touch()
    (tmp_path / "a").chmod(0o660)
    write_text(tmp_path / "a", "new")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o660


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("target", ["real/a.txt", "../elsewhere.txt"])
def test_a_link_stays_a_link(tmp_path, exists, target):
    folder = tmp_path / "here"
    (folder / "real").mkdir(parents=True)
    (folder / "link.txt").symlink_to(target)
    if exists:
        (folder / target).write_text("old")
    write_text(folder / "link.txt", "new")
    assert (folder / "link.txt").is_symlink() and (folder / target).read_text() == "new"
    assert not list(tmp_path.rglob("*.part*"))


def test_a_link_to_a_link_stays_one(tmp_path):
    (tmp_path / "b").symlink_to("c")
    (tmp_path / "a").symlink_to("b")
    write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").is_symlink() and (tmp_path / "b").is_symlink() and (tmp_path / "c").read_text() == "new"


def test_devices_pipes_and_folders_are_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/null")
    (tmp_path / "folder").mkdir()
    for name, kind in (("pipe", "a device or a pipe"), ("link", "a device or a pipe"), ("folder", "a folder")):
        with pytest.raises(UserError, match=f"{name}: it is {kind}; name a file"):
            write_text(tmp_path / name, "new")

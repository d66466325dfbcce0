"""Archives cannot write outside their folder, make links, or leave half of themselves behind."""

import io
import tarfile
import zipfile

import pytest

from alphanet.data.archives import unpack
from alphanet.errors import UserError

OUTSIDE = ["../evil.txt", "/tmp/alphanet-evil.txt", "a/../../evil.txt", "..\\evil.txt"]


def make_zip(path, names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "content")
    return path


def make_tar(path, names):
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 7
            archive.addfile(member, io.BytesIO(b"content"))
    return path


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_plain_files_are_unpacked(tmp_path, make):
    unpack(make(tmp_path / "a", ["top.txt", "sub/folder/file.txt"]), tmp_path / "out")
    assert (tmp_path / "out/sub/folder/file.txt").read_text() == "content"
    assert (tmp_path / "out/top.txt").read_text() == "content"


@pytest.mark.parametrize("make", [make_zip, make_tar])
@pytest.mark.parametrize("name", OUTSIDE)
def test_nothing_is_written_outside(tmp_path, make, name):
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    archive = make(folder / "a", ["good.txt", name])
    with pytest.raises(UserError, match=r"outside the folder"):
        unpack(archive, folder / "out")
    assert [path.name for path in tmp_path.rglob("*")] == ["deep", "er", "a"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        member = tarfile.TarInfo("link")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(UserError, match="'link' is a link or a device"):
        unpack(tmp_path / "a.tar", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_links_in_zip_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        member = zipfile.ZipInfo("link")
        member.external_attr = 0o120777 << 16
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(UserError, match="'link' is a link"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_damaged_archives_leave_nothing(tmp_path, make):
    archive = make(tmp_path / "a", [f"{number}.txt" for number in range(200)])
    archive.write_bytes(archive.read_bytes()[:-300])
    with pytest.raises(UserError, match=r"damaged|neither a zip nor a tar"):
        unpack(archive, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_something_else_is_no_archive(tmp_path):
    (tmp_path / "a.tar").write_text("hello")
    with pytest.raises(UserError, match="neither a zip nor a tar"):
        unpack(tmp_path / "a.tar", tmp_path / "out")


def test_what_is_unpacked_stays(tmp_path):
    archive = make_zip(tmp_path / "a.zip", ["a.txt"])
    unpack(archive, tmp_path / "out")
    (tmp_path / "out/a.txt").write_text("mine")
    unpack(archive, tmp_path / "out")
    assert (tmp_path / "out/a.txt").read_text() == "mine"

"""Released weights: fetched, verified, refused."""

import hashlib
import zipfile

import pytest

from alphanet.errors import UserError
from alphanet.potentials.weights import described, fetch, is_present, present

CONTENT = b"weights" * 100
ADDRESS = "https://example.org/models/w.ckpt"


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A mirror that serves the weights; returns its address."""
    monkeypatch.setenv("ALPHANET_HOME", str(tmp_path / "home"))
    folder = tmp_path / "mirror" / "example.org" / "models"
    folder.mkdir(parents=True)
    (folder / "w.ckpt").write_bytes(CONTENT)
    with zipfile.ZipFile(folder / "w.zip", "w") as archive:
        archive.writestr("inner/w.ckpt", CONTENT)
    return f"file://{tmp_path / 'mirror'}"


def card_with(make_card, **changes):
    return make_card(checkpoints={"first": {"source": ADDRESS, "trained_on": "nothing"} | changes})


def test_what_is_missing_is_told_and_then_fetched(make_card, mirror):
    card = card_with(make_card, bytes=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest())
    assert described(card) == {"source": ADDRESS, "present": False, "bytes": 700}
    with pytest.raises(UserError, match=r"w.ckpt \(0.0 MB\) from https://example.org.*baselines fetch .*fake"):
        present(card, "first")
    weights = fetch(card, "first", mirror=mirror)
    assert weights.path.read_bytes() == CONTENT
    assert present(card, "first") == weights
    assert is_present(card, "first")


def test_a_checksum_that_the_card_lacks_is_kept(make_card, mirror, tmp_path):
    card = card_with(make_card)
    weights = fetch(card, "first", mirror=mirror)
    assert weights.sha256 == hashlib.sha256(CONTENT).hexdigest()
    weights.path.write_bytes(b"other" * 140)
    with pytest.raises(UserError, match="is not what was downloaded; remove it and fetch it again"):
        present(card, "first")
    (tmp_path / "mirror" / "example.org" / "models" / "w.ckpt").write_bytes(b"changed" * 100)
    with pytest.raises(UserError, match="wrong checksum"):
        fetch(card, "first", mirror=mirror)


def test_a_wrong_download_is_not_kept(make_card, mirror):
    card = card_with(make_card, sha256="0" * 64)
    with pytest.raises(UserError, match=r"fake lacks w.ckpt .* wrong checksum"):
        fetch(card, "first", mirror=mirror)
    assert not is_present(card, "first")


def test_a_member_of_an_archive_is_loaded(make_card, mirror):
    card = card_with(make_card, source=ADDRESS.replace("ckpt", "zip"), member="inner/w.ckpt")
    assert fetch(card, "first", mirror=mirror).path.read_bytes() == CONTENT
    card = card_with(make_card, source=ADDRESS.replace("ckpt", "zip"), member="inner/other.ckpt")
    with pytest.raises(UserError, match=r"holds no inner/other.ckpt"):
        fetch(card, "first", mirror=mirror)


def test_pickles_without_a_checksum_need_trust(make_card, mirror):
    card = card_with(make_card, pickled=True)
    fetch(card, "first", mirror=mirror)
    with pytest.raises(UserError, match=r"carries code that loading it runs.*allow it \(trust\)"):
        present(card, "first")
    assert present(card, "first", trust=True).path
    known = card_with(make_card, pickled=True, sha256=hashlib.sha256(CONTENT).hexdigest())
    assert present(known, "first").path


def test_weights_in_the_package_are_always_there(make_card):
    card = card_with(make_card, source="package", name="v1")
    assert present(card, "first").path is None
    assert described(card)["present"]


def test_unknown_checkpoints_suggest_the_nearest(make_card):
    with pytest.raises(UserError, match="no checkpoint 'frist'; did you mean 'first'"):
        present(card_with(make_card), "frist")

"""A folder of audits: kept one by one, taken up again, and never mixed with those made otherwise."""

import json

import pytest
from ase import Atoms
from ase.io import write

from alphanet.measure.physics import folder
from alphanet.potentials.opening import LoadOptions

ASKED: list[str] = []


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Audits that take no time; `ASKED` says which were made."""

    def audit(name, how, given, report):
        ASKED.append(name)
        result = {
            "model": name,
            "untrained": how.untrained,
            "checks": [],
            "structures": [str(one.symbols) for one in given],
        }
        return result | ({"error": "it fails"} if "bad" in name else {})

    ASKED.clear()
    monkeypatch.setattr(folder, "audit", audit)


def audited(out, *names, how=LoadOptions(), said=None, **options):  # noqa: B008  (frozen)
    report = (lambda _: None) if said is None else said.append
    found = folder.audit_all(names, how, options.pop("structures", None), out, report, **options)
    return [one["model"] for one in found["models"]]


def test_what_is_there_is_not_made_again(tmp_path):
    assert audited(tmp_path, "a:x", "b:x") == audited(tmp_path, "a:x", "b:x") == ["a:x", "b:x"]
    assert ASKED == ["a:x", "b:x"]
    audited(tmp_path, "a:x", restart=True)
    assert ASKED == ["a:x", "b:x", "a:x"]


def test_a_folder_grows(tmp_path):
    audited(tmp_path, "a:x")
    assert audited(tmp_path, "b:x", how=LoadOptions(untrained=True)) == ["b:x", "a:x"]


def test_failures_are_tried_again(tmp_path):
    audited(tmp_path, "bad:x")
    audited(tmp_path, "bad:x")
    assert ASKED == ["bad:x", "bad:x"]


def test_other_seeds_are_left_out_and_named(tmp_path):
    said = []
    audited(tmp_path, "a:x", how=LoadOptions(seed=1))
    assert audited(tmp_path, "b:x", said=said) == ["b:x"]
    assert any("left out" in line for line in said)


def test_other_weights_are_another_audit(tmp_path):
    weights = tmp_path / "model.safetensors"
    for content in (b"one", b"two"):
        weights.write_bytes(content)
        audited(tmp_path / "out", str(weights))
    assert len(ASKED) == 2


def test_a_broken_file_is_made_again(tmp_path):
    audited(tmp_path, "a:x")
    (file,) = (tmp_path / "models").iterdir()
    file.write_text("{")
    assert audited(tmp_path, "a:x") == ["a:x"] and len(ASKED) == 2
    assert json.loads(file.read_text())["model"] == "a:x"


def test_structures_are_read_and_count(tmp_path):
    write(tmp_path / "in.extxyz", Atoms("CO", [[0, 0, 0], [1.1, 0, 0]]))
    audited(tmp_path / "out", "a:x")
    found = folder.audit_all(["a:x"], LoadOptions(), tmp_path / "in.extxyz", tmp_path / "out", lambda _: None)
    assert [one["structures"] for one in found["models"]] == [["CO"]]

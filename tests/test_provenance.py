"""Provenance names the machine's parts, not the machine, and sees changes of the code."""

import json
import platform

from alphanet.provenance import code_digest, where


def test_where_is_plain_json_without_the_host_name():
    text = json.dumps(where())
    assert {"hardware", "software", "code"} == set(where())
    assert where()["hardware"]["cores"] >= 1
    assert "torch" in where()["software"]
    assert len(platform.node()) < 4 or platform.node() not in text


def test_the_digest_sees_changes_in_a_folder(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "notes.txt").write_text("1")
    before = code_digest([tmp_path])
    (tmp_path / "notes.txt").write_text("2")
    assert code_digest([tmp_path]) == before
    (tmp_path / "a.py").write_text("x = 2\n")
    assert code_digest([tmp_path]) != before

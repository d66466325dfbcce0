"""`alphanet doctor` and `alphanet clean`."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from alphanet import caches
from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.paths import home
from alphanet.report import doctor


def run(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def fill() -> None:
    """A home with something in most caches, and unfinished files of an hour and of two days ago."""
    for name in ("compiled/old.so", f"compiled-{os.getuid()}/kernels-1.so", "data/prepared/a/mini/train.aselmdb"):
        (home() / name).parent.mkdir(parents=True, exist_ok=True)
        (home() / name).write_bytes(b"x" * 1000)
    for name, hours in (("data/downloads/.a.zip.1234.part", 48), ("weights/b.part", 48), ("weights/c.part", 1)):
        place = home() / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"x" * 500)
        os.utime(place, (place.stat().st_mtime - 3600 * hours,) * 2)


def test_clean_says_what_it_would_free_and_then_frees_it():
    fill()
    planned = json.loads(run("clean", "--dry-run", "--json"))
    assert planned["removed"] is False and planned["bytes"] == 2 * 1000 + 2 * 500
    assert (home() / "compiled/old.so").exists()
    done = json.loads(run("clean", "--json"))
    assert done["places"] == planned["places"] and done["removed"] is True
    assert all(not Path(place["path"]).exists() for place in planned["places"])
    assert (home() / "weights/c.part").exists() and (home() / "data/prepared/a/mini/train.aselmdb").exists()
    assert "0.0 MB" in run("clean")


def test_clean_removes_what_is_named_and_nothing_through_links(tmp_path: Path):
    fill()
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "mine").write_text("data")
    (home() / "data/own").symlink_to(kept)
    run("clean", "prepared", "own")
    assert not (home() / "data/prepared").exists() and not (home() / "data/own").exists()
    assert (kept / "mine").exists()
    with pytest.raises(UserError, match="no cache 'compile'; did you mean 'compiled'"):
        caches.chosen(["compile"])


def test_doctor_names_what_is_lacking_and_the_command_that_mends_it(monkeypatch: pytest.MonkeyPatch):
    fill()
    monkeypatch.setattr(doctor, "cpp_compiler", lambda: None)
    shown = json.loads(run("doctor", "--json"))
    found = {(one["about"], one["subject"]): one for one in shown["findings"]}
    assert found["software", "torch"]["state"] == "good"
    assert found["compiler", "C++"]["state"] == "lacks" and "CXX" in found["compiler", "C++"]["mend"]
    nequip = found["environment", "nequip"]
    assert (nequip["state"], nequip["mend"]) == ("lacks", "alphanet baselines install nequip")
    assert {cache["name"] for cache in shown["caches"]} == set(caches.NAMES)
    (table1,) = [one for one in shown["lacks"] if one["benchmark"] == "table1" and one["scale"] == "mini"]
    assert "nequip" in table1["environments"] and "formate-force" in table1["claims"]
    assert any(command.startswith("alphanet baselines install nequip") for command in table1["mend"])


def test_doctor_prints_tables():
    shown = run("doctor")
    assert "| compiler" in shown and "| compiled" in shown and "| table1 mini" in shown

"""The audit's table and figure: the worst of a property, words beside colors, failed potentials in place."""

import csv
import hashlib

from alphanet.report.physics import (
    FAILS,
    OK,
    SMALL,
    UNCHECKED,
    as_markdown,
    findings,
    group_lines,
    label,
    model_lines,
    write_physics,
)


def check(group, value, limit, unit="eV/Å", **more):
    passed = None if value is None else value <= limit
    return {"check": f"{group}: x", "group": group, "value": value, "unit": unit, "limit": limit, "passed": passed,
            "reason": None, "where": None} | more  # fmt: skip


def result(*checks, model="some/folder/model.safetensors", untrained=False, **more):
    return {"model": model, "untrained": untrained, "precision": "float64", "checks": list(checks)} | more


def test_a_property_is_as_good_as_its_worst_check():
    found = findings(
        result(
            check("rotation", 1e-12, 1e-9),
            check("rotation", 0.2, 1e-9),
            check("wrap", 5e-8, 1e-9),
            check("cap", 1e-13, 1e-9),
            check("NVE", None, None, reason="it failed"),
        )
    )
    assert (found["rotation"].state, found["rotation"].text) == (FAILS, "0.2 eV/Å")
    assert [found[group].state for group in ("wrap", "cap", "NVE", "paths")] == [SMALL, OK, UNCHECKED, UNCHECKED]


def test_nothing_is_small_in_random_weights():
    assert findings(result(check("wrap", 5e-8, 1e-9), untrained=True))["wrap"].state == FAILS


def test_labels_are_short():
    assert label(result()) == "model.safetensors"
    assert label(result(model="alphanet-official:a/b/c.ckpt")) == "alphanet-official:c.ckpt"
    assert label(result(model="mace", untrained=True)) == "mace (random)"


def test_files_carry_every_check_and_are_the_same_bytes_each_time(tmp_path):
    models = [
        result(check("rotation", 0.2, 1e-9), check("NVE", None, None, reason="it failed")),
        result(model="mace", error="the worker of mace died"),
    ]
    for folder in (tmp_path / "a", tmp_path / "b"):
        write_physics(folder, {"models": models, "where": {}})
    digests = [
        {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
        for folder in (tmp_path / "a", tmp_path / "b")
    ]
    assert digests[0] == digests[1]
    assert {f"physics.{ending}" for ending in ("json", "csv", "md", "png", "svg", "pdf")} == set(digests[0])
    rows = list(csv.DictReader((tmp_path / "a" / "physics.csv").open()))
    assert [row["reason"] for row in rows] == ["", "it failed", "the worker of mace died"]
    assert "FAILS 0.2 eV/Å" in as_markdown(models)
    assert group_lines(models)[-1] == ("failed", "", "the worker of mace died")
    first, second = model_lines(models)
    assert first[:4] == ("model.safetensors", "float64", "0 of 16", "FAILS: rotation 0.2 eV/Å") and "NVE" in first[4]
    assert second[3] == "failed: the worker of mace died"

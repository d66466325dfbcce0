"""Audits as a benchmark: a task a model, kept as long as nothing that it depends on changes."""

from dataclasses import replace

import pytest
from ase import Atoms
from ase.io import write

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds.opening import OpeningScale, load_options
from alphanet.benchmark.kinds.physics import physics_card
from alphanet.benchmark.runner import run_benchmark
from alphanet.errors import UserError
from alphanet.measure.physics import audit as audit_module
from alphanet.measure.physics.audit import Audit, AuditedStructure
from alphanet.measure.physics.checks import judged, unchecked
from alphanet.potentials.specification import specified

SCALE = OpeningScale(comparable=False, reason="a test", protocol="a test")


def named(group, check):
    """The check as a property yields it."""
    return replace(check, check=f"{group}: {check.check}", group=group, structure="crystal CO")


@pytest.fixture
def audited(monkeypatch, tmp_path):
    """Names of the audits that were made; they take no time."""
    made = []
    for module in ("a", "b", "bad"):
        (tmp_path / f"{module}.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)

    def audit(name, how, given):
        made.append(name)
        if "bad" in name:
            return Audit(name, how.untrained, error="it fails")
        checks = [
            named("rotation", judged("energy", 1e-12, "eV/atom", 1e-9)),
            named("pbc-wrap", judged("energy", 5e-8, "eV/atom", 1e-9, "somewhere")),
            named("neighbor-cap", judged("force jump", 0.2, "eV/Å", 1e-9, "neighbor 50")),
            named("stress", unchecked("derivative", "eV/Å^3", "it gives no stress")),
        ]
        structures = tuple(AuditedStructure("crystal", str(atoms.symbols), "given") for atoms in given)
        return Audit(name, how.untrained, checks, "float64", structures=structures, provenance={"seed": how.seed})

    monkeypatch.setattr(audit_module, "audit", audit)
    return made


@pytest.fixture
def run(tmp_path, audited):
    """A function that audits models."""

    def go(*models, **options):
        of_card = {name: options.pop(name) for name in ("untrained", "preset") if name in options}
        card = physics_card("audits", models=models, **of_card)
        return run_benchmark(card, RunOptions(scale="ad-hoc", out=tmp_path, **options))

    return go


@pytest.mark.parametrize(
    ("model", "threads", "used"),
    [("alphanet", 1, 1), ("alphanet", 3, 3), ("nequip", 1, 1), ("flawed_potentials:good", 1, None)],
)
def test_a_potential_has_as_many_threads_as_are_asked_for(model, threads, used):
    """One unless more are asked for, whatever torch would take; a callable decides for itself."""
    options = RunOptions(scale="ad-hoc", out="runs", threads=threads)
    assert load_options(options, SCALE, specified(model)).threads == used


def test_the_summary_comes_first_then_every_check(run, tmp_path):
    result = run("a:x", "b:x")
    summary, first, second = result.grids
    assert summary.columns[:3] == ("potential", "precision", "checks passed")
    name, precision, passed, left, wrong, negligible = summary.rows[0]
    assert (name, precision, passed.text, left.value) == ("a:x", "float64", "1 of 3", 1)
    assert (wrong, negligible) == ("neighbor-cap 0.2 eV/Å", "pbc-wrap 5e-08 eV/atom")
    assert first.title == "Every check of a:x" and first.folded and second.title == "Every check of b:x"
    assert [row[3] for row in first.rows] == ["ok", "negligible", "FAILS", "not checked"]
    assert [row[4] for row in first.rows] == ["", "somewhere", "neighbor 50", "it gives no stress"]
    assert first.columns[5] == "structure" and {row[5] for row in first.rows} == {"crystal CO"}
    assert passed.origin in result.origins
    (figure,) = result.figures
    assert all((tmp_path / "audits" / file).is_file() for file in figure.files.values())


def test_nothing_is_audited_twice_but_on_restart(run, audited):
    assert run("a:x", "b:x").grids == run("a:x", "b:x").grids and audited == ["a:x", "b:x"]
    run("a:x", restart=True)
    run("a:x", seed=1)
    run("a:x", untrained=True)
    assert audited == ["a:x", "b:x", "a:x", "a:x", "a:x"]


def test_a_potential_that_fails_costs_only_its_row_and_is_tried_again(run, audited):
    for _ in range(2):
        result = run("bad:x", "a:x")
        (failure,) = result.failures
        assert failure.startswith("bad:x: it fails; ") and len(result.grids[0].rows) == 1
    assert audited == ["bad:x", "a:x", "bad:x"]


def test_other_weights_are_another_audit(run, audited, tmp_path):
    weights = tmp_path / "model.safetensors"
    for content in (b"one", b"two"):
        weights.write_bytes(content)
        run(str(weights))
    assert len(audited) == 2


def test_structures_are_read_and_count(run, audited, tmp_path):
    run("a:x")
    write(tmp_path / "in.extxyz", Atoms("CO", [[0, 0, 0], [1.1, 0, 0]]))
    result = run("a:x", structures=str(tmp_path / "in.extxyz"))
    (record,) = result.records.values()
    (structure,) = record.data["structures"]
    assert structure == {"part": "crystal", "formula": "CO", "origin": "given"} and len(audited) == 2


def test_a_wrong_name_is_told_before_anything_is_audited(run, audited):
    with pytest.raises(UserError, match="did you mean 'alphanet'"):
        run("a:x", "alphanett")
    with pytest.raises(UserError, match="named twice"):
        run("a:x", "a:x")
    assert audited == []


def test_a_real_audit_runs_with_another_seed(tmp_path, monkeypatch):
    from alphanet.measure.physics import audit as module

    few = {"rotation": module.CHECKS["rotation"]}
    monkeypatch.setattr(module, "CHECKS", few)
    card = physics_card("real", models=["flawed_potentials:direction"])
    result = run_benchmark(card, RunOptions(scale="ad-hoc", out=tmp_path, seed=3))
    assert result.failures == () and result.grids[0].rows[0][4].startswith("rotation")


def test_another_config_in_the_same_file_is_another_audit(tmp_path, audited):
    config = tmp_path / "config.json"
    for content in ("{}", "{}", '{"cutoff": 4}'):
        config.write_text(content)
        card = physics_card("audits", models=["a:x"], config=config)
        run_benchmark(card, RunOptions(scale="ad-hoc", out=tmp_path))
    assert audited == ["a:x", "a:x"]

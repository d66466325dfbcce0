"""`baselines check` on a baseline whose faults are known: springs to the origin, which break translation."""

import json

import pytest
import typer
from fake_baseline import WORKER
from typer.testing import CliRunner

from alphanet.cli import baselines

pytestmark = pytest.mark.integration

RELEASED = {"first": {"source": "package", "name": "one", "trained_on": "nothing"}}
ADDRESS = {"source": "https://example.org/w.ckpt", "bytes": 5_000_000, "trained_on": "nothing"}


@pytest.fixture
def check(installed, monkeypatch):
    """A function that makes the card and returns exit code and answer of `alphanet baselines check fake --json`."""
    monkeypatch.setattr("alphanet.measure.conformance.ELEMENTS", ("H", "C"))
    app = typer.Typer()
    baselines.register(app)

    def call(**changes: object):
        installed(**changes)
        result = CliRunner().invoke(app, ["baselines", "check", "fake", "--json"])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, json.loads(result.stdout)["baselines"][0]

    return call


def outcome(told, weights="random"):
    return {one["check"]: one for one in told["checks"] if one["weights"] == weights}


def test_faults_fail_and_the_rest_passes(check):
    code, told = check()
    found = outcome(told)
    assert code == 1
    assert not told["passed"]
    assert not found["translation"]["passed"]
    for passing in ("shapes", "input untouched", "batch equals single", "rotation", "forces are derivatives"):
        assert found[passing]["passed"]
    assert found["unknown element refused"]["passed"]
    assert told["about"]["random"]["memory"]["resident"] > 0
    assert told["missing"] is None


def test_the_card_tells_the_elements_of_a_worker_that_does_not(check, monkeypatch):
    monkeypatch.setattr("alphanet.measure.conformance.ELEMENTS", ("C", "O", "Si"))
    _, told = check(elements=["C", "H"], worker=WORKER.replace('"elements": ["H", "C"], ', ""))
    assert "elements" not in told["about"]["random"]
    assert outcome(told)["shapes"]["passed"] and outcome(told)["unknown element refused"]["passed"]


def test_a_limit_of_the_card_holds_for_its_check_alone(check):
    limits = {name: {"value": 1e9, "why": "springs"} for name in ("translation", "stress is the derivative")}
    limits["periodic images"] = {"value": 1e9, "why": "springs"}
    code, told = check(limits=limits)
    assert code == 0
    assert outcome(told)["translation"]["limit"] == 1e9
    assert outcome(told)["rotation"]["limit"] == 1e-8


def test_released_weights_are_checked_beside_random_ones(check):
    reference = {"symbol": "C", "structure": "sc", "a": 2.0, "energy_per_atom": 0.5, "source": "springs"}
    _, told = check(checkpoints=RELEASED, references=[reference])
    assert outcome(told, "first").keys() - outcome(told).keys() == {"package's energy of C"}
    assert outcome(told, "first")["package's energy of C"]["value"] == pytest.approx(0.5)  # one atom at the origin
    assert not outcome(told, "first")["package's energy of C"]["passed"]


def test_what_is_missing_is_named_and_fails_nothing(check):
    _, told = check(checkpoints={"first": ADDRESS})
    assert told["missing"] == "w.ckpt (5.0 MB) from https://example.org/w.ckpt"
    assert {one["weights"] for one in told["checks"]} == {"random"}


def test_code_that_the_user_must_have_is_asked_for(check, monkeypatch, tmp_path):
    checkout = {"variable": "FAKE_SRC", "why": "another license"}
    code, told = check(checkout=checkout)
    assert (code, told["passed"], told["checks"]) == (0, None, [])
    assert told["missing"] == "set FAKE_SRC to a checkout of https://example.org/fake"
    monkeypatch.setenv("FAKE_SRC", str(tmp_path / "nowhere"))
    assert "which is no folder" in check(checkout=checkout)[1]["missing"]
    monkeypatch.setenv("FAKE_SRC", str(tmp_path))
    assert check(checkout=checkout)[1]["checks"]


def test_a_worker_that_fails_is_an_error_of_its_row(check):
    code, told = check(presets={"mini": {"note": "", "model": {"stifness": 1.0}}}, trainable=False)
    assert code == 1
    assert "KeyError: 'stiffness'" in told["error"]


@pytest.mark.parametrize("elements", [["H", "C", "N"], ["N", "O", "F", "Ne"], ["Al"]])
def test_structures_have_the_elements_of_the_card(check, elements):
    _, told = check(elements=elements)
    assert outcome(told)["shapes"]["passed"] and "error" not in told
    refused = outcome(told).get("unknown element refused")
    assert refused is None or refused["passed"]

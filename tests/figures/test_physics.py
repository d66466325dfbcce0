"""The figure of an audit: the worst of a property, words beside colors, failed potentials in place."""

import hashlib

from alphanet.figures.physics import physics_figure
from alphanet.measure.physics.audit import Audit
from alphanet.measure.physics.checks import NEGLIGIBLE as NEGLIGIBLE_SIZES
from alphanet.measure.physics.checks import Check
from alphanet.measure.physics.findings import FAILS, NEGLIGIBLE, OK, UNCHECKED, findings
from alphanet.potentials.forms import short_name


def check(group, value, limit, unit="eV/Å", reason=None):
    passed = None if value is None else value <= limit
    return Check(f"{group}: x", group, value, unit, limit, passed, reason, negligible=NEGLIGIBLE_SIZES[unit])


def test_a_property_is_as_good_as_its_worst_check():
    checks = [
        check("rotation", 1e-12, 1e-9),
        check("rotation", 0.2, 1e-9),
        check("pbc-wrap", 5e-8, 1e-9),
        check("neighbor-cap", 1e-13, 1e-9),
        check("NVE", None, None, reason="it failed"),
    ]
    worst = findings(checks, untrained=False)
    assert (worst["rotation"].state, worst["rotation"].text) == (FAILS, "0.2 eV/Å")
    states = [worst[name].state for name in ("pbc-wrap", "neighbor-cap", "NVE", "continuity")]
    assert states == [NEGLIGIBLE, OK, UNCHECKED, UNCHECKED]


def test_nothing_is_negligible_in_random_weights():
    assert findings([check("pbc-wrap", 5e-8, 1e-9)], untrained=True)["pbc-wrap"].state == FAILS


def test_names_are_short():
    assert short_name("some/folder/model.safetensors") == "model.safetensors"
    assert short_name("alphanet-official:a/b/c.ckpt") == "alphanet-official:c.ckpt"
    assert short_name("mace", untrained=True) == "mace (random)"


def test_the_same_audits_give_the_same_bytes(rendered, tmp_path):
    audits = [
        Audit("model.safetensors", False, [check("rotation", 0.2, 1e-9), check("NVE", None, None)], "float64"),
        Audit("mace", False, error="the worker of mace died"),
    ]
    digests = [
        [hashlib.sha256(file.read_bytes()).hexdigest() for file in physics_figure(tmp_path / name, audits)]
        for name in ("one", "other")
    ]
    assert digests[0] == digests[1] and len(digests[0]) == 3

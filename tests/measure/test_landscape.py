"""The landscape of sliding layers: numbers of formulas, symmetry of the shipped reference, files that are none."""

import numpy as np
import pytest
from ase.calculators.lj import LennardJones
from ase.io import read, write
from bilayers import DISTANCE, FAR, PERIODS, Formula, bilayer, frames, write_reference

from alphanet.errors import UserError
from alphanet.measure.landscape import layer_distance, measure_landscape, read_reference, stacking_of
from alphanet.paths import resources
from alphanet.potentials.calculators import CalculatorPotential

SHIPPED = resources("datasets") / "mini" / "graphene_landscape.extxyz.xz"


def landscape(tmp_path, reference=None, predicted=None):
    path = write_reference(tmp_path / "reference.extxyz", reference or Formula())
    return measure_landscape(predicted or Formula(), read_reference(path, ("C",)), batch_size=8)


def test_the_numbers_are_those_of_the_formulas(tmp_path):
    found = landscape(tmp_path, Formula(height=0.004), Formula(height=0.003, depth=0.032, place=3.5))
    metrics = found.metrics()
    assert metrics["sliding_max_difference"] == pytest.approx(0.001, abs=1e-9)
    assert metrics["corrugation_reference"] == pytest.approx(0.004, abs=1e-9)
    assert metrics["corrugation_predicted"] == pytest.approx(0.003, abs=1e-9)
    shape = found.sliding[:, 0] / 0.004
    assert metrics["sliding_rms_difference"] == pytest.approx(0.001 * np.sqrt(np.mean(shape**2)))
    assert metrics["depth_reference"] == pytest.approx(0.03, abs=1e-5)
    assert metrics["depth_predicted"] == pytest.approx(0.032, abs=1e-5)
    assert metrics["distance_reference"] == pytest.approx(3.4, abs=0.01)
    assert metrics["distance_predicted"] == pytest.approx(3.5, abs=0.01)
    morse = Formula()
    energies = [morse.energy(bilayer(distance=d)) / 4 for d in found.distance]
    assert found.binding[:, 0] == pytest.approx(np.array(energies) - energies[-1], abs=1e-9)
    assert found.height == pytest.approx((DISTANCE, DISTANCE)) and found.distance[-1] == pytest.approx(FAR)


def test_a_potential_that_is_the_reference_differs_nowhere(tmp_path):
    metrics = landscape(tmp_path).metrics()
    assert metrics["sliding_max_difference"] < 1e-9 and metrics["binding_max_difference"] < 1e-9


def test_a_curve_without_a_minimum_inside_has_no_distance_of_it(tmp_path):
    metrics = landscape(tmp_path, predicted=Formula(place=1.0)).metrics()
    assert "distance_predicted" not in metrics and "distance_reference" in metrics


def test_a_symmetric_potential_has_a_symmetric_surface(tmp_path):
    potential = CalculatorPotential("lj", LennardJones(sigma=3.0, epsilon=0.01, rc=9.0, smooth=True))
    found = landscape(tmp_path, predicted=potential)
    energy = found.sliding[:, 1].reshape(7, 7)
    assert np.ptp(energy) > 1e-5
    assert energy == pytest.approx(energy[::-1], abs=1e-10)  # a mirror plane along armchair
    assert energy[:, 0] == pytest.approx(energy[:, -1], abs=1e-10)  # a period
    assert energy[3:, 3:] == pytest.approx(energy[:4, :4], abs=1e-10)  # half a rectangle along both sides is a period


def test_the_shipped_reference_has_the_symmetry_of_graphene():
    reference = read_reference(SHIPPED, ("C",))
    atoms = reference.sliding[0]
    slide = np.array([one.info["slide"] for one in reference.sliding])
    energy = np.array([one.calc.results["energy"] / len(one) for one in reference.sliding]).reshape(13, 19)
    assert slide.max(axis=0) == pytest.approx(PERIODS, abs=1e-4) and len(atoms) == 40
    assert energy == pytest.approx(energy[::-1], abs=1e-5)  # its cell of 2 x 5 has no mirror plane
    assert energy[6:, 9:] == pytest.approx(energy[:7, :10], abs=1e-5)
    named = {(round(x, 2), round(y, 2)): stacking_of(one) for (x, y), one in zip(slide, reference.sliding, strict=True)}
    assert named[0.0, 0.0] == named[0.0, 1.42] == named[1.23, 2.13] == "AB"
    assert named[0.0, 2.84] == named[1.23, 0.71] == "AA" and list(named.values()).count("AA") == 3
    distances = [layer_distance(one) for one in reference.binding]
    assert distances == sorted(distances) and min(distances) < 2.7 and max(distances) > 8


def test_stackings_and_distances_are_read_from_the_structure():
    aa = bilayer((0.0, 2 * PERIODS[1] / 3), 3.1)
    assert stacking_of(aa) == "AA" and layer_distance(aa) == pytest.approx(3.1)
    assert stacking_of(bilayer()) == "AB" and stacking_of(bilayer((0.4, 0.0))) == ""


def test_what_is_no_reference_is_one_line(tmp_path):
    path = write_reference(tmp_path / "reference.extxyz", Formula())

    def refused(change, message):
        changed = read(path, ":")
        changed = change(changed) or changed
        write(tmp_path / "changed.extxyz", changed, format="extxyz")
        with pytest.raises(UserError, match=message) as caught:
            read_reference(tmp_path / "changed.extxyz", ("C",))
        assert "\n" not in str(caught.value) and "changed.extxyz" in str(caught.value)

    refused(lambda found: setattr(found[3], "calc", None), "frame 3 has no energy")
    refused(lambda found: found[2].symbols.__setitem__(0, "H"), "frame 2 holds H, not only C")
    refused(lambda found: found[1].info.__delitem__("kind"), "frame 1 has no kind")
    refused(lambda found: found[1].info.update(kind="scan"), "frame 1 has kind scan")
    refused(lambda found: found[4].info.__delitem__("slide"), "frame 4 has no slide")
    refused(lambda found: found[49:], "0 frames of kind sliding")
    refused(lambda found: found[:50], "1 frames of kind binding")
    refused(lambda found: found[1:], "no sliding frame with slide 0 0")
    refused(lambda found: found[0].positions.__setitem__((slice(2), 0), 0.7), "slide 0 0 in AB stacking")
    with pytest.raises(UserError, match="has no energy"):
        read_reference(write_reference(tmp_path / "bare.extxyz", None), ("C",))
    with pytest.raises(UserError, match="kind scan"):
        read_reference(resources("datasets") / "mini" / "graphene.extxyz.xz", ("C",))
    with pytest.raises(UserError, match="does not exist"):
        read_reference(tmp_path / "none.extxyz", ("C",))


def test_frames_stay_as_they_are(tmp_path):
    reference = read_reference(write_reference(tmp_path / "r.extxyz", Formula()), ("C",))
    before = [atoms.positions.copy() for atoms in reference.sliding]
    measure_landscape(Formula(), reference, batch_size=8)
    assert all((atoms.positions == old).all() for atoms, old in zip(reference.sliding, before, strict=True))
    assert len(frames(None)) == len(reference.sliding) + len(reference.binding)

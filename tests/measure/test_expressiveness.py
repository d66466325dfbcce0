"""Pairs hide what they say, differ as they say, and potentials that see more tell more of them apart."""

from collections import Counter
from itertools import combinations, permutations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule

from alphanet.measure.expressiveness.congruence import as_stated, congruent
from alphanet.measure.expressiveness.learning import learned_part
from alphanet.measure.expressiveness.pairs import make_pair, pair_names
from alphanet.measure.expressiveness.testing import compare
from alphanet.model.config import preset
from alphanet.potentials.opening import LoadOptions

pytestmark = pytest.mark.integration

CUTOFF = 5.0


def distances(atoms: Atoms) -> np.ndarray:
    return np.round(atoms.get_all_distances(), 6)


def grams(atoms: Atoms, order: int) -> Counter:
    """How often each set of `order` neighbors of atom 0 occurs, by the dot products of their vectors."""
    vectors = atoms.positions[1:] - atoms.positions[0]

    def invariant(chosen: tuple[int, ...]) -> tuple:
        gram = np.round(vectors[list(chosen)] @ vectors[list(chosen)].T, 6) + 0.0
        return min(tuple(gram[np.ix_(p, p)].ravel()) for p in permutations(range(order)))

    return Counter(invariant(chosen) for chosen in combinations(range(len(vectors)), order))


def colors(atoms: Atoms, rounds: int = 6) -> list[int]:
    """Of the Weisfeiler-Leman test with distances within the cutoff."""
    apart = distances(atoms)
    near = [[j for j in range(len(atoms)) if j != i and apart[i, j] < CUTOFF] for i in range(len(atoms))]
    color = [0] * len(atoms)
    for _ in range(rounds):
        color = [hash((color[i], tuple(sorted((apart[i, j], color[j]) for j in near[i])))) for i in range(len(atoms))]
    return sorted(color)


@pytest.mark.parametrize("name", pair_names())
def test_a_pair_is_congruent_only_if_it_says_so(name: str) -> None:
    assert as_stated(make_pair(name, CUTOFF, "Si"))


def test_congruence_of_known_structures() -> None:
    ethanol = molecule("CH3CH2OH")
    mirrored = ethanol[::-1]
    mirrored.positions *= [1, 1, -1]
    mirrored.rotate(40, (1, 2, 3))
    assert congruent(ethanol, mirrored)
    mirrored.positions[0, 0] += 0.01
    assert not congruent(ethanol, mirrored)
    assert not congruent(molecule("CO"), molecule("N2"))
    assert congruent(bulk("Cu"), bulk("Cu", cubic=True))
    assert not congruent(bulk("Cu", "fcc", a=3.6), bulk("Cu", "hcp", a=3.6 / 2**0.5, c=3.6 / 2**0.5 * (8 / 3) ** 0.5))


def test_messages_of_distances_agree_where_they_are_said_to() -> None:
    blind = ["hexagon", "square", "cross", "cube", "three-body", "dodecahedron", "dihedral", "mirror"]
    for name in [*blind, *(f"ends-{n}" for n in (2, 3, 4)), *(f"chain-{k}" for k in range(2, 7))]:
        pair = make_pair(name, CUTOFF, "Si")
        assert colors(pair.first) == colors(pair.second), name
    for name in ("square-bond", "cross-bond"):
        pair = make_pair(name, CUTOFF, "Si")
        assert colors(pair.first) != colors(pair.second), name


def test_the_correlations_of_pozdnyakov_agree_to_their_order_and_no_further() -> None:
    three, four = (make_pair(name, CUTOFF, "Si") for name in ("three-body", "four-body-star"))
    assert grams(three.first, 2) == grams(three.second, 2)
    assert grams(three.first, 3) != grams(three.second, 3)
    assert grams(four.first, 3) == grams(four.second, 3)
    assert grams(four.first, 4) != grams(four.second, 4)


def test_low_moments_vanish_where_they_are_said_to() -> None:
    def moments(atoms: Atoms) -> tuple[float, float]:
        vectors = atoms.positions[1:] - atoms.positions[0]
        second = vectors.T @ vectors
        return float(np.abs(vectors.sum(0)).max()), float(np.abs(second - np.eye(3) * np.trace(second) / 3).max())

    cube, cross = make_pair("cube", CUTOFF, "Si"), make_pair("cross", CUTOFF, "Si")
    assert max(*moments(cube.first), *moments(cube.second)) < 1e-9
    assert moments(cross.first)[0] < 1e-9 and moments(cross.first)[1] > 1


SEEN_BY_BOTH = ("hexagon", "square-bond", "cross-bond", "net-bond", "dodecahedron")
SEEN_BY_SECOND = ("square", "cross", "net")
SEEN_BY_NONE = ("cube", "ends-3", "chain-4", "mirror")


def told_apart(preset_name: str) -> dict[str, bool | None]:
    options = LoadOptions(untrained=True, preset=preset_name)
    names = (*SEEN_BY_BOTH, *SEEN_BY_SECOND, *SEEN_BY_NONE)
    results = [tested.comparison for tested in compare("alphanet", options, names, steps=0)]
    assert all(result.amplified is not None for result in results)
    return {result.pair: result.told_apart for result in results}


def test_first_moments_vanish_at_centers_of_inversion_and_second_moments_do_not() -> None:
    first, second = told_apart("fig3a"), told_apart("fig3a-moments")
    assert [name for name, told in first.items() if told] == list(SEEN_BY_BOTH)
    assert [name for name, told in second.items() if told] == [*SEEN_BY_BOTH, *SEEN_BY_SECOND]


def test_three_layers_tell_chains_of_four_apart() -> None:
    """A chain of k atoms needs k // 2 + 1 layers (Joshi et al., ICML 2023)."""
    from alphanet.measure.expressiveness.comparison import difference
    from alphanet.measure.expressiveness.energies import Opened
    from alphanet.model.create import create_model
    from alphanet.potentials.kit.amplification import amplify
    from alphanet.potentials.local import AlphaNetPotential

    pair = make_pair("chain-4", CUTOFF, "Si")
    for layers, seen in ((2, False), (3, True)):
        model = create_model(preset("fig3a", num_layers=layers)).double()
        amplify(model, 3.0)
        subject = Opened(AlphaNetPotential(model), "float64", CUTOFF, "Si")
        assert difference(subject, pair).is_seen == seen


def test_a_training_learns_what_can_be_told_apart_and_nothing_else() -> None:
    config = preset("fig3a", elements=("Si",), hidden_channels=16, heads=4, temporal_channels=4)
    assert learned_part(config, make_pair("square-bond", CUTOFF, "Si"), steps=40) > 0.5
    assert abs(learned_part(config, make_pair("square", CUTOFF, "Si"), steps=10)) < 1e-9


def test_another_potential_is_compared_and_the_reasons_of_what_is_not_are_given() -> None:
    (star, bond) = (
        tested.comparison
        for tested in compare("flawed_potentials:good", LoadOptions(), ("four-body-star", "square-bond"))
    )
    assert star.told_apart is None and "neighbor list" in star.untested["difference"]
    assert bond.told_apart and "trained" in bond.untested["amplified"] and "AlphaNet" in bond.untested["learned"]

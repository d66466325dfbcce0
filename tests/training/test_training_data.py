import gc
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from training_samples import Data, batch_of, copper_frames, dataset_of, small_config

from alphanet.data.store import write_store
from alphanet.errors import UserError
from alphanet.model.create import create_model
from alphanet.potentials.kit.loop.data import GraphDataset
from alphanet.training.data import LabeledFrames


def relabeled(atoms: Atoms, **changes: object) -> Atoms:
    labels = {key: value for key, value in (atoms.calc.results | changes).items() if value is not None}
    atoms.calc = SinglePointCalculator(atoms, **labels)
    return atoms


def dataset(path: Path, cache_mb: int = 0) -> GraphDataset:
    return dataset_of(path, create_model(small_config().network(["Cu", "Au"])), cache_mb)


def test_items_carry_the_labels(data: Data) -> None:
    batch = batch_of(dataset(data.train), [3, 5])
    expected = [LabeledFrames(data.train)[index] for index in (3, 5)]
    assert batch.frames.tolist() == [3, 5]
    assert batch.energy.dtype == torch.float64
    assert batch.energy.tolist() == [atoms.get_potential_energy() for atoms in expected]
    np.testing.assert_allclose(batch.forces, np.concatenate([atoms.get_forces() for atoms in expected]), rtol=1e-6)
    np.testing.assert_allclose(batch.stress[1], expected[1].get_stress(voigt=False), rtol=1e-6)
    assert batch.has_stress.tolist() == [True, True]


def test_slabs_and_unlabeled_stresses_are_masked(tmp_path: Path) -> None:
    slab, bare = copper_frames(2, seed=3)
    slab.pbc = [True, True, False]
    write_store(tmp_path / "x.aselmdb", [relabeled(slab), relabeled(bare, stress=None)], {})
    items = dataset(tmp_path / "x.aselmdb")
    assert [items[index].has_stress.item() for index in range(2)] == [False, False]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"energy": None, "forces": None, "stress": None}, "has no energy and no forces"),
        ({"energy": float("nan")}, "has NaN or infinite energy"),
        ({"forces": np.full((4, 3), np.inf)}, "has NaN or infinite forces"),
    ],
)
def test_unsound_labels_are_refused_with_the_frame(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    frames = copper_frames(3, seed=4)
    relabeled(frames[2], **changes)
    write_store(tmp_path / "x.aselmdb", frames, {})
    items = dataset(tmp_path / "x.aselmdb")
    items[1]
    with pytest.raises(UserError, match=rf"frame 2 of .*x\.aselmdb {said}"):
        items[2]


def test_an_unknown_element_is_refused_with_the_frame(tmp_path: Path) -> None:
    frames = copper_frames(2, seed=5)
    frames[1].symbols[0] = "Ag"
    write_store(tmp_path / "x.aselmdb", [relabeled(atoms) for atoms in frames], {})
    with pytest.raises(UserError, match=r"frame 1 of .*does not know Ag"):
        dataset(tmp_path / "x.aselmdb")[1]


def test_an_empty_store_is_refused(tmp_path: Path) -> None:
    write_store(tmp_path / "x.aselmdb", [], {})
    with pytest.raises(UserError, match="no frames"):
        LabeledFrames(tmp_path / "x.aselmdb")


def test_a_limit_spreads_over_the_set(data: Data) -> None:
    assert LabeledFrames(data.train, 6).indices.tolist() == [0, 3, 6, 9, 12, 15]
    assert len(LabeledFrames(data.train, 100)) == 18


def test_cached_items_are_the_same_objects_and_the_cache_is_bounded(data: Data) -> None:
    cached = dataset(data.train, cache_mb=1)
    assert cached[0] is cached[0]
    uncached = dataset(data.train)
    assert uncached[0] is not uncached[0]


def test_memory_does_not_grow_with_the_number_of_frames(tmp_path: Path) -> None:
    frames = copper_frames(4, seed=6)
    write_store(tmp_path / "x.aselmdb", (frames[index % 4] for index in range(400)), {})
    items = dataset(tmp_path / "x.aselmdb")
    for index in range(50):
        items[index]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for index in range(50, 400):
        items[index]
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 100_000  # free lists of small objects; one kept item is some kB

"""Figures: three formats, the same bytes for the same numbers, equal axes."""

import numpy as np
import pytest

from alphanet.figures.parity import parity_figure
from alphanet.measure.parity import ParitySample, load_sample, save_sample


def sample(seed: int, size: int = 300) -> ParitySample:
    random = np.random.default_rng(seed)
    energy = -1228.7 + 0.01 * random.normal(size=size)
    force = random.normal(size=size)
    return ParitySample(
        np.column_stack([energy, energy + 1e-3 * random.normal(size=size)]),
        np.column_stack([force, force + 0.1 * random.normal(size=size)]),
        n_structures=size,
        n_atoms=size,
        energy_mae=0.0008,
        force_mae=0.0798,
    )


SAMPLES = {split: sample(seed) for seed, split in enumerate(("train", "valid", "test"))}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return parity_figure(tmp_path_factory.mktemp("one") / "parity", "AlphaNet on formate", SAMPLES)


def test_the_same_numbers_give_the_same_bytes(files, rendered, tmp_path):
    again = parity_figure(tmp_path / "parity", "AlphaNet on formate", SAMPLES)
    assert [file.suffix for file in files] == [".png", ".svg", ".pdf"]
    assert [file.read_bytes() for file in again] == [file.read_bytes() for file in files]


def test_a_single_split_and_a_single_point_can_be_drawn(rendered, tmp_path):
    point = ParitySample(np.array([[1.0, 1.0]]), np.zeros((3, 2)), 1, 1, 0.0, 0.0)
    assert len(parity_figure(tmp_path / "parity", "one", {"test": point})) == 3


def test_files_carry_no_date(files):
    for file in files[1:]:
        content = file.read_bytes()
        assert b"CreationDate" not in content and b"dc:date" not in content


def test_samples_survive_their_file(tmp_path):
    save_sample(tmp_path / "parity.npz", SAMPLES["test"])
    loaded = load_sample(tmp_path / "parity.npz")
    assert np.array_equal(loaded.energy, SAMPLES["test"].energy)
    assert (loaded.n_structures, loaded.energy_mae, loaded.force_mae) == (300, 0.0008, 0.0798)


def test_a_damaged_sample_is_one_line(tmp_path):
    from alphanet.errors import UserError

    (tmp_path / "parity.npz").write_bytes(b"nothing")
    with pytest.raises(UserError, match="not a parity sample"):
        load_sample(tmp_path / "parity.npz")

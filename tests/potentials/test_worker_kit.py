"""What the workers share."""

from pathlib import Path

import pytest
from model_samples import alloy

from alphanet.data.store import write_store
from alphanet.potentials.kit.worker_kit import open_store

pytestmark = pytest.mark.integration


def test_a_store_can_be_opened_again_while_it_is_open(tmp_path: Path) -> None:
    """LMDB itself refuses; nequip opens the training frames once for their statistics and once to train."""
    from ase.calculators.emt import EMT

    frame = alloy()
    frame.calc = EMT()
    frame.get_forces()
    write_store(tmp_path / "s.aselmdb", [frame], {})
    one, other = open_store(tmp_path / "s.aselmdb"), open_store(tmp_path / "s.aselmdb")
    assert len(one) == len(other) == 1
    assert other.get(id=1).toatoms() == one.get(id=1).toatoms()

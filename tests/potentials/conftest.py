"""Cards and workers made for a test."""

from pathlib import Path

import pytest
import yaml
from fake_baseline import CARD, WORKER

from alphanet.potentials.cards import BaselineCard, read_baseline


@pytest.fixture
def make_card(tmp_path: Path):
    """A function that writes a card, changed by its arguments, with a worker beside it, and reads it."""

    def make(name: str = "fake", worker: str | None = WORKER, **changes: object) -> BaselineCard:
        folder = tmp_path / "baselines" / name
        folder.mkdir(parents=True, exist_ok=True)
        values = {key: value for key, value in (CARD | {"name": name} | changes).items() if value is not None}
        (folder / "card.yaml").write_text(yaml.safe_dump(values))
        if worker is not None:
            (folder / "worker.py").write_text(worker)
        return read_baseline(folder / "card.yaml")

    return make

from pathlib import Path

import pytest
from training_samples import Data, write_data


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return write_data(tmp_path_factory.mktemp("copper"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "run"

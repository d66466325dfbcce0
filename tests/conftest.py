"""What all tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Tests run beside each other; more threads than cores make every one of them slower."""
    torch.set_num_threads(1)
    yield


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's caches."""
    monkeypatch.setenv("ALPHANET_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.delenv("ALPHANET_MIRROR", raising=False)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference material beside the checkout, or `ALPHANET_SHARED`; without it the test is skipped."""
    folder = Path(os.environ.get("ALPHANET_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip("the shared folder is not here")
    return folder

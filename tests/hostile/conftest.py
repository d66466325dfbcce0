"""What attacks share: a model and a file that are honest."""

from pathlib import Path

import inputs
import pytest
from ase.io import iread  # noqa: F401  # imported once here, not in every forked process

import alphanet.benchmark.runner
import alphanet.data.formats
import alphanet.measure.evaluation  # noqa: F401
from alphanet.model.create import estimated_parameters


@pytest.fixture(scope="session", autouse=True)
def _meta_is_ready() -> None:
    """Torch takes seconds for the first tensors on its device `meta`; forked processes have what this one has."""
    estimated_parameters(inputs.CONFIG)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return inputs.checkpoint(tmp_path_factory.mktemp("model") / "model.safetensors")


@pytest.fixture(scope="session")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return inputs.written(tmp_path_factory.mktemp("frames") / "honest.extxyz", inputs.frame())

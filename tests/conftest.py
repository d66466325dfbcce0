"""What all tests share."""

import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml
from fake_baseline import CARD, WORKER

from alphanet.potentials.cards import BaselineCard, read_baseline
from alphanet.results.records import Record, RecordLog


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Tests run beside each other; more threads than cores make every one of them slower."""
    torch.set_num_threads(1)
    yield


@pytest.fixture(autouse=True, scope="session")
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test writes the user's records of programs; fixtures of modules, too, may export models."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's caches."""
    monkeypatch.setenv("ALPHANET_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.delenv("ALPHANET_MIRROR", raising=False)


@pytest.fixture(autouse=True)
def _reference_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test compiles kernels only because it evaluates a model."""
    monkeypatch.setenv("ALPHANET_MODE", "eager")


@pytest.fixture(autouse=True)
def _own_messages() -> Iterator[None]:
    """No test shows messages because an earlier one ran the command line in this process."""
    yield
    logger = logging.getLogger("alphanet")
    logger.handlers.clear()
    logger.setLevel(logging.NOTSET)


@pytest.fixture
def rendered() -> None:
    """Figures of this test are rendered, in every format."""


@pytest.fixture(autouse=True)
def _unrendered(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are made but not rendered, which takes seconds each, unless the test asks for `rendered`."""
    if "rendered" not in request.fixturenames:
        empty = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'
        monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda _figure, path, **_: Path(path).write_text(empty))


@pytest.fixture
def lasting_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments of baselines are kept between runs, in the user's own home of them."""
    monkeypatch.setenv("ALPHANET_HOME", os.environ.get("ALPHANET_TEST_HOME", str(Path.home() / ".cache" / "alphanet")))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference material beside the checkout, or `ALPHANET_SHARED`; without it the test is skipped."""
    folder = Path(os.environ.get("ALPHANET_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip("the shared folder is not here")
    return folder


@pytest.fixture
def whole_records():
    """A function that reads a file of records, none of which may be broken."""

    def read(path: Path) -> list[Record]:
        log = RecordLog(path)
        assert log.problems == []
        return log.records

    return read


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


@pytest.fixture
def installed(make_card, tmp_path, monkeypatch):
    """A function that adds a card to the known baselines, as if its environment were installed: this interpreter's."""
    monkeypatch.setenv("ALPHANET_BASELINES", str(tmp_path / "baselines"))
    monkeypatch.setenv("ALPHANET_HOME", str(tmp_path / "home"))

    def make(**changes: object) -> BaselineCard:
        card = make_card(**changes)
        python = tmp_path / "home" / "environments" / card.environment.name / "bin" / "python"
        python.parent.mkdir(parents=True, exist_ok=True)
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
        record = {"digest": card.environment.digest, "versions": {"numpy": "2.4.6"}}
        (python.parents[1] / "alphanet.json").write_text(json.dumps(record))
        return card

    return make


@pytest.fixture(scope="module")
def cluster():
    """Address of a worker that finds the tests' potentials."""
    from alphanet.measure.relaxation.cluster import client_of

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        with client_of("local:1", threads=1) as client:
            yield client.scheduler.address


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cards of tests/benchmark/cards beside the shipped ones."""
    monkeypatch.setenv("ALPHANET_BENCHMARKS", str(Path(__file__).parent / "benchmark" / "cards"))

"""`alphanet kernels build`."""

import json

import pytest
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.model.native import library
from alphanet.programs import remember


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of channels that were compiled for, which takes no time here."""
    done = []

    def compile_(_compiler, hidden_channels, path) -> None:
        done.append(hidden_channels)
        path.write_text(f"kernels for {hidden_channels}")
        remember(path)

    monkeypatch.setattr(library, "_compile", compile_)
    monkeypatch.setattr(library, "cpp_compiler", lambda: "c++")
    monkeypatch.setattr(library, "_answer", lambda _: "an answer")
    library._toolchain.cache_clear()
    yield done
    library._toolchain.cache_clear()


def run(*words: str):
    return CliRunner().invoke(app, ["kernels", "build", *words])


def test_kernels_are_compiled_once(compiled: list[int]) -> None:
    first = json.loads(run("16", "96", "16", "--json").stdout)
    assert first["schema"] == "alphanet-kernels"
    assert [(one["channels"], one["new"]) for one in first["kernels"]] == [(16, True), (96, True)]
    assert compiled == [16, 96]
    second = run("96", "4")
    assert second.exit_code == 0 and "was there" in second.stdout
    assert compiled == [16, 96, 4]


def test_common_numbers_of_channels(compiled: list[int]) -> None:
    assert run().exit_code == 0
    assert tuple(compiled) == library.COMMON


def test_what_cannot_be_compiled_is_one_line(compiled: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = run("30")
    assert wrong.exit_code == 1 and "multiple of 4" in str(wrong.exception)
    assert compiled == []
    monkeypatch.setattr(library, "cpp_compiler", lambda: None)
    without = run("32")
    assert without.exit_code == 1 and "no C++ compiler found" in str(without.exception)

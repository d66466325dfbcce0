"""Machine code is loaded only if this user made it or trusts it, by its content."""

from pathlib import Path

import inputs
import pytest
from attack import attack

from alphanet import programs
from alphanet.errors import UserError
from alphanet.model.export import ExportedModel
from alphanet.model.native import library
from alphanet.paths import home
from alphanet.potentials.opening import LoadOptions, open_potential


def test_what_is_on_record_is_known_by_its_content(tmp_path: Path):
    path = inputs.written(tmp_path / "a.so", b"code")
    assert not programs.may_be_loaded(path)
    programs.remember(path)
    assert programs.may_be_loaded(path) and programs.may_be_loaded(path.rename(tmp_path / "b.so"))
    inputs.written(tmp_path / "b.so", b"other code")
    assert not programs.may_be_loaded(tmp_path / "b.so")


def test_records_that_others_can_write_do_not_count(tmp_path: Path):
    path = inputs.written(tmp_path / "a.so", b"more code")
    programs.remember(path)
    folder = programs.records()
    assert folder is not None and programs.may_be_loaded(path)
    try:
        folder.chmod(0o777)
        assert programs.records() is None and not programs.may_be_loaded(path)
    finally:
        folder.chmod(0o700)


def test_a_folder_of_programs_that_others_can_write_is_refused():
    folder = programs.private_folder("compiled")
    assert folder.parent == home() and folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o770)
    with pytest.raises(UserError, match="is not yours alone"):
        programs.private_folder("compiled")
    folder.chmod(0o700)
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(folder.with_name("elsewhere"))
    with pytest.raises(UserError, match="is not yours alone"):
        programs.private_folder("compiled")


def test_kernels_that_were_put_there_are_compiled_anew(monkeypatch: pytest.MonkeyPatch):
    compiled: list[Path] = []
    monkeypatch.setattr(library, "cpp_compiler", lambda: "true")

    def compile_(_compiler: str, _channels: int, path: Path) -> None:
        compiled.append(path)
        inputs.written(path, b"no library")
        programs.remember(path)

    monkeypatch.setattr(library, "_compile", compile_)
    for _ in range(2):  # compiled once, then on record; it is no library, which ctypes says
        with pytest.raises(library.NativeError, match="kernels-"):
            library.kernels.__wrapped__(8)
    inputs.written(compiled[0], b"someone else's")
    with pytest.raises(library.NativeError):
        library.kernels.__wrapped__(8)
    assert len(compiled) == 2


def test_an_exported_model_of_someone_else_asks_for_trust(tmp_path: Path, frames: Path):
    path = inputs.written(tmp_path / "a.pt2", b"PK\x03\x04 not by this user")
    with pytest.raises(UserError, match="you did not export it here"):
        ExportedModel(path)
    found = attack(["eval", path, frames])
    assert found.is_one_line() and "program" in found.err, found
    with pytest.raises(UserError, match="is no model that alphanet export wrote"):  # trusted, and loaded: it is none
        open_potential(str(path), LoadOptions(trust=True))
    with pytest.raises(UserError, match="is no model that alphanet export wrote"):  # trusted from then on
        ExportedModel(path)


def test_trust_is_refused_where_it_means_nothing(model: Path):
    with pytest.raises(UserError, match="trust True is an option of a baseline's released weights"):
        open_potential(str(model), LoadOptions(trust=True))

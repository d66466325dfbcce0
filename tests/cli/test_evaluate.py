"""`alphanet eval`: what it prints, where its data come from, and one line for each mistake."""

import json

import numpy as np
import pytest
from ase.build import molecule
from ase.calculators.singlepoint import SinglePointCalculator
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.data.formats import write_frames
from alphanet.data.store import write_store
from alphanet.errors import UserError
from alphanet.model.checkpoint import save_model
from alphanet.model.config import preset
from alphanet.model.create import create_model


def frames():
    random = np.random.default_rng(0)
    for _ in range(4):
        atoms = molecule("CH3OH")
        atoms.rattle(0.05, rng=random)
        atoms.calc = SinglePointCalculator(atoms, energy=-30.0, forces=random.normal(size=(len(atoms), 3)))
        yield atoms


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_model(create_model(preset("mini", elements=("H", "C", "O"))), path)
    return str(path)


@pytest.fixture
def data(tmp_path):
    write_frames(tmp_path / "data.extxyz", frames())
    return str(tmp_path / "data.extxyz")


def run(*arguments):
    result = CliRunner().invoke(app, ["eval", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result


def test_json_is_one_object_with_the_promised_keys(model, data):
    shown = json.loads(run(model, data, "--json").stdout)
    assert {"energy_mae", "force_mae", "n_structures", "n_atoms"} <= set(shown)
    assert (shown["n_structures"], shown["n_atoms"]) == (4, 24)
    assert "official_evaluator" not in shown


def test_official_stands_beside_the_errors(model, data):
    shown = json.loads(run(model, data, "--json", "--protocol", "official").stdout)
    assert shown["official_evaluator"]["force_mae"] == pytest.approx(shown["force_mae"] / 2)


def test_oc20_s_errors_stand_beside_and_have_lines_of_their_own(model, data):
    shown = json.loads(run(model, data, "--json", "--protocol", "s2ef").stdout)
    assert shown["s2ef_force_mae"] == pytest.approx(shown["force_mae"])  # no atom is fixed
    assert shown["s2ef_energy_mae"] == pytest.approx(6 * shown["energy_mae"])  # all have six atoms
    assert (shown["s2ef_efwt"], shown["s2ef_fixed_atoms"]) == (0, 0)
    text = run(model, data, "--protocol", "s2ef").stdout
    assert "force cosine of OC20" in text and "0.00%" in text


def test_a_store_gives_the_same_numbers_as_a_file(model, data, tmp_path):
    write_store(tmp_path / "data.aselmdb", frames(), {})
    of_file, of_store = (
        json.loads(run(model, source, "--json", "--dtype", "float64").stdout)
        for source in (data, str(tmp_path / "data.aselmdb"))
    )
    assert of_file["force_mae"] == pytest.approx(of_store["force_mae"], rel=1e-6)


def test_the_table_is_for_people(model, data):
    shown = run(model, data, "--protocol", "official").stdout
    assert "energy MAE" in shown and "meV/atom" in shown and "halved" in shown


def test_parity_plots(model, data, tmp_path):
    run(model, data, "--parity", str(tmp_path / "figures"))
    assert {file.name for file in (tmp_path / "figures").iterdir()} == {"parity.png", "parity.svg", "parity.pdf"}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("missing/data.extxyz", "no such file"),
        ("missing.extxyz", "no such file"),
        ("formiate", "did you mean 'formate'"),
        ("formate:mini:tests", "did you mean 'test'"),
        ("formate:minni:test", "did you mean 'mini'"),
    ],
)
def test_mistakes_in_data_are_one_line(model, source, message, tmp_path, monkeypatch):
    monkeypatch.setenv("ALPHANET_HOME", str(tmp_path))
    with pytest.raises(UserError, match=message):
        run(model, source)


def test_a_frame_without_labels_is_named_with_its_file(model, tmp_path):
    bare = tmp_path / "bare.extxyz"
    write_frames(bare, [*frames(), molecule("CH3OH")])
    with pytest.raises(UserError, match=rf"^{bare}: frame 4 .*has no energy and no forces"):
        run(model, str(bare))


def test_an_unknown_protocol_gets_the_nearest(model, data):
    with pytest.raises(UserError, match="did you mean 'official'"):
        run(model, data, "--protocol", "offical")

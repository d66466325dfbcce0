"""From a name to a potential."""

import json

import pytest
from ase import Atoms
from fake_baseline import CARD

from alphanet.errors import UserError
from alphanet.model.checkpoint import save_model
from alphanet.model.config import preset
from alphanet.model.create import create_model
from alphanet.potentials.opening import Opening, open_potential

FRAMES = [Atoms("H2", [[0, 0, 0], [0, 0, 1]]), Atoms("CH", [[0, 0, 0], [0, 0, 1.1]])]
RELEASED = {"first": {"source": "package", "name": "one", "trained_on": "nothing"}}


def energy(name, **how):
    potential = open_potential(name, Opening(**how), lambda: FRAMES)
    try:
        return potential.predict(FRAMES[:1])[0].energy, potential.provenance()
    finally:
        potential.close()


def test_random_weights_know_the_elements_of_the_frames(installed):
    installed()
    value, about = energy("fake", untrained=True, seed=7)
    assert value == pytest.approx(0.5 * 2.0)
    assert list(about["weights"]["untrained"]["elements"]) == ["H", "C"]
    assert about["weights"]["untrained"]["seed"] == 7


def test_alphanet_has_modes_and_baselines_have_none(installed):
    installed()
    eager, _ = energy("alphanet", untrained=True)
    value, about = energy("alphanet", untrained=True, mode="blocked", max_memory=0.001)
    assert value == pytest.approx(eager, rel=1e-5)
    assert about["mode"] == "blocked"
    with pytest.raises(UserError, match="--mode blocked: AlphaNet has modes, fake runs as its package runs it"):
        energy("fake", untrained=True, mode="blocked")
    with pytest.raises(UserError, match="unknown mode 'fast'"):
        energy("alphanet", untrained=True, mode="fast")


def test_a_checkpoint_is_a_file_or_a_name_in_the_card(installed, tmp_path):
    installed(checkpoints=RELEASED)
    file = tmp_path / "weights.txt"
    file.write_text("8.0")
    value, about = energy(f"fake:{file}")
    assert value == pytest.approx(0.5 * 8.0)
    assert len(about["weights"]["sha256"]) == 64
    for name in ("fake", "fake:first"):
        value, about = energy(name)
        assert value == pytest.approx(0.5 * 5.0)
        assert about["weights"] == {"package": "first"}
    with pytest.raises(UserError, match="no checkpoint nowhere; its released weights: first"):
        energy("fake:nowhere")
    with pytest.raises(UserError, match="weights are either first or --untrained"):
        energy("fake:first", untrained=True)


def test_a_row_without_weights_takes_its_newest_training(installed, tmp_path, monkeypatch, capsys):
    from alphanet.files import sha256_of
    from alphanet.potentials.runs import RESULT

    installed()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"no weights of its own: train it .*--model fake.* or add --untrained"):
        energy("fake")
    for name, stiffness in (("fake-a-mini-seed0", "3.0"), ("fake-b-mini-seed0", "4.0")):
        folder = tmp_path / "runs" / "train" / name
        folder.mkdir(parents=True)
        (folder / "w.txt").write_text(stiffness)
        (folder / RESULT).write_text(json.dumps({"model": "w.txt", "sha256": sha256_of(folder / "w.txt")}))
    assert energy("fake")[0] == pytest.approx(0.5 * 4.0)
    assert "fake-b-mini-seed0" in capsys.readouterr().err
    (folder / "w.txt").write_text("9.0")
    with pytest.raises(UserError, match="is not what the training wrote"):
        energy("fake")


def test_a_file_for_a_row_that_loads_pickles_needs_trust(installed, tmp_path):
    installed(checkpoints={"first": {"source": "https://example.org/w", "trained_on": "nothing", "pickled": True}})
    (tmp_path / "w.txt").write_text("8.0")
    with pytest.raises(UserError, match=r"w\.txt: fake loads pickles, which run any code; to trust it: --trust"):
        energy(f"fake:{tmp_path / 'w.txt'}")
    assert energy(f"fake:{tmp_path / 'w.txt'}", trust=True)[0] == pytest.approx(4.0)


def test_alphanet_by_file_and_by_name(tmp_path):
    file = tmp_path / "model.safetensors"
    model = create_model(preset("fig3a", elements=["H", "C"]), seed=3)
    save_model(model, file)
    from_file, _ = energy(str(file), dtype="float64")
    random, _ = energy("alphanet", untrained=True, seed=3, dtype="float64")
    assert from_file == pytest.approx(random, rel=1e-12)
    with pytest.raises(UserError, match="--untrained goes with a name"):
        energy(str(file), untrained=True)
    with pytest.raises(UserError, match="name a checkpoint file, or add --untrained"):
        energy("alphanet")


def test_unknown_names_suggest_the_nearest(installed):
    installed()
    with pytest.raises(UserError, match="no such file, and no potential of that name; did you mean 'fake'"):
        energy("fak")
    with pytest.raises(UserError, match=r"cannot read nowhere\.safetensors"):
        energy("nowhere.safetensors")


def test_a_row_without_presets_has_no_random_weights(installed):
    installed(presets={}, checkpoints=RELEASED, trainable=False)
    with pytest.raises(UserError, match="fake has no random weights"):
        energy("fake", untrained=True)


def test_variables_of_the_card_reach_the_worker(installed):
    card = installed(environment=CARD["environment"] | {"variables": {"FAKE_VARIABLE": "a b"}})
    from alphanet.potentials.remote import RemotePotential

    with RemotePotential(card) as potential:
        assert potential.info()["variable"] == "a b"
